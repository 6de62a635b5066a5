package realtime

import (
	"reflect"
	"testing"

	"guestload/server/guest"
)

func TestWhatInstancesTellArrivesAsItWas(t *testing.T) {
	pair := &guest.Pair{ID: "p",
		A: guest.Searcher{ID: "a", Username: "Ann", Instance: "here", Traits: guest.Traits{Language: "de"}, Location: guest.Location(`{"city":"Bonn"}`)},
		B: guest.Searcher{ID: "b", Username: "Bob", Instance: "there"}}
	for _, r := range []remote{
		{kind: remoteEvent, id: "p", to: "a", from: "b", name: "chat:message", message: "m", instance: "there", data: []byte(`{"x":1}`)},
		{kind: remoteDelivered, id: "p", to: "a", from: "b", message: "m", data: []byte{}},
		{kind: remoteEnd, why: offline, hops: 3, at: 5, data: []byte{}},
		{kind: remoteMatched, pair: pair, data: []byte{}},
		{kind: remoteMoved, to: "a", data: []byte{}}, // no chat comes
	} {
		b := r.append(nil)
		want := r
		if r.kind == remoteMoved {
			want.pair = &guest.Pair{}
		}
		got, err := parseRemote(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("kind %d: got %+v, %v, want %+v", r.kind, got, err, want)
		}
		for n := range b {
			if _, err := parseRemote(b[:n:n]); err == nil {
				t.Errorf("kind %d: cut to %d of %d bytes it is taken for whole", r.kind, n, len(b))
			}
		}
		if _, err := parseRemote(append(b, 0)); err == nil {
			t.Errorf("kind %d: a byte too many is not noticed", r.kind)
		}
	}
}
