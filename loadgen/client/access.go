package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Access is how a target is reached: the part of Options that every process of a
// run has alike. It can be sent to another process.
type Access struct {
	Timeout   time.Duration // of a request, and of opening a connection; 10 s where 0
	CA        []byte        // PEM of certificates to trust in place of the system's; nil for the system's
	Insecure  bool          // certificates are not checked
	Headers   []Header      // of every request and handshake, in this order
	UserAgent string        // of them, unless Headers has one; "" for none
}

// Header is one line of a request's head.
type Header struct{ Name, Value string }

// own are the headers that loadgen sets itself, and why.
var own = map[string]string{
	"authorization": "it carries each guest's own token", "connection": "loadgen keeps connections itself",
	"content-length": "it follows from the body", "content-type": "it follows from the body", "transfer-encoding": "bodies are sent whole",
	"expect": "bodies are sent at once", "upgrade": "it is part of the WebSocket handshake", "keep-alive": "loadgen keeps connections itself",
	"te": "loadgen takes no trailers", "trailer": "loadgen sends no trailers",
}

// ParseHeader reads "Name: value".
func ParseHeader(s string) (Header, error) {
	name, value, ok := strings.Cut(s, ":")
	h := Header{name, strings.Trim(value, " \t")}
	lower := strings.ToLower(name)
	switch {
	case !ok:
		return h, fmt.Errorf("%q: want NAME: VALUE, such as X-Api-Key: abc", s)
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }):
		return h, fmt.Errorf("%q is no name of a header: letters, digits and dashes", name)
	case strings.ContainsFunc(h.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return h, fmt.Errorf("%s has a line break or another control character in its value", name)
	case own[lower] != "":
		return h, fmt.Errorf("%s cannot be set: %s", name, own[lower])
	case strings.HasPrefix(lower, "sec-websocket-"):
		return h, fmt.Errorf("%s cannot be set: it is part of the WebSocket handshake", name)
	case lower == "host" && (h.Value == "" || strings.ContainsAny(h.Value, " \t/@")):
		return h, fmt.Errorf("header Host %q: want a host name, or HOST:PORT", h.Value)
	}
	return h, nil
}

// isToken reports whether a header's name may have it (RFC 9110, section 5.6.2).
func isToken(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// TLS is the configuration for an https target, nil for http.
func (a Access) TLS(target *url.URL) (*tls.Config, error) {
	if target.Scheme != "https" {
		return nil, nil
	}
	config := &tls.Config{
		ServerName:         target.Hostname(),
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(64),
		NextProtos:         []string{"http/1.1"},
		InsecureSkipVerify: a.Insecure,
	}
	if a.CA != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(a.CA) {
			return nil, errors.New("the CA has no certificate in PEM (-----BEGIN CERTIFICATE-----)")
		}
	}
	return config, nil
}

// common is the part of a head that all requests have alike, and the cookies that
// all guests have from the start.
func (a Access) common(host string) (head []byte, cookies string) {
	head = append(append(append(head, "Host: "...), host...), "\r\n"...)
	headers := slices.Clone(a.Headers)
	if a.UserAgent != "" && !slices.ContainsFunc(headers, func(h Header) bool { return strings.EqualFold(h.Name, "User-Agent") }) {
		headers = slices.Insert(headers, 0, Header{"User-Agent", a.UserAgent})
	}
	for _, h := range headers {
		switch strings.ToLower(h.Name) {
		case "host":
			head = append([]byte("Host: "+h.Value+"\r\n"), head[strings.Index(string(head), "\r\n")+2:]...)
		case "cookie":
			if cookies != "" {
				cookies += "; "
			}
			cookies += h.Value
		default:
			head = append(append(append(append(head, h.Name...), ": "...), h.Value...), "\r\n"...)
		}
	}
	return head, cookies
}
