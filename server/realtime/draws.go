package realtime

import (
	"bufio"
	crand "crypto/rand"
	"math/rand/v2"
	"sync"

	"github.com/google/uuid"

	"guestload/server/guest"
)

// draws makes what is random of a guest; a lock, since its sources are not safe
// for concurrent use.
type draws struct {
	mu struct {
		sync.Mutex
		ids   *bufio.Reader // of the system, which is asked for many bytes at once
		names *rand.Rand    // names need not be hard to guess, as ids must
	}
}

func (d *draws) init(seed [32]byte) {
	d.mu.ids = bufio.NewReaderSize(crand.Reader, 512)
	d.mu.names = rand.New(rand.NewChaCha8(seed))
}

// guest draws a session id, and a username where none is given.
func (d *draws) guest(given string) (sessionID, username string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Reading never fails: without randomness the process ends.
	sessionID = uuid.Must(uuid.NewRandomFromReader(d.mu.ids)).String()
	if given != "" {
		return sessionID, given
	}
	return sessionID, guest.GenerateName(d.mu.names.IntN)
}

func (d *draws) username() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return guest.GenerateName(d.mu.names.IntN)
}
