package main

import (
	"strings"
	"testing"
	"time"

	"guestload/bench/peers"
)

func TestTheBareClientPlaysWholeSessions(t *testing.T) {
	address, k, _ := serve(t)
	n, err := peers.Bare(t.Context(), "http://"+address, 4, 2*time.Second)
	if err != nil || n == 0 {
		t.Fatalf("%d sessions, %v", n, err)
	}
	stats, err := k.node.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stats.TotalUsers < n {
		t.Errorf("%d sessions were counted, and %d guests created", n, stats.TotalUsers)
	}
}

func TestRatiosAreHeldAgainstTheirGoals(t *testing.T) {
	one := func(cpu time.Duration) []peers.Spent { return []peers.Spent{{Units: 10, CPU: 10 * cpu, Memory: 5e6}} }
	c := peers.Contest{Work: peers.Fetches, Guests: 50}
	for _, tt := range []struct {
		own  time.Duration
		want string
	}{
		{14 * time.Microsecond, "1.4x\t≤1.4x met"},
		{15 * time.Microsecond, "1.5x\t≤1.4x not met"},
	} {
		runs := map[string][]peers.Spent{peers.Loadgen: one(tt.own), peers.Wrk: one(10 * time.Microsecond)}
		if row := cpuRow(c, peers.Wrk, runs); !strings.HasSuffix(row, "10.0µs\t5MB\t"+tt.want) {
			t.Errorf("%v against 10µs: %q, want %q", tt.own, row, tt.want)
		}
	}
	if row := cpuRow(c, peers.K6, nil); !strings.Contains(row, "not installed") {
		t.Errorf("a peer that did not run: %q", row)
	}
}
