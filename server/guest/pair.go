package guest

// Searcher is a guest who wants to meet somebody.
type Searcher struct {
	ID       string // guest id
	Username string
	Instance string // where the guest's socket lives
	Traits   Traits
	Wants    Preferences
	Location Location
	Avoid    string // id of the partner just left; served only when nobody else waits. "" for none
}

// Pair is a meeting that the matcher has decided: A searched last, B had waited.
// The zero Pair means none.
type Pair struct {
	ID   string // unique for ever, over all instances
	A, B Searcher
}

// Partner returns the other of the two.
func (p Pair) Partner(id string) Searcher {
	if p.A.ID == id {
		return p.B
	}
	return p.A
}

// Moved is the pair with one of the two on another instance.
func (p Pair) Moved(id, to string) Pair {
	for _, s := range []*Searcher{&p.A, &p.B} {
		if s.ID == id {
			s.Instance = to
		}
	}
	return p
}
