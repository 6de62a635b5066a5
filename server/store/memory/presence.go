package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"guestload/server/guest"
)

// Presence knows which guests have a socket on the instance.
type Presence struct {
	instance string
	sessions *Sessions
	matcher  *Matcher

	online struct {
		sync.RWMutex
		ids btree.Set[string] // session ids, sorted: a cursor is the last id of a page
	}
}

// Join records that the guest's socket is here. Only valid session ids can join: each may
// become a cursor. guest.ErrNotFound for a deleted session.
func (m *Presence) Join(_ context.Context, sessionID string) (previous string, at int64, err error) {
	if !guest.ValidSessionID(sessionID) {
		return "", 0, fmt.Errorf("join %.64q: %w", sessionID, guest.ErrNotFound)
	}
	if m.sessions.tombstones.has(sessionID) {
		return "", 0, fmt.Errorf("join %s: the session was deleted: %w", sessionID, guest.ErrNotFound)
	}
	at = time.Now().UnixMicro()
	m.online.Lock()
	defer m.online.Unlock()
	if m.online.ids.Contains(sessionID) {
		return m.instance, at, nil
	}
	m.online.ids.Insert(sessionID)
	return "", at, nil
}

// Where returns the instance if the guest has a socket here, "" otherwise.
func (m *Presence) Where(_ context.Context, sessionID string) (instance string, err error) {
	m.online.RLock()
	defer m.online.RUnlock()
	if m.online.ids.Contains(sessionID) {
		return m.instance, nil
	}
	return "", nil
}

// Leave removes the guests from those with a socket.
func (m *Presence) Leave(_ context.Context, sessionIDs ...string) error {
	m.online.Lock()
	defer m.online.Unlock()
	for _, id := range sessionIDs {
		m.online.ids.Delete(id)
	}
	return nil
}

// Online returns a page of the guests with a socket, ordered by session id; the cursor is
// the last id of the previous page.
func (m *Presence) Online(ctx context.Context, cursor string, limit int) (page []guest.Session, next string, err error) {
	if cursor != "" && !guest.ValidSessionID(cursor) {
		return nil, "", fmt.Errorf("page after %.64q: %w", cursor, guest.ErrBadCursor)
	}
	if limit < 1 {
		return nil, "", fmt.Errorf("page of %d guests: it must be at least 1", limit)
	}
	var ids []string
	m.online.RLock()
	m.online.ids.Ascend(cursor, func(id string) bool {
		if id == cursor {
			return true
		}
		if len(ids) == limit {
			next = ids[limit-1]
			return false
		}
		ids = append(ids, id)
		return true
	})
	m.online.RUnlock()
	page = make([]guest.Session, 0, len(ids))
	for _, id := range ids {
		if s, err := m.sessions.Get(ctx, id); err == nil {
			page = append(page, s)
		}
	}
	return page, next, nil
}

// Stats counts in constant time. Expired sessions count until they are swept.
func (m *Presence) Stats(context.Context) (guest.Stats, error) {
	m.online.RLock()
	online := m.online.ids.Len()
	m.online.RUnlock()
	waiting, pairs := m.matcher.count()
	return guest.Stats{
		TotalUsers: int(m.sessions.alive.Load()), OnlineUsers: online, ActiveUsers: online,
		AvailableUsers: waiting, ConnectedUsers: pairs,
	}, nil
}
