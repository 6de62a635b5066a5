package pairing

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is of the messages between instances. An instance refuses those of another
// version; doc.go tells how a new one is brought in.
const Version = 1

// ErrVersion is wrapped by Parse where the message is of another version.
var ErrVersion = errors.New("another version of the protocol between instances")

var errShort = errors.New("message between instances is cut short")

// Append appends the message as it is sent.
func (r *Message) Append(dst []byte) []byte {
	dst = append(dst, Version, byte(r.Kind), byte(r.Flags))
	for _, s := range [...]string{r.Instance, r.Pair, r.To, r.From} {
		dst = appendText(dst, s)
	}
	dst = binary.AppendVarint(dst, r.At)
	dst = binary.AppendUvarint(dst, r.Delivered)
	dst = binary.AppendUvarint(dst, r.Taken)
	switch {
	case r.Kind == ItemMessage:
		dst = appendItem(dst, &r.Item)
		if r.Item.What == BeginItem {
			dst = appendPair(dst, r.Match)
		}
	case r.Kind == HandoverMessage && r.State != nil:
		dst = appendState(append(dst, 1), r.State)
		dst = appendPair(dst, r.Match)
	case r.Kind == HandoverMessage:
		dst = append(dst, 0)
	}
	return dst
}

func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendItem(dst []byte, i *Item) []byte {
	parted := byte(0)
	if i.Parted {
		parted = 1
	}
	dst = append(dst, byte(i.What), byte(i.Why), parted)
	dst = binary.AppendUvarint(dst, i.Number)
	dst = appendText(dst, i.Event)
	dst = appendText(dst, i.ID)
	return appendText(dst, i.Data)
}

func appendPair(dst []byte, p *Pair) []byte {
	dst = appendText(dst, p.ID)
	for i := range p.Of {
		o := &p.Of[i]
		dst = appendText(dst, o.Guest)
		dst = appendText(dst, o.Instance)
		dst = binary.AppendVarint(dst, o.Search)
		dst = appendText(dst, o.Card)
	}
	return dst
}

func appendState(dst []byte, s *State) []byte {
	dst = binary.AppendVarint(dst, s.At)
	dst = binary.AppendVarint(dst, s.PartnerAt)
	anew := byte(0)
	if s.Anew {
		anew = 1
	}
	dst = append(dst, anew)
	for _, n := range [...]uint64{s.Sent, s.Delivered, s.Taken, uint64(len(s.Unacked)), uint64(len(s.Receipts))} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = appendText(dst, s.Partner)
	for i := range s.Unacked {
		dst = appendItem(dst, &s.Unacked[i])
	}
	for _, r := range s.Receipts {
		dst = binary.AppendUvarint(dst, r.Number)
		dst = appendText(dst, r.ID)
	}
	return dst
}

// Parse decodes a message. Its data are views into b; all else is one copy of it.
// An error says what is wrong, and wraps ErrVersion for another version.
func Parse(b []byte) (*Message, error) {
	if len(b) < 3 {
		return nil, errShort
	}
	if b[0] != Version {
		return nil, fmt.Errorf("%w: %d, this one speaks %d", ErrVersion, b[0], Version)
	}
	p := reader{bytes: b, text: string(b), at: 3}
	r := &Message{Kind: MessageKind(b[1]), Flags: Flags(b[2])}
	if r.Kind < ItemMessage || r.Kind > HandedMessage {
		return nil, fmt.Errorf("message between instances is of unknown kind %d", b[1])
	}
	r.Instance, r.Pair, r.To, r.From = p.string(), p.string(), p.string(), p.string()
	r.At, r.Delivered, r.Taken = p.int(), p.uint(), p.uint()
	switch r.Kind {
	case ItemMessage:
		r.Item = p.item()
		if r.Item.What == BeginItem {
			r.Match = p.pair()
		}
	case HandoverMessage:
		if p.byte() != 0 {
			r.State = p.state()
			r.Match = p.pair()
		}
	}
	if p.err == nil && p.at < len(b) {
		return nil, fmt.Errorf("message between instances has %d bytes too many", len(b)-p.at)
	}
	if d := r.Match; p.err == nil && d != nil && (d.ID != r.Pair || d.index(r.To) < 0 || d.Of[0].Guest == d.Of[1].Guest) {
		p.err = fmt.Errorf("message between instances for %q in pair %q brings pair %q of %q and %q", r.To, r.Pair, d.ID, d.Of[0].Guest, d.Of[1].Guest)
	}
	return r, p.err
}

// reader reads fields one after the other; after the first error all are zero.
type reader struct {
	bytes []byte
	text  string
	at    int
	err   error
}

func (p *reader) uint() uint64 {
	n, size := binary.Uvarint(p.bytes[p.at:])
	if size <= 0 {
		p.fail()
		return 0
	}
	p.at += size
	return n
}

func (p *reader) int() int64 {
	n, size := binary.Varint(p.bytes[p.at:])
	if size <= 0 {
		p.fail()
		return 0
	}
	p.at += size
	return n
}

func (p *reader) byte() byte {
	if p.at == len(p.bytes) {
		p.fail()
		return 0
	}
	p.at++
	return p.bytes[p.at-1]
}

func (p *reader) fail() { p.err, p.at = errShort, len(p.bytes) }

// span returns where a text begins and ends.
func (p *reader) span() (from, to int) {
	n := p.uint()
	if n > uint64(len(p.bytes)-p.at) {
		p.fail()
		return p.at, p.at
	}
	from = p.at
	p.at += int(n)
	return from, p.at
}

func (p *reader) string() string {
	from, to := p.span()
	return p.text[from:to]
}

func (p *reader) data() []byte {
	from, to := p.span()
	if from == to {
		return nil
	}
	return p.bytes[from:to:to]
}

func (p *reader) item() (i Item) {
	i.What, i.Why, i.Parted = What(p.byte()), Why(p.byte()), p.byte() != 0
	if p.err == nil && (i.What < BeginItem || i.What > EndItem) {
		p.err = fmt.Errorf("message between instances has an item of unknown kind %d", i.What)
	}
	i.Number, i.Event, i.ID, i.Data = p.uint(), p.string(), p.string(), p.data()
	return i
}

func (p *reader) pair() *Pair {
	d := &Pair{ID: p.string()}
	for i := range d.Of {
		d.Of[i] = Party{Guest: p.string(), Instance: p.string(), Search: p.int(), Card: p.data()}
	}
	return d
}

func (p *reader) state() *State {
	s := &State{At: p.int(), PartnerAt: p.int(), Anew: p.byte() != 0, Sent: p.uint(), Delivered: p.uint(), Taken: p.uint()}
	items, receipts := p.uint(), p.uint()
	s.Partner = p.string()
	for range items {
		if p.err != nil {
			return s
		}
		s.Unacked = append(s.Unacked, p.item())
	}
	for range receipts {
		if p.err != nil {
			return s
		}
		s.Receipts = append(s.Receipts, Receipt{p.uint(), p.string()})
	}
	return s
}
