package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/guest"
)

// unsent is a broker whose Redis is up, and which sends nothing.
func unsent(t *testing.T) *RedisBroker {
	t.Helper()
	conn, err := NewRedis("redis://127.0.0.1:1")
	must(t, err)
	conn.down.Store(nil)
	return NewRedisBroker(conn)
}

func TestMessagesToOneInstanceShareAParcel(t *testing.T) {
	b := unsent(t)
	long := strings.Repeat("x", parcelSize)
	sent := map[string][]string{}
	for _, m := range [][2]string{{"one", "a"}, {"two", "b"}, {"one", ""}, {"one", echoMark + "1"}, {"one", long}, {"two", "c"}, {"one", "d"}} {
		must(t, b.Publish(t.Context(), m[0], []byte(m[1])))
		sent[m[0]] = append(sent[m[0]], m[1])
	}
	parcels := b.take()
	if len(parcels) != 3 {
		t.Errorf("%d parcels, want one each, and one more behind a full one", len(parcels))
	}
	got, echoes, count := map[string][]string{}, 0, 0
	for _, p := range parcels {
		b.unpack(t.Context(), p.messages, had{}, func(m []byte) { got[p.instance] = append(got[p.instance], string(m)) })
		echoes, count = echoes+p.echoes, count+p.count
	}
	for instance, want := range sent {
		if !slices.Equal(got[instance], want) {
			t.Errorf("%s got %.20q, want %.20q", instance, got[instance], want)
		}
	}
	if echoes != 1 || count != 7 || b.Lost() != 0 || len(b.take()) != 0 {
		t.Errorf("%d messages, %d echoes, %d lost, %d parcels left: want 7, 1, none, none", count, echoes, b.Lost(), len(b.take()))
	}
}

func TestWhatIsNoParcelIsDropped(t *testing.T) {
	for _, p := range [][]byte{{0x80}, {3, 'a', 'b'}, {1, 'a', 9}, bytes.Repeat([]byte{0xff}, 11)} {
		b := unsent(t)
		heard := 0
		b.unpack(t.Context(), p, had{}, func([]byte) { heard++ })
		if b.Lost() != 1 || heard > 1 {
			t.Errorf("%v: %d messages heard, %d lost, want one lost", p, heard, b.Lost())
		}
	}
}

func TestABacklogIsBounded(t *testing.T) {
	b := unsent(t)
	for range publishQueue {
		must(t, b.Publish(t.Context(), "there", []byte("m")))
	}
	if err := b.Publish(t.Context(), "there", []byte("m")); !errors.Is(err, ErrBacklog) || !errors.Is(err, guest.ErrUnavailable) {
		t.Errorf("one more: %v, want ErrBacklog", err)
	}
	b.take()
	must(t, b.Publish(t.Context(), "there", []byte("m")))
}

// TestNobodyWaitsForRedisThatIsDown: an operation's patience ends with the prober's
// word, and no other operation's.
func TestNobodyWaitsForRedisThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(link)
		unwatched, stop := l.within(t.Context(), time.Minute)
		defer stop()
		l.turn(true)
		waiting, stop := l.within(t.Context(), time.Minute)
		defer stop()
		l.turn(false)
		synctest.Wait()
		if waiting.Err() == nil || unwatched.Err() != nil {
			t.Errorf("after an outage: %v, and before anybody watched: %v", waiting.Err(), unwatched.Err())
		}
		l.turn(true)
		began := time.Now()
		later, stop := l.within(t.Context(), time.Second)
		defer stop()
		<-later.Done()
		if took := time.Since(began); took != time.Second || !errors.Is(later.Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %v with %v, want a timeout after 1s", took, later.Err())
		}
	})
}

func TestWhatIsSentAgainArrivesOnce(t *testing.T) {
	b := unsent(t)
	var got []string
	had := make(had)
	hear := func(p []byte) {
		b.unpack(t.Context(), p, had, func(message []byte) { got = append(got, string(message)) })
	}
	must(t, b.Publish(t.Context(), "there", []byte("one")))
	first := b.take()
	must(t, b.Publish(t.Context(), "there", []byte("two")))
	second := b.take()
	for _, batch := range [][]*parcel{first, first, second, first, second} {
		hear(batch[0].messages)
	}
	if want := []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	why := guest.ErrUnavailable
	b.redis.down.Store(&why)
	out := make(outbox)
	out.add(second)
	if all := b.send(t.Context(), out.trip(time.Now())); all || len(out["there"].parcels) != 1 || b.Lost() != 0 {
		t.Errorf("with Redis down %d parcels wait and %d messages are lost, want 1 and 0", len(out["there"].parcels), b.Lost())
	}
}
