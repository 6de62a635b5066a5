package verify

// receipts finds the chat of a message by its id, from its first receipt to its
// second. It remembers the latest few; a receipt that comes later than that
// many others is not judged.
type receipts struct {
	ring  *[16]receipt // nil until there is one: most of a large crowd says nothing
	next  uint8
	early uint8 // entries delivered before they were acked
	// unknown: a receipt may come for one of the guest's messages that is not in the
	// ring: it was acked and pushed out, or acked when no chat expected that.
	unknown bool
}

type receipt struct {
	id   uint64   // hash of the message's id; 0: none
	chat *episode // nil: delivered before it was acked
}

// acked remembers whose message it is, and reports whether it has been
// delivered already.
func (r *receipts) acked(id uint64, e *episode) (delivered bool) {
	if r.early > 0 {
		if i := r.find(id); i >= 0 && r.ring[i].chat == nil {
			r.ring[i] = receipt{}
			r.early--
			return true
		}
	}
	r.add(receipt{id, e})
	return false
}

// delivered returns the chat of the message, nil where it is not known (yet).
func (r *receipts) delivered(id uint64) *episode {
	if i := r.find(id); i >= 0 && r.ring[i].chat != nil {
		e := r.ring[i].chat
		r.ring[i] = receipt{}
		return e
	}
	r.add(receipt{id: id})
	r.early++
	return nil
}

func (r *receipts) find(id uint64) int {
	if r.ring == nil {
		return -1
	}
	for i := range r.ring {
		if r.ring[i].id == id {
			return i
		}
	}
	return -1
}

// add takes the place of the oldest.
func (r *receipts) add(x receipt) {
	if r.ring == nil {
		r.ring = new([16]receipt)
	}
	old := &r.ring[r.next%uint8(len(r.ring))]
	switch {
	case old.id != 0 && old.chat == nil:
		r.early--
		r.unknown = true // it may have been one of the guest's own
	case old.id != 0:
		r.unknown = true
	}
	*old = x
	r.next++
}

// begin is for a new chat, or a new socket, after the chat last: receipts of
// earlier messages may have been lost, or may still come.
func (r *receipts) begin(last *episode) {
	if r.early > 0 || last != nil && last.acked+last.refused < last.sent {
		r.unknown = true
		r.forgetEarly()
	}
}

// forgetEarly drops the entries that were delivered and not acked.
func (r *receipts) forgetEarly() {
	if r.early == 0 {
		return
	}
	for i := range r.ring {
		if r.ring[i].id != 0 && r.ring[i].chat == nil {
			r.ring[i] = receipt{}
		}
	}
	r.early = 0
}
