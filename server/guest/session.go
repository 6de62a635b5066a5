// Package guest is the domain: who a guest is, what a session holds, which
// values are allowed, and how a session changes. It knows no clock, no network
// and no storage: time and randomness are arguments.
package guest

import (
	"errors"
	"time"
)

// IDPrefix stands before the session's UUID in a guest's id, so that a
// partner's session is found from its id.
const IDPrefix = "guest_"

// Lifetime is how long a session lives after its last activity.
const Lifetime = 2 * time.Hour

// Errors that every store returns, wrapped, and that the edges turn into answers.
var (
	// ErrNotFound: the session never was, has expired, or was deleted.
	ErrNotFound = errors.New("guest session not found or expired")
	// ErrUnavailable: storage cannot answer now; nothing is known of the session.
	ErrUnavailable = errors.New("guest storage unavailable")
	// ErrCorrupt: what is stored under the guest's key is not a session.
	ErrCorrupt = errors.New("stored guest session is damaged")
	// ErrExists: a session with this id is stored already.
	ErrExists = errors.New("guest session exists already")
	// ErrBadCursor: a page was asked for with a cursor that was never given out.
	ErrBadCursor = errors.New("unknown cursor")
)

// Location is a JSON object {country, region, city, timezone, coordinates:{lat,
// lon}}, all optional, as the client sent it: compact, checked, unknown members
// kept. nil is JSON null. It is immutable: share it, never write to it.
type Location []byte

// Session is one guest: the 14 fields of the stored document, and two that
// appear only once a client has reported its device. Empty strings and zero
// times of the optional fields are null in JSON.
type Session struct {
	ID            string // IDPrefix + SessionID
	SessionID     string // UUID, lower case
	Username      string // 3..20 of [A-Za-z0-9_]
	IsOnline      bool
	LastSeen      time.Time // UTC, milliseconds
	IsSearching   bool
	InChat        bool
	ConnectedUser string // a partner's ID, or ""
	SocketID      string
	Location      Location
	Gender        string
	Language      string
	CreatedAt     time.Time // UTC, milliseconds
	ConnectedAt   time.Time // UTC, milliseconds; zero while never connected

	DeviceID string // 1..100 characters; absent from the document while ""
	IP       string // IPv4 or IPv6; absent from the document while ""
}

// Field names fields of a Session, as a set of bits.
type Field uint16

// The fields that a Patch may change.
const (
	FieldUsername Field = 1 << iota
	FieldIsOnline
	FieldLastSeen
	FieldIsSearching
	FieldInChat
	FieldConnectedUser
	FieldSocketID
	FieldLocation
	FieldGender
	FieldLanguage
	FieldConnectedAt
	FieldDeviceID
	FieldIP
)

// Patch sets the named fields of a session to their values in To and leaves
// all others as they are. Every patch also renews the session's lifetime.
type Patch struct {
	Fields Field
	To     Session
}

// Apply changes s as the patch says.
func (p Patch) Apply(s *Session) {
	set := func(f Field, do func()) {
		if p.Fields&f != 0 {
			do()
		}
	}
	set(FieldUsername, func() { s.Username = p.To.Username })
	set(FieldIsOnline, func() { s.IsOnline = p.To.IsOnline })
	set(FieldLastSeen, func() { s.LastSeen = p.To.LastSeen })
	set(FieldIsSearching, func() { s.IsSearching = p.To.IsSearching })
	set(FieldInChat, func() { s.InChat = p.To.InChat })
	set(FieldConnectedUser, func() { s.ConnectedUser = p.To.ConnectedUser })
	set(FieldSocketID, func() { s.SocketID = p.To.SocketID })
	set(FieldLocation, func() { s.Location = p.To.Location })
	set(FieldGender, func() { s.Gender = p.To.Gender })
	set(FieldLanguage, func() { s.Language = p.To.Language })
	set(FieldConnectedAt, func() { s.ConnectedAt = p.To.ConnectedAt })
	set(FieldDeviceID, func() { s.DeviceID = p.To.DeviceID })
	set(FieldIP, func() { s.IP = p.To.IP })
}

// Stats are the five numbers of /api/users/stats.
type Stats struct {
	TotalUsers     int // sessions alive
	OnlineUsers    int // guests with a socket, over all instances
	ActiveUsers    int // open sockets, over all instances: active_user_count
	AvailableUsers int // guests searching
	ConnectedUsers int // pairs in a chat
}

// Preferences say whom a searching guest would like to meet. An empty field
// accepts everybody.
type Preferences struct {
	Language, Gender, Country string
}

// Traits are what preferences are compared with. Empty: the guest did not say.
type Traits struct {
	Language, Gender, Country string
}

// Accepts reports whether t satisfies p. Comparison is exact.
func (p Preferences) Accepts(t Traits) bool {
	return (p.Language == "" || p.Language == t.Language) &&
		(p.Gender == "" || p.Gender == t.Gender) &&
		(p.Country == "" || p.Country == t.Country)
}
