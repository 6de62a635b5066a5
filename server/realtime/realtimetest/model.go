package realtimetest

import (
	"math/rand/v2"
	"slices"

	"guestload/server/guest"
)

// model is a matcher so simple that it is right: one list, read from its head.
type model struct {
	waiting []guest.Searcher // who has waited longest is first
	pairs   map[string]string
}

// search returns whom s meets, "" for nobody yet.
func (m *model) search(s guest.Searcher) string {
	at := slices.IndexFunc(m.waiting, func(w guest.Searcher) bool { return w.ID == s.ID })
	best, avoided := -1, -1
	for n, w := range m.waiting {
		switch {
		case w.ID == s.ID || !agree(w, s):
		case w.ID == s.Avoid || w.Avoid == s.ID:
			if avoided < 0 {
				avoided = n
			}
		case best < 0:
			best = n
		}
	}
	if best < 0 {
		best = avoided
	}
	if best < 0 {
		if at < 0 {
			m.waiting = append(m.waiting, s)
		} else {
			m.waiting[at] = s
		}
		return ""
	}
	partner := m.waiting[best].ID
	m.drop(s.ID)
	m.drop(partner)
	m.pairs[s.ID], m.pairs[partner] = partner, s.ID
	return partner
}

// leave returns who is released, "" for nobody.
func (m *model) leave(id string) string {
	m.drop(id)
	partner := m.pairs[id]
	delete(m.pairs, id)
	delete(m.pairs, partner)
	return partner
}

func (m *model) drop(id string) {
	m.waiting = slices.DeleteFunc(m.waiting, func(w guest.Searcher) bool { return w.ID == id })
}

func agree(a, b guest.Searcher) bool {
	return a.Wants.Accepts(b.Traits) && b.Wants.Accepts(a.Traits)
}

// randomise gives s one of few traits and wishes, so that some agree.
func randomise(s *guest.Searcher, rng *rand.Rand) {
	pick := func(values ...string) string { return values[rng.IntN(len(values))] }
	s.Traits = guest.Traits{
		Language: pick("", "de", "en"),
		Gender:   pick("", "f", "m"),
		Country:  pick("", "DE", "Côte d'Ivoire, |/%\n"),
	}
	s.Wants = guest.Preferences{
		Language: pick("", "", "de", "en"),
		Gender:   pick("", "", "f", "nobody"),
		Country:  pick("", "", "", "Côte d'Ivoire, |/%\n"),
	}
}
