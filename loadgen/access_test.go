package main

import (
	"compress/gzip"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"guestload/loadgen/verify/liar"
	"guestload/results"
)

// A target behind TLS with a CA of its own, a balancer that sets a cookie for each
// guest and sends early hints, a firewall that wants a key and a User-Agent, and a
// proxy that compresses, is driven as any other.
func TestATargetBehindABalancer(t *testing.T) {
	t.Parallel()
	for _, processes := range []string{"1", "2"} {
		t.Run("processes="+processes, func(t *testing.T) {
			t.Parallel()
			server, err := liar.Start(liar.None)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			behind, err := url.Parse(server.URL())
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var wrong []string
			guests, sockets := 0, 0
			proxy := httputil.NewSingleHostReverseProxy(behind)
			proxy.ModifyResponse = func(r *http.Response) error {
				mu.Lock()
				defer mu.Unlock()
				if r.Request.Method == "POST" && r.Request.URL.Path == "/api/guest" {
					guests++
					r.Header.Add("Set-Cookie", "AWSALB=node"+strconv.Itoa(guests)+"; Path=/; HttpOnly")
				}
				return nil
			}
			f := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				upgrade := r.Header.Get("Upgrade") != ""
				if upgrade {
					sockets++
				}
				if r.Header.Get("X-Api-Key") != "abc" || !strings.HasPrefix(r.UserAgent(), "loadgen/") || r.Host != "chat.example" {
					wrong = append(wrong, "headers of "+r.URL.Path)
				}
				cookie := r.Header.Get("Cookie")
				if r.Header.Get("Authorization") != "" && !strings.HasPrefix(cookie, "theme=dark; AWSALB=node") && (processes == "1" || r.URL.Path != "/api/users/stats") {
					wrong = append(wrong, "cookie of "+r.URL.Path+": "+cookie)
				}
				mu.Unlock()
				w.WriteHeader(http.StatusEarlyHints)
				if upgrade {
					proxy.ServeHTTP(w, r)
					return
				}
				zipped := zipper{w, gzip.NewWriter(w)}
				proxy.ServeHTTP(zipped, r)
				zipped.to.Close()
			}))
			defer f.Close()
			folder := t.TempDir()
			ca, dir := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "r")
			if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, gathering), "--target", f.URL, "--ca", ca,
				"--header", "X-Api-Key: abc", "--header", "Cookie: theme=dark", "--header", "Host: chat.example",
				"--out", dir, "--quiet", "--processes", processes)
			r := readRecord(t, dir)
			if g := r.Guests; g.Failed > 0 || g.Completed == 0 || code != results.ExitPassed && code != results.ExitInvalid {
				t.Errorf("exit code %d, %+v\n%s%s", code, g, out, errs)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(wrong) > 0 || guests < 16 || sockets < 16 {
				t.Errorf("%d guests, %d sockets, wrong: %q", guests, sockets, wrong)
			}
			record, err := os.ReadFile(filepath.Join(dir, "run.json"))
			if err != nil || strings.Contains(string(record)+out+errs, "abc") {
				t.Errorf("the key is in the record or the report, %v", err)
			}
		})
	}
}

// zipper compresses what is written through it.
type zipper struct {
	http.ResponseWriter
	to *gzip.Writer
}

func (z zipper) WriteHeader(status int) {
	z.Header().Del("Content-Length")
	z.Header().Set("Content-Encoding", "gzip")
	z.ResponseWriter.WriteHeader(status)
}

func (z zipper) Write(b []byte) (int, error) { return z.to.Write(b) }

var _ io.Writer = zipper{}
