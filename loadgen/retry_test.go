package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"guestload/loadgen/verify/liar"
)

// front stands between guests and a server, as a proxy does; before sees each
// request first, and reports whether it is to be passed on.
func front(t *testing.T, before func(http.ResponseWriter, *http.Request) bool) (target string) {
	t.Helper()
	server, err := liar.Start(liar.None)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	behind, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f.URL
}

// hangUp ends the connection in place of a response.
func hangUp(w http.ResponseWriter) {
	nc, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		nc.Close()
	}
}

const visitors = `scenario: visitors
about: guests come one after the other, over one connection.
phases:
  - {name: come, guests: 8, within: 800ms}
guests:
  - script: visitor
    steps: [create, fetch]
thresholds:
  - failures < 100%
`

// Retries are in the record, on the terminal and on the page; a creation is not
// sent twice, and says so.
func TestRetriesAreReported(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	creations := 0
	target := front(t, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == "POST" {
			creations++
			body, err := io.ReadAll(r.Body)
			if r.Body = io.NopCloser(bytes.NewReader(body)); err != nil || r.Header.Get("Content-Type") != "application/json" || !json.Valid(body) {
				t.Errorf("POST %s with a body %q of type %q, %v", r.URL.Path, body, r.Header.Get("Content-Type"), err)
			}
			if creations == 5 {
				hangUp(w)
				return false
			}
			return true
		}
		if seen[r.URL.Path]++; strings.HasPrefix(r.URL.Path, "/api/guest/") && seen[r.URL.Path] == 1 {
			hangUp(w)
			return false
		}
		return true
	})
	dir := filepath.Join(t.TempDir(), "r")
	_, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, visitors), "--target", target, "--connections", "1", "--out", dir, "--quiet")
	r := readRecord(t, dir)
	if o := r.Operations["fetch"]; o.Count != 7 || o.Retries != 7 || len(o.Failures) > 0 {
		t.Errorf("fetch: %+v, want 7 of which each was sent again", o)
	}
	if o := r.Operations["create"]; o.Count != 7 || o.Retries != 0 || o.Failures["closed"] != 1 {
		t.Errorf("create: %+v, want one that was closed", o)
	}
	if creations != 8 {
		t.Errorf("%d guests were created for a scenario of 8", creations)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"fetch      7": out, "may have done the request": out, "fetch 7.": string(page)} {
		if !strings.Contains(text, where) {
			t.Errorf("no %q in\n%s%s", where, text[:min(len(text), 4000)], errs)
		}
	}
}
