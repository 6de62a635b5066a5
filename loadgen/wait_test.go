package main

import (
	"net"
	"testing"
	"time"
)

// until waits for what another process does, and gives up after a while.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func listens(address string) bool {
	nc, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	nc.Close()
	return true
}
