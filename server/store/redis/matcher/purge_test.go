package matcher

import (
	"fmt"
	"slices"
	"testing"

	"guestload/server/guest"
)

// remembers is a Local that knows of these searchers and pairs.
type remembers struct {
	here map[string]bool // ids of guests who search, and of pairs
}

func (r remembers) Searching(id string) bool   { return r.here[id] }
func (r remembers) Chatting(_, id string) bool { return r.here[id] }

// testPurge leaves of hundreds of records what is so, and what is of others.
func testPurge(t *testing.T, r rig) {
	here, there := r.start(t), r.start(t)
	local := remembers{here: make(map[string]bool)}
	meet := func(a, b *instance, n int) guest.Pair {
		t.Helper()
		if p, err := a.matcher.Search(t.Context(), a.searcher(fmt.Sprintf("a%d", n))); err != nil || p.ID != "" {
			t.Fatalf("the first to search: %+v, %v", p, err)
		}
		p, err := b.matcher.Search(t.Context(), b.searcher(fmt.Sprintf("b%d", n)))
		if err != nil || p.ID == "" {
			t.Fatalf("the second to search: %+v, %v", p, err)
		}
		return p
	}
	const each = 200
	var over []string
	for n := range 3 * each {
		var p guest.Pair
		switch n % 3 {
		case 0:
			p = meet(here, here, n)
		case 1:
			p = meet(there, here, n)
		default:
			meet(there, there, n)
			continue
		}
		if local.here[p.ID] = n%2 == 0; !local.here[p.ID] {
			over = append(over, p.ID)
		}
	}
	for n := range each {
		s := here.searcher(fmt.Sprintf("w%d", n))
		s.Wants.Gender = "none"
		if p, err := here.matcher.Search(t.Context(), s); err != nil || p.ID != "" {
			t.Fatalf("who wants nobody: %+v, %v", p, err)
		}
		local.here[s.ID] = n%2 == 0
	}
	dissolved, err := here.matcher.Purge(t.Context(), here.name, local)
	var told []string
	for _, p := range dissolved {
		told = append(told, p.ID)
	}
	slices.Sort(told)
	slices.Sort(over)
	if told = slices.Compact(told); err != nil || !slices.Equal(told, over) {
		t.Errorf("prune dissolved %d pairs, %v, want the %d that are over", len(told), err, len(over))
	}
	if again, err := here.matcher.Purge(t.Context(), here.name, local); err != nil || len(again) != 0 {
		t.Errorf("prune again dissolved %d pairs, %v, want none", len(again), err)
	}
	left, err := here.matcher.Count(t.Context(), here.link())
	if err != nil || left.Waiting != each/2 || left.Pairs != int64(3*each-len(over)) {
		t.Errorf("%+v left, %v, want %d waiting and %d pairs", left, err, each/2, 3*each-len(over))
	}
}
