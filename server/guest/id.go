package guest

import (
	"encoding/hex"
	"strings"
)

// IDSeed is what a new id is made of, in random bytes.
const IDSeed = 16

// NewID returns the id of a guest who has just come: IDPrefix and a random UUID,
// version 4 of RFC 9562. Six bits of the seed give way to what marks the version.
func NewID(seed [IDSeed]byte) string {
	const uuid = len(IDPrefix)
	seed[6] = seed[6]&0x0f | 0x40
	seed[8] = seed[8]&0x3f | 0x80
	var id [uuid + 36]byte
	copy(id[:], IDPrefix)
	at := uuid
	for i, part := range [...][]byte{seed[:4], seed[4:6], seed[6:8], seed[8:10], seed[10:]} {
		if i > 0 {
			id[at] = '-'
			at++
		}
		at += hex.Encode(id[at:], part)
	}
	return string(id[:])
}

// SessionIDOf returns the session id within a guest's id, and false where the
// id is not IDPrefix and a session id.
func SessionIDOf(guestID string) (sessionID string, ok bool) {
	sessionID, ok = strings.CutPrefix(guestID, IDPrefix)
	if !ok || !ValidSessionID(sessionID) {
		return "", false
	}
	return sessionID, true
}

// ValidSessionID reports whether s has the form of a session id: a UUID in
// lower case, 8-4-4-4-12 hexadecimal digits. Ask it before any storage read:
// reading an id that cannot exist costs a trip and a place in every cache.
func ValidSessionID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
