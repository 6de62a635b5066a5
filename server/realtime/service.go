package realtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guestload/server/api/frame"
	"guestload/server/guest"
)

// Create makes a session. A profile without a username gets a generated one.
func (n *Node) Create(ctx context.Context, p guest.Profile) (guest.Session, error) {
	sessionID, username := n.draws.guest(p.Username)
	s := guest.New(sessionID, username, p, n.stamp())
	if err := n.sessions.Create(ctx, s); err != nil {
		return guest.Session{}, fmt.Errorf("create session: %w", err)
	}
	n.changed.Store(true)
	return s, nil
}

// GenerateName draws a username.
func (n *Node) GenerateName() string { return n.draws.username() }

// Session returns a session as it is at this moment: as it is stored, with the
// live state of a guest who is connected here laid over. Errors are those of Sessions.Get.
func (n *Node) Session(ctx context.Context, sessionID string) (guest.Session, error) {
	s, err := n.sessions.Get(ctx, sessionID)
	if err != nil {
		return guest.Session{}, err
	}
	if m := n.member(sessionID); m != nil {
		m.overlay(&s)
	}
	return s, nil
}

// Activity finer than this is not written.
const touchGrain = time.Second

// Touch notes that the guest of a session, as it was read, was active over HTTP:
// its lifetime starts anew.
func (n *Node) Touch(ctx context.Context, s guest.Session) {
	now := n.stamp()
	if m := n.member(s.SessionID); m != nil && m.client.Load() != nil {
		m.active.Store(now.UnixMilli())
		return
	}
	if now.Sub(s.LastSeen) < touchGrain {
		return
	}
	p := guest.Patch{Fields: guest.FieldLastSeen, To: guest.Session{LastSeen: now}}
	if _, err := n.sessions.Patch(ctx, s.SessionID, p); err != nil {
		n.log.Warn("activity not noted", "guest", s.ID, "error", err)
	}
}

// Update changes the guest's own fields, and returns the session as it is then.
func (n *Node) Update(ctx context.Context, sessionID string, p guest.Patch) (guest.Session, error) {
	p.Fields |= guest.FieldLastSeen
	p.To.LastSeen = n.stamp()
	s, err := n.sessions.Patch(ctx, sessionID, p)
	if err != nil {
		return guest.Session{}, err
	}
	if m := n.member(sessionID); m != nil {
		m.active.Store(p.To.LastSeen.UnixMilli())
		m.mu.Lock()
		p.Apply(&m.mu.profile)
		m.mu.Unlock()
		m.overlay(&s)
	}
	return s, nil
}

// Delete ends a session: its socket is closed, on whichever instance it is, and its
// partner told. A socket that is just being accepted is closed too: it either joins
// Presence before the session is deleted, which then tells where it is, or is refused.
func (n *Node) Delete(ctx context.Context, sessionID string) error {
	s, err := n.sessions.Get(ctx, sessionID)
	if err != nil {
		return err
	}
	m := n.take(s)
	c := m.client.Load()
	m.vacate()
	n.leave(ctx, m, disconnected)
	err = n.sessions.Delete(ctx, sessionID)
	where, lost := n.presence.Where(ctx, sessionID)
	if lost != nil {
		where = instanceOf(s.SocketID) // as far as the document knows
	}
	err = errors.Join(err, n.presence.Leave(ctx, sessionID))
	m.mu.Lock()
	m.mu.deleted = true
	m.mu.Unlock()
	m.turn.Unlock()
	if c != nil {
		c.end(frame.SessionEnded, textSessionEnded)
	}
	if where != "" && where != n.instance {
		n.mustPublish(where, remote{kind: remoteDeleted, to: s.ID})
	}
	n.save(m)
	return err
}

// Online returns a page of guests with a socket; see Presence.Online.
func (n *Node) Online(ctx context.Context, cursor string, limit int) ([]guest.Session, string, error) {
	page, next, err := n.presence.Online(ctx, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	for i := range page {
		if m := n.member(page[i].SessionID); m != nil {
			m.overlay(&page[i])
		}
	}
	return page, next, nil
}

// Connected returns the guests whose connectedUser is the guest with this id: as
// pairs are mutual and exclusive, one or none.
func (n *Node) Connected(ctx context.Context, userID string) ([]guest.Session, error) {
	sessionID, ok := guest.SessionIDOf(userID)
	if !ok {
		return nil, nil
	}
	s, err := n.Session(ctx, sessionID)
	if errors.Is(err, guest.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	partnerID, ok := guest.SessionIDOf(s.ConnectedUser)
	if !ok {
		return nil, nil
	}
	partner, err := n.Session(ctx, partnerID)
	if errors.Is(err, guest.ErrNotFound) || err == nil && partner.ConnectedUser != userID {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []guest.Session{partner}, nil
}

// Stats counts over all instances.
func (n *Node) Stats(ctx context.Context) (guest.Stats, error) { return n.presence.Stats(ctx) }
