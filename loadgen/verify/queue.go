package verify

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"

	"guestload/scenarios/rule"
)

// Traits are what a guest says of itself, or what it wants of a partner; "" is
// not said, or no wish.
type Traits struct{ Language, Gender, Country string }

// Accept reports whether a guest with traits t is what is wanted.
func (wants Traits) Accept(t Traits) bool {
	return (wants.Language == "" || wants.Language == t.Language) &&
		(wants.Gender == "" || wants.Gender == t.Gender) &&
		(wants.Country == "" || wants.Country == t.Country)
}

// group are guests who say the same of themselves and want the same of others.
type group struct {
	is, wants Traits
	uncertain bool       // what the server knows of them is not certain: nothing is judged
	waiting   []*episode // searches that the server has confirmed, by the time of that
}

// String lists what is said, as in "en female".
func (t Traits) String() string {
	words := slices.DeleteFunc([]string{t.Language, t.Gender, t.Country}, func(s string) bool { return s == "" })
	if len(words) == 0 {
		return "of no known traits"
	}
	return strings.Join(words, " ")
}

// meets reports whether guests of the two groups accept each other.
func (g *group) meets(o *group) bool {
	return !g.uncertain && !o.uncertain && g.wants.Accept(o.is) && o.wants.Accept(g.is)
}

// queue is who searches, as far as guests know: the server has confirmed the
// search, and nobody has been told of a match. It judges whether the server serves
// them: soon, in order, and with whom they want.
type queue struct {
	mu struct {
		sync.Mutex
		groups []*group // in the order of their first guests
		byKey  map[groupKey]*group
	}
}

// groupKey identifies a group.
type groupKey struct {
	is, wants Traits
	uncertain bool
}

// place is what the queue knows of a search, guarded by its mutex.
type place struct {
	group        *group
	acknowledged time.Duration // when the guest heard user:match:searching
	queued       time.Duration // when it heard user:match:no_users: it has its place in the order
	claimed      time.Duration // when another guest was told of a match with it
	before       *Witness      // the partner of the chat before; nil: none
	waits        bool          // it is in the queue
	just         bool          // that chat has ended only just now
	overtaken    *overtaking
}

// overtaking is a match that the search in whose place it stands should have had,
// provided that it was still waiting then.
type overtaking struct {
	rule  rule.ID
	until time.Duration // the match was made before
	last  *episode      // of the guest who searched last, and whom the search could have met
	other *episode      // with whom that one was matched
}

// of returns the group of these guests.
func (q *queue) of(is, wants Traits, uncertain bool) *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := groupKey{is, wants, uncertain}
	g := q.mu.byKey[key]
	if g == nil {
		if q.mu.byKey == nil {
			q.mu.byKey = make(map[groupKey]*group)
		}
		g = &group{is: is, wants: wants, uncertain: uncertain}
		q.mu.byKey[key] = g
		q.mu.groups = append(q.mu.groups, g)
	}
	return g
}

// enter notes that the server has confirmed the search.
func (q *queue) enter(e *episode, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.waits || e.acknowledged > 0 {
		return
	}
	e.waits, e.acknowledged = true, at
	w := e.group.waiting
	i := len(w)
	for i > 0 && byConfirmation(w[i-1], e) > 0 {
		i--
	}
	e.group.waiting = slices.Insert(w, i, e)
}

// place notes that the server had the search in its queue.
func (q *queue) place(e *episode, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.waits && e.queued == 0 {
		e.queued = at
	}
}

// claim notes that another guest was told of a match with the owner.
func (q *queue) claim(e *episode, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e.claimed = at
}

func byConfirmation(a, b *episode) int {
	return cmp.Or(cmp.Compare(a.acknowledged, b.acknowledged), cmp.Compare(a.owner.order, b.owner.order), cmp.Compare(a.serial, b.serial))
}

// dequeue takes the search out of the queue, in which it was until then. It is
// judged where that is certain.
func (v *Verifier) dequeue(e *episode, until time.Duration, judged bool) []finding {
	q := &v.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !e.waits {
		return nil
	}
	e.waits = false
	if i, ok := slices.BinarySearchFunc(e.group.waiting, e, byConfirmation); ok {
		e.group.waiting = slices.Delete(e.group.waiting, i, i+1)
	}
	if !judged || until-e.acknowledged <= v.stretched(v.limits.Match) {
		return nil
	}
	return v.judgeWaiting(e, until)
}

// judgeWaiting tells of a guest who waited beside another for too long, although
// each is what the other wants. The queue's lock is held.
func (v *Verifier) judgeWaiting(e *episode, until time.Duration) []finding {
	if e.claimed > 0 {
		until = min(until, e.claimed)
	}
	for _, g := range v.queue.mu.groups {
		if !g.meets(e.group) {
			continue
		}
		for _, o := range g.waiting {
			end := until
			if o.claimed > 0 {
				end = min(end, o.claimed)
			}
			since := v.outages.calm(max(e.acknowledged, o.acknowledged), end)
			if end-since <= v.stretched(v.limits.Match) {
				if o.claimed > 0 {
					continue
				}
				break // who came later has waited less
			}
			if o.owner != e.owner {
				return within(overdue(rule.MatchedInTime, e.owner, o.owner,
					"%s and %s accept each other, and both searched for %v without a match: at most %v are allowed",
					e.owner, o.owner, shown(end-since), v.limits.Match), e, o)
			}
		}
	}
	return nil
}

// judgePair judges whom a match has brought together, when both know of it. Both
// owners' locks are held.
func (v *Verifier) judgePair(a, b *episode) []finding {
	if a.doubt || b.doubt || !a.sure() || !b.sure() || a.searched == 0 || b.searched == 0 {
		return nil
	}
	var fs []finding
	q := &v.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if ga, gb := a.group, b.group; !ga.uncertain && !gb.uncertain && !ga.meets(gb) {
		wants, is := a, b
		if ga.wants.Accept(gb.is) {
			wants, is = b, a
		}
		fs = within(found(rule.Preferences, wants.owner, is.owner, "%s wants %v and was matched with %s, who is %v",
			wants.owner, wants.group.wants, is.owner, is.group.is), wants, is)
	}
	fs = append(fs, v.judgeOvertaken(a, b)...)
	fs = append(fs, v.judgeOvertaken(b, a)...)
	v.overtake(a, b)
	return fs
}

// judgeOvertaken tells of a search that was passed over, now that it has been
// matched with o: if o began to search after the match that passed it over, the
// search was certainly waiting then. The queue's lock is held.
func (v *Verifier) judgeOvertaken(e, o *episode) []finding {
	t := e.overtaken
	e.overtaken = nil
	if t == nil || o != nil && o.searched <= t.until {
		return nil
	}
	last, other := t.last.owner, t.other.owner
	if t.rule == rule.OtherPartner {
		return within(found(t.rule, last, e.owner, "%s was matched with %s again, its last partner, while %s waited for it",
			last, other, e.owner), t.last, e)
	}
	return within(found(t.rule, e.owner, last, "%s waited from %v on and accepts %s, who was matched with %s, who searched only at %v",
		e.owner, shown(e.queued), last, other, shown(t.other.searched)), e, t.last)
}

// cancelled judges a search that the server has ended without a match, as the
// guest asked.
func (v *Verifier) cancelled(e *episode) []finding {
	v.queue.mu.Lock()
	defer v.queue.mu.Unlock()
	if e.claimed > 0 || !e.sure() {
		return nil
	}
	return v.judgeOvertaken(e, nil)
}

// overtake notes with the searches that waited longest whether the match of a and
// b should have been theirs. The queue's lock is held.
func (v *Verifier) overtake(a, b *episode) {
	first, last := a, b
	if b.searched < a.searched {
		first, last = b, a
	}
	if first.queued == 0 || first.queued >= last.searched {
		return // it is not certain whose search led to the match
	}
	until := min(first.matched, last.matched)
	again := last.just && first.before == last.owner && last.before == first.owner
	for _, g := range v.queue.mu.groups {
		if !g.meets(last.group) {
			continue
		}
		for _, e := range g.waiting {
			if e.acknowledged >= last.searched {
				break // and so did all after it
			}
			before := e.queued > 0 && (e.queued < first.searched || again && e.queued < last.searched)
			if !before || e.overtaken != nil || e.claimed > 0 || e.owner == last.owner || e.owner == first.owner ||
				e.before == last.owner || last.before == e.owner || v.outages.calm(e.queued, until) > e.queued {
				continue
			}
			id := rule.FirstCome
			if again {
				id = rule.OtherPartner
			}
			e.overtaken = &overtaking{id, until, last, first}
			return
		}
	}
}

// Seeks says what the guest says of itself and what it wants of a partner, for the
// searches from now on. certain is false where the server may know something else.
func (w *Witness) Seeks(is, wants Traits, certain bool) {
	if w.group == nil && is == (Traits{}) && wants == (Traits{}) {
		return
	}
	if w.verifier.tap != nil {
		w.tapped(callSeeks, w.stamp, boolInt(certain), appendTraits(nil, is), appendTraits(nil, wants))
	}
	w.group = w.verifier.queue.of(is, wants, !certain)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func appendTraits(b []byte, t Traits) []byte {
	for _, s := range []string{t.Language, t.Gender, t.Country} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

func readTraits(b []byte) Traits {
	s := scanner{rest: b}
	return Traits{string(s.bytes()), string(s.bytes()), string(s.bytes())}
}
