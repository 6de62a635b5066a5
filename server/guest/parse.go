package guest

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"
	"unsafe"

	"guestload/server/jsonview"
)

// ParseSession reads a stored document, our own or one that another backend of
// the same contract wrote: members in any order, unknown ones ignored. The
// sessionId, username, lastSeen and createdAt must be there; an id that is not
// there follows from the sessionId; the others may be absent or null. Errors
// wrap ErrCorrupt and say what is wrong. The result shares no memory with doc.
func ParseSession(doc []byte) (Session, error) { return ParseKept(bytes.Clone(doc)) }

// ParseKept is ParseSession of a document that is kept and never written to: the
// result shares its memory. A document as AppendJSON writes it, as almost all are,
// takes no memory.
func ParseKept(doc []byte) (Session, error) {
	if !utf8.Valid(doc) {
		return Session{}, fmt.Errorf("%w: it is not UTF-8", ErrCorrupt)
	}
	var r documentReader
	w := jsonview.WalkObject(doc)
	for w.Next() {
		r.member(w.Name(), w.Value())
	}
	if err := w.Finish(doc); err != nil {
		if other, failed := jsonview.ParseUTF8(doc); failed == nil {
			return Session{}, fmt.Errorf("%w: a document is an object, this is: %s", ErrCorrupt, other.Type())
		}
		return Session{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return r.session()
}

// documentReader collects a session from the members of its document, and
// remembers the first that was wrong.
type documentReader struct {
	s   Session
	err error
}

func (r *documentReader) member(key []byte, v jsonview.Value) {
	switch string(key) {
	case "id":
		r.text(&r.s.ID, key, v)
	case "sessionId":
		r.text(&r.s.SessionID, key, v)
	case "username":
		r.text(&r.s.Username, key, v)
	case "isOnline":
		r.flag(&r.s.IsOnline, key, v)
	case "lastSeen":
		r.time(&r.s.LastSeen, key, v)
	case "isSearching":
		r.flag(&r.s.IsSearching, key, v)
	case "inChat":
		r.flag(&r.s.InChat, key, v)
	case "connectedUser":
		r.text(&r.s.ConnectedUser, key, v)
	case "socketId":
		r.text(&r.s.SocketID, key, v)
	case "location":
		r.location(v)
	case "gender":
		r.text(&r.s.Gender, key, v)
	case "language":
		r.text(&r.s.Language, key, v)
	case "createdAt":
		r.time(&r.s.CreatedAt, key, v)
	case "connectedAt":
		r.time(&r.s.ConnectedAt, key, v)
	case "deviceId":
		r.text(&r.s.DeviceID, key, v)
	case "ip":
		r.text(&r.s.IP, key, v)
	}
}

// session returns what was read, once it is known to be a guest's.
func (r *documentReader) session() (Session, error) {
	s := r.s
	switch {
	case r.err != nil:
		return Session{}, r.err
	case s.SessionID == "":
		return Session{}, fmt.Errorf("%w: sessionId is missing", ErrCorrupt)
	case !ValidSessionID(s.SessionID):
		return Session{}, fmt.Errorf("%w: sessionId %q is not a lower-case UUID", ErrCorrupt, s.SessionID)
	case s.Username == "":
		return Session{}, fmt.Errorf("%w: username is missing", ErrCorrupt)
	case s.LastSeen.IsZero():
		return Session{}, fmt.Errorf("%w: lastSeen is missing", ErrCorrupt)
	case s.CreatedAt.IsZero():
		return Session{}, fmt.Errorf("%w: createdAt is missing", ErrCorrupt)
	}
	if s.ID == "" {
		s.ID = IDPrefix + s.SessionID
	}
	return s, nil
}

func (r *documentReader) wrong(key []byte, want string, v jsonview.Value) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s must be %s, this is: %s", ErrCorrupt, key, want, v.Type())
	}
}

func (r *documentReader) text(to *string, key []byte, v jsonview.Value) {
	switch {
	case v.IsNull():
		*to = ""
	case v.IsString():
		*to = shared(v.Text())
	default:
		r.wrong(key, "a string", v)
	}
}

// shared is a string in the memory of text.
func shared(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

func (r *documentReader) flag(to *bool, key []byte, v jsonview.Value) {
	switch v[0] {
	case 'n', 'f':
		*to = false
	case 't':
		*to = true
	default:
		r.wrong(key, "true or false", v)
	}
}

func (r *documentReader) time(to *time.Time, key []byte, v jsonview.Value) {
	if v.IsNull() {
		*to = time.Time{}
		return
	}
	if !v.IsString() {
		r.wrong(key, "a time in ISO 8601", v)
		return
	}
	t, err := time.Parse(time.RFC3339, shared(v.Text()))
	t = stamp(t)
	if err == nil && (t.Year() < 0 || t.Year() > 9999) {
		err = fmt.Errorf("year %d is outside 0..9999", t.Year())
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%w: %s must be a time in ISO 8601: %w", ErrCorrupt, key, err)
	}
	*to = t
}

func (r *documentReader) location(v jsonview.Value) {
	switch {
	case v.IsNull():
		r.s.Location = nil
	case v.IsObject():
		r.s.Location = Location(v.Compact())
	default:
		r.wrong([]byte("location"), "an object", v)
	}
}

// stamp is a time as sessions hold it.
func stamp(t time.Time) time.Time {
	return t.UTC().Truncate(time.Millisecond)
}
