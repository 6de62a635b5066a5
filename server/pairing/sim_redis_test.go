package pairing

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// matcher does what the contract suite of realtime's Matcher asks for: one list,
// read from its head.
type matcher struct {
	prefix  string
	waiting []searcher
	pairs   map[string]*Pair // by guest, under both
	made    int
	check   func(m *matcher, s, partner *searcher)
}

// searcher is a party and whom it would meet.
type searcher struct {
	Party
	avoid       string
	trait, want int // want: a trait, -1 for any
}

func (s *searcher) accepts(o *searcher) bool {
	return (s.want < 0 || s.want == o.trait) && (o.want < 0 || o.want == s.trait)
}

func (m *matcher) waits(guest string) int {
	return slices.IndexFunc(m.waiting, func(s searcher) bool { return s.Guest == guest })
}

func (m *matcher) drop(guest string) {
	if i := m.waits(guest); i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
	}
}

func (m *matcher) search(s searcher) *Pair {
	if p := m.pairs[s.Guest]; p != nil {
		return p
	}
	best, avoided := -1, -1
	for i := range m.waiting {
		w := &m.waiting[i]
		switch {
		case w.Guest == s.Guest || !w.accepts(&s):
		case w.Guest == s.avoid || w.avoid == s.Guest:
			if avoided < 0 {
				avoided = i
			}
		case best < 0:
			best = i
		}
	}
	if best < 0 {
		best = avoided
	}
	if best < 0 {
		if i := m.waits(s.Guest); i >= 0 {
			m.waiting[i] = s
		} else {
			m.waiting = append(m.waiting, s)
		}
		return nil
	}
	partner := m.waiting[best]
	if m.check != nil {
		m.check(m, &s, &partner)
	}
	m.drop(s.Guest)
	m.drop(partner.Guest)
	m.made++
	p := &Pair{ID: fmt.Sprint(m.prefix, m.made), Of: [2]Party{s.Party, partner.Party}}
	m.pairs[s.Guest], m.pairs[partner.Guest] = p, p
	return p
}

func (m *matcher) leave(guest, instance string) *Pair {
	if i := m.waits(guest); i >= 0 && (instance == "" || m.waiting[i].Instance == instance) {
		m.drop(guest)
	}
	p := m.pairs[guest]
	if p == nil || instance != "" && p.Of[p.index(guest)].Instance != instance {
		return nil
	}
	m.dissolve(p)
	return p
}

func (m *matcher) dissolve(p *Pair) {
	for i := range p.Of {
		delete(m.pairs, p.Of[i].Guest)
	}
}

func (m *matcher) move(guest, pair, instance string) bool {
	p := m.pairs[guest]
	if p == nil || p.ID != pair {
		return false
	}
	moved := *p
	moved.Of[p.index(guest)].Instance = instance
	m.record(&moved)
	return true
}

func (m *matcher) record(p *Pair) {
	for i := range p.Of {
		m.pairs[p.Of[i].Guest] = p
	}
}

// restore records a pair; refused with the pair that one of the two is in, or nil
// where one waits on another instance.
func (m *matcher) restore(p *Pair, instance string) (stands *Pair, refused bool) {
	for i := range p.Of {
		if q := m.pairs[p.Of[i].Guest]; q != nil && q.ID != p.ID {
			return q, true
		}
	}
	for i := range p.Of {
		if w := m.waits(p.Of[i].Guest); w >= 0 && m.waiting[w].Instance != instance {
			return nil, true
		}
	}
	for i := range p.Of {
		m.drop(p.Of[i].Guest)
	}
	m.record(p)
	return p, false
}

// redis is matcher and presence of all instances.
type redis struct {
	matcher
	owners map[string]string // guest → instance
	leases map[string]time.Duration
	tombs  map[string]bool // deleted sessions
	joins  int64           // the latest join, so that no two are equal
	epoch  int
}

func (r *redis) empty(now time.Duration) {
	r.epoch++
	r.prefix = fmt.Sprintf("r%d-", r.epoch)
	r.waiting, r.pairs = nil, map[string]*Pair{}
	if r.tombs == nil { // instances remember them, and write them back
		r.tombs = map[string]bool{}
	}
	r.owners, r.leases = map[string]string{}, map[string]time.Duration{}
}

// clock is the time that all instances share, in µs.
func (r *redis) clock(now time.Duration) int64 {
	r.joins = max(r.joins+1, now.Microseconds())
	return r.joins
}

func (r *redis) join(guest, instance string, now time.Duration) (previous string, at int64) {
	previous = r.owners[guest]
	r.owners[guest] = instance
	return previous, r.clock(now)
}

func (r *redis) forget(guest, instance string) {
	if r.owners[guest] == instance {
		delete(r.owners, guest)
	}
}

// settle makes the owners exact for an instance, and returns whom another had.
func (r *redis) settle(instance string, present map[string]bool) (moved [][2]string) {
	for _, g := range slices.Sorted(maps.Keys(present)) {
		if r.tombs[g] {
			continue
		}
		if was := r.owners[g]; was != "" && was != instance {
			moved = append(moved, [2]string{g, was})
		}
		r.owners[g] = instance
	}
	maps.DeleteFunc(r.owners, func(g, i string) bool { return i == instance && !present[g] })
	return moved
}

// repair makes up for what Redis has missed of an instance, but takes nobody from
// another: as the store does when a beat shows that the counts differ. It returns who is
// on another instance.
func (r *redis) repair(instance string, present map[string]bool, joining map[string]int) (elsewhere map[string]string) {
	elsewhere = map[string]string{}
	for g := range present {
		if o := r.owners[g]; o != "" && o != instance && joining[g] == 0 {
			elsewhere[g] = o
		}
		if r.owners[g] == "" && joining[g] == 0 && !r.tombs[g] {
			r.owners[g] = instance
		}
	}
	maps.DeleteFunc(r.owners, func(g, i string) bool { return i == instance && !present[g] })
	return elsewhere
}

// prune takes out what is recorded for an instance and is not so, and returns the pairs
// with the guest who is not in it.
func (r *redis) prune(instance string, m *Machine) (dissolved []Input) {
	for _, s := range slices.Clone(r.waiting) {
		if s.Instance == instance && !m.Searching(s.Guest) {
			r.drop(s.Guest)
		}
	}
	r.eachPair(func(p *Pair) {
		for i := range p.Of {
			if p.Of[i].Instance == instance && !m.Chatting(p.Of[i].Guest, p.ID) {
				r.dissolve(p)
				dissolved = append(dissolved, Input{Kind: Dissolved, Guest: p.Of[i].Guest, Match: p})
				return
			}
		}
	})
	return dissolved
}

func (r *redis) eachPair(do func(p *Pair)) {
	for _, g := range slices.Sorted(maps.Keys(r.pairs)) {
		if p := r.pairs[g]; p != nil && p.Of[0].Guest == g {
			do(p)
		}
	}
}

// reap cleans up after a dead instance, whose records nobody has moved by now. (Today's
// store keeps them where a guest has a socket elsewhere: for ever, if that one dies, too.)
func (r *redis) reap(instance string) {
	for _, s := range slices.Clone(r.waiting) {
		if s.Instance == instance {
			r.drop(s.Guest)
		}
	}
	r.eachPair(func(p *Pair) {
		if p.Of[0].Instance == instance || p.Of[1].Instance == instance {
			r.dissolve(p)
		}
	})
	maps.DeleteFunc(r.owners, func(_, i string) bool { return i == instance })
	delete(r.leases, instance)
}
