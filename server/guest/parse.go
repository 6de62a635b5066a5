package guest

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// parsers is shared: a parser keeps its buffers, and parsing with a warm one
// allocates nothing.
var parsers fastjson.ParserPool

// ParseSession reads a stored document, our own or one that another backend of
// the same contract wrote: members in any order, unknown ones ignored. The
// sessionId, username, lastSeen and createdAt must be there; an id that is not
// there follows from the sessionId; the others may be absent or null. Errors
// wrap ErrCorrupt and say what was wrong. The result shares no memory with doc.
func ParseSession(doc []byte) (Session, error) {
	if !utf8.Valid(doc) {
		return Session{}, fmt.Errorf("%w: it is not UTF-8", ErrCorrupt)
	}
	parser := parsers.Get()
	defer parsers.Put(parser)
	root, err := parser.ParseBytes(doc)
	if err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	object, err := root.Object()
	if err != nil {
		return Session{}, fmt.Errorf("%w: a document is an object, this is: %s", ErrCorrupt, root.Type())
	}
	var r documentReader
	object.Visit(r.member)
	return r.session()
}

// documentReader collects a session from the members of its document, and
// remembers the first that was wrong.
type documentReader struct {
	s   Session
	err error
}

func (r *documentReader) member(key []byte, v *fastjson.Value) {
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

func (r *documentReader) wrong(key []byte, want string, v *fastjson.Value) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s must be %s, this is: %s", ErrCorrupt, key, want, v.Type())
	}
}

func (r *documentReader) text(to *string, key []byte, v *fastjson.Value) {
	switch v.Type() {
	case fastjson.TypeNull:
		*to = ""
	case fastjson.TypeString:
		*to = string(v.GetStringBytes())
	default:
		r.wrong(key, "a string", v)
	}
}

func (r *documentReader) flag(to *bool, key []byte, v *fastjson.Value) {
	switch v.Type() {
	case fastjson.TypeNull, fastjson.TypeFalse:
		*to = false
	case fastjson.TypeTrue:
		*to = true
	default:
		r.wrong(key, "true or false", v)
	}
}

func (r *documentReader) time(to *time.Time, key []byte, v *fastjson.Value) {
	if v.Type() == fastjson.TypeNull {
		*to = time.Time{}
		return
	}
	text, err := v.StringBytes()
	if err != nil {
		r.wrong(key, "a time in ISO 8601", v)
		return
	}
	t, err := time.Parse(time.RFC3339, string(text))
	t = stamp(t)
	if err == nil && (t.Year() < 0 || t.Year() > 9999) {
		err = fmt.Errorf("year %d is outside 0..9999", t.Year())
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%w: %s must be a time in ISO 8601: %w", ErrCorrupt, key, err)
	}
	*to = t
}

func (r *documentReader) location(v *fastjson.Value) {
	switch v.Type() {
	case fastjson.TypeNull:
		r.s.Location = nil
	case fastjson.TypeObject:
		r.s.Location = compact(v)
		// The parser is lenient inside of strings and numbers; what it let pass
		// would go out to clients as it is.
		if r.err == nil && !json.Valid(r.s.Location) {
			r.err = fmt.Errorf("%w: location is not valid JSON", ErrCorrupt)
		}
	default:
		r.wrong([]byte("location"), "an object", v)
	}
}

// compact returns v without white space, its strings and numbers as they were
// written. v must not have been looked into before: the parser unescapes in
// place, and would write Go's escapes instead of JSON's.
func compact(v *fastjson.Value) []byte {
	return v.MarshalTo(nil)
}

// stamp is a time as sessions hold it.
func stamp(t time.Time) time.Time {
	return t.UTC().Truncate(time.Millisecond)
}
