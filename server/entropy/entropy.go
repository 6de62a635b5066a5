// Package entropy hands out random bytes of the system's generator, which it asks
// for many at once: asking takes longer than what an id needs of it.
package entropy

import "crypto/rand"

// MaxTake is how many bytes can be taken at a time.
const MaxTake = 512

// Source has random bytes in store. The zero Source is ready, its bytes fit for
// secrets. It is not safe for concurrent use, and must not be copied: a copy would
// hand out the same bytes.
type Source struct {
	_    noCopy
	room [MaxTake]byte
	left int // bytes at the end of room that nobody was given yet
}

// Take returns n random bytes, at most MaxTake, that no other call returns. They
// are the caller's until the next call.
func (s *Source) Take(n int) []byte {
	if n > s.left {
		_, _ = rand.Read(s.room[:]) // never fails: without randomness it ends the process
		s.left = len(s.room)
	}
	at := len(s.room) - s.left
	s.left -= n
	return s.room[at : at+n : at+n]
}

// noCopy makes vet find copies.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}
