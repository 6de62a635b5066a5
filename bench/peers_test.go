package main

import (
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
