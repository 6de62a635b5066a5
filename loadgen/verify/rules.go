package verify

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"guestload/scenarios/rule"
)

// Examples is how many breaches of one rule are told; all are counted.
const Examples = 5

// Violation counts the breaches of one rule, but for those that follow from a
// breach of another: they count as its consequences. Each example has several lines:
// what was wrong, and the last events of both guests.
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
	Violations []Violation
	Matches    int64 // user:matched heard
	Messages   int64 // chat:message heard
	// Losses are chats that the killing of one side's instance ended, and Slowest is
	// how long it took at the most until the other side was told.
	Losses    int64
	Slowest   time.Duration
	Strangers int64 // matches with guests of other processes, or people: only what one side saw was judged
}

// Total returns how many breaches there were, without consequences.
func (r Report) Total() int64 {
	var n int64
	for _, v := range r.Violations {
		n += v.Count
	}
	return n
}

// Of returns the entry of one rule, zero for a rule that there is not.
func (r Report) Of(id rule.ID) Violation {
	for _, v := range r.Violations {
		if v.Rule == string(id) {
			return v
		}
	}
	return Violation{}
}

// finding is one breach, found while locks were held and told after.
type finding struct {
	rule rule.ID
	a, b *Witness // whose stories belong to it; b may be nil
	n    int64    // how many at once
	what string
	// The episodes that it is about, their serial numbers; 0: the latest.
	serialA, serialB uint32
}

func found(id rule.ID, a, b *Witness, format string, args ...any) []finding {
	return []finding{{rule: id, a: a, b: b, n: 1, what: fmt.Sprintf(format, args...)}}
}

// tally counts breaches and keeps the first few of each rule.
type tally struct {
	matches, strangers atomic.Int64
	losses, slowest    atomic.Int64 // slowest in ns
	mu                 struct {
		sync.Mutex
		rules    map[rule.ID]*Violation
		followed map[[2]rule.ID]int64     // consequences, by cause and rule
		affected map[*Witness][]affection // whom a breach has affected
		wronged  []string                 // ids, since Wronged was last called
	}
}

// add counts the findings. The caller holds no witness's lock.
func (t *tally) add(fs []finding) {
	for _, f := range fs {
		t.wrong(f.a)
		if f.b != nil {
			t.wrong(f.b)
		}
		if t.follows(f) {
			continue
		}
		if t.count(f.rule, f.n) {
			t.example(f.rule, story(f))
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
	if t.count(rule.Leftover, 1) {
		t.example(rule.Leftover, fmt.Sprintf("%s is %d after the last guest has gone, and should be 0", name, n))
	}
}

// count adds n to a rule and reports whether another example is wanted.
func (t *tally) count(id rule.ID, n int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.violation(id)
	v.Count += n
	return len(v.Examples) < Examples
}

func (t *tally) example(id rule.ID, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.violation(id); len(v.Examples) < Examples {
		v.Examples = append(v.Examples, text)
	}
}

// violation returns the rule's entry. t.mu is held.
func (t *tally) violation(id rule.ID) *Violation {
	if t.mu.rules == nil {
		t.mu.rules = make(map[rule.ID]*Violation)
	}
	v := t.mu.rules[id]
	if v == nil {
		v = &Violation{Rule: string(id)}
		t.mu.rules[id] = v
	}
	return v
}

func (t *tally) report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Report{
		Matches: t.matches.Load(), Strangers: t.strangers.Load(),
		Losses: t.losses.Load(), Slowest: time.Duration(t.slowest.Load()),
	}
	for _, known := range rule.All() {
		v := *t.violation(known.ID)
		for _, next := range rule.All() {
			if n := t.mu.followed[[2]rule.ID{known.ID, next.ID}]; n > 0 {
				v.Consequences = append(v.Consequences, Consequence{string(next.ID), n})
			}
		}
		r.Violations = append(r.Violations, v)
	}
	return r
}
