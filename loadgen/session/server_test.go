package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"guestload/loadgen/verify"
	"guestload/server/api"
)

// fakeServer serves the contract from memory, in synctest's time, and can be told to break it.
type fakeServer struct {
	mu       sync.Mutex
	members  map[string]*member // by token
	waiting  []*member
	ids      int
	sent     int
	timeouts int // waits for an event that ended without one

	delay    time.Duration // of every answer to a request, and of every event
	faulty   bool          // rules of the contract will be violated
	deaf     map[string]bool
	refuse   map[string]string // by path: the message of the 503
	stallAck func(nth int) time.Duration
	lose     func(verify.Header) bool // messages that are acknowledged as delivered, and go nowhere
	vanish   time.Duration            // until a silent socket is noticed
	lifetime time.Duration            // of tokens; 0: for ever
	hoard    bool                     // messages of guests without a partner are accepted
	angry    error                    // what everybody is closed with who breaks the protocol
	patience int                      // events from anybody until the server is angry
	// so many names are refused, with other words than the contract's
	refuseNext int
}

type member struct {
	id, session, name, token string
	wants                    api.Value
	issued                   time.Time
	wire                     *wire
	partner                  *member
}

func newFakeServer() *fakeServer {
	return &fakeServer{members: map[string]*member{}, deaf: map[string]bool{}, refuse: map[string]string{}, vanish: 60 * time.Second}
}

func (t *fakeServer) Call(ctx context.Context, r Request, read func(api.Value) error) error {
	if err := errors.Join(t.hesitate(r.Within), ctx.Err()); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if message, ok := t.refuse[r.Path]; ok {
		return fmt.Errorf("%w: 503 %s", ErrRefused, message)
	}
	var data any
	m := t.members[r.Token]
	switch {
	case m != nil && r.Path != "/api/guest/token" && t.stale(m):
		return errExpired
	case t.refuseNext > 0 && strings.Contains(string(r.Body), "username"):
		t.refuseNext--
		return &RefusedError{Status: 400, Message: "go away"}
	case r.Method == "POST" && r.Path == "/api/guest":
		t.ids++
		m = &member{id: fmt.Sprintf("guest_%d", t.ids), session: fmt.Sprint(t.ids), name: "G", token: fmt.Sprintf("token-%d", t.ids), issued: time.Now()}
		t.members[m.token] = m
		data = map[string]any{"token": m.token, "user": map[string]any{"id": m.id, "sessionId": m.session, "username": m.name}}
	case r.Path == "/api/guest/token" && m != nil:
		m.token, m.issued = m.token+"+", time.Now()
		t.members[m.token] = m
		data = map[string]any{"token": m.token}
	case strings.HasPrefix(r.Path, "/api/guest/") && r.Method == "GET":
		data = map[string]any{"user": map[string]any{"id": "guest_" + strings.TrimPrefix(r.Path, "/api/guest/")}}
	case m == nil:
		return fmt.Errorf("%w: 401 %s", ErrRefused, api.TextInvalidToken)
	default:
		data = map[string]any{}
	}
	if read == nil {
		return nil
	}
	return read(jsonOf(data))
}

var errExpired = &RefusedError{Status: 401, Message: api.TextTokenExpired}

func (t *fakeServer) stale(m *member) bool {
	return t.lifetime > 0 && time.Since(m.issued) > t.lifetime
}

func jsonOf(v any) api.Value {
	b, _ := json.Marshal(v)
	return api.Value(b)
}

// hesitate takes the delay of an answer, of which the guest waits for a part where it has a limit.
func (t *fakeServer) hesitate(within time.Duration) error {
	if within > 0 && within < t.delay {
		time.Sleep(within)
		return ErrTimeout
	}
	if t.delay > 0 {
		time.Sleep(t.delay)
	}
	return nil
}

func (t *fakeServer) Dial(ctx context.Context, h Handshake, welcome func(api.Value) error) (Conn, error) {
	if err := t.hesitate(h.Within); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.members[h.Token]
	switch {
	case m == nil:
		return nil, &RefusedError{Status: 401, Message: api.TextInvalidToken}
	case t.stale(m):
		return nil, errExpired
	}
	t.release(m, api.EventRoomClosed)
	m.wire = &wire{server: t, member: m, more: make(chan struct{}, 1), gone: make(chan struct{})}
	w := m.wire
	context.AfterFunc(ctx, func() { w.end(fmt.Errorf("%w: stopped", ErrClosed)) })
	if welcome != nil {
		if err := welcome(jsonOf(map[string]any{"userId": m.id})); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// release parts the member from its partner, who is told.
func (t *fakeServer) release(m *member, event string) {
	t.waiting = slices.DeleteFunc(t.waiting, func(o *member) bool { return o == m })
	other := m.partner
	if other == nil {
		return
	}
	m.partner, other.partner = nil, nil
	t.tell(other, event, map[string]any{"userId": m.id, "username": m.name})
}

func (t *fakeServer) tell(m *member, event string, data any) {
	if m.wire == nil || t.deaf[event] {
		return
	}
	delay := t.delay
	if event == api.EventMessageSent && t.stallAck != nil {
		t.sent++
		delay = t.stallAck(t.sent)
	}
	m.wire.push(heard{time.Now().Add(delay), api.Inbound{Event: event, Data: jsonOf(data), Ack: -1}})
}

// take does what a member asks for.
func (t *fakeServer) take(m *member, event string, data api.Value) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch event {
	case api.EventMatch:
		t.clear(m)
		t.tell(m, api.EventSearching, nil)
		m.wants = append(api.Value(nil), data...)
		if other := t.somebody(m); other != nil {
			t.pair(m, other)
			return
		}
		t.tell(m, api.EventNoUsers, nil)
		t.waiting = append(t.waiting, m)
	case api.EventMatchCancel:
		t.waiting = slices.DeleteFunc(t.waiting, func(o *member) bool { return o == m })
		t.tell(m, api.EventMatchCancelled, nil)
	case api.EventChatClear:
		t.clear(m)
	case api.EventChatMessage:
		t.ids++
		if m.partner == nil && t.hoard {
			t.tell(m, api.EventMessageSent, map[string]any{"messageId": fmt.Sprintf("m%d", t.ids), "status": "sent"})
			return
		}
		if m.partner == nil {
			t.tell(m, api.EventChatError, map[string]any{"message": api.TextNotConnected})
			return
		}
		id := fmt.Sprintf("m%d", t.ids)
		text := data.Get("content").Text()
		if mark, _ := verify.ReadHeader(text); t.lose == nil || !t.lose(mark) {
			t.tell(m.partner, api.EventChatMessage, map[string]any{"id": id, "senderId": m.id, "type": "text", "content": string(text)})
		}
		t.tell(m, api.EventMessageSent, map[string]any{"messageId": id, "status": "sent"})
		t.tell(m, api.EventDelivered, map[string]any{"messageId": id})
	}
}

func (t *fakeServer) clear(m *member) {
	if m.partner == nil {
		return
	}
	t.tell(m, api.EventUserLeft, map[string]any{"userId": m.id})
	t.tell(m.partner, api.EventUserLeft, map[string]any{"userId": m.id})
	t.release(m, api.EventChatCleared)
	t.tell(m, api.EventClearConfirmed, nil)
}

func (t *fakeServer) somebody(m *member) *member {
	for i, o := range t.waiting {
		if string(o.wants) == string(m.wants) {
			t.waiting = slices.Delete(t.waiting, i, i+1)
			return o
		}
	}
	return nil
}

func (t *fakeServer) pair(a, b *member) {
	room := min(a.id, b.id) + "_" + max(a.id, b.id)
	a.partner, b.partner = b, a
	for _, m := range []*member{a, b} {
		t.tell(m, api.EventMatched, map[string]any{"matchedUser": map[string]any{"id": m.partner.id}, "roomId": room})
		t.tell(m, api.EventUserJoined, map[string]any{"userId": a.id})
		t.tell(m, api.EventUserJoined, map[string]any{"userId": b.id})
	}
}

// leftovers are the server's own counts.
func (t *fakeServer) leftovers() (waiting, chatting, sockets int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.members {
		if m.partner != nil {
			chatting++
		}
		if m.wire != nil {
			sockets++
		}
	}
	return len(t.waiting), chatting, sockets
}

// heard is an event on its way.
type heard struct {
	at time.Time
	ev api.Inbound
}

// wire is one member's connection.
type wire struct {
	server *fakeServer
	member *member
	more   chan struct{}
	gone   chan struct{}

	mu    sync.Mutex
	queue []heard
	err   error
}

func (w *wire) push(h heard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.queue); n > 0 && w.queue[n-1].at.After(h.at) {
		h.at = w.queue[n-1].at // order is kept
	}
	w.queue = append(w.queue, h)
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// end breaks the connection from outside.
func (w *wire) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		close(w.gone)
	}
}

func (w *wire) Send(event string, data []byte) error {
	w.mu.Lock()
	err := w.err
	w.mu.Unlock()
	if w.server.patience > 0 && err == nil {
		if w.server.patience--; w.server.patience == 0 {
			w.end(w.server.angry)
			w.Close(Abrupt)
			return w.server.angry
		}
	}
	if err == nil && !w.server.deaf[event] {
		w.server.take(w.member, event, data)
	}
	return err
}

func (w *wire) Inject([]byte) error {
	if w.server.angry != nil {
		w.end(w.server.angry)
	}
	return nil
}

func (w *wire) Next(deadline time.Time) (api.Inbound, error) {
	for {
		w.mu.Lock()
		until, err := deadline, w.err
		if len(w.queue) > 0 && err == nil {
			h := w.queue[0]
			if !h.at.After(time.Now()) {
				w.queue = w.queue[1:]
				w.mu.Unlock()
				return h.ev, nil
			}
			if h.at.Before(until) {
				until = h.at
			}
		}
		w.mu.Unlock()
		if err != nil {
			return api.Inbound{}, err
		}
		if !time.Now().Before(deadline) {
			w.server.mu.Lock()
			defer w.server.mu.Unlock()
			w.server.timeouts++
			return api.Inbound{}, ErrTimeout
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-timer.C:
		case <-w.more:
		case <-w.gone:
		}
		timer.Stop()
	}
}

func (w *wire) Close(how Ending) error {
	t := w.server
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if w.member.wire == w {
			t.release(w.member, api.EventRoomClosed)
			w.member.wire = nil
		}
	}
	w.end(ErrClosed)
	if how == HalfOpen {
		time.AfterFunc(t.vanish, leave)
		return nil
	}
	leave()
	return nil
}
