package client

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"guestload/loadgen/session"
)

// saying serves TCP: it says something once something came, or at once, and hangs up.
func saying(t *testing.T, words string, atOnce bool) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	acceptAll(l, func(nc net.Conn) {
		if !atOnce {
			nc.Read(make([]byte, 4096))
		}
		io.WriteString(nc, words)
		if words != "" {
			nc.Read(make([]byte, 4096)) // and waits, as many do
		}
	})
	return l.Addr().String()
}

// A target that cannot be driven as it was named says so in a sentence with the remedy.
func TestWrongTargetsNameTheRemedy(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	silent := httptest.NewUnstartedServer(http.NotFoundHandler()) // TLS that ends plain requests without a word
	silent.StartTLS()
	defer silent.Close()
	mute := muteTLS(t, silent.TLS.Certificates)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	modern, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: secure.TLS.Certificates, NextProtos: []string{"of-its-own"}})
	if err != nil {
		t.Fatal(err)
	}
	defer modern.Close()
	acceptAll(modern, func(nc net.Conn) {
		nc.(*tls.Conn).Handshake() // fails, as it is to
	})
	redirecting := func(location string) string {
		return saying(t, "HTTP/1.1 301 Moved Permanently\r\nLocation: "+location+"\r\nContent-Length: 0\r\n\r\n", false)
	}
	for _, tt := range []struct {
		name, target string
		fault        Fault
		want, kind   string
	}{
		{"http to Go's TLS", "http://" + secure.Listener.Addr().String(), FaultTLS, "use --target https://", session.KindTLS},
		{"http to nginx's TLS", "http://" + saying(t, "HTTP/1.1 400 Bad Request\r\nContent-Length: 53\r\n\r\n<h1>The plain HTTP request was sent to HTTPS port</h1>", false), FaultTLS, "use --target https://", session.KindTLS},
		{"http to TLS that answers with an alert", "http://" + saying(t, "\x15\x03\x01\x00\x02\x02\x46", false), FaultTLS, "use --target https://", session.KindTLS},
		{"http to TLS that hangs up", "http://" + mute, FaultTLS, "use --target https://", session.KindTLS},
		{"https to plain HTTP", "https://" + plain.Listener.Addr().String(), FaultPlain, "use --target http://", session.KindTLS},
		{"https to Redis", "https://" + saying(t, "-ERR unknown command\r\n", false), FaultPlain, "neither TLS nor HTTP", session.KindTLS},
		{"an unknown CA", "https://" + secure.Listener.Addr().String(), FaultCertificate, "--ca FILE", session.KindTLS},
		{"HTTP/2 alone", "https://" + modern.Addr().String(), FaultHTTP2, "HTTP/1.1", session.KindTLS},
		{"Redis", "http://" + saying(t, "-ERR wrong number of arguments for 'get' command\r\n", false), FaultNotHTTP, "-ERR", session.KindProtocol},
		{"SSH", "http://" + saying(t, "SSH-2.0-OpenSSH_9.2p1\r\n", true), FaultNotHTTP, "SSH-2.0", session.KindProtocol},
		{"one letter of something else", "http://" + saying(t, "x", false), FaultNotHTTP, "does not speak HTTP", session.KindProtocol},
		{"to https", "http://" + redirecting("https://chat.example/api/guest"), FaultRedirect, "use --target https://chat.example", session.KindRedirected},
		{"to https, doubling a slash", "http://" + redirecting("https://chat.example//api/guest"), FaultRedirect, "use --target https://chat.example", session.KindRedirected},
		{"below a path", "http://" + redirecting("/v2/api/guest"), FaultRedirect, "/v2", session.KindRedirected},
		{"to a slash at the end", "http://" + redirecting("/api/guest/"), FaultRedirect, "/api/guest: /api/guest/", session.KindRedirected},
		{"to another path elsewhere", "http://" + redirecting("http://other.example:8080/api/v1/visitors"), FaultRedirect, "http://other.example:8080", session.KindRedirected},
		{"to a login page", "http://" + redirecting("/login?next=%2F"), FaultRedirect, "login page", session.KindRedirected},
		{"with a password", "http://" + redirecting("http://u:hidden@other.example/api/guest"), FaultRedirect, "use --target http://other.example", session.KindRedirected},
		{"nowhere that can be read", "http://" + redirecting("http://[::1"), FaultRedirect, "--target", session.KindRedirected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, tt.target, 0)
			_, dialled := c.Dial(t.Context(), session.Handshake{Token: "good"}, nil)
			for what, err := range map[string]error{
				"call": c.Call(t.Context(), session.Request{Method: "POST", Path: "/api/guest"}, nil), "dial": dialled,
			} {
				wrong, ok := errors.AsType[*WrongTargetError](err)
				switch {
				case what == "dial" && (tt.fault == FaultRedirect || tt.name == "http to TLS that hangs up"):
				case !ok || wrong.Fault != tt.fault || !strings.Contains(err.Error(), tt.want) || session.Kind(err) != tt.kind:
					t.Errorf("%s: %v of kind %s, want %s with %q", what, err, session.Kind(err), tt.fault, tt.want)
				}
				if strings.Contains(err.Error(), "hidden") {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// muteTLS is a TLS server that hangs up where no handshake comes, as HAProxy does.
func muteTLS(t *testing.T, certificates []tls.Certificate) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	acceptAll(l, func(nc net.Conn) {
		in := bufio.NewReader(nc)
		if first, err := in.Peek(1); err == nil && first[0] == 22 {
			tls.Server(peeked{nc, in}, &tls.Config{Certificates: certificates}).Handshake()
		}
	})
	return l.Addr().String()
}

type peeked struct {
	net.Conn
	in *bufio.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.in.Read(b) }

// What begins like HTTP and is not ends within the time that the head takes to
// come, or with the timeout; nothing waits for ever.
func TestHeadsThatAreWrongFail(t *testing.T) {
	for name, head := range map[string]string{
		"lines that end in LF":        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"a status of four digits":     "HTTP/1.1 2000 OK\r\n\r\n",
		"a status of two":             "HTTP/1.1 20 OK\r\n\r\n",
		"a version of tomorrow":       "HTTP/1.9 200 OK\r\n\r\n",
		"HTTP/2":                      "HTTP/2 200 \r\n\r\n",
		"two lengths":                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"a list of lengths":           "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
		"a signed length":             "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
		"a space before the colon":    "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
		"a folded header":             "HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 2\r\n\r\n{}",
		"a header without a colon":    "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n{}",
		"a header without a name":     "HTTP/1.1 200 OK\r\n: 2\r\n\r\n",
		"chunked twice":               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"headers of 17 KiB":           "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 17<<10) + "\r\n\r\n",
		"headers that never end":      "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: x\r\n", 4<<10),
		"interim responses for good":  strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10),
		"a coding that is not undone": "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 2\r\n\r\n{}",
		"a body that is no gzip":      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
		"a body that is no brotli":    "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) {
			target, _ := scripted(t, 1<<20, head)
			c, err := New(t.Context(), Options{Target: target, Access: Access{Timeout: 2 * time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nil)
			if kind := session.Kind(err); err == nil || kind != session.KindProtocol && kind != session.KindClosed {
				t.Errorf("%v of kind %s", err, kind)
			}
		})
	}
}

func TestCertificatesAreTrustedAsToldAlone(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, sound) }))
	defer server.Close()
	trusted := pemOf(server.Certificate())
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, tt := range []struct {
		name, host string
		access     Access
		fault      Fault
	}{
		{"the system's", "127.0.0.1", Access{}, FaultCertificate},
		{"a CA of its own", "127.0.0.1", Access{CA: trusted}, ""},
		{"another name", "localhost", Access{CA: trusted}, FaultCertificate},
		{"no check", "localhost", Access{Insecure: true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := New(t.Context(), Options{Target: "https://" + net.JoinHostPort(tt.host, port), Access: tt.access})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nil)
			wrong, _ := errors.AsType[*WrongTargetError](err)
			if tt.fault == "" && err != nil || tt.fault != "" && (wrong == nil || wrong.Fault != tt.fault) {
				t.Errorf("%v, want fault %q", err, tt.fault)
			}
		})
	}
	if _, err := New(t.Context(), Options{Target: server.URL, Access: Access{CA: []byte("no certificate")}}); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("a CA without a certificate: %v", err)
	}
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
