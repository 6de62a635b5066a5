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
	if w.search != nil {
		w.verifier.dequeue(w.search, 0, false)
	}
	if w.chat != nil {
		w.chat.listens = from
	}
}
