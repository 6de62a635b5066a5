// Package liar is a small chat server that speaks the contract's HTTP and /ws
// from memory, and can be told to break one rule of it. It exists so that tests
// can prove, over real sockets, that loadgen notices. It shares no code with the
// reference server, keeps everything under one lock, and is no example of how
// to write one.
package liar

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

// Lie is what the server does wrong.
type Lie string

// The lies, and none.
const (
	None          Lie = ""
	DoubleMatch   Lie = "double-match"   // a searcher is matched with a guest who is in a chat, and both are told
	SwapMessages  Lie = "swap-messages"  // a message is sent after the one that follows it
	DropMessage   Lie = "drop-message"   // a message is acknowledged and goes nowhere
	RepeatMessage Lie = "repeat-message" // a message is sent twice
	DamageMessage Lie = "damage-message" // the last character of a message is lost
	Misdirect     Lie = "misdirect"      // a third guest gets a message, too
	ForgetRelease Lie = "forget-release" // the partner of who goes is not told
	LeaveBehind   Lie = "leave-behind"   // a socket that has gone is still counted
	KeepWaiting   Lie = "keep-waiting"   // nobody is matched
	IgnoreWishes  Lie = "ignore-wishes"  // who waits longest is matched, wanted or not
	LastFirst     Lie = "last-first"     // who came last is matched
	SameAgain     Lie = "same-again"     // the last partner is matched again, though others wait
	WrongReceipt  Lie = "wrong-receipt"  // the recipient is told that a message was delivered
	RelayLate     Lie = "relay-late"     // what a guest says after a chat reaches the last partner
)

// Lies returns all lies.
func Lies() []Lie {
	return []Lie{DoubleMatch, SwapMessages, DropMessage, RepeatMessage, DamageMessage, Misdirect, ForgetRelease, LeaveBehind,
		KeepWaiting, IgnoreWishes, LastFirst, SameAgain, WrongReceipt, RelayLate}
}

// every is how many opportunities there are to a lie: the first is the third.
const every = 5

// always are the lies that are told each time, since few guests are there to whom
// they can be told: who stay, talk or wait at the same time.
var always = []Lie{Misdirect, ForgetRelease, KeepWaiting, LastFirst, SameAgain, RelayLate}

// Server is a running server.
type Server struct {
	lie      Lie
	url      string
	http     *fasthttp.Server
	upgrader websocket.FastHTTPUpgrader
	serving  chan error
	sockets  sync.WaitGroup

	mu struct {
		sync.Mutex
		guests  map[string]*guest // by session, which is the token, too
		online  map[*guest]bool
		queue   []*guest
		count   int // of guests, messages and pairs, for ids
		ghosts  int // sockets that are counted though they have gone
		chances int
		told    int
		closed  bool
	}
}

// Start serves on a free port of 127.0.0.1 until Close.
func Start(lie Lie) (*Server, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start lying server: %w", err)
	}
	s := &Server{
		lie: lie, url: "http://" + ln.Addr().String(), serving: make(chan error, 1),
		upgrader: websocket.FastHTTPUpgrader{CheckOrigin: func(*fasthttp.RequestCtx) bool { return true }},
	}
	s.mu.guests = make(map[string]*guest)
	s.mu.online = make(map[*guest]bool)
	// Hijacked connections are kept, or fasthttp hands the *Conn of one guest to
	// the next while a partner still writes to it.
	s.http = &fasthttp.Server{Handler: s.route, KeepHijackedConns: true, NoDefaultServerHeader: true, CloseOnShutdown: true}
	go func() { s.serving <- s.http.Serve(ln) }()
	return s, nil
}

// URL is the server's address, such as http://127.0.0.1:43210.
func (s *Server) URL() string { return s.url }

// Told returns how often the server has lied so far.
func (s *Server) Told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.told
}

// Close ends all sockets and stops serving. It returns what Serve returned.
func (s *Server) Close() error {
	s.mu.Lock()
	s.mu.closed = true
	for g := range s.mu.online {
		g.socket.conn.Close()
	}
	s.mu.Unlock()
	err := errors.Join(s.http.Shutdown(), <-s.serving)
	s.sockets.Wait()
	if err != nil {
		return fmt.Errorf("stop lying server: %w", err)
	}
	return nil
}

// lies reports whether to tell this lie now. The lock is held.
func (s *Server) lies(lie Lie) bool {
	if s.lie != lie {
		return false
	}
	s.mu.chances++
	if s.mu.chances%every != 3 && !slices.Contains(always, lie) {
		return false
	}
	s.mu.told++
	return true
}
