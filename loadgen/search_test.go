package main

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/report/page"
	"guestload/loadgen/target"
	"guestload/results"
)

// counter is a backend that creates so many sessions a second and no more: as at
// a counter with one clerk, each takes as long as the others, in turn.
type counter struct {
	rate float64
	mu   struct {
		sync.Mutex
		free time.Time // when all before will have been served
		made int
	}
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/api/guest" {
		http.Error(w, `{"success":false,"message":"API endpoint not found"}`, http.StatusNotFound)
		return
	}
	c.mu.Lock()
	if now := time.Now(); c.mu.free.Before(now) {
		c.mu.free = now
	}
	c.mu.free = c.mu.free.Add(time.Duration(float64(time.Second) / c.rate))
	c.mu.made++
	n, turn := c.mu.made, time.NewTimer(time.Until(c.mu.free))
	c.mu.Unlock()
	defer turn.Stop()
	select {
	case <-turn.C:
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"success":true,"data":{"token":"t%d","user":{"id":"guest_%d","username":"Guest%d","isGuest":true,"sessionId":"%d"}}}`, n, n, n, n)
}

const searching = `scenario: counter
about: How many sessions a second does a counter create?
seed: 3
capacity: {from: 40/s, to: 2000/s, settle: 0s, hold: 2s, precision: 25%, repeats: 3}
guests:
  - script: creator
    steps: [create]
thresholds:
  - response(create) p99 < 250ms
  - failures == 0
`

// The capacity of a server is known: above it the queue grows by what is too
// much, so that in two seconds the slowest wait longer than the threshold.
func TestTheCapacityOfALimitedServerIsFound(t *testing.T) {
	const limit = 200
	server := httptest.NewServer(&counter{rate: limit})
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, searching), "--target", server.URL, "--out", dir)
	r := readRecord(t, dir)
	c := r.Capacity
	if c == nil {
		t.Fatalf("exit code %d: no capacity in the record\n%s%s", code, out, errs)
	}
	for _, run := range c.Runs {
		sub := readRecord(t, filepath.Join(dir, run.Folder))
		if got := float64(sub.Guests.Planned) / 2; math.Abs(got-run.Rate) > 5*math.Sqrt(run.Rate/2) {
			t.Errorf("%s: %v guests a second, want about %v", run.Folder, got, run.Rate)
		}
	}
	if c.LimitedBy == "generator" { // a machine that is busy with other things
		if !strings.Contains(out, "the generator could not follow") || c.High != nil && *c.High < c.Rate {
			t.Errorf("limited by the generator: %+v\n%s", c, out)
		}
		return
	}
	// At limit the queue is as long as chance has it; at 1.5 times the limit the last wait a second.
	if c.LimitedBy != "server" || c.Rate < limit/2 || c.Rate > 1.3*limit || c.Above > 1.6*limit || c.High == nil || *c.High < limit*0.8 || code != results.ExitPassed {
		t.Errorf("exit code %d, %+v\n%s%s", code, c, out, errs)
	}
	if c.Resource != string(capacity.WithinServer) && c.Resource != string(capacity.MachineCPU) {
		t.Errorf("%s ran out: %s", c.Resource, c.Why)
	}
	if p, err := page.Read(dir); err != nil || string(p.Scenario) != searching || p.Run.Record.Guests.Planned == 0 {
		t.Errorf("the page: %v, %+v", err, p.Run.Record.Guests)
	}
	if !strings.Contains(out, c.Headline()) || !strings.Contains(errs, "run 1: 40/s held") {
		t.Errorf("the report says\n%s%s", out, errs)
	}
}

// The embedded server is started anew for each run, which ends with nobody left.
func TestASearchWithTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	text := strings.Replace(pair, "phases:\n  - {name: warm, guests: 2, within: 100ms, record: false}\n  - {name: meet, guests: 6, within: 300ms}",
		"capacity: {from: 10/s, to: 20/s, settle: 100ms, hold: 1s, repeats: 1, spacing: uniform}", 1)
	dir := filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, text), "--json", "--out", dir)
	r := readRecord(t, dir)
	if r.Capacity == nil || errs != "" {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	last := r.Capacity.Runs[len(r.Capacity.Runs)-1]
	if r.Environment.Target != target.Embedded || last.Verdict == "held" && last.Cores["server"] <= 0 || r.Seed != 3 {
		t.Errorf("%+v, %+v", r.Environment, last)
	}
	if c := r.Capacity; c.LimitedBy == "range" && (c.Rate != 20 || r.Guests.Planned != 22 || code != results.ExitPassed) { // else the machine is busy
		t.Errorf("exit code %d, %+v, %+v", code, c, r.Guests)
	}
}

// An odd number of guests leaves one without a partner in each run. It does not wait
// for as long as it might: nobody is left to come.
func TestAnOddGuestDoesNotProlongTheRunsOfASearch(t *testing.T) {
	t.Parallel()
	text := strings.Replace(pair, "phases:\n  - {name: warm, guests: 2, within: 100ms, record: false}\n  - {name: meet, guests: 6, within: 300ms}",
		"capacity: {from: 7/s, to: 9/s, settle: 0s, hold: 1s, repeats: 1, spacing: uniform}", 1)
	text = strings.Replace(text, "within: 5s", "within: 60s", 1)
	dir := filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, text), "--json", "--out", dir)
	c := readRecord(t, dir).Capacity
	if c == nil || len(c.Runs) == 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	for _, run := range c.Runs {
		r := readRecord(t, filepath.Join(dir, run.Folder))
		if r.Guests.Planned%2 != 1 || r.Guests.Unmatched != 1 || r.Guests.Failed != 0 || r.DurationSec > 30 {
			t.Errorf("%s took %.1f s: %+v", run.Folder, r.DurationSec, r.Guests)
		}
	}
}
