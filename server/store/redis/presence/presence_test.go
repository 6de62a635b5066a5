package presence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

func (r rig) counter(tb testing.TB) string {
	tb.Helper()
	value, _ := r.Do(tb, "GET", "active_user_count").(string)
	return value
}

func testPresence(t *testing.T, r rig) {
	a, b := r.start(t), r.start(t)
	ctx := t.Context()
	id := uuid.NewString()
	steps := []struct {
		what     string
		do       func() (string, int64, error)
		previous string
		counter  string
	}{
		{"joins a", func() (string, int64, error) { return a.presence.Join(ctx, id) }, "", "1"},
		{"joins a again", func() (string, int64, error) { return a.presence.Join(ctx, id) }, a.name, "1"},
		{"joins b", func() (string, int64, error) { return b.presence.Join(ctx, id) }, a.name, "1"},
		{"leaves a, too late", func() (string, int64, error) { return "", 0, a.presence.Leave(ctx, id) }, "", "1"},
		{"joins b again", func() (string, int64, error) { return b.presence.Join(ctx, id) }, b.name, "1"},
		{"leaves b", func() (string, int64, error) { return "", 0, b.presence.Leave(ctx, id) }, "", "0"},
		{"leaves b again", func() (string, int64, error) { return "", 0, b.presence.Leave(ctx, id) }, "", "0"},
		{"joins a anew", func() (string, int64, error) { return a.presence.Join(ctx, id) }, "", "1"},
	}
	for _, s := range steps {
		previous, _, err := s.do()
		if err != nil || previous != s.previous {
			t.Errorf("%s: previous = %q, %v, want %q", s.what, previous, err, s.previous)
		}
		if got := r.counter(t); got != s.counter {
			t.Errorf("%s: counter = %s, want %s", s.what, got, s.counter)
		}
	}
	if _, _, err := a.presence.Join(ctx, "nobody"); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("Join of no session id = %v", err)
	}
}

// testOnlinePages pages while others come, go and change instances.
func testOnlinePages(t *testing.T, r rig) {
	a, b := r.start(t), r.start(t)
	ctx := t.Context()
	stay := make(map[string]int)
	for n := range 60 {
		i := a
		if n%2 == 1 {
			i = b
		}
		stay[i.join(t).SessionID] = 0
	}
	for range 20 { // without a document
		if _, _, err := a.presence.Join(ctx, uuid.NewString()); err != nil {
			t.Fatal(err)
		}
	}
	var fleeting []string
	for range 30 {
		fleeting = append(fleeting, a.join(t).SessionID)
	}
	cursor := ""
	for n := 0; ; n++ {
		page, next, err := a.presence.Online(ctx, cursor, 7)
		if err != nil || len(page) > 7 {
			t.Fatalf("page %d: %d guests, %v", n, len(page), err)
		}
		for _, g := range page {
			if _, ok := stay[g.SessionID]; ok {
				stay[g.SessionID]++
			}
			// Whoever has been listed moves to the other instance.
			if _, _, err := b.presence.Join(ctx, g.SessionID); err != nil {
				t.Fatal(err)
			}
		}
		if n < len(fleeting) {
			_ = a.presence.Leave(ctx, fleeting[n])
			a.join(t)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	for id, times := range stay {
		if times != 1 {
			t.Errorf("%s was listed %d times", id, times)
		}
	}
	for _, cursor := range []string{"x", "0", "(" + uuid.NewString(), strings.ToUpper(uuid.NewString())} {
		if _, _, err := a.presence.Online(ctx, cursor, 7); !errors.Is(err, guest.ErrBadCursor) {
			t.Errorf("cursor %q: %v, want ErrBadCursor", cursor, err)
		}
	}
	if _, _, err := a.presence.Online(ctx, "", 0); err == nil {
		t.Error("a page of 0 guests was given out")
	}
}

func testCounter(t *testing.T, r rig) {
	i := r.start(t)
	ctx := t.Context()
	g := i.join(t)
	r.Do(t, "DEL", "active_user_count")
	if err := i.presence.Leave(ctx, g.SessionID); err != nil {
		t.Fatal(err)
	}
	if got := r.counter(t); got != "0" {
		t.Errorf("counter after its loss = %q, want 0", got)
	}
	for range 3 {
		i.join(t)
	}
	r.Do(t, "SET", "active_user_count", "no number")
	if b, err := i.presence.Beat(ctx); err != nil || !b.Held {
		t.Errorf("Beat = %+v, %v", b, err)
	}
	if got := r.counter(t); got != "3" {
		t.Errorf("counter after a beat = %q, want 3", got)
	}
	r.Do(t, "EXPIRE", "active_user_count", "10")
	if _, err := i.presence.Beat(ctx); err != nil {
		t.Error(err)
	}
	if ttl := r.Do(t, "TTL", "active_user_count").(int64); ttl < 299 {
		t.Errorf("TTL of the counter after a beat = %d, want 300", ttl)
	}
}

func testNoScans(t *testing.T, r rig) {
	i := r.start(t)
	ctx := t.Context()
	for range 20 {
		i.join(t)
	}
	var monitors []*redisproc.Monitor
	for _, node := range r.Nodes {
		monitors = append(monitors, redistest.Monitor(t, node))
	}
	g := i.join(t)
	if _, err := i.sessions.Get(ctx, g.SessionID); err != nil {
		t.Error(err)
	}
	if _, _, err := i.presence.Online(ctx, "", 10); err != nil {
		t.Error(err)
	}
	if _, err := i.presence.Stats(ctx); err != nil {
		t.Error(err)
	}
	if err := i.presence.Leave(ctx, g.SessionID); err != nil {
		t.Error(err)
	}
	if err := i.sessions.Delete(ctx, g.SessionID); err != nil {
		t.Error(err)
	}
	commands := 0
	for n, m := range monitors {
		if _, err := r.Nodes[n].Do("ECHO", "the end"); err != nil {
			t.Fatal(err)
		}
		redistest.Eventually(t, 5*time.Second, "the monitor's last line", func() bool {
			lines := m.Lines()
			return len(lines) > 0 && strings.Contains(lines[len(lines)-1], "the end")
		})
		for _, line := range m.Lines() {
			commands++
			if upper := strings.ToUpper(line); strings.Contains(upper, `"KEYS"`) || strings.Contains(upper, `"SCAN"`) {
				t.Errorf("a request ran %s", line)
			}
		}
	}
	if commands < 20 {
		t.Errorf("the monitors saw %d commands only", commands)
	}
}

// die lets an instance's lease lapse, as if its process had been killed.
func (r rig) die(tb testing.TB, i *instance) {
	tb.Helper()
	r.Do(tb, "ZADD", i.keys().Instances, "1", i.name)
}

func testReaping(t *testing.T, r rig) {
	dead, alive := r.start(t), r.start(t)
	ctx := t.Context()
	lone, paired, partner, moved := dead.join(t), dead.join(t), alive.join(t), dead.join(t)
	waiting := dead.join(t)
	for n := range 250 { // more than a batch
		if _, _, err := dead.presence.Join(ctx, fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)); err != nil {
			t.Fatal(err)
		}
	}
	want := guest.Preferences{Language: "none has it"}
	search := func(i *instance, g guest.Session, w guest.Preferences) guest.Pair {
		t.Helper()
		s := i.searcher(g.ID)
		s.Wants = w
		p, err := i.matcher.Search(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	search(dead, paired, guest.Preferences{})
	pair := search(alive, partner, guest.Preferences{})
	search(dead, waiting, want)
	search(dead, moved, want)
	if _, _, err := alive.presence.Join(ctx, moved.SessionID); err != nil {
		t.Fatal(err)
	}
	r.die(t, dead)

	var told []string
	fails := errors.New("cannot tell")
	events := Events{
		Lost:   func() { t.Error("the living was told that it had lost its lease") },
		Failed: func(err error) { t.Logf("in the background: %v", err) },
	}
	events.Released = func(_ context.Context, _ string, pairs []guest.Pair) error {
		for _, p := range pairs {
			told = append(told, p.ID)
		}
		if len(told) == 1 {
			return fails // the reaper dies here
		}
		return nil
	}
	now := time.Now()
	alive.presence.heartbeat(ctx, now, events)
	if len(told) != 0 {
		t.Error("cleaned up before the grace was over")
	}
	alive.presence.heartbeat(ctx, now.Add(reapGrace), events) // fails half-way
	r.Do(t, "DEL", alive.keys().ReapLease(dead.name))
	alive.presence.heartbeat(ctx, now.Add(reapGrace+beatEvery), events)
	if len(told) != 2 || told[0] != pair.ID || told[1] != pair.ID {
		t.Errorf("told of pairs %q, want %s twice", told, pair.ID)
	}
	for _, g := range []guest.Session{lone, paired, waiting} {
		got, err := alive.sessions.Get(ctx, g.SessionID)
		if err != nil || got.IsOnline || got.SocketID != "" {
			t.Errorf("guest of the dead: %+v, %v, want offline", got, err)
		}
	}
	if got, err := alive.sessions.Get(ctx, moved.SessionID); err != nil || !got.IsOnline {
		t.Errorf("guest who had moved: %+v, %v, want online", got, err)
	}
	if p, err := alive.matcher.Leave(ctx, partner.ID); err != nil || p.ID != "" {
		t.Errorf("the partner's pair = %+v, %v, want none", p, err)
	}
	stats, err := alive.presence.Stats(ctx)
	if err != nil || stats.OnlineUsers != 2 || stats.ActiveUsers != 2 || stats.AvailableUsers != 1 || stats.ConnectedUsers != 0 {
		t.Errorf("Stats = %+v, %v, want partner and moved online, moved available", stats, err)
	}
	if n := r.Do(t, "ZCARD", alive.keys().Instances); n != int64(1) {
		t.Errorf("%v instances are left, want 1", n)
	}
}

func testComeback(t *testing.T, r rig) {
	i, other := r.start(t), r.start(t)
	lost := 0
	events := Events{Lost: func() { lost++ }, Released: func(context.Context, string, []guest.Pair) error { return nil }}
	g := i.join(t)
	now := time.Now()
	i.presence.heartbeat(t.Context(), now, events)
	if lost != 0 {
		t.Fatal("told of a loss while the lease held")
	}
	r.die(t, i)
	other.presence.heartbeat(t.Context(), now, events)
	i.presence.heartbeat(t.Context(), now, events) // back in time
	if lost != 1 {
		t.Errorf("told %d times of the lapsed lease, want once", lost)
	}
	other.presence.heartbeat(t.Context(), now.Add(time.Minute), events)
	if got, err := i.sessions.Get(t.Context(), g.SessionID); err != nil || !got.IsOnline {
		t.Errorf("guest of the returned: %+v, %v, want online", got, err)
	}
	if err := i.presence.Retire(t.Context()); err != nil {
		t.Fatal(err)
	}
	other.presence.heartbeat(t.Context(), now.Add(2*time.Minute), events)
	other.presence.heartbeat(t.Context(), now.Add(3*time.Minute), events)
	if got, err := other.sessions.Get(t.Context(), g.SessionID); err != nil || got.IsOnline {
		t.Errorf("guest of the retired: %+v, %v, want offline", got, err)
	}
}

// testComebackMidway has an instance beat again while another cleans up after it:
// the rest of its pairs stands.
func testComebackMidway(t *testing.T, r rig) {
	late, other := r.start(t), r.start(t)
	const pairs = 600
	for n := range pairs {
		for _, s := range []guest.Searcher{late.searcher(fmt.Sprint("a", n)), other.searcher(fmt.Sprint("b", n))} {
			if _, err := late.matcher.Search(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.die(t, late)
	released := make(map[string]bool)
	events := Events{Lost: func() {}, Failed: func(err error) { t.Error(err) }}
	events.Released = func(ctx context.Context, _ string, pairs []guest.Pair) error {
		for _, p := range pairs {
			released[p.ID] = true
		}
		_, err := late.presence.Beat(ctx)
		return err
	}
	now := time.Now()
	other.presence.heartbeat(t.Context(), now, events)
	other.presence.heartbeat(t.Context(), now.Add(reapGrace), events)
	stats, err := other.presence.Stats(t.Context())
	if n := len(released); err != nil || n == 0 || n > pairs/2 || stats.ConnectedUsers != pairs-n {
		t.Errorf("%d of %d pairs were released, %d are left, %v", n, pairs, stats.ConnectedUsers, err)
	}
}

func testSweep(t *testing.T, r rig) {
	i := r.start(t)
	stale, fresh := redistest.NewGuest(), redistest.NewGuest()
	stale.IsOnline, fresh.IsOnline = true, true
	stale.LastSeen = stale.LastSeen.Add(-time.Hour)
	for _, g := range []guest.Session{stale, fresh} {
		if err := i.sessions.Create(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	for range 600 {
		i.create(t)
	}
	if err := newSweeper(i.presence).sweepInTurn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := i.sessions.Get(t.Context(), stale.SessionID); err != nil || got.IsOnline {
		t.Errorf("ghost: %+v, %v, want offline", got, err)
	}
	if got, err := i.sessions.Get(t.Context(), fresh.SessionID); err != nil || !got.IsOnline {
		t.Errorf("connecting guest: %+v, %v, want online", got, err)
	}
	if stats, err := i.presence.Stats(t.Context()); err != nil || stats.TotalUsers != 602 {
		t.Errorf("Stats = %+v, %v, want 602 in total", stats, err)
	}
}
