// Package realtime is who is connected here, who talks to whom, and what they
// hear: the Node holds this instance's guests, the store behind its ports
// decides what all instances must agree on.
package realtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/guest"
)

// ErrDraining is returned to those who come while the node stops.
var ErrDraining = errors.New("the server is shutting down")

// Config is what a Node is made of. Sessions, Presence, Matcher and Now are
// required.
type Config struct {
	Instance   string // this instance's name, unique; made up where empty
	Sessions   Sessions
	Presence   Presence
	Matcher    Matcher
	Broker     Broker // nil: this is the only instance
	Now        func() time.Time
	Log        *slog.Logger
	QueueBytes int                 // what a socket may have waiting; 0: 256 KiB
	OnMatch    func(time.Duration) // called with how long each guest waited for a match
}

// Node is one instance's guests and chats. Run works until its context ends.
type Node struct {
	instance   string
	sessions   Sessions
	presence   Presence
	matcher    Matcher
	broker     Broker
	now        func() time.Time
	log        *slog.Logger
	queueBytes int
	onMatch    func(time.Duration)

	ctx      context.Context // of storage calls made for a socket
	stop     context.CancelFunc
	work     sync.WaitGroup // flushes
	saver    saver
	prefix   string // of message ids
	messages atomic.Uint64
	sockets  atomic.Uint64 // ever, for socket ids
	changed  atomic.Bool   // something that statistics show
	draining atomic.Bool
	wheel    wheel
	counts   counts
	draws    draws
	doubts   doubts
	engaged  engaged
	moves    moves

	mu struct {
		sync.RWMutex
		members map[string]*member // by session id
	}
}

// New makes a Node.
func New(cfg Config) (*Node, error) {
	if cfg.Sessions == nil || cfg.Presence == nil || cfg.Matcher == nil || cfg.Now == nil {
		return nil, errors.New("realtime: Sessions, Presence, Matcher and Now are required")
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("realtime: no randomness: %w", err)
	}
	prefix := hex.EncodeToString(seed[:5])
	if cfg.Instance == "" {
		cfg.Instance = prefix
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = 256 << 10
	}
	if cfg.OnMatch == nil {
		cfg.OnMatch = func(time.Duration) {}
	}
	n := &Node{
		instance: cfg.Instance, sessions: cfg.Sessions, presence: cfg.Presence, matcher: cfg.Matcher,
		broker: cfg.Broker, now: cfg.Now, log: cfg.Log, queueBytes: cfg.QueueBytes, onMatch: cfg.OnMatch,
		prefix: prefix + "-",
	}
	n.draws.init(seed)
	n.ctx, n.stop = context.WithCancel(context.Background())
	n.mu.members = make(map[string]*member)
	n.saver.wake = make(chan struct{}, 1)
	return n, nil
}

// Run does the node's own work (heartbeats, statistics for everybody, keeping
// sessions alive, events from other instances) until ctx ends, then finishes
// what is owed to the store.
func (n *Node) Run(ctx context.Context) error {
	defer n.stop()
	var loops, writers sync.WaitGroup
	for _, loop := range []func(context.Context){n.beat, n.broadcast, n.keep, n.listen, n.tend} {
		loops.Go(func() { loop(ctx) })
	}
	done, stop := context.WithCancel(context.Background())
	defer stop()
	writers.Go(func() { n.saver.run(done, n) })
	loops.Wait()
	n.work.Wait()
	stop()
	writers.Wait()
	return nil
}

// find returns the member with a guest id, nil where it is not here.
func (n *Node) find(id string) *member {
	sessionID, ok := guest.SessionIDOf(id)
	if !ok {
		return nil
	}
	return n.member(sessionID)
}

// member returns the guest of a session, nil where it is not here.
func (n *Node) member(sessionID string) *member {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.mu.members[sessionID]
}

// take returns the session's member with its turn held, made where there is none.
func (n *Node) take(s guest.Session) *member {
	for {
		n.mu.Lock()
		m := n.mu.members[s.SessionID]
		if m == nil {
			m = &member{id: s.ID, sessionID: s.SessionID}
			n.mu.members[s.SessionID] = m
		}
		n.mu.Unlock()
		m.turn.Lock()
		m.mu.Lock()
		removed := m.mu.removed
		m.mu.Unlock()
		if !removed {
			return m
		}
		m.turn.Unlock()
	}
}

// everybody returns the members of this moment.
func (n *Node) everybody() []*member {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := make([]*member, 0, len(n.mu.members))
	for _, m := range n.mu.members {
		all = append(all, m)
	}
	return all
}
