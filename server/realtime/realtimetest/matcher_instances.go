package realtimetest

import (
	"errors"
	"reflect"
	"testing"

	"guestload/server/guest"
)

func leavingAnInstance(t *testing.T, h Harness) {
	c := crowd{h: h}
	a, i := c.searcher()
	b, j := c.searcher()
	leave := func(s guest.Searcher, instance, want string) {
		t.Helper()
		pair, err := i.Matcher.LeaveAt(t.Context(), s.ID, instance)
		if err != nil || pair.ID != want {
			t.Errorf("%s left %q: %+v, %v; want pair %q", s.ID, instance, pair, err, want)
		}
	}
	wait(t, i, a)
	leave(a, "another", "")
	pair, err := j.Matcher.Search(t.Context(), b)
	if err != nil || partnerIn(pair, b.ID) != a.ID {
		t.Fatalf("who is recorded for one instance left another, and is gone: %+v, %v", pair, err)
	}
	for _, s := range []guest.Searcher{a, b} {
		leave(s, "another", "")
		leave(s, s.Instance+"s", "")
	}
	leave(a, a.Instance, pair.ID)
	leave(b, b.Instance, "")
	wait(t, j, b)
	leave(b, b.Instance, "")
	wait(t, i, a) // nobody is there to be met
	leave(a, a.Instance, "")
	wait(t, j, b)
	pair, err = i.Matcher.Search(t.Context(), a)
	if err != nil || pair.ID == "" {
		t.Fatalf("got %+v, %v", pair, err)
	}
	leave(a, a.Instance, pair.ID) // who searched last
}

func movingInAPair(t *testing.T, h Harness) {
	c := crowd{h: h}
	a, i := c.searcher()
	b, j := c.searcher()
	a.Location, b.Username = guest.Location(`{"city":"Köln: 7"}`), "Bo: 12"
	move := func(s guest.Searcher, pair, instance string, want bool) {
		t.Helper()
		if moved, err := i.Matcher.Move(t.Context(), s.ID, pair, instance); err != nil || moved != want {
			t.Errorf("%s moved in %q to %s: %v, %v; want %v", s.ID, pair, instance, moved, err, want)
		}
	}
	move(a, "none", "there", false)
	wait(t, i, a)
	move(a, "none", "there", false) // who waits is in no pair
	pair, err := j.Matcher.Search(t.Context(), b)
	if err != nil || pair.ID == "" {
		t.Fatalf("got %+v, %v", pair, err)
	}
	move(a, "another", "there", false)
	want := pair
	for _, m := range []struct {
		guest guest.Searcher
		to    string
	}{{a, "there"}, {b, "an instance with a long name: 3"}, {a, ""}, {a, "back"}} {
		move(m.guest, pair.ID, m.to, true)
		want = want.Moved(m.guest.ID, m.to)
		if got, err := j.Matcher.Search(t.Context(), a); !errors.Is(err, guest.ErrPaired) || !reflect.DeepEqual(got, want) {
			t.Fatalf("after a move to %q the pair is %+v, %v; want %+v", m.to, got, err, want)
		}
	}
	if got, err := i.Matcher.LeaveAt(t.Context(), a.ID, a.Instance); err != nil || got.ID != "" {
		t.Errorf("who has moved left where it was: %+v, %v", got, err)
	}
	if got, err := i.Matcher.LeaveAt(t.Context(), a.ID, "back"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("who has moved left: %+v, %v; want %+v", got, err, want)
	}
	move(b, pair.ID, "there", false)
}
