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
	// ErrPaired: a guest who is in a pair searched; the pair comes with it.
	ErrPaired = errors.New("guest is in a pair already")
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

// New returns the session of a guest who has just come and has no socket yet.
// sessionID is a fresh UUID, in lower case; username a valid one, given or
// generated.
func New(sessionID, username string, p Profile, now time.Time) Session {
	id := IDPrefix + sessionID // both ids are one text in memory
	return Session{
		ID:        id,
		SessionID: id[len(IDPrefix):],
		Username:  username,
		LastSeen:  stamp(now),
		Location:  p.Location,
		Gender:    p.Gender,
		Language:  p.Language,
		CreatedAt: stamp(now),
	}
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
