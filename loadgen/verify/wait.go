package verify

import "time"

// Waiting says that the guest waits for words of its partner, and has heard nothing
// since then: what had come by that time was read. What that proves is judged now,
// though the chat goes on. Two guests of whom each waits for words that the server
// has lost would else wait for each other, and nothing would ever be judged.
func (w *Witness) Waiting(since time.Duration) {
	w.tapped(callWaiting, since, 0, nil, nil)
	e := w.chat
	if e == nil || e.partner == nil {
		return
	}
	unlock := lock(w, e.partner)
	fs := w.verifier.judgeOpen(e, since)
	unlock()
	w.verifier.tally.add(fs)
}

// judgeOpen judges a chat that the owner has not ended, by what the owner has heard
// of it until now, with both locks held: as if the owner went now. The halves are
// still to be compared when both are closed, and nothing is told twice.
func (v *Verifier) judgeOpen(e *episode, now time.Duration) []finding {
	a := e.peer
	if a == nil || e.settled {
		return nil
	}
	return append(v.judgeRelease(a, e, now), a.tellLost(e, a.unread(e, now, v), asDelivered)...)
}

// Wronged returns the ids of guests for whom a rule was broken since it was last
// called, for the processes that play them: see Wrong.
func (v *Verifier) Wronged() []string {
	v.tally.mu.Lock()
	defer v.tally.mu.Unlock()
	ids := v.tally.mu.wronged
	v.tally.mu.wronged = nil
	return ids
}

// Wrong says that another process has found a rule broken for guests with these
// ids. Those who are not played here are ignored.
func (v *Verifier) Wrong(ids []string) {
	for _, id := range ids {
		if w := v.find([]byte(id)); w != nil {
			w.wronged.Store(true)
		}
	}
}

// Hopeless reports that the guest, or the partner that it believes to have, was
// wronged: what it waits for in its chat may never come.
func (w *Witness) Hopeless() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wronged.Load() || w.chat != nil && w.chat.partner != nil && w.chat.partner.wronged.Load()
}
