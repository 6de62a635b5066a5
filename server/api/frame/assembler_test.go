package frame

import (
	"bytes"
	"errors"
	"testing"
)

func TestAssemblerJoinsFragmentsWithControlFramesBetween(t *testing.T) {
	var a Assembler
	var got []Message
	for _, f := range []Frame{
		{Op: Text, Payload: []byte("one ")},
		{Op: Ping, Fin: true, Payload: []byte("alive?")},
		{Op: Continuation, Payload: nil},
		{Op: Continuation, Payload: []byte("\xe2\x82")}, // a character cut in two
		{Op: Continuation, Fin: true, Payload: []byte("\xac")},
		{Op: Binary, Fin: true, Payload: []byte{0xff}},
		{Op: Text, Fin: true, Payload: nil},
		{Op: Close, Fin: true, Payload: []byte("\x03\xe8")},
	} {
		m, ok, err := a.Add(f, 100)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			got = append(got, m)
		}
	}
	want := []Message{{Ping, []byte("alive?")}, {Text, []byte("one €")}, {Binary, []byte{0xff}}, {Text, nil}, {Close, []byte("\x03\xe8")}}
	if len(got) != len(want) {
		t.Fatalf("got %d messages, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Op != want[i].Op || !bytes.Equal(got[i].Payload, want[i].Payload) {
			t.Errorf("message %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestAssemblerRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []Frame
		code   Code
	}{
		{"continuation of nothing", []Frame{{Op: Continuation, Fin: true}}, ProtocolError},
		{"message within a message", []Frame{{Op: Text}, {Op: Text, Fin: true}}, ProtocolError},
		{"text that is not UTF-8", []Frame{{Op: Text, Fin: true, Payload: []byte("\xff")}}, InvalidPayload},
		{"text that ends within a character", []Frame{{Op: Text, Payload: []byte("\xe2\x82")}, {Fin: true}}, InvalidPayload},
		{"half a surrogate pair in UTF-8", []Frame{{Op: Text, Fin: true, Payload: []byte("\xed\xa0\x80")}}, InvalidPayload},
		{"one frame too big", []Frame{{Op: Binary, Fin: true, Payload: make([]byte, 11)}}, MessageTooBig},
		{"too big together", []Frame{{Op: Binary, Payload: make([]byte, 6)}, {Payload: make([]byte, 5)}}, MessageTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a Assembler
			for i, f := range c.frames {
				_, ok, err := a.Add(f, 10)
				if i < len(c.frames)-1 {
					if ok || err != nil {
						t.Fatalf("frame %d: %t, %v", i, ok, err)
					}
					continue
				}
				var fault *Error
				if !errors.As(err, &fault) || fault.Code != c.code || ok {
					t.Fatalf("got %v, want code %s", err, c.code)
				}
			}
		})
	}
}

func TestAssemblerKeepsNoMemoryBetweenMessages(t *testing.T) {
	var a Assembler
	for range 2 {
		if _, _, err := a.Add(Frame{Op: Binary, Payload: make([]byte, 1000)}, limit); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := a.Add(Frame{Fin: true}, limit); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if a.part != nil || a.op != Continuation {
			t.Fatalf("%d bytes are kept", cap(a.part))
		}
	}
}
