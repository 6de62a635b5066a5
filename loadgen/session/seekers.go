package session

import (
	"sync"
	"time"

	"guestload/loadgen/verify"
	"guestload/scenarios"
)

// overlap is how long two guests must have searched at the same time before it counts as a
// failure of the backend that they were not matched.
const overlap = time.Second

// desertedFor is how long no partner must have been left before a search ends early: the
// last partner may not have received its match yet.
const desertedFor = time.Second

// fewLeft bounds the guests among whom every pair is compared.
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
func drawTraits(d *random, t scenarios.Traits) traits {
	return traits{Language: d.pick(t.Language), Gender: d.pick(t.Gender), Country: d.pick(t.Country)}
}

// seekers holds who is searching. A guest who found no partner in time has failed if
// another guest searched at the same time for a while and the two accept each other.
// Otherwise the guest is unmatched, which is no failure. Guests of other generators are
// unknown here.
type seekers struct {
	mu struct {
		sync.Mutex
		searching map[int]seeker // by guest; with those who gave up
	}
}

func (c *seekers) enter(guest int, s seeker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.searching == nil {
		c.mu.searching = make(map[int]seeker)
	}
	c.mu.searching[guest] = s
}

// leave removes a guest whose search succeeded or was aborted.
func (c *seekers) leave(guest int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.searching, guest)
}

// giveUp ends the search of a guest who found no partner, and reports whether there was
// one. The guest is kept, since others may have searched at the same time.
func (c *seekers) giveUp(guest int, now time.Duration) (somebody bool) {
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

// deserted reports whether no search can succeed any more: all guests have arrived, and no
// two who are still searching accept each other.
func (w *World) deserted() bool {
	gone := int(w.gone.Load()) // first: whoever goes meanwhile is counted as neither
	left := w.seekers.left()
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
func (c *seekers) left() (all []seeker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.mu.searching {
		if s.until == 0 {
			all = append(all, s)
		}
	}
	return all
}
