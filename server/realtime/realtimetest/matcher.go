package realtimetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/google/uuid"

	"guestload/server/guest"
)

// matcherDoesAsItsModel plays the same random searches and leaves to both: who
// came first, who accepts whom, who avoids whom, and who keeps the place.
func matcherDoesAsItsModel(t *testing.T, h Harness) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			m := model{pairs: map[string]string{}}
			ids := make([]string, 30)
			for n := range ids {
				ids[n] = guest.IDPrefix + uuid.NewString()
			}
			latest := map[string]guest.Searcher{}
			for step := range 400 {
				i := h.Instances[rng.IntN(len(h.Instances))]
				id := ids[rng.IntN(len(ids))]
				if rng.IntN(3) == 0 || m.pairs[id] != "" {
					want := m.leave(id)
					got, err := i.Matcher.Leave(t.Context(), id)
					if err != nil || partnerIn(got, id) != want {
						t.Fatalf("step %d: leaving released %q, %v; want %q", step, partnerIn(got, id), err, want)
					}
					continue
				}
				s := guest.Searcher{ID: id, Username: "Guest", Instance: i.Name, Location: guest.Location(`{"city":"<Ulm>","a":[]}`)}
				randomise(&s, rng)
				if len(m.waiting) > 0 && rng.IntN(2) == 0 { // often one who is there to be met
					s.Avoid = m.waiting[rng.IntN(min(3, len(m.waiting)))].ID
				}
				latest[id] = s
				want := m.search(s)
				got, err := i.Matcher.Search(t.Context(), s)
				if err != nil || partnerIn(got, id) != want {
					t.Fatalf("step %d: %+v\nmet %q, %v; want %q", step, s, partnerIn(got, id), err, want)
				}
				if want != "" && (!reflect.DeepEqual(got.A, s) || !reflect.DeepEqual(got.B, latest[want])) {
					t.Fatalf("step %d: got %+v\nwant %+v, who searched last, and %+v", step, got, s, latest[want])
				}
			}
			for _, id := range ids { // so that the next seed begins with nobody
				if _, err := h.first().Matcher.Leave(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// partnerIn is the other's id, "" in the zero pair.
func partnerIn(p guest.Pair, id string) string {
	if p.ID == "" {
		return ""
	}
	return p.Partner(id).ID
}

func searchingAgainKeepsPlace(t *testing.T, h Harness) {
	c := crowd{h: h}
	first, i := c.searcher()
	second, j := c.searcher()
	third, k := c.searcher()
	first.Wants.Gender, second.Wants.Gender = "nobody", "nobody"
	wait(t, i, first)
	wait(t, j, second)
	first.Wants, first.Username = guest.Preferences{Gender: "f"}, "Renamed_1"
	wait(t, i, first)
	second.Wants = guest.Preferences{Gender: "f"}
	wait(t, j, second)
	third.Traits.Gender = "f"
	pair, err := k.Matcher.Search(t.Context(), third)
	if err != nil || pair.B.ID != first.ID || pair.B.Username != "Renamed_1" {
		t.Errorf("met %+v, %v; want the one who came first, as it is now", pair.B, err)
	}
}

// wait searches for somebody who is not there.
func wait(t *testing.T, i Instance, s guest.Searcher) {
	t.Helper()
	if pair, err := i.Matcher.Search(t.Context(), s); err != nil || pair.ID != "" {
		t.Fatalf("%s met %+v, %v; should wait", s.Username, pair, err)
	}
}

// theLastPartnerIsAvoided asks for it from both sides, while somebody else waits
// and while nobody does.
func theLastPartnerIsAvoided(t *testing.T, h Harness) {
	for _, searcherAvoids := range []bool{true, false} {
		for _, somebodyElse := range []bool{true, false} {
			c := crowd{h: h}
			last, i := c.searcher()
			other, j := c.searcher()
			s, k := c.searcher()
			// The two accept s alone, lest they meet each other.
			last.Wants.Gender, other.Wants.Gender, s.Traits.Gender = "f", "f", "f"
			want := last.ID
			if somebodyElse {
				want = other.ID
			}
			if searcherAvoids {
				s.Avoid = last.ID
			} else {
				last.Avoid = s.ID
			}
			wait(t, i, last)
			if somebodyElse {
				wait(t, j, other) // later, and yet the one
			}
			pair, err := k.Matcher.Search(t.Context(), s)
			if err != nil || partnerIn(pair, s.ID) != want {
				t.Errorf("searcher avoids %v, somebody else %v: met %+v, %v", searcherAvoids, somebodyElse, pair.B, err)
			}
			for _, id := range []string{last.ID, other.ID, s.ID} {
				if _, err := k.Matcher.Leave(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func searchingInAPair(t *testing.T, h Harness) {
	c := crowd{h: h}
	a, i := c.searcher()
	b, j := c.searcher()
	wait(t, i, a)
	wait(t, i, a) // nobody meets oneself
	pair, err := j.Matcher.Search(t.Context(), b)
	if err != nil || pair.ID == "" {
		t.Fatalf("got %+v, %v", pair, err)
	}
	for _, s := range []guest.Searcher{a, b} {
		got, err := i.Matcher.Search(t.Context(), s)
		if !errors.Is(err, guest.ErrPaired) || !reflect.DeepEqual(got, pair) {
			t.Errorf("got %+v, %v; want the pair and ErrPaired", got, err)
		}
	}
	another, k := c.searcher()
	wait(t, k, another) // neither of the two is there to be met
}

func leavingIsToldOnce(t *testing.T, h Harness) {
	c := crowd{h: h}
	for range 50 {
		a, i := c.searcher()
		b, j := c.searcher()
		wait(t, i, a)
		pair, err := j.Matcher.Search(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		var left [2]guest.Pair
		var errs [2]error
		var wg sync.WaitGroup
		wg.Go(func() { left[0], errs[0] = i.Matcher.Leave(t.Context(), a.ID) })
		wg.Go(func() { left[1], errs[1] = j.Matcher.Leave(t.Context(), b.ID) })
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		if (left[0].ID == pair.ID) == (left[1].ID == pair.ID) || left[0].ID+left[1].ID != pair.ID {
			t.Fatalf("%q was told as %q and %q", pair.ID, left[0].ID, left[1].ID)
		}
		again, err := i.Matcher.Leave(t.Context(), a.ID)
		if err != nil || again.ID != "" {
			t.Fatalf("left twice: %+v, %v", again, err)
		}
	}
}

// told collects the pairs that searches returned, and fails where one breaks a rule.
type told struct {
	t  *testing.T
	mu struct {
		sync.Mutex
		ids     map[string]bool
		partner map[string]string
	}
}

func newTold(t *testing.T) *told {
	r := &told{t: t}
	r.mu.ids, r.mu.partner = map[string]bool{}, map[string]string{}
	return r
}

func (r *told) add(searcher string, p guest.Pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case p.A.ID != searcher:
		r.t.Errorf("%s searched, and was told of %+v", searcher, p)
	case p.A.ID == p.B.ID:
		r.t.Errorf("%s met oneself", searcher)
	case r.mu.ids[p.ID]:
		r.t.Errorf("pair %s was told twice", p.ID)
	case r.mu.partner[p.A.ID] != "" || r.mu.partner[p.B.ID] != "":
		r.t.Errorf("%+v: somebody has a partner already", p)
	case !agree(p.A, p.B):
		r.t.Errorf("%+v do not accept each other", p)
	}
	r.mu.ids[p.ID], r.mu.partner[p.A.ID], r.mu.partner[p.B.ID] = true, p.B.ID, p.A.ID
}

// storm has all search at once, a few at a time on each instance.
func storm(t *testing.T, h Harness, guests int, shape func(n int, s *guest.Searcher)) (*told, []guest.Searcher) {
	t.Helper()
	c, r := crowd{h: h}, newTold(t)
	all, on := make([]guest.Searcher, guests), make([]Instance, guests)
	for n := range all {
		all[n], on[n] = c.searcher()
		shape(n, &all[n])
	}
	const workers = 20
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			<-gate
			for n := w; n < guests; n += workers {
				pair, err := on[n].Matcher.Search(t.Context(), all[n])
				switch {
				case err == nil && pair.ID != "":
					r.add(all[n].ID, pair)
				case errors.Is(err, guest.ErrPaired):
					t.Errorf("%s was in a pair before searching", all[n].ID)
				case err != nil:
					t.Error(err)
				}
			}
		})
	}
	close(gate)
	wg.Wait()
	return r, all
}

func stormPairsEverybody(t *testing.T, h Harness) {
	const guests = 1000
	r, _ := storm(t, h, guests, func(int, *guest.Searcher) {})
	if len(r.mu.partner) != guests || len(r.mu.ids) != guests/2 {
		t.Errorf("%d guests in %d pairs, want %d in %d", len(r.mu.partner), len(r.mu.ids), guests, guests/2)
	}
	if got := h.first().stats(t); got.AvailableUsers != 0 || got.ConnectedUsers != guests/2 {
		t.Errorf("got %+v", got)
	}
}

func stormWithWishes(t *testing.T, h Harness) {
	rng := rand.New(rand.NewPCG(1, 2))
	r, all := storm(t, h, 600, func(_ int, s *guest.Searcher) { randomise(s, rng) })
	var waiting []guest.Searcher
	for _, s := range all {
		if r.mu.partner[s.ID] == "" {
			waiting = append(waiting, s)
		}
	}
	for n, a := range waiting {
		for _, b := range waiting[n+1:] {
			if agree(a, b) {
				t.Fatalf("both wait, and accept each other:\n%+v\n%+v", a, b)
			}
		}
	}
	if got := h.first().stats(t); got.AvailableUsers != len(waiting) || got.ConnectedUsers != len(r.mu.ids) {
		t.Errorf("got %+v, want %d waiting and %d pairs", got, len(waiting), len(r.mu.ids))
	}
}

// stormOfComersAndGoers has guests search and leave over and over: every pair
// that a search told of is dissolved once, and at the end nobody is left.
func stormOfComersAndGoers(t *testing.T, h Harness) {
	c := crowd{h: h}
	var mu sync.Mutex
	met, parted := map[string]int{}, map[string]int{}
	count := func(m map[string]int, p guest.Pair) {
		if p.ID != "" {
			mu.Lock()
			defer mu.Unlock()
			m[p.ID]++
		}
	}
	var wg sync.WaitGroup
	for range 20 {
		s, i := c.searcher()
		wg.Go(func() {
			for range 50 {
				pair, err := i.Matcher.Search(t.Context(), s)
				if err != nil {
					t.Error(err)
					return
				}
				count(met, pair)
				if pair, err = i.Matcher.Leave(t.Context(), s.ID); err != nil {
					t.Error(err)
					return
				}
				count(parted, pair)
			}
		})
	}
	wg.Wait()
	if !reflect.DeepEqual(met, parted) {
		t.Errorf("%d pairs met, %d parted", len(met), len(parted))
	}
	for id, n := range met {
		if n != 1 {
			t.Errorf("pair %s was told %d times", id, n)
		}
	}
	if got := h.first().stats(t); got.AvailableUsers != 0 || got.ConnectedUsers != 0 {
		t.Errorf("left behind: %+v", got)
	}
}
