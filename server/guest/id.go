package guest

import "strings"

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
