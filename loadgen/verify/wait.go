package verify

import "time"

// Waiting reports that the guest waits for messages of its partner and has received nothing
// since then; everything that had arrived by then was read. The chat is judged now although
// it goes on: two guests who each wait for a message that the server has lost would wait
// for each other, and nothing would be judged.
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

// judgeOpen judges a chat that its owner has not ended, as if the owner left now. Both locks
// are held. The halves are still compared when both are closed, and nothing counts twice.
func (v *Verifier) judgeOpen(e *episode, now time.Duration) []finding {
	a := e.peer
	if a == nil || e.settled {
		return nil
	}
	return append(v.judgeRelease(a, e, now), a.tellLost(e, a.unread(e, now, v), asDelivered)...)
}

// Wronged returns the ids of guests for whom a rule was broken since the last call, for the
// processes that play them: see Wrong.
func (v *Verifier) Wronged() []string {
	v.tally.mu.Lock()
	defer v.tally.mu.Unlock()
	ids := v.tally.mu.wronged
	v.tally.mu.wronged = nil
	return ids
}

// Wrong reports that another process has found a rule broken for guests with these ids.
// Guests of other processes are ignored.
func (v *Verifier) Wrong(ids []string) {
	for _, id := range ids {
		if w := v.find([]byte(id)); w != nil {
			w.wronged.Store(true)
		}
	}
}

// Wronged reports whether a rule was broken for the guest or its partner: what it waits for
// may never arrive.
func (w *Witness) Wronged() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wronged.Load() || w.chat != nil && w.chat.partner != nil && w.chat.partner.wronged.Load()
}
