package realtime

import (
	"math/rand/v2"
	"sync"

	"guestload/server/entropy"
	"guestload/server/guest"
)

// draws makes what is random of a guest; a lock, since its sources are not safe
// for concurrent use.
type draws struct {
	mu struct {
		sync.Mutex
		ids   entropy.Source
		names *rand.Rand // names need not be hard to guess, as ids must
	}
}

// guest draws an id, and a username where none is given.
func (d *draws) guest(given string) (id, username string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id = guest.NewID([guest.IDSeed]byte(d.mu.ids.Take(guest.IDSeed)))
	if given != "" {
		return id, given
	}
	return id, guest.GenerateName(d.mu.names.IntN)
}

func (d *draws) username() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return guest.GenerateName(d.mu.names.IntN)
}
