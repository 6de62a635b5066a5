package verify

import (
	"math/rand/v2"
	"testing"
	"time"

	"guestload/server/api"
)

// BenchmarkMessage is all that one message costs the generator for being
// verified: composed, sent, received, acknowledged twice. Chats of ten.
func BenchmarkMessage(b *testing.B) {
	v := New(Contract())
	alice, bob := v.Witness(4711), v.Witness(4712)
	const idA, idB = "guest_00000000-0000-4000-8000-00000000000a", "guest_00000000-0000-4000-8000-00000000000b"
	alice.Established(0, idA)
	bob.Established(0, idB)
	for _, w := range []*Witness{alice, bob} {
		w.Searching(1)
		w.Heard(2, api.EventSearching, nil)
	}
	room := []byte(idA + "_" + idB)
	alice.Matched(3, []byte(idB), room)
	bob.Matched(4, []byte(idA), room)
	r := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, 0, 256)
	id, sender := []byte("msg_00000000-0000-4000-8000-000000000000"), []byte(idA)
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		k++
		id[len(id)-1], id[len(id)-2], id[len(id)-3] = byte(k), byte(k>>8), byte(k>>16)
		at := time.Duration(k) * time.Microsecond
		buf = alice.Compose(buf[:0], at, k, 0, 110, r)
		alice.Sent(at)
		bob.Received(at, sender, buf)
		alice.Acked(at, id)
		alice.Delivered(at, id)
	}
	if n := v.Finish(time.Second, nil).Total(); n != 0 {
		b.Fatalf("%d violations", n)
	}
}
