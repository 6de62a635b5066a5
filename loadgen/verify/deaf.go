package verify

import "time"

// Deaf says that the guest reads nothing from now on, though its socket stays
// open. What it is told in time it hears too late, and what the kernel took for
// it may be lost with the socket: neither is the server's fault.
func (w *Witness) Deaf() {
	w.tapped(callDeaf, w.stamp, 0, nil, nil)
	w.listen(forever)
}

// Listening says that the guest reads again, and has read by now what had waited
// for it.
func (w *Witness) Listening(at time.Duration) {
	w.tapped(callListening, at, 0, nil, nil)
	w.listen(at)
}

func (w *Witness) listen(from time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.chat != nil {
		w.chat.listens = from
	}
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
