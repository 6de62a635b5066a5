package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"guestload/loadgen/session"
)

// Fault is what is wrong with a target that cannot be driven as it was named.
type Fault string

// The faults.
const (
	FaultTLS         Fault = "tls"         // it speaks TLS, and http:// was named
	FaultPlain       Fault = "plain"       // it speaks no TLS, and https:// was named
	FaultCertificate Fault = "certificate" // nobody known vouches for its certificate
	FaultHTTP2       Fault = "http2"       // it speaks no HTTP/1.1 over TLS
	FaultRedirect    Fault = "redirect"    // it redirects
	FaultNotHTTP     Fault = "not-http"    // it speaks another protocol
)

// WrongTargetError is returned by Call and Dial where no request can succeed with
// the target as it was named. It wraps session.ErrRedirected, session.ErrTLS or
// session.ErrProtocol.
type WrongTargetError struct {
	Fault  Fault
	What   string // what was found
	Remedy string // what to do about it
	Err    error  // the cause; nil where What says it all
}

func (e *WrongTargetError) Error() string {
	if e.Err == nil {
		return e.What + ": " + e.Remedy
	}
	return fmt.Sprintf("%s: %s (%v)", e.What, e.Remedy, e.Err)
}

// Unwrap returns the sentinel of the kind of failure, and the cause.
func (e *WrongTargetError) Unwrap() []error {
	kind := session.ErrTLS
	switch e.Fault {
	case FaultRedirect:
		kind = session.ErrRedirected
	case FaultNotHTTP:
		kind = session.ErrProtocol
	}
	if e.Err == nil {
		return []error{kind}
	}
	return []error{kind, e.Err}
}

// named is the flag that names the target by another scheme.
func (c *Client) named(scheme string) string {
	host := c.host
	if h, port, ok := strings.Cut(host, ":"); ok && (port == "80" || port == "443") {
		host = h
	}
	return "--target " + scheme + "://" + host + c.base
}

func (c *Client) speaksTLS() error {
	return &WrongTargetError{Fault: FaultTLS, What: "the target speaks TLS, and --target names it with http", Remedy: "use " + c.named("https")}
}

func (c *Client) speaksPlain(cause error) error {
	return &WrongTargetError{Fault: FaultPlain, What: "the target speaks HTTP without TLS, and --target names it with https", Remedy: "use " + c.named("http"), Err: cause}
}

func notHTTP(said []byte) error {
	return &WrongTargetError{Fault: FaultNotHTTP, What: fmt.Sprintf("the target does not speak HTTP: it says %q", shorten(said)),
		Remedy: "name the port on which the backend serves HTTP with --target"}
}

// A TLS record begins with its type and the major version; 21 is an alert, 22 a
// handshake.
func isTLSRecord(b []byte) bool { return len(b) >= 2 && (b[0] == 21 || b[0] == 22) && b[1] == 3 }

// wantsTLS reports whether a server has answered plain HTTP on a port of TLS, in
// the words of Go, nginx, Apache, HAProxy or Envoy.
func wantsTLS(status int, body []byte) bool {
	if status != 400 && status != 426 && status != 497 {
		return false
	}
	for _, words := range []string{"HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port", "speaking plain HTTP to an SSL-enabled", "combination of host and port requires TLS"} {
		if bytes.Contains(body, []byte(words)) {
			return true
		}
	}
	return false
}

// handshakeError explains why no TLS connection came about.
func (c *Client) handshakeError(err error) error {
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if said := header.RecordHeader[:]; !bytes.HasPrefix([]byte("HTTP/"), said) {
			return &WrongTargetError{Fault: FaultPlain, What: fmt.Sprintf("the target speaks neither TLS nor HTTP: it says %q", said),
				Remedy: "name the port on which the backend serves HTTPS with --target", Err: err}
		}
		return c.speaksPlain(err)
	}
	if isAlert(err) && strings.HasSuffix(err.Error(), "no application protocol") {
		return &WrongTargetError{Fault: FaultHTTP2, What: "the target speaks no HTTP/1.1 over TLS", Remedy: "loadgen speaks HTTP/1.1 alone; let the target offer http/1.1 in ALPN", Err: err}
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case other:
		return &WrongTargetError{Fault: FaultCertificate, What: "the target's certificate is for another name",
			Remedy: "name the target as the certificate does, or do without the check: --insecure", Err: err}
	case unknown, invalid, unverified:
		return &WrongTargetError{Fault: FaultCertificate, What: "the target's certificate is not trusted",
			Remedy: "trust the CA that signed it with --ca FILE, or do without the check: --insecure", Err: err}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("tls handshake: %w", session.ErrTimeout)
	}
	return fmt.Errorf("tls handshake: %w", err)
}

// isAlert reports whether the other side has answered a handshake with an alert.
// crypto/tls has no exported type for one.
func isAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// redirected says where a redirect leads, and which flag follows it; path is that
// of the request, with the target's own.
func (c *Client) redirected(status int, location, path string) error {
	e := &WrongTargetError{Fault: FaultRedirect, What: fmt.Sprintf("the target redirects (%d) to %s", status, printable(location)),
		Remedy: "name the backend itself with --target"}
	from := &url.URL{Scheme: c.scheme(), Host: c.host}
	to, err := from.Parse(location)
	if location == "" || err != nil || to.Scheme != "http" && to.Scheme != "https" {
		return e
	}
	to.User = nil
	requested, _, _ := strings.Cut(strings.TrimPrefix(path, c.base), "?")
	moved := to.Scheme != from.Scheme || !strings.EqualFold(to.Host, from.Host)
	base, same := strings.CutSuffix(strings.TrimSuffix(to.EscapedPath(), "/"), strings.TrimSuffix(requested, "/"))
	base = strings.TrimRight(base, "/")
	switch {
	case same && (moved || base != c.base):
		e.Remedy = "use --target " + to.Scheme + "://" + to.Host + base
	case same:
		e.Remedy = fmt.Sprintf("map the path in the scenario's wire section: %s: %s", requested, to.EscapedPath())
	case moved:
		e.Remedy = "use --target " + to.Scheme + "://" + to.Host + " if that is the backend; it does not have the same path"
	default:
		e.Remedy = "that is no API of a guest chat, but another web site or its login page; name the backend itself with --target"
	}
	return e
}

// printable makes text from a header fit to be shown.
func printable(s string) string {
	s = string(shorten([]byte(s)))
	if u, err := url.Parse(s); err == nil && u.User != nil {
		s = u.Redacted()
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

func (c *Client) scheme() string {
	if c.dialer.tls != nil {
		return "https"
	}
	return "http"
}

// foreign says what came in place of HTTP.
func (c *Client) foreign(said []byte, err error) error {
	if _, wrong := errors.AsType[*WrongTargetError](err); !wrong {
		return fmt.Errorf("%w: %w", session.ErrProtocol, err)
	}
	if isTLSRecord(said) && c.dialer.tls == nil {
		return c.speaksTLS()
	}
	return err
}
