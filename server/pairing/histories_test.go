package pairing

import (
	"reflect"
	"testing"
)

// histories broke a rule once, and were shrunk.
var histories = map[string]string{
	"an asymmetric cut, and a guest who comes back through it": `seed 1754042640849334 instances 3 guests 4
17.319452742s connect g2 i2 0s
17.529536451s cut g0 i2 843ms
17.726079814s connect g3 i1 0s
24.025374474s search g3 i2 0s
24.028663903s connect g1 i1 0s
24.031564903s search g1 i0 0s
25.645804723s cut g0 i1 2.237s
26.92641485s connect g1 i0 0s
27.624127802s connect g1 i1 0s`,
	"a handover that comes twice, after the chat has moved on": `seed 1754042471341824 instances 3 guests 4
8.111729875s connect g2 i0 0s
8.373904634s connect g3 i1 0s
8.383202915s connect g2 i1 0s
8.734603113s search g3 i1 0s
9.122969387s search g2 i1 0s
9.184910036s connect g2 i0 0s
9.19014011s deaf g0 i0 353ms
9.270600624s say g3 i0 0s
9.491045987s say g3 i0 0s
9.559316003s connect g2 i2 0s
9.563162943s say g3 i1 0s`,
	"both instances of a guest die one after the other": `seed 1754042047110010 instances 2 guests 2
23.158122162s again g1 i0 0s
25.460752807s search g1 i1 0s
25.48864447s crash g0 i0 841ms
26.261570478s connect g1 i1 0s
26.358935635s crash g0 i1 8.003s`,
	"three sockets of a guest on three instances in an outage": `seed 1754041580057016 instances 6 guests 8
30.713237337s connect g4 i1 0s
39.037919599s kill g0 i4 1.407s
39.088791207s connect g4 i3 0s
40.076940097s connect g4 i2 0s`,
}

func TestHistories(t *testing.T) {
	for name, text := range histories {
		p, err := parsePlan(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if w := p.play(none, nil); w.failure != "" {
			t.Errorf("%s: %s", name, w.failure)
			report(t, p, none, w.failure)
		}
	}
}

func TestPlansReadBackAsTheyWere(t *testing.T) {
	want := randomPlan(1)
	got, err := parsePlan(want.String())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}
