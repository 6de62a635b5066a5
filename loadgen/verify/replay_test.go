package verify

import (
	"testing"
	"time"
)

// A guest's partner is played by another process, which hands over first what
// happened last.
func TestReplayJudgesCausesBeforeEffects(t *testing.T) {
	v := New(Contract())
	r := NewReplay(v, 2)
	var taps [2]Tap
	a, b := NewTapped(Contract(), &taps[0]).Witness(0), NewTapped(Contract(), &taps[1]).Witness(1)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	a.Established(ms(1), "guest_a")
	a.Searching(ms(3))
	b.Established(ms(2), "guest_b")
	b.Searching(ms(4))
	b.Matched(ms(5), []byte("guest_a"), []byte("guest_a_guest_b"))
	if err := r.Add(1, taps[1].Take(), ms(10)); err != nil {
		t.Fatal(err)
	}
	if report := v.tally.report(); report.Matches != 0 {
		t.Errorf("%d matches were judged before the partner's process had handed over", report.Matches)
	}
	a.Matched(ms(6), []byte("guest_b"), []byte("guest_a_guest_b"))
	if err := r.Add(0, taps[0].Take(), ms(7)); err != nil {
		t.Fatal(err)
	}
	r.End(0)
	r.End(1)
	if report := v.Finish(ms(20), nil); report.Matches != 2 || report.Strangers != 0 {
		t.Errorf("%d matches, %d of them with strangers", report.Matches, report.Strangers)
	}
}

// What a guest waits for in vain is found out where all are judged, and the process
// that plays it hears of that.
func TestTheWrongedAreToldToTheirProcesses(t *testing.T) {
	var taps [2]Tap
	a, b := NewTapped(Contract(), &taps[0]), NewTapped(Contract(), &taps[1])
	first, second := a.Witness(0), b.Witness(1)
	first.Established(1, "guest_a")
	second.Established(2, "guest_a")
	third := b.Witness(2)
	third.Established(3, "guest_b")
	v := New(Contract())
	r := NewReplay(v, 2)
	for i := range taps {
		if err := r.Add(i, taps[i].Take(), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	ids := v.Wronged()
	if len(ids) == 0 || ids[0] != "guest_a" || v.Wronged() != nil {
		t.Errorf("wronged: %q", ids)
	}
	for _, played := range []*Verifier{a, b} {
		played.Wrong(append(ids, "guest_of_nobody"))
	}
	if !first.Wronged() || !second.Wronged() || third.Wronged() {
		t.Errorf("hopeless: %v, %v, and %v", first.Wronged(), second.Wronged(), third.Wronged())
	}
}

func FuzzReplayReadsWhatIsThere(f *testing.F) {
	var tap Tap
	w := NewTapped(Contract(), &tap).Witness(3)
	w.Established(1, "guest_a")
	w.Searching(2)
	w.Matched(5, []byte("guest_b"), []byte("guest_a_guest_b"))
	w.Received(6, []byte("guest_b"), []byte("hello"))
	w.Dropping(7, HalfOpen)
	f.Add(tap.Take())
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, calls []byte) {
		r := NewReplay(New(Contract()), 1)
		if err := r.Add(0, calls, 0); err == nil {
			r.End(0)
		}
	})
}
