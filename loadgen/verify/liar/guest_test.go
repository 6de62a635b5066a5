package liar_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"guestload/loadgen/verify"
	"guestload/loadgen/verify/liar"
	"guestload/server/api"
)

const (
	guests   = 16
	messages = 6
)

// play lets guests come, meet, talk, part and meet again, and go. Their witnesses
// are one verifier's, or those of several processes, whose calls are replayed to one.
func play(t *testing.T, s *liar.Server, lie liar.Lie, processes int) verify.Report {
	t.Helper()
	limits := verify.Limits{Release: time.Minute, Vanished: time.Minute, Notice: time.Minute, Match: time.Minute} // the machine may be busy
	limits.JustLeft = time.Minute
	switch lie {
	case liar.ForgetRelease:
		limits.Release = patience / 2
	case liar.KeepWaiting:
		limits.Match = patience / 4
	}
	v, start := verify.New(limits), time.Now()
	now := func() time.Duration { return time.Since(start) }
	var all, handing sync.WaitGroup
	over := make(chan struct{})
	played, replay := []*verify.Verifier{v}, verify.NewReplay(v, processes)
	if processes > 1 {
		var taps []*verify.Tap
		played = nil
		for range processes {
			taps = append(taps, new(verify.Tap))
			played = append(played, verify.NewTapped(limits, taps[len(taps)-1]))
		}
		handing.Go(func() { hand(t, replay, taps, now, over) })
	}
	for i := range guests {
		all.Go(func() {
			g := &guest{server: s.URL(), now: now, witness: played[i%processes].Witness(i), random: rand.New(rand.NewPCG(uint64(i), 1)), index: i}
			if slices.Contains([]liar.Lie{liar.None, liar.IgnoreWishes, liar.LastFirst, liar.SameAgain}, lie) {
				if g.is, g.wants = many, few; i%4 == 3 {
					g.is, g.wants = few, many
				}
			}
			if err := g.live(); err != nil {
				t.Errorf("guest %d: %v", i, err)
			}
		})
	}
	all.Wait()
	close(over)
	handing.Wait()
	return v.Finish(now(), leftovers(t, s.URL()))
}

// hand hands over what each process was told, one after the other, until all is over.
func hand(t *testing.T, replay *verify.Replay, taps []*verify.Tap, now func() time.Duration, over <-chan struct{}) {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-again.C:
			i := turn % len(taps)
			until := now()
			if err := replay.Add(i, taps[i].Take(), until); err != nil {
				t.Error(err)
			}
		case <-over:
			for i, tap := range taps {
				if err := replay.Add(i, tap.Take(), now()); err != nil {
					t.Error(err)
				}
			}
			for i := range taps {
				replay.End(i)
			}
			return
		}
	}
}

func leftovers(t *testing.T, url string) verify.Leftovers {
	t.Helper()
	deadline := time.NewTimer(500 * time.Millisecond)
	defer deadline.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		var stats struct{ ConnectedSockets, Rooms int }
		if err := call(http.MethodGet, url+"/api/socket/stats", "", &stats); err != nil {
			t.Fatal(err)
		}
		left := verify.Leftovers{"connectedSockets": stats.ConnectedSockets, "rooms": stats.Rooms}
		if stats.ConnectedSockets == 0 && stats.Rooms == 0 {
			return left
		}
		select {
		case <-again.C:
		case <-deadline.C:
			return left
		}
	}
}

func call(method, url, body string, data any) error {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Close = true // or the server waits for the connection when it is closed
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	envelope := struct {
		Success bool
		Message string
		Data    any
	}{Data: data}
	if err := json.Unmarshal(answer, &envelope); err != nil {
		return err
	}
	if !envelope.Success {
		return fmt.Errorf("%s %s: %s", method, url, envelope.Message)
	}
	return nil
}

// guest is a small player: three chats, each side says so many messages, one of
// the two leaves, and the other says something more. A server that lies may leave it waiting; then it
// goes on after a while.
type guest struct {
	server    string
	now       func() time.Duration
	witness   *verify.Witness
	random    *rand.Rand
	id        string
	index     int
	is, wants string // languages; "": not said, and anybody
	conn      *websocket.Conn
	frames    chan []byte

	known     bool
	cancelled bool
	partner   string
	heardAll  bool
	refused   bool // a message was
	over      bool // the partner has gone, or the own leave is confirmed
}

// Languages of guests who want somebody of the other, where they want anybody in
// particular: one of four is one of the few, so that some of the others wait in vain.
const few, many = "de", "en"

const patience = 600 * time.Millisecond

func (g *guest) live() error {
	var made struct {
		Token string
		User  struct{ ID string }
	}
	if g.is == few { // the many wait by now, and come one by one themselves
		<-time.After(time.Duration(5+g.index) * 20 * time.Millisecond)
	}
	g.witness.Seeks(verify.Traits{Language: g.is}, verify.Traits{Language: g.wants}, true)
	if err := call(http.MethodPost, g.server+"/api/guest", fmt.Sprintf(`{"language":%q}`, g.is), &made); err != nil {
		return err
	}
	g.id = made.User.ID
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(g.server, "http", "ws", 1)+"/ws?token="+made.Token, nil)
	if err != nil {
		return err
	}
	g.conn, g.frames = conn, make(chan []byte, 64)
	ended := make(chan struct{})
	go func() {
		defer close(g.frames)
		for {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				return
			}
			select {
			case g.frames <- frame:
			case <-ended:
				return
			}
		}
	}()
	for range 3 {
		if err := g.chat(); err != nil {
			break // nobody came
		}
	}
	g.witness.Dropping(g.now(), verify.Closed)
	close(ended)
	return conn.Close()
}

var errAlone = errors.New("nobody came")

func (g *guest) chat() error {
	g.partner, g.heardAll, g.over = "", false, false
	if !g.hearUntil(func() bool { return g.known }) {
		return errAlone
	}
	g.witness.Searching(g.now())
	g.send(api.EventMatch, map[string]any{"language": g.wants})
	if !g.hearUntil(func() bool { return g.partner != "" }) {
		g.witness.Cancelling(g.now())
		g.send(api.EventMatchCancel, nil)
		g.hearUntil(func() bool { return g.cancelled })
		return errAlone
	}
	for k := range messages {
		text := g.witness.Compose(nil, g.now(), k+1, messages, 40, g.random)
		g.witness.Sent(g.now())
		g.send(api.EventChatMessage, map[string]any{"type": "text", "content": string(text)})
	}
	g.hearUntil(func() bool { return g.heardAll || g.over })
	if g.id > g.partner { // then the other leaves
		g.hearUntil(func() bool { return g.over })
	}
	if g.over { // and says something still
		text := g.witness.Compose(nil, g.now(), 0, 0, 40, g.random)
		g.refused = false
		g.send(api.EventChatMessage, map[string]any{"type": "text", "content": string(text)})
		g.hearUntil(func() bool { return g.refused })
		return nil
	}
	g.witness.Leaving(g.now())
	g.send(api.EventChatClear, nil)
	g.hearUntil(func() bool { return g.over })
	return nil
}

// send writes an event; that the socket has ended shows when reading.
func (g *guest) send(event string, data any) {
	g.conn.WriteJSON(map[string]any{"event": event, "data": data})
}

// hearUntil takes in events until the condition holds, or patience ends.
func (g *guest) hearUntil(holds func() bool) bool {
	patience := time.NewTimer(patience)
	defer patience.Stop()
	for !holds() {
		select {
		case frame, ok := <-g.frames:
			if !ok {
				return false
			}
			g.hear(frame)
		case <-patience.C:
			return false
		}
	}
	return true
}

func (g *guest) hear(frame []byte) {
	at := g.now()
	var in struct {
		Event string
		Data  struct {
			UserID, SenderID, Content, MessageID, RoomID string
			MatchedUser                                  struct{ ID string }
		}
	}
	if json.Unmarshal(frame, &in) != nil {
		return
	}
	switch d := in.Data; in.Event {
	case api.EventEstablished:
		g.known = true
		g.witness.Established(at, d.UserID)
	case api.EventMatched:
		g.partner, g.heardAll, g.over = d.MatchedUser.ID, false, false
		g.witness.Matched(at, []byte(d.MatchedUser.ID), []byte(d.RoomID))
	case api.EventChatMessage:
		m, ok := g.witness.Received(at, []byte(d.SenderID), []byte(d.Content))
		g.heardAll = g.heardAll || ok && m.K == m.N
	case api.EventMessageSent:
		g.witness.Acked(at, []byte(d.MessageID))
	case api.EventDelivered:
		g.witness.Delivered(at, []byte(d.MessageID))
	default:
		g.cancelled = in.Event == api.EventMatchCancelled
		g.refused = g.refused || in.Event == api.EventChatError
		g.witness.Heard(at, in.Event, []byte(d.UserID))
		g.over = g.over || in.Event == api.EventClearConfirmed || in.Event == api.EventChatCleared || in.Event == api.EventRoomClosed
	}
}
