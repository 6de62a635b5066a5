package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"guestload/results"
)

// failingAt is a server of our own behind a proxy that answers 500 to one route.
func failingAt(t *testing.T, path string) string {
	t.Helper()
	behind, err := url.Parse(startServer(t).Target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			http.Error(w, `{"success":false,"message":"broken"}`, http.StatusInternalServerError)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// Whatever the thresholds are and however the run is played, it does not pass
// where an operation of its scripts never succeeds.
func TestARunWithoutItsWorkDoesNotPass(t *testing.T) {
	t.Parallel()
	const head = "scenario: idle\nabout: renewals always fail.\nseed: 3\n"
	const phases = "phases: [{guests: 8, within: 300ms}]\n"
	const search = "capacity: {from: 10/s, to: 20/s, settle: 100ms, hold: 1s, repeats: 1, spacing: uniform}\n"
	const all = "guests:\n  - script: talker\n    steps: [create, connect, {search: {within: 5s}}, {chat: {messages: 2, think: 20ms}}, renew, drop]\n"
	const some = all + "  - script: lurker\n    steps: [create, connect, {idle: {for: 100ms}}, drop]\n"
	target := failingAt(t, "/api/guest/token")
	for _, c := range []struct{ name, phases, guests, thresholds, processes string }{
		{"no thresholds", phases, all, "", "1"},
		{"violations alone", phases, all, "thresholds: [violations == 0]\n", "1"},
		{"unmatched alone", phases, all, "thresholds: [unmatched <= 100%]\n", "1"},
		{"other guests complete", phases, some, "", "1"},
		{"in warm-up", strings.Replace(phases, "guests: 8", "guests: 8, record: false", 1), some, "", "1"},
		{"two processes", phases, all, "thresholds: [violations == 0]\n", "2"},
		{"a search", search, some, "thresholds: [violations == 0]\n", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "in warm-up" {
				c.phases = strings.Replace(c.phases, "}]", "}, {guests: 2, within: 100ms}]", 1)
			}
			dir := filepath.Join(t.TempDir(), "r")
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, head+c.phases+c.guests+c.thresholds), "--target", target,
				"--processes", c.processes, "--quiet", "--out", dir)
			r := readRecord(t, dir)
			if code != results.ExitThreshold && code != results.ExitInvalid { // invalid on a machine that is busy
				t.Errorf("exit code %d\n%s%s", code, out, errs)
			}
			if why := strings.Join(r.Undone, "\n"); !strings.Contains(why, "renew") || strings.Contains(why, ", match") || !strings.Contains(out, "never done") {
				t.Errorf("undone %q, required %v\n%s%s", why, r.Required, out, errs)
			}
			if r.Required["renew"] || !r.Required["create"] {
				t.Errorf("required %v", r.Required)
			}
		})
	}
}
