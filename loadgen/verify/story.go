package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// kind is what happened to a guest.
type kind uint8

const (
	_ kind = iota
	didConnect
	didSearch
	didCancel
	didLeave
	didClose
	didReset
	didFallSilent
	didLoseSocket
	didLoseInstance
	heardSearching
	heardNoUsers
	heardCancelled
	heardMatch
	heardJoined
	heardRelease
	heardConfirmed
	heardError
	didSend // this and what follows is counted, not listed one by one
	heardMessage
	heardAck
	heardDelivery
)

var deeds = [...]string{
	didConnect: "connected", didSearch: "sent user:match", didCancel: "sent user:match:cancel", didLeave: "left the chat",
	didClose: "closed its socket", didReset: "reset its socket", didFallSilent: "fell silent", didLoseSocket: "lost its socket",
	didLoseInstance: "lost the instance that it was connected to",
	heardSearching:  "heard searching", heardNoUsers: "heard no_users", heardCancelled: "heard cancelled",
	heardMatch: "heard matched", heardJoined: "heard user_joined", heardRelease: "heard that the partner has gone",
	heardConfirmed: "heard its leave confirmed", heardError: "heard an error",
	didSend: "sent a message", heardMessage: "received a message", heardAck: "heard sent", heardDelivery: "heard delivered",
}

// happening is one entry of a diary; what comes again and again, as messages
// do, is one entry with a count.
type happening struct {
	at    time.Duration // of the latest
	who   int32         // the partner's arrival index, nobody where there is none to name
	times uint16        // sticks at its maximum
	kind  kind
}

const nobody = -1

// diary is the last few things that happened to a guest, a ring when there are
// pages of them. It is short at first: most of a large crowd comes and does nothing.
type diary struct {
	ring []happening
	next uint8
}

const pages = 8 // of a diary; divides 256

// add writes h down. Of the four kinds that every message brings, the entry of
// the same kind and chat is brought up to date where it is among the latest.
func (d *diary) add(h happening) {
	if h.kind >= didSend {
		for i := range uint8(min(4, len(d.ring))) {
			old := &d.ring[(d.next-1-i)%pages]
			if old.kind < didSend || old.who != h.who {
				break
			}
			if old.kind == h.kind {
				old.at = h.at
				if old.times < 65535 {
					old.times++
				}
				return
			}
		}
	}
	switch len(d.ring) {
	case pages:
		d.ring[d.next%pages] = h
	case 1:
		d.ring = append(slices.Grow(d.ring, pages-1), h)
	default:
		d.ring = append(d.ring, h)
	}
	d.next++
}

// note writes in the guest's diary. The lock is held.
func (w *Witness) note(k kind, at time.Duration, chat *episode) {
	h := happening{at: at, who: nobody, times: 1, kind: k}
	if chat != nil && chat.partner != nil {
		h.who = int32(chat.partner.guest)
	}
	w.mu.events.add(h)
}

// story renders a finding: what was wrong, and the last events of both guests.
// No lock is held.
func story(f finding) string {
	var b strings.Builder
	b.WriteString(f.what)
	for _, w := range []*Witness{f.a, f.b} {
		if w != nil {
			w.tell(&b)
		}
	}
	return b.String()
}

// tell writes the guest's diary, two lines of it.
func (w *Witness) tell(b *strings.Builder) {
	w.mu.Lock()
	events := slices.Clone(w.mu.events.ring)
	w.mu.Unlock()
	fmt.Fprintf(b, "\n  %s (%s):\n   ", w, w.id)
	sep := " "
	slices.SortStableFunc(events, func(a, b happening) int { return cmp.Compare(a.at, b.at) }) // what happened often did so last then
	for _, h := range events {
		fmt.Fprintf(b, "%s%.3fs %s", sep, h.at.Seconds(), deeds[h.kind])
		if h.who != nobody {
			fmt.Fprintf(b, " (guest %d)", h.who)
		}
		if h.times > 1 {
			fmt.Fprintf(b, " ×%d", h.times)
		}
		sep = "; "
	}
}

// shown rounds a time for people.
func shown(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// guestName names a guest of this process by its index, a stranger by its id.
func guestName(w *Witness, id []byte) string {
	if w != nil {
		return w.String()
	}
	return string(id)
}

func (e *episode) partnerName() string { return guestName(e.partner, []byte(e.partnerID)) }
