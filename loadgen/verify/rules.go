package verify

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"guestload/scenarios/rule"
)

// Examples is how many breaches of one rule are described; all are counted.
const Examples = 5

// Violation counts the breaches of one rule. Breaches that follow from a breach of another
// rule count as consequences of that one instead. Each example has several lines: what was
// wrong, and the latest events of both guests.
type Violation struct {
	Rule         string
	Count        int64
	Examples     []string
	Consequences []Consequence // in the order of the rules
}

// Consequence counts the breaches of one rule that follow from those of another.
type Consequence struct {
	Rule  string
	Count int64
}

// Report is what a run's guests saw, judged. Violations lists every rule, those
// with Count 0 too.
type Report struct {
	Violations     []Violation
	timeless, late []Violation // without breaches of time limits, and these alone

	Matches  int64 // user:matched heard
	Messages int64 // chat:message heard
	// Losses counts chats that ended when one guest's instance was killed, and Slowest is
	// the longest time until the other guest was told.
	Losses    int64
	Slowest   time.Duration
	Strangers int64 // matches with guests of other processes, or people: only one side was judged
}

// Total returns the number of breaches without consequences.
func (r Report) Total() int64 {
	var n int64
	for _, v := range r.Violations {
		n += v.Count
	}
	return n
}

// Of returns the entry of one rule, zero for an unknown rule.
func (r Report) Of(id rule.ID) Violation {
	for _, v := range r.Violations {
		if v.Rule == string(id) {
			return v
		}
	}
	return Violation{}
}

// WithoutTime returns the report without breaches of time limits, and these breaches, of
// each rule that has some. On a machine too slow for the load a limit says nothing of the
// server; rules of order and of content hold there as well, so their breaches count on
// their own even if they follow from a limit that has passed.
func (r Report) WithoutTime() (rest Report, late []Violation) {
	rest = r
	rest.Violations, rest.late = r.timeless, nil
	return rest, r.late
}

// breach is a kind of breach: of a rule, either by being late or in another way.
type breach struct {
	rule.ID
	late bool // a time limit of the rule has passed
}

// finding is one breach, found while locks are held and counted afterwards.
type finding struct {
	breach
	a, b *Witness // whose events explain it; b may be nil
	n    int64    // how many at once
	what string
	// Serial numbers of the episodes that it is about; 0: the latest.
	serialA, serialB uint32
}

func found(id rule.ID, a, b *Witness, format string, args ...any) []finding {
	return []finding{{breach: breach{ID: id}, a: a, b: b, n: 1, what: fmt.Sprintf(format, args...)}}
}

// overdue is found for a rule whose time limit has passed.
func overdue(id rule.ID, a, b *Witness, format string, args ...any) []finding {
	fs := found(id, a, b, format, args...)
	fs[0].late = true
	return fs
}

// tally counts breaches and keeps the first few of each kind.
type tally struct {
	matches, strangers atomic.Int64
	losses, slowest    atomic.Int64 // slowest in ns
	mu                 struct {
		sync.Mutex
		entries  map[breach]*entry
		spared   map[rule.ID]*entry       // consequences of time limits that no limit has to do with
		affected map[*Witness][]affection // whom a breach has affected
		wronged  []string                 // ids, since Wronged was last called
	}
}

// entry counts breaches of one kind.
type entry struct {
	count    int64
	examples []string
	followed map[rule.ID]int64 // their consequences
}

// example adds an example unless there are enough.
func (e *entry) example(text string) {
	if len(e.examples) < Examples {
		e.examples = append(e.examples, text)
	}
}

// in returns the entry of a map, made where it is missing.
func in[K comparable](all *map[K]*entry, key K) *entry {
	e := (*all)[key]
	if e == nil {
		if *all == nil {
			*all = make(map[K]*entry)
		}
		e = &entry{followed: make(map[rule.ID]int64)}
		(*all)[key] = e
	}
	return e
}

// add counts the findings. The caller holds no witness's lock.
func (t *tally) add(fs []finding) {
	for _, f := range fs {
		t.wrong(f.a)
		if f.b != nil {
			t.wrong(f.b)
		}
		if e := t.count(f); e != nil {
			text := example(f)
			t.mu.Lock()
			e.example(text)
			t.mu.Unlock()
		}
	}
}

func (t *tally) wrong(w *Witness) {
	if w.wronged.Swap(true) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.wronged = append(t.mu.wronged, w.id)
}

func (t *tally) leftover(name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := in(&t.mu.entries, breach{ID: rule.Leftover})
	e.count++
	e.example(fmt.Sprintf("%s is %d after the last guest has gone, and should be 0", name, n))
}

func (t *tally) report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Report{
		Matches: t.matches.Load(), Strangers: t.strangers.Load(),
		Losses: t.losses.Load(), Slowest: time.Duration(t.slowest.Load()),
	}
	for _, known := range rule.All() {
		timeless, late := t.mu.entries[breach{ID: known.ID}], t.mu.entries[breach{known.ID, true}]
		r.Violations = append(r.Violations, violation(known.ID, timeless, late))
		r.timeless = append(r.timeless, violation(known.ID, timeless, t.mu.spared[known.ID]))
		if late != nil {
			r.late = append(r.late, violation(known.ID, late))
		}
	}
	return r
}

// violation adds up entries of one rule, some of which may be nil.
func violation(id rule.ID, of ...*entry) Violation {
	v := Violation{Rule: string(id)}
	followed := map[rule.ID]int64{}
	for _, e := range of {
		if e == nil {
			continue
		}
		v.Count += e.count
		v.Examples = append(v.Examples, e.examples...)
		for id, n := range e.followed {
			followed[id] += n
		}
	}
	v.Examples = v.Examples[:min(len(v.Examples), Examples)]
	for _, next := range rule.All() {
		if n := followed[next.ID]; n > 0 {
			v.Consequences = append(v.Consequences, Consequence{string(next.ID), n})
		}
	}
	return v
}
