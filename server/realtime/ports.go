package realtime

import (
	"context"

	"guestload/server/guest"
)

// Sessions keeps the guests' documents. Safe for concurrent use. Errors wrap
// guest.ErrNotFound, guest.ErrUnavailable or guest.ErrCorrupt, and a storage
// fault is never reported as ErrNotFound. Every successful call but Get renews
// the session's lifetime (guest.Lifetime from now).
type Sessions interface {
	// Create stores a new session; guest.ErrExists where the id is taken.
	Create(ctx context.Context, s guest.Session) error
	// Get returns the session as it is stored, this process's own writes included.
	Get(ctx context.Context, sessionID string) (guest.Session, error)
	// Patch changes the named fields atomically and returns the whole document
	// as it is afterwards; concurrent patches of other fields are not lost.
	Patch(ctx context.Context, sessionID string, p guest.Patch) (guest.Session, error)
	// PatchAll is Patch for many sessions, each of which stands there once, without
	// the documents: a result each, one's fault being none of the others'.
	PatchAll(ctx context.Context, changes []guest.Change) []error
	// Delete removes the session for good; guest.ErrNotFound where there is none.
	// Presence.Join refuses it from then on.
	Delete(ctx context.Context, sessionID string) error
}

// Presence knows which guests have a socket, on which instance, and counts
// them. All calls are idempotent by (sessionID, instance).
type Presence interface {
	// Join records that the guest's socket lives on this instance, and returns
	// the instance where it lived before, "" for none, and when that was, in Unix µs
	// by a clock that all instances share: of two joins of a guest, the one that the
	// guest belongs to is the later. A session that was deleted is guest.ErrNotFound.
	Join(ctx context.Context, sessionID string) (previous string, at int64, err error)
	// Leave takes guests from this instance's set, all or none of them; it changes
	// nothing for those who have joined another instance since.
	Leave(ctx context.Context, sessionIDs ...string) error
	// Where returns the instance where the guest's socket lives, "" for none;
	// guest.ErrUnavailable while that is not known over all instances.
	Where(ctx context.Context, sessionID string) (instance string, err error)
	// Online returns one page of guests with a socket, in a stable order: a guest
	// online throughout is listed exactly once over the pages. cursor "" starts;
	// next "" ends; a page may hold fewer than limit, even none, and still have
	// a next. A cursor that this presence never gave out is guest.ErrBadCursor.
	Online(ctx context.Context, cursor string, limit int) (page []guest.Session, next string, err error)
	// Stats counts in O(1), whatever the number of guests.
	Stats(ctx context.Context) (guest.Stats, error)
}

// Matcher decides who meets whom; it alone is the truth of that. Every call is
// atomic against every other, on all instances: a guest is in at most one pair,
// or waiting, or neither. First come, first served among those who accept each other.
type Matcher interface {
	// Search pairs s with the longest waiting guest where both accept each other,
	// or leaves s waiting (zero Pair). Searching again while waiting keeps the
	// place in the queue, with the new wishes. A guest who is in a pair gets that
	// pair and guest.ErrPaired: so a search that failed, and may yet have
	// happened, is settled by searching again.
	Search(ctx context.Context, s guest.Searcher) (guest.Pair, error)
	// Leave takes the guest from the queue and dissolves the guest's pair, if any,
	// which it returns, so that the partner can be told. Of two partners who leave
	// at once, one gets the pair and the other the zero Pair. Idempotent.
	Leave(ctx context.Context, id string) (guest.Pair, error)
	// LeaveAt is Leave where the guest waits, or is in the pair, with a socket on this
	// instance, and changes nothing where the record is of another one. Instance ""
	// is any.
	LeaveAt(ctx context.Context, id, instance string) (guest.Pair, error)
	// Move records that the guest of a pair has its socket on another instance now,
	// and reports whether the guest is in that pair.
	Move(ctx context.Context, id, pair, instance string) (moved bool, err error)
	// Restore records a pair that this instance knows of and the matcher may have
	// forgotten, and returns it; doing it again changes nothing. It is refused with
	// guest.ErrPaired where one of the two is in another pair, which is returned,
	// or waits on another instance, which is the zero Pair.
	Restore(ctx context.Context, p guest.Pair) (guest.Pair, error)
}

// Broker carries events to other instances. Order is kept between any two
// instances; delivery is at most once.
type Broker interface {
	// Publish sends one message to an instance. It never waits for the network
	// longer than its own bounded queue lasts; past that it returns an error.
	Publish(ctx context.Context, instance string, message []byte) error
	// Keep is Publish for what loses nothing by coming late: what cannot be sent now
	// is kept, in its order, until it can, as far as memory is set aside for that.
	Keep(ctx context.Context, instance string, message []byte) error
	// Subscribe calls handle, one message at a time, for each message sent to this
	// instance, until ctx ends. It reconnects by itself.
	Subscribe(ctx context.Context, instance string, handle func(message []byte)) error
}
