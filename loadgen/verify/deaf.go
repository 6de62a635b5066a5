package verify

import "time"

// Deaf reports that the guest reads nothing from now on, though its socket stays open. It
// reads messages late that arrived in time, and those that the kernel has buffered may be
// lost with the socket: neither is the server's fault.
func (w *Witness) Deaf() {
	w.tapped(callDeaf, w.stamp, 0, nil, nil)
	w.listen(forever)
}

// Listening reports that the guest reads again, and has read what was buffered.
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
