package frame

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"
)

// FuzzParse: no input panics; a frame that is taken is, built again, the bytes
// that it was taken from; and every fault has a code that may be sent.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "\x81\x05Hello", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "\x89\x7e\x00\x7e", "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "\x88\x02\x03\xe8", "\x01\x01a\x80\x01b"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, wire []byte, server bool) {
		side := Client
		if server {
			side = Server
		}
		var a Assembler
		rest := append([]byte(nil), wire...)
		for {
			before := append([]byte(nil), rest...)
			fr, n, err := Parse(rest, side, limit)
			if n == 0 && !bytes.Equal(before, rest) {
				t.Fatal("bytes of a part were changed")
			}
			if err != nil || n == 0 {
				checkFault(t, err)
				return
			}
			if again := rebuild(fr, before); !bytes.Equal(again, before[:n]) {
				t.Fatalf("%x was taken for %x", before[:n], again)
			}
			rest = rest[n:]
			m, ok, err := a.Add(fr, limit)
			if err != nil {
				checkFault(t, err)
				return
			}
			if ok && m.Op == Text && !utf8.Valid(m.Payload) {
				t.Fatalf("%q passed for text", m.Payload)
			}
			if ok && m.Op == Close {
				_, _, err := ParseClose(m.Payload)
				checkFault(t, err)
			}
		}
	})
}

// rebuild builds f again, with the key that it had in wire.
func rebuild(f Frame, wire []byte) []byte {
	out := Append(nil, f.Op, f.Payload)
	if f.Masked {
		at := len(AppendHeader(nil, f.Op, len(f.Payload)))
		out = AppendMasked(nil, f.Op, [4]byte(wire[at:]), f.Payload)
	}
	if !f.Fin {
		out[0] &^= finBit
	}
	return out
}

func checkFault(t *testing.T, err error) {
	t.Helper()
	var fault *Error
	if err != nil && (!errors.As(err, &fault) || !fault.Code.IsValid()) {
		t.Fatalf("%v has no code", err)
	}
}

// FuzzRoundTrip: a message in fragments of any size, read in pieces of any
// size, comes out whole.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("What is said, is said."), uint16(3), uint16(5), uint32(0x12345678))
	f.Add([]byte{}, uint16(0), uint16(0), uint32(0))
	f.Add(bytes.Repeat([]byte{0xfe}, 3000), uint16(1000), uint16(700), uint32(0xff))
	f.Fuzz(func(t *testing.T, message []byte, fragment, piece uint16, k uint32) {
		key := [4]byte{byte(k), byte(k >> 8), byte(k >> 16), byte(k >> 24)}
		message = message[:min(len(message), 4096)]
		size, step := int(fragment%5000)+1, int(piece%5000)+1
		var wire []byte
		for op, rest := Binary, message; ; op = Continuation {
			part := rest[:min(size, len(rest))]
			rest = rest[len(part):]
			start := len(wire)
			wire = AppendMasked(wire, op, key, part)
			if len(rest) == 0 {
				break
			}
			wire[start] &^= finBit
			wire = AppendMasked(wire, Ping, key, "between")
		}
		var a Assembler
		var buf []byte
		for len(wire) > 0 || len(buf) > 0 {
			n := min(step, len(wire))
			buf, wire = append(buf, wire[:n]...), wire[n:]
			for {
				fr, n, err := Parse(buf, Server, len(message))
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
				m, ok, err := a.Add(fr, len(message))
				if err != nil {
					t.Fatal(err)
				}
				if ok && m.Op == Binary {
					if !bytes.Equal(m.Payload, message) {
						t.Fatalf("sent %x, got %x", message, m.Payload)
					}
					return
				}
				buf = buf[n:]
			}
		}
		t.Fatal("the message never came")
	})
}
