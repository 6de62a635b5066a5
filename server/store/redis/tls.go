package redis

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// files are the PEM files in a URL, "" for none.
type files struct {
	ca        string // the CA to trust instead of the system's
	cert, key string // the client certificate
}

// client is the TLS configuration with these files. Each server's certificate must be
// valid for its address; in a cluster, for the address that the node announces.
func (f files) client() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate in PEM", f.ca)
		}
	}
	if f.cert == "" && f.key == "" {
		return c, nil
	}
	if f.cert == "" || f.key == "" {
		return nil, errors.New("cert and key go together: cert=FILE&key=FILE")
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("cert and key: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// explainTLS explains an error of TLS that is permanent, and returns nil for others.
func explainTLS(err error) error {
	var stranger x509.UnknownAuthorityError
	var certificate *tls.CertificateVerificationError
	var plaintext tls.RecordHeaderError
	switch {
	case errors.As(err, &stranger):
		return fmt.Errorf("%w: its certificate is signed by an unknown CA, name it with ?ca=FILE: %w", ErrMisconfigured, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: its certificate is not valid: %w", ErrMisconfigured, err)
	case errors.As(err, &plaintext):
		return fmt.Errorf("%w: it does not speak TLS on this port, write redis instead of rediss: %w", ErrMisconfigured, err)
	}
	return nil
}

// wrongProtocol says what is wrong where a server answers, and speaks TLS or does not,
// other than the URL says; nil where that is not so, or nobody answers. It sends
// no password.
func (a address) wrongProtocol(ctx context.Context) error {
	for _, host := range a.hosts {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", host)
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(dialTimeout))
		var wrong error
		switch {
		case a.tls && speaksPlain(conn):
			wrong = fmt.Errorf("%w: %s does not speak TLS, write redis instead of rediss", ErrMisconfigured, host)
		case !a.tls && speaksTLS(ctx, conn):
			wrong = fmt.Errorf("%w: %s speaks TLS only, write rediss instead of redis", ErrMisconfigured, host)
		}
		conn.Close()
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

// speaksPlain reports whether a server replies as Redis does, even if it demands a
// password first.
func speaksPlain(conn net.Conn) bool {
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-"))
}

// speaksTLS reports whether a server completes a TLS handshake or rejects it with an alert.
func speaksTLS(ctx context.Context, conn net.Conn) bool {
	// The server's identity does not matter: nothing is sent to it.
	err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
	var alert *net.OpError
	return err == nil || errors.As(err, &alert) && alert.Op == "remote error"
}
