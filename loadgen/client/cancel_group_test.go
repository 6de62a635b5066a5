package client

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnectionsEndWithTheirContextAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &Client{timeout: time.Second, epoch: time.Now()}
		ctx, cancel := context.WithCancel(t.Context())
		other, stay := context.WithCancel(t.Context())
		defer stay()
		var conns []*conn
		var open []*bool
		for _, of := range []context.Context{ctx, ctx, ctx, ctx, other, context.Background()} {
			ours, theirs := net.Pipe()
			defer ours.Close()
			conns = append(conns, newConn(of, client, ours))
			up := new(bool)
			*up = true
			open = append(open, up)
			go func() {
				_, _ = theirs.Read(make([]byte, 1))
				*up = false
			}()
		}
		for _, i := range []int{1, 3, 1} { // in the middle, the latest, and once more
			client.cancels.leave(&conns[i].stream)
		}
		cancel()
		synctest.Wait()
		for i, want := range []bool{false, true, false, true, true, true} {
			if *open[i] != want {
				t.Errorf("connection %d is open: %v, want %v", i, *open[i], want)
			}
		}
		late, theirs := net.Pipe()
		conns = append(conns, newConn(ctx, client, late))
		if _, err := theirs.Read(make([]byte, 1)); err == nil {
			t.Error("a connection of a context that is over stays open")
		}
		for _, c := range conns {
			client.cancels.leave(&c.stream)
		}
		if n := len(client.cancels.mu.groups); n > 0 {
			t.Errorf("%d contexts are remembered, want none", n)
		}
	})
}
