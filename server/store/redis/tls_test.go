package redis

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

func TestTLSThatCanNeverWork(t *testing.T) {
	t.Parallel()
	trusted, stranger := redistest.NewAuthority(t), redistest.NewAuthority(t)
	here, elsewhere := trusted.For("127.0.0.1"), trusted.For("192.0.2.1")
	asks := here
	asks.AskClients = true
	s := redistest.StandaloneWith(t, redisproc.Config{Password: "sesame", TLS: &here})
	misnamed := redistest.StandaloneWith(t, redisproc.Config{TLS: &elsewhere})
	asking := redistest.StandaloneWith(t, redisproc.Config{TLS: &asks})
	plain := redistest.StandaloneWith(t, redisproc.Config{Password: "sesame"})
	web := httptest.NewServer(nil)
	defer web.Close()
	noCertificate := filepath.Join(t.TempDir(), "empty.pem")
	redistest.Must(t, os.WriteFile(noCertificate, []byte("no certificate"), 0o600))

	for _, tt := range []struct{ name, url, says string }{
		{"a CA that nobody knows", s.TLSURL(), "?ca=FILE"},
		{"another CA", s.TLSURL() + "?ca=" + stranger.CA(), "?ca=FILE"},
		{"a CA that is not there", s.TLSURL() + "?ca=/nowhere.pem", "/nowhere.pem"},
		{"a CA that is none", s.TLSURL() + "?ca=" + noCertificate, "no certificate in PEM"},
		{"a certificate for another address", misnamed.TLSURL() + "?ca=" + trusted.CA(), "192.0.2.1"},
		{"a server that speaks something else", "rediss://:hunter2@" + web.Listener.Addr().String(), "redis instead of rediss"},
		{"a Redis that speaks no TLS", "rediss://:hunter2@" + plain.Addr(), "redis instead of rediss"},
		{"a Redis that speaks TLS", strings.Replace(s.TLSURL(), "rediss", "redis", 1), "rediss instead of redis"},
		{"a Redis that speaks TLS with those it knows", strings.Replace(asking.TLSURL(), "rediss", "redis", 1), "rediss instead of redis"},
		{"a cluster that speaks TLS", strings.Replace(s.TLSURL(), "rediss", "redis-cluster", 1), "rediss instead of redis"},
		{"half a certificate", asking.TLSURL() + "?cert=" + here.Cert, "go together"},
		{"a wrong password", strings.Replace(s.TLSURL(), "sesame", "hunter2", 1) + "?ca=" + trusted.CA(), "WRONGPASS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := New(tt.url)
			if err == nil {
				defer conn.Close()
				// On a busy machine the handshake may take longer than an outage does.
				redistest.Eventually(t, 10*time.Second, "Connect gives up", func() bool { err = conn.Connect(t.Context()); return errors.Is(err, ErrMisconfigured) })
			}
			if !errors.Is(err, ErrMisconfigured) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want ErrMisconfigured about %q", err, tt.says)
			} else if strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
	t.Run("a certificate for a server that asks", func(t *testing.T) {
		connect(t, asking.TLSURL()+"?ca="+trusted.CA()+"&cert="+here.Cert+"&key="+here.Key)
	})
}
