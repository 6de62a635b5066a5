package realtime

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
	"guestload/server/store/memory"
)

// memSocket is a Socket whose other end is a slice that a test reads. Stuck, it
// takes nothing, like a peer that has stopped reading.
type memSocket struct {
	mu       sync.Mutex
	got      []byte
	writes   int // that took bytes
	stuck    bool
	finished bool
	closed   bool
	freed    chan struct{} // closed when no longer stuck, or closed
}

func newMemSocket() *memSocket { return &memSocket{freed: make(chan struct{})} }

var errSocketClosed = errors.New("socket closed")

func (s *memSocket) TryWrite(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errSocketClosed
	}
	if s.stuck {
		return 0, nil
	}
	s.got = append(s.got, p...)
	s.writes++
	return len(p), nil
}

func (s *memSocket) Write(p []byte, deadline time.Time) error {
	s.mu.Lock()
	freed := s.freed
	s.mu.Unlock()
	select {
	case <-freed:
	case <-time.After(time.Until(deadline)):
		return os.ErrDeadlineExceeded
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errSocketClosed
	}
	s.got = append(s.got, p...)
	s.writes++
	return nil
}

func (s *memSocket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *memSocket) Finish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	return nil
}

func (s *memSocket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		if s.stuck || !s.freedAlready() {
			close(s.freed)
		}
	}
	return nil
}

func (s *memSocket) freedAlready() bool {
	select {
	case <-s.freed:
		return true
	default:
		return false
	}
}

// stick makes the peer stop reading; unstick makes it go on.
func (s *memSocket) stick() { s.mu.Lock(); s.stuck = true; s.mu.Unlock() }

func (s *memSocket) unstick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = false
	close(s.freed)
}

// wrote returns how many writes have taken bytes since the last call.
func (s *memSocket) wrote() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.writes
	s.writes = 0
	return n
}

// heard is one thing a peer heard.
type heard struct {
	event string
	data  string
	code  frame.Code // of a close frame
}

// take returns the frames that have come since the last call.
func (s *memSocket) take(t *testing.T, f api.Framing) (all []heard) {
	t.Helper()
	s.mu.Lock()
	b := s.got
	s.got = nil
	s.mu.Unlock()
	for len(b) > 0 {
		fr, n, err := frame.Parse(b, frame.Client, 1<<20)
		if err != nil || n == 0 {
			t.Fatalf("server sent a broken frame: %v (%d bytes)", err, len(b))
		}
		b = b[n:]
		switch fr.Op {
		case frame.Close:
			code, _, err := frame.ParseClose(fr.Payload)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, heard{event: "close", code: code})
		case frame.Ping:
			all = append(all, heard{event: "ping"})
		default:
			p, err := api.Decode(f, fr.Payload)
			if err != nil {
				t.Fatalf("server sent %q: %v", fr.Payload, err)
			}
			switch p.Kind {
			case api.Event:
				if p.Event != api.EventStats {
					all = append(all, heard{event: p.Event, data: string(p.Data)})
				}
			case api.Connect:
			case api.EnginePing:
				all = append(all, heard{event: "ping"})
			default:
				all = append(all, heard{event: "packet"})
			}
		}
	}
	return all
}

// world is a node over the memory store, in a synctest bubble.
type world struct {
	t     *testing.T
	node  *Node
	store *memory.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	mem := memory.New("here", time.Now)
	n, err := New(Config{Instance: "here", Sessions: mem.Sessions, Presence: mem.Presence, Matcher: mem.Matcher, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = n.Run(ctx) })
	w := &world{t: t, node: n, store: mem}
	t.Cleanup(func() {
		for _, m := range n.everybody() {
			if c := m.client.Load(); c != nil {
				c.Closed()
			}
		}
		stop()
		run.Wait()
	})
	return w
}

// peer is one guest's client in a test.
type peer struct {
	w       *world
	session guest.Session
	sock    *memSocket
	client  *Client
	framing api.Framing
}

// join creates a guest with a profile and connects it.
func (w *world) join(p guest.Profile) *peer {
	w.t.Helper()
	s, err := w.node.Create(w.t.Context(), p)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.connect(s, api.JSON)
}

// connect opens a socket for a session.
func (w *world) connect(s guest.Session, f api.Framing) *peer {
	w.t.Helper()
	s, err := w.node.Session(w.t.Context(), s.SessionID)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &peer{w: w, session: s, sock: newMemSocket(), framing: f}
	if p.client, err = w.node.Connect(w.t.Context(), s, f, p.sock); err != nil {
		w.t.Fatal(err)
	}
	p.expect(api.EventEstablished)
	return p
}

// do sends one event.
func (p *peer) do(event, data string) {
	in := api.Inbound{Event: event, Ack: -1}
	if data != "" {
		in.Data = api.Value(data)
	}
	p.client.Handle(in)
}

// expect takes what the peer has heard, which must be exactly these events.
func (p *peer) expect(events ...string) []heard {
	p.w.t.Helper()
	synctest.Wait()
	all := p.sock.take(p.w.t, p.framing)
	var got []string
	for _, h := range all {
		got = append(got, h.event)
	}
	if len(got) != len(events) {
		p.w.t.Fatalf("%s heard %q, want %q", p.session.Username, got, events)
	}
	for i := range events {
		if got[i] != events[i] {
			p.w.t.Fatalf("%s heard %q, want %q", p.session.Username, got, events)
		}
	}
	return all
}

// state is the guest's document as everybody reads it.
func (p *peer) state() guest.Session {
	p.w.t.Helper()
	p.w.pass(2 * gather)
	synctest.Wait()
	s, err := p.w.store.Sessions.Get(p.w.t.Context(), p.session.SessionID)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return s
}

// pair makes two guests meet, and forgets what they heard.
func (w *world) pair() (a, b *peer) {
	w.t.Helper()
	a, b = w.join(guest.Profile{Username: "Ann"}), w.join(guest.Profile{Username: "Bob"})
	a.do(api.EventMatch, "")
	b.do(api.EventMatch, "")
	synctest.Wait()
	a.sock.take(w.t, a.framing)
	b.sock.take(w.t, b.framing)
	if a.state().ConnectedUser != b.session.ID || b.state().ConnectedUser != a.session.ID {
		w.t.Fatal("the two did not meet")
	}
	return a, b
}

// within runs a test in a bubble of its own time.
func within(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
}

// pass lets so much of the bubble's own time go by; nobody waits for it.
func (w *world) pass(d time.Duration) { <-time.After(d) }
