package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// kind is the kind of an event of a guest.
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
	didSend // events from here on are counted, not listed one by one
	heardMessage
	heardAck
	heardDelivery
)

var descriptions = [...]string{
	didConnect: "connected", didSearch: "sent user:match", didCancel: "sent user:match:cancel", didLeave: "left the chat",
	didClose: "closed its socket", didReset: "reset its socket", didFallSilent: "fell silent", didLoseSocket: "lost its socket",
	didLoseInstance: "lost the instance that it was connected to",
	heardSearching:  "received searching", heardNoUsers: "received no_users", heardCancelled: "received cancelled",
	heardMatch: "received matched", heardJoined: "received user_joined", heardRelease: "was told that the partner has left",
	heardConfirmed: "received the confirmation of its leave", heardError: "received an error",
	didSend: "sent a message", heardMessage: "received a message", heardAck: "received sent", heardDelivery: "received delivered",
}

// logEntry is one event of a guest, or several of a kind, such as messages, with their
// count.
type logEntry struct {
	at    time.Duration // of the latest
	who   int32         // the partner's arrival index, or nobody
	times uint16        // saturates
	kind  kind
}

const nobody = -1

// eventLog holds the latest events of a guest: a ring once it has logSize of them. It is short
// at first, since most guests of a large run do little.
type eventLog struct {
	ring []logEntry
	next uint8
}

const logSize = 8 // divides 256

// add appends h. Of the four kinds of events that every message brings, an entry of the same
// kind and chat is updated if it is among the latest.
func (l *eventLog) add(h logEntry) {
	if h.kind >= didSend {
		for i := range uint8(min(4, len(l.ring))) {
			old := &l.ring[(l.next-1-i)%logSize]
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
	switch len(l.ring) {
	case logSize:
		l.ring[l.next%logSize] = h
	case 1:
		l.ring = append(slices.Grow(l.ring, logSize-1), h)
	default:
		l.ring = append(l.ring, h)
	}
	l.next++
}

// note adds an event to the guest's log. The lock is held.
func (w *Witness) note(k kind, at time.Duration, chat *episode) {
	h := logEntry{at: at, who: nobody, times: 1, kind: k}
	if chat != nil && chat.partner != nil {
		h.who = int32(chat.partner.guest)
	}
	w.mu.events.add(h)
}

// example renders a finding: what is wrong, and the latest events of both guests. No lock
// is held.
func example(f finding) string {
	var b strings.Builder
	b.WriteString(f.what)
	for _, w := range []*Witness{f.a, f.b} {
		if w != nil {
			w.describe(&b)
		}
	}
	return b.String()
}

// describe writes the guest's latest events, in two lines.
func (w *Witness) describe(b *strings.Builder) {
	w.mu.Lock()
	events := slices.Clone(w.mu.events.ring)
	w.mu.Unlock()
	fmt.Fprintf(b, "\n  %s (%s):\n   ", w, w.id)
	sep := " "
	slices.SortStableFunc(events, func(a, b logEntry) int { return cmp.Compare(a.at, b.at) }) // a counted entry has the time of its latest event
	for _, h := range events {
		fmt.Fprintf(b, "%s%.3fs %s", sep, h.at.Seconds(), descriptions[h.kind])
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

// guestName returns the index of a guest of this process, the id of a stranger.
func guestName(w *Witness, id []byte) string {
	if w != nil {
		return w.String()
	}
	return string(id)
}

func (e *episode) partnerName() string { return guestName(e.partner, []byte(e.partnerID)) }
