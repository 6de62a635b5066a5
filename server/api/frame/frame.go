// Package frame is RFC 6455 over byte slices: it parses, joins and builds
// WebSocket frames, does no I/O and keeps no connection. Server and load
// generator each run a loop of their own around it. Extensions are not spoken.
package frame

import "encoding/binary"

// Op is a frame's opcode.
type Op uint8

// The opcodes of RFC 6455, section 5.2.
const (
	Continuation Op = 0x0
	Text         Op = 0x1
	Binary       Op = 0x2
	Close        Op = 0x8
	Ping         Op = 0x9
	Pong         Op = 0xA
)

// IsControl reports whether frames of this kind may stand between the fragments
// of a message.
func (op Op) IsControl() bool { return op&0x8 != 0 }

// Sizes in bytes.
const (
	MaxHeader  = 14  // of a frame, with the mask
	MaxControl = 125 // payload of a close, ping or pong
	MaxReason  = MaxControl - 2
)

// Side says who parses: a server takes only masked frames, a client only
// unmasked ones.
type Side uint8

// The two sides.
const (
	Server Side = iota
	Client
)

const (
	finBit  = 0x80
	rsvBits = 0x70
	opBits  = 0x0F
	maskBit = 0x80
	lenBits = 0x7F
	len16   = 126
	len64   = 127
)

// Frame is one frame. Payload is a view of the parsed bytes, unmasked.
type Frame struct {
	Fin     bool
	Op      Op
	Masked  bool // it was, on the wire
	Payload []byte
}

// Parse reads the frame at the start of b, which the side has received, and
// unmasks its payload in place. n is the frame's length in bytes; 0 means that
// b holds only a part of it, and is unchanged. limit bounds the payload, in
// bytes. Errors are *Error, found as soon as the header is there.
func Parse(b []byte, side Side, limit int) (f Frame, n int, err error) {
	if len(b) < 2 {
		return Frame{}, 0, nil
	}
	f.Fin = b[0]&finBit != 0
	f.Op = Op(b[0] & opBits)
	f.Masked = b[1]&maskBit != 0
	if err := f.check(b, side); err != nil {
		return Frame{}, 0, err
	}
	length, head, err := payloadLength(b)
	switch {
	case err != nil || head == 0:
		return Frame{}, 0, err
	case length > uint64(max(limit, 0)) && !f.Op.IsControl():
		return Frame{}, 0, ErrTooBig
	}
	var key uint32
	if f.Masked {
		if len(b) < head+4 {
			return Frame{}, 0, nil
		}
		key = binary.LittleEndian.Uint32(b[head:])
		head += 4
	}
	if uint64(len(b)-head) < length {
		return Frame{}, 0, nil
	}
	n = head + int(length)
	f.Payload = b[head:n:n]
	if key != 0 {
		xor(f.Payload, key)
	}
	return f, n, nil
}

// check refuses what the first two bytes already show to be wrong.
func (f Frame) check(b []byte, side Side) error {
	switch {
	case b[0]&rsvBits != 0:
		return errReserved
	case f.Op > Binary && f.Op < Close || f.Op > Pong:
		return errOpcode
	case f.Op.IsControl() && !f.Fin:
		return errFragmentedControl
	case f.Op.IsControl() && b[1]&lenBits > MaxControl:
		return errLongControl
	case f.Masked && side == Client:
		return errMasked
	case !f.Masked && side == Server:
		return errUnmasked
	}
	return nil
}

// payloadLength reads the payload's length, and says where the header's next
// part begins: 0 where more bytes are needed.
func payloadLength(b []byte) (length uint64, head int, err error) {
	switch l := b[1] & lenBits; l {
	case len16:
		if len(b) < 4 {
			return 0, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(b[2:]))
		if length < len16 {
			return 0, 0, errLength
		}
		return length, 4, nil
	case len64:
		if len(b) < 10 {
			return 0, 0, nil
		}
		length = binary.BigEndian.Uint64(b[2:])
		if length <= 0xFFFF || length > 1<<63-1 {
			return 0, 0, errLength
		}
		return length, 10, nil
	default:
		return uint64(l), 2, nil
	}
}

// Mask applies the key to b in place; once more, and it is as before.
func Mask(b []byte, key [4]byte) { xor(b, binary.LittleEndian.Uint32(key[:])) }

// xor is Mask with the key in the order of memory, eight bytes at a time.
func xor(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(b[8:])^wide)
		binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])^wide)
		binary.LittleEndian.PutUint64(b[24:], binary.LittleEndian.Uint64(b[24:])^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide)
		wide >>= 8
	}
}
