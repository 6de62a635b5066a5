package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/realtime"
	"guestload/server/store/redistest"
)

// patience is how long a benchmark waits for what must come.
const patience = time.Minute

// ear is a socket that takes everything at once and counts the events it waits for.
type ear struct {
	event []byte // what to count
	heard *atomic.Int64
	goal  int64 // done is told when so many have been heard
	done  chan<- struct{}
}

func (e *ear) TryWrite(p []byte) (int, error) {
	if e.heard != nil && bytes.Contains(p[:min(len(p), 64)], e.event) && e.heard.Add(1)%e.goal == 0 {
		e.done <- struct{}{}
	}
	return len(p), nil
}

func (e *ear) Write(p []byte, _ time.Time) error {
	_, err := e.TryWrite(p)
	return err
}

func (*ear) Finish() error { return nil }
func (*ear) Close() error  { return nil }

// work lets the node do its own work until the benchmark ends.
func work(tb testing.TB, k *keeper) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = k.node.Run(ctx) })
	tb.Cleanup(func() {
		stop()
		running.Wait()
	})
}

// join connects a new guest over a socket of memory.
func join(tb testing.TB, n *realtime.Node, sock realtime.Socket) *realtime.Client {
	tb.Helper()
	s, err := n.Create(tb.Context(), someProfile)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := n.Connect(tb.Context(), s, api.JSON, sock)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Closed)
	return c
}

var (
	wantsMatch = api.Inbound{Event: api.EventMatch, Ack: -1}
	says       = api.Inbound{Event: api.EventChatMessage, Ack: -1, Data: api.Value(api.AppendText(nil, someText))}
)

// await waits until told, or gives up.
func await(tb testing.TB, done <-chan struct{}, what string) {
	tb.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		tb.Fatalf("%s did not come within %s", what, patience)
	}
}

// BenchmarkRelay is one chat message between two guests: of one instance, over
// sockets of memory; and of two instances through Redis, 64 on their way at a time.
// Goal within: no allocation. BenchmarkSocket has it with real sockets, beside its floor.
func BenchmarkRelay(b *testing.B) {
	b.Run("within", func(b *testing.B) {
		k := inMemory(b)
		work(b, k)
		var heard atomic.Int64
		done := make(chan struct{}, 1)
		first := join(b, k.node, &ear{})
		second := join(b, k.node, &ear{[]byte(api.EventChatMessage + `"`), &heard, 1, done})
		first.Handle(wantsMatch)
		second.Handle(wantsMatch)
		loop(b, func() error {
			first.Handle(says)
			<-done // filled before Handle returned: the socket of memory took it
			return nil
		})
	})
	b.Run("across", func(b *testing.B) {
		const flying = 64
		server := redistest.Standalone(b)
		here, there := inRedis(b, server, "here"), inRedis(b, server, "there")
		work(b, here)
		work(b, there)
		var heard, matched atomic.Int64
		done, met := make(chan struct{}, 1), make(chan struct{}, 1)
		first := join(b, here.node, &ear{[]byte(`"` + api.EventMatched + `"`), &matched, 1, met})
		second := join(b, there.node, &ear{[]byte(api.EventChatMessage + `"`), &heard, flying, done})
		first.Handle(wantsMatch)
		second.Handle(wantsMatch)
		await(b, met, "the match")
		m := start(b, server)
		sent := 0
		for b.Loop() {
			first.Handle(says)
			if sent++; sent%flying == 0 {
				await(b, done, "a message")
			}
			m.tick()
		}
		m.stop()
	})
}

// BenchmarkBroadcast tells everybody the statistics once. A node does so once a
// second at most, and more slowly to many, so ns/op is a wait: look at cpu-ns/op.
// Goal: CPU grows no faster than the guests.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{1_000, 15_000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			k := inMemory(b)
			var heard atomic.Int64
			done := make(chan struct{}, 1)
			for range n {
				join(b, k.node, &ear{[]byte(api.EventStats), &heard, int64(n), done})
			}
			work(b, k)
			await(b, done, "the first broadcast")
			loop(b, func() error {
				if _, err := k.node.Create(context.Background(), guest.Profile{}); err != nil { // something to tell
					return err
				}
				await(b, done, "a broadcast")
				return nil
			})
		})
	}
}
