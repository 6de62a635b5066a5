package session

import (
	"sync"
	"time"

	"guestload/loadgen/verify"
	"guestload/scenarios"
)

// overlap is how long two guests must have searched at the same time before
// the backend is blamed for not having brought them together.
const overlap = time.Second

// desertedFor is how long nobody must have been left before a search ends early:
// the last to be found may not have heard of it yet.
const desertedFor = time.Second

// fewLeft is how many may be left for it to be asked whether any two accept each other.
const fewLeft = 32

// seeker is a guest who is searching.
type seeker struct {
	since  time.Duration
	until  time.Duration // when the search was given up; 0 while it goes on
	traits traits
	wants  traits
}

// traits are single values.
type traits = verify.Traits

// drawTraits draws one value of each list.
func drawTraits(d *dice, t scenarios.Traits) traits {
	return traits{Language: d.pick(t.Language), Gender: d.pick(t.Gender), Country: d.pick(t.Country)}
}

// crowd knows who is searching. A guest who found nobody in time has failed if
// anybody in it could have been found: somebody who has searched alongside for
// a while, and each of the two is what the other wants. Otherwise there was
// nobody, and the guest is unmatched, which is nobody's fault. Guests of other
// generators are not known here.
type crowd struct {
	mu struct {
		sync.Mutex
		searching map[int]seeker // by guest; with those who gave up
	}
}

func (c *crowd) enter(guest int, s seeker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.searching == nil {
		c.mu.searching = make(map[int]seeker)
	}
	c.mu.searching[guest] = s
}

// leave takes out a guest whose search was successful, or broke off.
func (c *crowd) leave(guest int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.searching, guest)
}

// giveUp ends the search of a guest who found nobody by now, and reports whether
// there was somebody. Others may still have searched alongside: the guest is
// remembered.
func (c *crowd) giveUp(guest int, now time.Duration) (somebody bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	me, ok := c.mu.searching[guest]
	if !ok {
		return false
	}
	me.until = now
	c.mu.searching[guest] = me
	for other, s := range c.mu.searching {
		end := now
		if s.until > 0 {
			end = s.until
		}
		if other != guest && end-max(s.since, me.since) >= overlap &&
			me.wants.Accept(s.traits) && s.wants.Accept(me.traits) {
			return true
		}
	}
	return false
}

// deserted reports whether nobody who searches can be found any more: everybody else
// has gone, nobody is still to come, and no two who are left accept each other.
func (w *World) deserted() bool {
	gone := int(w.gone.Load()) // first: whoever goes meanwhile is counted as neither
	left := w.crowd.left()
	if gone+len(left) < w.Guests || len(left) > fewLeft {
		return false
	}
	for i, a := range left {
		for _, b := range left[:i] {
			if a.wants.Accept(b.traits) && b.wants.Accept(a.traits) {
				return false
			}
		}
	}
	return true
}

// left returns those who search now.
func (c *crowd) left() (all []seeker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.mu.searching {
		if s.until == 0 {
			all = append(all, s)
		}
	}
	return all
}
