package broker

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// idle is a broker whose Redis is up, and which sends nothing.
func idle(t *testing.T) *Broker {
	t.Helper()
	conn, err := redis.New(redistest.Standalone(t).URL())
	return New(redistest.Connect(t, conn, err))
}

// down is a client of a Redis that is away.
func down(t *testing.T) *redis.Client {
	t.Helper()
	conn, err := redis.New("redis://127.0.0.1:1")
	redistest.Must(t, err)
	return conn
}

func TestMessagesToOneInstanceShareABatch(t *testing.T) {
	b := idle(t)
	long := strings.Repeat("x", batchSize)
	sent := map[string][]string{}
	for _, m := range [][2]string{{"one", "a"}, {"two", "b"}, {"one", ""}, {"one", "probe"}, {"one", long}, {"two", "c"}, {"one", "d"}} {
		publish := b.Publish
		if m[1] == "probe" {
			publish = b.Probe
		}
		redistest.Must(t, publish(t.Context(), m[0], []byte(m[1])))
		sent[m[0]] = append(sent[m[0]], m[1])
	}
	batches := b.take()
	if len(batches) != 3 {
		t.Errorf("%d batches, want one each, and one more behind a full one", len(batches))
	}
	got, probes, count := map[string][]string{}, 0, 0
	for _, p := range batches {
		b.unpack(t.Context(), p.messages, seen{}, func(m []byte) { got[p.instance] = append(got[p.instance], string(m)) })
		probes, count = probes+p.probes, count+p.count
	}
	for instance, want := range sent {
		if !slices.Equal(got[instance], want) {
			t.Errorf("%s got %.20q, want %.20q", instance, got[instance], want)
		}
	}
	if probes != 1 || count != 7 || b.Lost() != 0 || len(b.take()) != 0 {
		t.Errorf("%d messages, %d probes, %d lost, %d batches left: want 7, 1, none, none", count, probes, b.Lost(), len(b.take()))
	}
}

func TestWhatIsNoBatchIsDropped(t *testing.T) {
	for _, p := range [][]byte{{0x80}, {3, 'a', 'b'}, {1, 'a', 9}, bytes.Repeat([]byte{0xff}, 11)} {
		b := idle(t)
		heard := 0
		b.unpack(t.Context(), p, seen{}, func([]byte) { heard++ })
		if b.Lost() != 1 || heard > 1 {
			t.Errorf("%v: %d messages heard, %d lost, want one lost", p, heard, b.Lost())
		}
	}
}

func TestABacklogIsBounded(t *testing.T) {
	b := idle(t)
	for range publishQueue {
		redistest.Must(t, b.Publish(t.Context(), "there", []byte("m")))
	}
	if err := b.Publish(t.Context(), "there", []byte("m")); !errors.Is(err, ErrBacklog) || !errors.Is(err, guest.ErrUnavailable) {
		t.Errorf("one more: %v, want ErrBacklog", err)
	}
	b.take()
	redistest.Must(t, b.Publish(t.Context(), "there", []byte("m")))
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	b := idle(t)
	b.redis = down(t)
	if err := b.Publish(t.Context(), "there", []byte("m")); !errors.Is(err, guest.ErrUnavailable) {
		t.Errorf("published while Redis is down: %v", err)
	}
	message := bytes.Repeat([]byte("x"), 1<<10)
	kept := 0
	var err error
	for ; err == nil && kept <= publishBytes>>10; kept++ {
		err = b.Keep([]string{"one", "two"}[kept%2], message)
	}
	if !errors.Is(err, ErrBacklog) || kept < publishBytes>>10*9/10 {
		t.Errorf("after %d KB: %v, want ErrBacklog near %d bytes", kept, err, publishBytes)
	}
	out := make(peerQueues)
	out.add(b.take())
	if err := b.Keep("one", nil); !errors.Is(err, ErrBacklog) {
		t.Errorf("what has been taken, and not sent, no longer counts: %v", err)
	}
	for _, w := range out {
		b.done(w, len(w.batches))
	}
	if b.mu.bytes != 0 {
		t.Errorf("%d bytes wait when nothing does", b.mu.bytes)
	}
	redistest.Must(t, b.Keep("one", message))
}

// TestBatchesOfOneInstanceKeepTheirOrder: a later one that is received must not
// overtake one that was not.
func TestBatchesOfOneInstanceKeepTheirOrder(t *testing.T) {
	now := time.Now()
	a1, a2, b1 := &batch{instance: "a"}, &batch{instance: "a"}, &batch{instance: "b"}
	out := make(peerQueues)
	out.add([]*batch{a1, a2, b1})
	first := func() (all []*batch) {
		for _, w := range out.due(now) {
			all = append(all, w.batches[0])
		}
		return all
	}
	if got := first(); len(got) != 2 || slices.Contains(got, a2) {
		t.Errorf("a flush has %d batches, want the first of each", len(got))
	}
	if out["a"].undelivered(now) || !slices.Equal(first(), []*batch{b1}) {
		t.Error("the next attempt goes at once")
	}
	next, waits := out.next()
	if at := out["a"].next; at != now.Add(publishEvery) || !waits || !next.IsZero() {
		t.Errorf("due again in %v, and the next of all, %v, at %v", at.Sub(now), waits, next)
	}
	for since := time.Duration(0); since <= undeliveredFor; since = now.Sub(out["a"].since) {
		if out["a"].undelivered(now) {
			t.Fatalf("given up after %v", since)
		}
		if pause := out["a"].next.Sub(now); pause > longestPause {
			t.Fatalf("a pause of %v", pause)
		}
		now = out["a"].next
	}
	if !out["a"].undelivered(now) {
		t.Error("not given up")
	}
	out["a"].resume(time.Time{})
	if got := first(); len(got) != 2 {
		t.Errorf("received again, %d batches are due", len(got))
	}
}

func TestABatchThatIsSentTwiceArrivesOnce(t *testing.T) {
	b := idle(t)
	var got []string
	seen := make(seen)
	hear := func(p []byte) {
		b.unpack(t.Context(), p, seen, func(message []byte) { got = append(got, string(message)) })
	}
	redistest.Must(t, b.Publish(t.Context(), "there", []byte("one")))
	first := b.take()
	redistest.Must(t, b.Publish(t.Context(), "there", []byte("two")))
	second := b.take()
	for _, batch := range [][]*batch{first, first, second, first, second} {
		hear(batch[0].messages)
	}
	if want := []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	b.redis = down(t)
	out := make(peerQueues)
	out.add(second)
	if all := b.send(t.Context(), out.due(time.Now())); all || len(out["there"].batches) != 1 || b.Lost() != 0 {
		t.Errorf("with Redis down %d batches wait and %d messages are lost, want 1 and 0", len(out["there"].batches), b.Lost())
	}
}
