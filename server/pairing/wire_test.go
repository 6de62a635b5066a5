package pairing

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// messages has each kind once, with all that it can carry.
func messages() []*Message {
	match := &Pair{ID: "p-1", Of: [2]Party{{"a", "i1", 7, []byte("card")}, {"b", "i2", -1, nil}}}
	say := Item{Number: 3, What: EventItem, Event: "chat:message", ID: "m", Data: []byte{0, 1}}
	return []*Message{
		{Kind: ItemMessage, Instance: "i1", Pair: "p-1", To: "b", From: "a", At: -5, Delivered: 300, Taken: 2, Item: Item{Number: 1, What: BeginItem}, Match: match},
		{Kind: ItemMessage, Instance: "i1", Pair: "p-1", To: "b", From: "a", Item: say},
		{Kind: ItemMessage, Instance: "i1", Pair: "p-1", Item: Item{Number: 1 << 40, What: EndItem, Why: Left, Parted: true}},
		{Kind: AckMessage, Flags: Ask | Record, Instance: "i2", Pair: "p-1", To: "a", From: "b", Delivered: 1},
		{Kind: GoneMessage, Flags: Notice, Instance: "i2", Pair: "p-1"},
		{Kind: ClaimMessage, Flags: Adopt | Delete, Instance: "i2", To: "a", At: 1 << 60},
		{Kind: HandoverMessage, Flags: Newer, Instance: "i2", To: "a", From: "b"},
		{Kind: HandoverMessage, Instance: "i2", Pair: "p-1", To: "a", Match: match, State: &State{At: 9, Anew: true, Sent: 4, Delivered: 5, Taken: 4,
			Unacked: []Item{say, say}, Receipts: []Receipt{{3, "m"}}, Partner: "i3", PartnerAt: 8}},
		{Kind: HandedMessage, Instance: "i2", Pair: "p-1", To: "a"},
	}
}

func TestMessagesReadBackAsTheyWere(t *testing.T) {
	for _, want := range messages() {
		b := want.Append(nil)
		got, err := Parse(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("\n got %+v, %v\nwant %+v", got, err, want)
		}
		for n := range b {
			if _, err := Parse(b[:n]); err == nil {
				t.Errorf("kind %d: %d of %d bytes are read without an error", want.Kind, n, len(b))
			}
		}
		if _, err := Parse(append(b, 0)); err == nil {
			t.Errorf("kind %d: one byte too many is read without an error", want.Kind)
		}
	}
}

func TestOtherVersionsAreRefused(t *testing.T) {
	b := messages()[0].Append(nil)
	b[0]++
	if _, err := Parse(b); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range messages() {
		f.Add(r.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(r.Append(nil))
		if err != nil || !bytes.Equal(again.Append(nil), r.Append(nil)) {
			t.Errorf("%+v reads back as %+v, %v", r, again, err)
		}
		New("i1", true).Step(0, &Input{Kind: Received, Message: r}, nil) // no message may break a machine
	})
}
