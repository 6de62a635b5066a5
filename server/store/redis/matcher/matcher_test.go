package matcher

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

func testMatching(t *testing.T, r rig) {
	i := r.start(t)
	ctx := t.Context()
	search := func(id string, t guest.Traits, w guest.Preferences, avoid string) guest.Searcher {
		s := i.searcher(id)
		s.Traits, s.Wants, s.Avoid = t, w, avoid
		s.Location = guest.Location(`{"city":"<Graz>","tags":[]}`)
		return s
	}
	de, en := guest.Traits{Language: "de"}, guest.Traits{Language: "en", Gender: "male"}
	wantDE, wantEN := guest.Preferences{Language: "de"}, guest.Preferences{Language: "en"}
	odd := guest.Traits{Country: "Côte d'Ivoire, |\n/%"}
	steps := []struct {
		s    guest.Searcher
		with string // "" waits
	}{
		{search("a", de, wantEN, ""), ""},
		{search("b", de, wantEN, ""), ""},                                            // a is no English speaker
		{search("c", en, wantDE, ""), "a"},                                           // the first of two
		{search("d", en, guest.Preferences{}, "b"), "b"},                             // to avoid, but nobody else is there
		{search("e", en, guest.Preferences{}, ""), ""},                               //
		{search("f", en, guest.Preferences{}, "e"), "e"},                             //
		{search("g", en, guest.Preferences{}, ""), ""},                               //
		{search("h", de, guest.Preferences{Gender: "female"}, ""), ""},               // g is not
		{search("i", guest.Traits{Gender: "female"}, guest.Preferences{}, "g"), "h"}, // h came later than g, but g is to avoid
		{search("k", odd, guest.Preferences{Country: "x"}, "g"), ""},                 // nobody is from x
		{search("l", guest.Traits{Country: "x"}, guest.Preferences{Country: odd.Country}, ""), "k"},
		{search("m", guest.Traits{}, guest.Preferences{}, ""), "g"},
	}
	byID := make(map[string]guest.Searcher)
	for _, step := range steps {
		byID[step.s.ID] = step.s
		pair, err := i.matcher.Search(ctx, step.s)
		if err != nil {
			t.Fatalf("%s: %v", step.s.ID, err)
		}
		if step.with == "" {
			if !reflect.DeepEqual(pair, guest.Pair{}) {
				t.Errorf("%s was matched with %s, should wait", step.s.ID, pair.Partner(step.s.ID).ID)
			}
			continue
		}
		if !reflect.DeepEqual(pair.A, step.s) || !reflect.DeepEqual(pair.B, byID[step.with]) || pair.ID == "" {
			t.Errorf("%s was matched in %+v, want with %s", step.s.ID, pair, step.with)
		}
		again, err := i.matcher.Search(ctx, step.s)
		if !errors.Is(err, guest.ErrPaired) || !reflect.DeepEqual(again, pair) {
			t.Errorf("%s searching in a pair: %+v, %v, want ErrPaired", step.s.ID, again, err)
		}
		left, err := i.matcher.Leave(ctx, step.with)
		if err != nil || !reflect.DeepEqual(left, pair) {
			t.Errorf("%s leaving = %+v, %v, want the pair", step.with, left, err)
		}
		if left, err := i.matcher.Leave(ctx, step.s.ID); err != nil || left.ID != "" {
			t.Errorf("%s leaving after the partner = %+v, %v, want none", step.s.ID, left, err)
		}
	}
	for _, key := range []string{redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs} {
		if n := r.Do(t, "EXISTS", key); n != int64(0) {
			t.Errorf("%s is not empty after all have left", key)
		}
	}
	if _, err := i.matcher.Search(ctx, i.searcher("a|b")); err == nil {
		t.Error("an id that the queue cannot hold was taken")
	}
}

func testSearchAgain(t *testing.T, r rig) {
	i := r.start(t)
	ctx := t.Context()
	search := func(id string, w guest.Preferences) guest.Pair {
		t.Helper()
		s := i.searcher(id)
		s.Wants, s.Traits.Language = w, "de"
		p, err := i.matcher.Search(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	nobody := guest.Preferences{Gender: "none"}
	search("a", nobody)
	search("b", nobody)
	search("a", guest.Preferences{Language: "de"}) // keeps the place before b
	search("b", guest.Preferences{Gender: "other"})
	if p := search("a", guest.Preferences{Country: "x"}); p.ID != "" {
		t.Errorf("matched %+v", p)
	}
	search("b", nobody)
	search("a", guest.Preferences{Language: "de"})
	search("c", nobody)
	if p := search("d", guest.Preferences{Language: "de"}); p.B.ID != "a" {
		t.Errorf("d was matched with %q, want a, who came first", p.B.ID)
	}
	if p := search("b", guest.Preferences{Language: "de"}); p.ID != "" {
		t.Errorf("b was matched with %q, who wants nobody", p.Partner("b").ID)
	}
	counts, err := i.matcher.Count(ctx, i.link())
	if err != nil || counts.Waiting != 2 || counts.Pairs != 1 {
		t.Errorf("Count = %+v, %v, want b and c waiting and one pair", counts, err)
	}
}

// testMatchStorm has 2,000 guests search at once on two instances.
func testMatchStorm(t *testing.T, r rig) {
	instances := []*instance{r.start(t), r.start(t)}
	const guests = 2000
	var mu sync.Mutex
	partner := make(map[string]string)
	pairs := make(map[string]bool)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for w := range 40 {
		i := instances[w%2]
		wg.Go(func() {
			<-gate
			for n := w; n < guests; n += 40 {
				p, err := i.matcher.Search(context.WithoutCancel(t.Context()), i.searcher(fmt.Sprintf("guest_%d", n)))
				if err != nil {
					t.Error(err)
				}
				if p.ID == "" {
					continue
				}
				mu.Lock()
				if pairs[p.ID] || partner[p.A.ID] != "" || partner[p.B.ID] != "" || p.A.ID == p.B.ID {
					t.Errorf("%+v: somebody was matched twice", p)
				}
				pairs[p.ID], partner[p.A.ID], partner[p.B.ID] = true, p.B.ID, p.A.ID
				mu.Unlock()
			}
		})
	}
	close(gate)
	wg.Wait()
	if len(pairs) != guests/2 || len(partner) != guests {
		t.Errorf("%d pairs of %d guests, want %d", len(pairs), len(partner), guests/2)
	}
}
