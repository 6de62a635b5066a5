package verify

import "guestload/scenarios/rule"

// One fault of a server breaks several rules, one after the other, for the guests
// concerned: a guest that is matched twice sends one partner what the other should
// get, waits for who never answers, and is not told that either has gone. Such
// breaches are counted as consequences of the first.

// affection says that a breach has affected a guest in some of its episodes.
type affection struct {
	cause       breach
	from, until uint32 // serial numbers
}

// count counts f, as a consequence where it follows from an earlier breach that has
// affected one of its guests in the same episodes. Both guests are affected from now
// on. It returns the entry that wants f as an example, nil for none. No lock is held.
func (t *tally) count(f finding) *entry {
	serialA, serialB := f.a.serial(f.serialA), f.b.serial(f.serialB)
	t.mu.Lock()
	defer t.mu.Unlock()
	cause, follows := t.cause(f.a, serialA, f.ID)
	if !follows {
		cause, follows = t.cause(f.b, serialB, f.ID)
	}
	if !follows {
		cause = f.breach
	}
	t.affect(f.a, serialA, cause)
	t.affect(f.b, serialB, cause)
	e := in(&t.mu.entries, cause)
	if follows {
		e.followed[f.ID] += f.n
		if !cause.late || f.late {
			return nil
		}
		e = in(&t.mu.spared, f.ID)
	}
	e.count += f.n
	if len(e.examples) == Examples {
		return nil
	}
	return e
}

// cause returns the breach from which a breach of the rule follows. t.mu is held.
func (t *tally) cause(w *Witness, serial uint32, id rule.ID) (breach, bool) {
	for _, a := range t.mu.affected[w] {
		if a.from <= serial && serial <= a.until && a.cause.Explains(id) {
			return a.cause, true
		}
	}
	return breach{}, false
}

// affect notes that the guest is affected in this episode and the one before, from
// which it may have been torn. t.mu is held.
func (t *tally) affect(w *Witness, serial uint32, cause breach) {
	if w == nil {
		return
	}
	all := t.mu.affected[w]
	from := max(serial, 1) - 1
	for i := range all {
		if a := &all[i]; a.cause == cause && from <= a.until+1 && a.from <= serial+1 {
			a.from, a.until = min(a.from, from), max(a.until, serial)
			return
		}
	}
	if t.mu.affected == nil {
		t.mu.affected = make(map[*Witness][]affection)
	}
	t.mu.affected[w] = append(all, affection{cause, from, serial})
}

// serial returns the serial number that is given, or that of the latest episode.
func (w *Witness) serial(given uint32) uint32 {
	if w == nil || given > 0 {
		return given
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mu.count
}

// within says which episodes the findings are about, where their guests are the
// owners of a and b.
func within(fs []finding, a, b *episode) []finding {
	for i := range fs {
		for _, e := range []*episode{a, b} {
			if e.owner == fs[i].a {
				fs[i].serialA = e.serial
			}
			if e.owner == fs[i].b {
				fs[i].serialB = e.serial
			}
		}
	}
	return fs
}
