package guest

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// ParseKept is ParseSession of a document that is kept and never written to: the
// result shares its memory. A document as AppendJSON writes it, as almost all are,
// takes half the time and no memory; any other is read by ParseSession.
func ParseKept(doc []byte) (Session, error) {
	if s, ok := parseOwn(doc); ok {
		return s, nil
	}
	return ParseSession(doc)
}

// parseOwn reads a document that is, byte for byte, as AppendJSON writes it; not ok
// where it may not be, or has something wrong.
func parseOwn(doc []byte) (Session, bool) {
	if !utf8.Valid(doc) {
		return Session{}, false
	}
	r := ownReader{rest: unsafe.String(unsafe.SliceData(doc), len(doc)), ok: true}
	var d documentReader
	s := &d.s
	s.ID = r.text(`{"id":`)
	s.SessionID = r.text(`,"sessionId":`)
	s.Username = r.text(`,"username":`)
	s.IsOnline = r.flag(`,"isOnline":`)
	s.LastSeen = r.time(`,"lastSeen":`)
	s.IsSearching = r.flag(`,"isSearching":`)
	s.InChat = r.flag(`,"inChat":`)
	s.ConnectedUser = r.optional(`,"connectedUser":`)
	s.SocketID = r.optional(`,"socketId":`)
	s.Location = r.location(`,"location":`, doc)
	s.Gender = r.optional(`,"gender":`)
	s.Language = r.optional(`,"language":`)
	s.CreatedAt = r.time(`,"createdAt":`)
	if !r.skip(`,"connectedAt":null`) {
		s.ConnectedAt = r.time(`,"connectedAt":`)
	}
	if strings.HasPrefix(r.rest, `,"deviceId":`) {
		s.DeviceID = r.text(`,"deviceId":`)
	}
	if strings.HasPrefix(r.rest, `,"ip":`) {
		s.IP = r.text(`,"ip":`)
	}
	if !r.ok || r.rest != "}" {
		return Session{}, false
	}
	read, err := d.session()
	return read, err == nil
}

// ownReader reads members in the order of AppendJSON. Each is given as what stands
// before its value.
type ownReader struct {
	rest string
	ok   bool // all was as expected so far
}

func (r *ownReader) skip(what string) (skipped bool) {
	r.rest, skipped = strings.CutPrefix(r.rest, what)
	return skipped
}

func (r *ownReader) expect(what string) { r.ok = r.skip(what) && r.ok }

func (r *ownReader) text(member string) string {
	r.expect(member)
	r.expect(`"`)
	for i := range len(r.rest) {
		switch c := r.rest[i]; {
		case c == '"':
			text := r.rest[:i]
			r.rest = r.rest[i+1:]
			return text
		case c == '\\' || c < ' ':
			r.ok = false
			return ""
		}
	}
	r.ok = false
	return ""
}

func (r *ownReader) optional(member string) string {
	r.expect(member)
	if r.skip("null") {
		return ""
	}
	return r.text("")
}

func (r *ownReader) flag(member string) bool {
	r.expect(member)
	if r.skip("true") {
		return true
	}
	r.expect("false")
	return false
}

func (r *ownReader) time(member string) time.Time {
	t, err := time.Parse(time.RFC3339, r.text(member))
	r.ok = r.ok && err == nil && t.Year() >= 0 && t.Year() <= 9999
	return stamp(t)
}

// location reads an object without white space, which doc ends with.
func (r *ownReader) location(member string, doc []byte) Location {
	r.expect(member)
	if r.skip("null") {
		return nil
	}
	n := compactObject(r.rest)
	at := len(doc) - len(r.rest)
	object := doc[at : at+n : at+n]
	r.rest = r.rest[n:]
	r.ok = r.ok && n > 0 && json.Valid(object)
	return object
}

// compactDepth is how many objects and arrays may be within each other: fewer than
// where the other parser gives up.
const compactDepth = 100

// compactObject is the length of the object that s begins with, 0 where there is
// none, or white space in it, or too much within each other. What it holds is not
// known to be valid.
func compactObject(s string) int {
	if !strings.HasPrefix(s, "{") {
		return 0
	}
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted:
			if c == '\\' {
				i++
			}
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > compactDepth {
				return 0
			}
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case c <= ' ':
			return 0
		}
	}
	return 0
}
