package realtime

import (
	"sync"
	"sync/atomic"

	"guestload/server/guest"
)

// chat is one pair, as this instance sees it. Messages and the end go through
// its lock, so nothing follows an end, and both sides see one order.
type chat struct {
	pair  string  // guest.Pair.ID
	room  string  // both ids, sorted, joined with '_'
	sides [2]side // who searched last, and who had waited

	// restored: this instance has told the matcher of the pair since it was made,
	// perhaps after the other had dissolved it there.
	restored atomic.Bool

	mu struct {
		sync.Mutex
		over  bool
		waits [2]wait // of each side; see moves.go
	}
}

// side is one of the two guests of a chat.
type side struct {
	id       string
	username string
	member   *member        // nil where the guest lives on another instance
	instance string         // where it lives
	as       guest.Searcher // as the matcher knew it
}

// roomID is the room of two guests.
func roomID(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return a + "_" + b
}

func (n *Node) newChat(p guest.Pair) *chat {
	c := &chat{pair: p.ID, room: roomID(p.A.ID, p.B.ID)}
	for i, s := range []guest.Searcher{p.A, p.B} {
		c.sides[i] = side{id: s.ID, username: s.Username, instance: s.Instance, as: s}
		if s.Instance == n.instance {
			c.sides[i].member = n.find(s.ID)
		}
	}
	return c
}

// asPair is the chat as the matcher records it.
func (c *chat) asPair() guest.Pair { return guest.Pair{ID: c.pair, A: c.sides[0].as, B: c.sides[1].as} }

// partner is the side that is not id's.
func (c *chat) partner(id string) *side {
	if c.sides[0].id == id {
		return &c.sides[1]
	}
	return &c.sides[0]
}

// self is id's side.
func (c *chat) self(id string) *side {
	if c.sides[0].id == id {
		return &c.sides[0]
	}
	return &c.sides[1]
}

// parting says why a chat ends.
type parting byte

const (
	left         parting = iota // the guest left the chat, and is told so
	disconnected                // the guest is gone
	offline                     // the guest's instance is gone
	undone                      // nobody wished it: the match did not stand, and both are told
)
