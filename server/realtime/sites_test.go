package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/store/failover"
	"guestload/server/store/redis"
)

// site is one instance: a node over a store that survives Redis.
type site struct {
	t        *testing.T
	node     *Node
	failover *failover.Store
	changes  chan string
	die      func() // the process is gone: nobody says goodbye
}

func newSite(t *testing.T, url string) *site {
	t.Helper()
	conn, err := redis.New(url)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, changes: make(chan string, 1000)}
	instance := "i-" + uuid.NewString()[:8]
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})).With("at", instance)
	s.failover = failover.New(failover.Config{Redis: conn, Instance: instance, Now: time.Now, Log: log,
		Changed: func(_, to string, _ error) { s.changes <- to }})
	if err := s.failover.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := s.failover
	s.node, err = New(Config{Instance: instance, Sessions: f.Sessions, Presence: f.Presence, Matcher: f.Matcher,
		Broker: f.Broker, Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = s.node.Run(ctx) })
	run.Go(func() { f.Run(ctx, s.node) })
	s.die = sync.OnceFunc(func() { conn.Close(); stop(); run.Wait() })
	t.Cleanup(s.die)
	return s
}

// soon waits until something holds.
func soon(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	if !soonOr(within, 2*time.Millisecond, holds) {
		t.Fatalf("not within %v: %s", within, what)
	}
}

// soonOr waits until something holds, which is looked at now and then, and reports
// false when it is too late.
func soonOr(within, every time.Duration, holds func() bool) bool {
	deadline := time.After(within)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

func (s *site) await(state string) {
	s.t.Helper()
	soon(s.t, 15*time.Second, "state "+state, func() bool { return s.failover.State() == state })
}

// visitor is a guest of a site, and all that it has heard.
type visitor struct {
	t       *testing.T
	session guest.Session
	sock    *memSocket
	client  *Client
	got     []heard
}

func (s *site) visit(name string) *visitor {
	s.t.Helper()
	g, err := s.node.Create(s.t.Context(), guest.Profile{Username: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.enter(g)
}

func (s *site) enter(g guest.Session) *visitor {
	s.t.Helper()
	g, err := s.node.Session(s.t.Context(), g.SessionID)
	if err != nil {
		s.t.Fatal(err)
	}
	v := &visitor{t: s.t, session: g, sock: newMemSocket()}
	if v.client, err = s.node.Connect(s.t.Context(), g, api.JSON, v.sock); err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (v *visitor) do(event, data string) {
	in := api.Inbound{Event: event, Ack: -1}
	if data != "" {
		in.Data = api.Value(data)
	}
	v.client.Handle(in)
}

func (v *visitor) say(text string) {
	v.do(api.EventChatMessage, fmt.Sprintf(`{"type":"text","content":%q}`, text))
}

// chatter has the visitor say something each millisecond until stop, which tells
// how much that was and how long the slowest took: the partner's socket has a
// message when do returns.
func (v *visitor) chatter() (stop func() (said int, worst time.Duration)) {
	end := make(chan struct{})
	var talk sync.WaitGroup
	var said int
	var worst time.Duration
	talk.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ; ; said++ {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			began := time.Now()
			v.say(fmt.Sprint(said))
			worst = max(worst, time.Since(began))
		}
	})
	return func() (int, time.Duration) {
		close(end)
		talk.Wait()
		return said, worst
	}
}

// heard returns what has come of an event so far.
func (v *visitor) heard(event string) (data []string) {
	v.got = append(v.got, v.sock.take(v.t, api.JSON)...)
	for _, h := range v.got {
		if h.event == event {
			data = append(data, h.data)
		}
	}
	return data
}

func (v *visitor) expect(within time.Duration, event string, times int) {
	v.t.Helper()
	soon(v.t, within, fmt.Sprintf("%s hears %s %d times", v.session.Username, event, times),
		func() bool { return len(v.heard(event)) >= times })
	if n := len(v.heard(event)); n > times {
		v.t.Errorf("%s heard %s %d times, want %d", v.session.Username, event, n, times)
	}
}

// texts are the messages that have come.
func (v *visitor) texts() (texts []string) {
	for _, data := range v.heard(api.EventChatMessage) {
		texts = append(texts, string(api.Value(data).Get("content").Text()))
	}
	return texts
}

func (v *visitor) forget() { v.heard(""); v.got = nil }

// meet makes two visitors a pair, who need not be on one site.
func meet(a, b *visitor) {
	a.t.Helper()
	a.do(api.EventMatch, "")
	a.expect(5*time.Second, api.EventNoUsers, 1)
	b.do(api.EventMatch, "")
	a.expect(5*time.Second, api.EventMatched, 1)
	b.expect(5*time.Second, api.EventMatched, 1)
	a.forget()
	b.forget()
}

var errNobody = errors.New("nobody")

// partner is whom the guest's own node says that it talks to.
func (s *site) partner(v *visitor) (string, error) {
	m := s.node.find(v.session.ID)
	if m == nil {
		return "", errNobody
	}
	c := m.chat.Load()
	if c == nil {
		return "", errNobody
	}
	return c.partner(v.session.ID).id, nil
}
