package frame

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const limit = 1 << 20

var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

func TestParseReadsTheExamplesOfTheRFC(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 65536)
	for _, c := range []struct {
		name string
		side Side
		wire []byte
		want Frame
	}{
		{"unmasked text", Client, []byte("\x81\x05Hello"), Frame{true, Text, false, []byte("Hello")}},
		{"masked text", Server, []byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), Frame{true, Text, true, []byte("Hello")}},
		{"first fragment", Client, []byte("\x01\x03Hel"), Frame{false, Text, false, []byte("Hel")}},
		{"last fragment", Client, []byte("\x80\x02lo"), Frame{true, Continuation, false, []byte("lo")}},
		{"ping", Client, []byte("\x89\x05Hello"), Frame{true, Ping, false, []byte("Hello")}},
		{"masked pong", Server, []byte("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), Frame{true, Pong, true, []byte("Hello")}},
		{"256 bytes", Client, append([]byte{0x82, 0x7e, 1, 0}, long[:256]...), Frame{true, Binary, false, long[:256]}},
		{"64 KiB", Client, append([]byte{0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}, long...), Frame{true, Binary, false, long}},
		{"nothing, masked", Server, []byte("\x81\x80\x00\x00\x00\x00"), Frame{true, Text, true, []byte{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, n, err := Parse(append([]byte(nil), c.wire...), c.side, limit)
			if err != nil || n != len(c.wire) {
				t.Fatalf("took %d of %d bytes, error %v", n, len(c.wire), err)
			}
			if got.Fin != c.want.Fin || got.Op != c.want.Op || got.Masked != c.want.Masked || !bytes.Equal(got.Payload, c.want.Payload) {
				t.Fatalf("got %+v", got)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		side Side
		wire string
		code Code
	}{
		{"first reserved bit", Client, "\xc1\x00", ProtocolError},
		{"second reserved bit", Client, "\xa1\x00", ProtocolError},
		{"third reserved bit", Client, "\x91\x00", ProtocolError},
		{"opcode 3", Client, "\x83\x00", ProtocolError},
		{"opcode 7", Client, "\x87\x00", ProtocolError},
		{"opcode 11", Client, "\x8b\x00", ProtocolError},
		{"opcode 15", Client, "\x8f\x00", ProtocolError},
		{"fragmented ping", Client, "\x09\x00", ProtocolError},
		{"fragmented close", Client, "\x08\x00", ProtocolError},
		{"long ping", Client, "\x89\x7e\x00\x7e", ProtocolError},
		{"huge close", Client, "\x88\x7f", ProtocolError},
		{"unmasked from a client", Server, "\x81\x00", ProtocolError},
		{"masked from a server", Client, "\x81\x80", ProtocolError},
		{"16 bits for 125", Client, "\x81\x7e\x00\x7d", ProtocolError},
		{"64 bits for 65535", Client, "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", ProtocolError},
		{"negative length", Client, "\x81\x7f\x80\x00\x00\x00\x00\x01\x00\x00", ProtocolError},
		{"over the limit", Client, "\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x01", MessageTooBig},
		{"as long as can be", Client, "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", MessageTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, n, err := Parse([]byte(c.wire), c.side, limit)
			var fault *Error
			if !errors.As(err, &fault) || fault.Code != c.code || n != 0 {
				t.Fatalf("got %v after %d bytes, want code %s", err, n, c.code)
			}
			if !strings.HasPrefix(err.Error(), "websocket: ") || len(fault.Reason) > MaxReason {
				t.Fatalf("%q does not fit a close frame", fault.Reason)
			}
		})
	}
}

func TestParseWaitsForTheWholeFrameAndChangesNothing(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		for _, side := range []Side{Server, Client} {
			wire := frameFor(side, Text, bytes.Repeat([]byte("abc"), size)[:size])
			steps := []int{0, 1, 2, 3, 4, 6, 8, 9, 10, 13, 14, len(wire) / 2, len(wire) - 1}
			for _, n := range steps {
				if n >= len(wire) {
					continue
				}
				part := append([]byte(nil), wire[:n]...)
				_, took, err := Parse(part, side, limit)
				if took != 0 || err != nil || !bytes.Equal(part, wire[:n]) {
					t.Fatalf("%d of %d bytes: took %d, error %v", n, len(wire), took, err)
				}
			}
			if _, took, err := Parse(append(wire, 0xff), side, limit); took != len(wire) || err != nil {
				t.Fatalf("%d bytes and one more: took %d, error %v", len(wire), took, err)
			}
		}
	}
}

func TestLimitIsThePayloads(t *testing.T) {
	for _, c := range []struct {
		limit, size int
		fits        bool
	}{{0, 0, true}, {0, 1, false}, {200, 200, true}, {200, 201, false}, {-1, 1, false}} {
		_, _, err := Parse(Append(nil, Text, make([]byte, c.size)), Client, c.limit)
		if (err == nil) != c.fits {
			t.Errorf("limit %d, %d bytes: %v", c.limit, c.size, err)
		}
	}
	if _, n, err := Parse(Append(nil, Ping, "are you there"), Client, 3); n == 0 || err != nil {
		t.Errorf("a control frame has a limit of its own, got %v", err)
	}
}

func TestMaskEqualsByteByByte(t *testing.T) {
	source := make([]byte, 100)
	for i := range source {
		source[i] = byte(i * 7)
	}
	for offset := range 9 {
		for size := range len(source) - offset {
			got := append([]byte(nil), source...)
			Mask(got[offset:offset+size], key)
			for i, b := range got {
				want := source[i]
				if i >= offset && i < offset+size {
					want ^= key[(i-offset)%4]
				}
				if b != want {
					t.Fatalf("offset %d, size %d: byte %d is %x, want %x", offset, size, i, b, want)
				}
			}
		}
	}
}

// frameFor builds a frame as the side receives it.
func frameFor(side Side, op Op, payload []byte) []byte {
	if side == Server {
		return AppendMasked(nil, op, key, payload)
	}
	return Append(nil, op, payload)
}

func TestNothingAllocates(t *testing.T) {
	wire := AppendMasked(nil, Text, key, "What is said, is said.")
	buf, in := make([]byte, 0, 256), make([]byte, len(wire))
	var a Assembler
	if n := testing.AllocsPerRun(100, func() {
		copy(in, wire)
		f, _, _ := Parse(in, Server, limit)
		m, _, _ := a.Add(f, limit)
		buf = Append(buf[:0], m.Op, m.Payload)
		buf = AppendMasked(buf, m.Op, key, m.Payload)
		buf = AppendClose(buf, Normal, "bye")
		buf = AppendMaskedClose(buf, key, Normal, "bye")
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
