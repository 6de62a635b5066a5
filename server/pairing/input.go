package pairing

import "time"

// InputKind says what has happened.
type InputKind uint8

// Inputs. The fields that each one uses are named; the others are ignored.
const (
	// Joining: Guest is about to join presence; followed by Connected, or by Joining with
	// Failed.
	Joining InputKind = iota + 1
	// Connected: Guest has joined presence with Socket, at time At. Instance held the
	// guest before, "" for none. Local: At is by this instance's own clock, since the
	// shared one was out of reach. Partner is whom the stored document says that the
	// guest talks to, "" for nobody.
	Connected
	// Disconnected: Socket of Guest is closed. An older socket than the guest's changes nothing.
	Disconnected
	// Search: Guest wants to meet somebody; a chat is left first.
	Search
	// Cancel: Guest no longer searches.
	Cancel
	// Leave: Guest leaves its chat.
	Leave
	// Send: Event with Data for Guest's partner; ID where a receipt is wanted.
	Send
	// Taken: the socket of Guest has taken the items of Pair up to Number.
	Taken
	// Deleted: the session of Guest is gone; Instance holds its socket, "" where nobody
	// does, or where that is this instance.
	Deleted

	// Searched answers CallSearch: Match is the pair, nil where the guest waits.
	Searched
	// Parted answers CallLeave: Match is the pair that was dissolved, nil for none.
	Parted
	// Moved answers CallMove. Refused: the matcher does not know the pair.
	Moved
	// Restored answers CallRestore. Refused: one of the two is in Match, or waits
	// elsewhere where Match is nil.
	Restored
	// Located answers CallWhere: Instance holds the socket of Guest, "" for none. Pair is the call's.
	Located
	// Joined answers CallJoin, with At and Instance as in Connected.
	Joined

	// Received: Message came from another instance.
	Received
	// Resync: the store behind matcher and presence is another one now, or messages may
	// have been missed. Up: other instances can be reached; At is the shared clock's time
	// then. Others are the guests whom another instance held: guest, instance.
	Resync
	// Dissolved: a store that came back had Match, in which Guest was recorded here and is
	// not, and has dissolved it.
	Dissolved
	// Contested: presence has Guest, whose socket is here, on Instance, and has had since
	// before the last beat.
	Contested
	// LinkDown: other instances cannot be reached.
	LinkDown
	// Dead: the lease of Instance has lapsed for longer than the grace.
	Dead
	// Timer: the time of a Wake has come.
	Timer
)

// Input is one thing that has happened. A machine keeps Match, Message and Data: the
// caller must not change them afterwards.
type Input struct {
	Kind     InputKind
	Local    bool
	Up       bool
	Failed   bool // of an answer: nobody knows whether the call was executed
	Refused  bool
	Socket   uint64
	At       int64 // Unix µs
	Number   uint64
	Guest    string
	Instance string
	Partner  string
	Pair     string
	Event    string
	ID       string
	Data     []byte
	Match    *Pair
	Message  *Message
	Others   [][2]string
}

// Pair is two guests whom the matcher has brought together: the first searched last,
// the second had waited.
type Pair struct {
	ID string
	Of [2]Party
}

// Party is one guest of a pair, as the matcher recorded it.
type Party struct {
	Guest    string
	Instance string // where its socket lives
	Search   int64  // which of the guest's searches led here
	Card     []byte // what the partner is told of the guest; opaque
}

// index returns which of the two the guest is, -1 for neither.
func (p *Pair) index(guest string) int {
	for i := range p.Of {
		if p.Of[i].Guest == guest {
			return i
		}
	}
	return -1
}

// EffectKind says what is to be done.
type EffectKind uint8

// Effects. Those up to Receipt are for Socket of Guest.
const (
	TellSearching EffectKind = iota + 1
	TellNoUsers              // nobody is here yet; the search goes on
	TellCancelled
	TellSearchFailed
	TellMatched // Match: the partner is the other of the two
	TellEvent   // Event, ID, Data: of the partner; the socket's taking it is Taken with Pair and Number
	TellSent    // ID: the message is on its way
	TellRefused // ID: there is no partner who could be told (Why is NotConnected or Overflow)
	TellLeft    // the guest has left Pair, "" where it was in none
	TellClosed  // Partner has left Pair: Why
	TellReceipt // ID: the partner's socket has taken it
	// CloseSocket: Why is Replaced or SessionEnded.
	CloseSocket

	Transmit    // Message to Instance; it may be lost, repeated, and come late
	CallSearch  // the matcher: Guest, Search and Avoid; answered by Searched
	CallLeave   // the matcher: Guest where recorded for Instance, "" for any; answered by Parted
	CallMove    // the matcher: Guest of Pair is on this instance now; answered by Moved
	CallRestore // the matcher: Match; answered by Restored
	CallWhere   // presence: Guest; answered by Located
	CallJoin    // presence: Guest, once more; answered by Joined
	CallForget  // presence: Guest has left this instance; in order with the guest's joins, not answered
	Wake        // Step with Timer at Time, or later
)

// Effect is one thing to be done, in the order of the effects.
type Effect struct {
	Kind     EffectKind
	Why      Why
	Socket   uint64
	Number   uint64
	Search   int64
	Time     time.Duration
	Guest    string
	Partner  string
	Instance string
	Pair     string
	Event    string
	ID       string
	Avoid    string
	Data     []byte
	Match    *Pair
	Message  *Message
}

// Why says why a chat ended, a socket is closed or an event is refused.
type Why uint8

// Reasons.
const (
	Left         Why = iota + 1 // the guest left the chat
	Dropped                     // the guest's socket is closed
	Offline                     // the guest or its instance cannot be found
	Replaced                    // a newer socket of the guest
	SessionEnded                // the session was deleted
	NotConnected                // there is no chat
	Overflow                    // too much is on its way to the partner
)
