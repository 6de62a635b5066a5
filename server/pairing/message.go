package pairing

// MessageKind says what one instance tells another.
type MessageKind uint8

// Messages between instances. doc.go describes them.
const (
	ItemMessage     MessageKind = iota + 1 // one numbered item of a side
	AckMessage                             // what was delivered and taken
	GoneMessage                            // the sender does not hold the side of To in Pair
	ClaimMessage                           // To has joined the sender at At
	HandoverMessage                        // answers a claim: State is the side, nil for none
	HandedMessage                          // answers a handover: the sender holds the side now
)

// Flags of a message.
type Flags uint8

const (
	// Ask: answer at once.
	Ask Flags = 1 << iota
	// Notice, of Gone: the matcher has dissolved the pair. Answer at once.
	Notice
	// Record, of Ack: the matcher refuses the pair; record it, too.
	Record
	// Adopt, of Claim: the chat may come along.
	Adopt
	// Delete, of Claim: nobody holds the guest any more.
	Delete
	// Newer, of Handover: the guest has joined the sender since, which claims it.
	Newer
)

// Message is what one instance tells another.
type Message struct {
	Kind     MessageKind
	Flags    Flags
	Instance string // of the sender
	Pair     string
	To       string // guest, at the receiver
	From     string // the partner
	// At is the time of From's holder, by which an older holder is known; of Claim,
	// Handover and Handed, of the claim.
	At        int64
	Delivered uint64 // items of To that From has been given
	Taken     uint64 // items of To that From's socket has taken
	Item      Item   // of Item
	Match     *Pair  // of Handover, and of an Item that begins the pair
	State     *State // of Handover
}

// What says what an item is.
type What uint8

// Items. The first one of each side of a pair across instances begins it.
const (
	BeginItem What = iota + 1 // the guest is in the pair
	EventItem                 // an event for the partner's socket
	EndItem                   // the guest is no longer in the pair: the last item
)

// Item is what one side of a pair says, numbered from 1.
type Item struct {
	Number uint64
	What   What
	Why    Why    // of EndItem
	Parted bool   // of EndItem: the matcher has dissolved the pair
	Event  string // of EventItem, as ID and Data
	ID     string // "": no receipt is wanted
	Data   []byte
}

// State is one side of a pair, as it moves with its guest.
type State struct {
	At        int64 // of the holder from now on
	Anew      bool  // the matcher was told of the pair again, on the way
	Sent      uint64
	Delivered uint64
	Taken     uint64
	Unacked   []Item
	Receipts  []Receipt
	Partner   string // the instance that holds the partner's side
	PartnerAt int64
}

// Receipt is owed for a message that the partner's socket has not taken yet.
type Receipt struct {
	Number uint64
	ID     string
}
