package sessions

import (
	"context"
	"fmt"
	"sync"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// Most documents are changed only by the instance where the guest is, so it knows the
// text in Redis. It replaces the text by compare-and-set, which costs Redis a third of
// changing single members. If the text differs, only a command is lost, and the script
// changes the members.

// maxLastWritten bounds the known documents; one takes about 600 bytes.
const maxLastWritten = 32 << 10

// lastWritten are the texts of documents in Redis as far as this process knows, by
// session id: those that it would write byte for byte the same, of guests who are online.
type lastWritten struct {
	sync.Mutex
	known map[string]string
}

// keep records the text in Redis.
func (d *lastWritten) keep(sessionID, text string) {
	d.Lock()
	defer d.Unlock()
	if d.known == nil {
		d.known = make(map[string]string)
	}
	if _, there := d.known[sessionID]; !there && len(d.known) >= maxLastWritten {
		for other := range d.known { // any one: it costs a command
			delete(d.known, other)
			break
		}
	}
	d.known[sessionID] = text
}

// take returns the known text of a document, "" for none, and forgets it: until a change
// is acknowledged, the text is unknown.
func (d *lastWritten) take(sessionID string) string {
	d.Lock()
	defer d.Unlock()
	text := d.known[sessionID]
	delete(d.known, sessionID)
	return text
}

// learn records the text of a document from Redis if it is useful.
func (d *lastWritten) learn(g guest.Session, text string) {
	if g.IsOnline && string(g.AppendJSON(make([]byte, 0, 512))) == text {
		d.keep(g.SessionID, text)
	}
}

// patched is a document after a patch, as text and parsed.
func patched(text string, p guest.Patch) (after string, g guest.Session, err error) {
	if g, err = guest.ParseSession([]byte(text)); err != nil {
		return "", guest.Session{}, err
	}
	p.Apply(&g)
	doc := g.AppendJSON(make([]byte, 0, 512))
	g, err = guest.ParseSession(doc)
	return string(doc), g, err
}

// compareAndSet makes the changes to known documents in one script, and fills in the
// results. It returns the indexes of the changes that are left: of unknown documents,
// and of those whose text in Redis differs.
func (s *Store) compareAndSet(ctx context.Context, l *redis.Link, changes []guest.Change, sessions []guest.Session, errs []error) (rest []int) {
	var index []int
	var keys []string
	args := []string{lifetimeSeconds}
	for i, c := range changes {
		before := s.lastWritten.take(c.SessionID)
		if before == "" {
			rest = append(rest, i)
			continue
		}
		after, g, err := patched(before, c.Patch)
		if err != nil { // the patched document is not valid
			rest = append(rest, i)
			continue
		}
		sessions[i] = g
		index, keys, args = append(index, i), append(keys, redis.SessionKey(c.SessionID)), append(args, before, after)
	}
	if len(index) == 0 {
		return rest
	}
	replies, err := s.scripts.compareAndSet.Exec(ctx, l.Client, keys, args).ToArray()
	if err == nil && len(replies) != len(keys) {
		err = fmt.Errorf("%d replies for %d documents", len(replies), len(keys))
	}
	for k, i := range index {
		s.redis.Cache.Forget(keys[k])
		problem, done := err, int64(0)
		if problem == nil {
			done, problem = replies[k].AsInt64()
		}
		switch {
		case problem != nil:
			sessions[i], errs[i] = guest.Session{}, s.wrap(doingChange, problem)
		case done == 0:
			rest = append(rest, i)
		case sessions[i].IsOnline:
			s.lastWritten.keep(changes[i].SessionID, args[2+2*k])
		}
	}
	return rest
}
