package sessions

import (
	"context"
	"fmt"
	"sync"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// Most documents are changed by the one instance where the guest is, which so
// knows what stands in Redis. It has the changed one put in its place, if that is
// still so: a third of what the change of single members costs Redis. Where it is
// not so, nothing but a command is lost, and the members are changed.

// maxDrafts bounds the documents that are known; one takes about 600 bytes.
const maxDrafts = 32 << 10

// drafts are documents as they stand in Redis, as far as is known, by session id:
// those that this program would write the same, of guests who have come and not
// yet gone.
type drafts struct {
	sync.Mutex
	known map[string]string
}

// keep notes what stands in Redis now.
func (d *drafts) keep(sessionID, text string) {
	d.Lock()
	defer d.Unlock()
	if d.known == nil {
		d.known = make(map[string]string)
	}
	if _, there := d.known[sessionID]; !there && len(d.known) >= maxDrafts {
		for other := range d.known { // any: it costs a command
			delete(d.known, other)
			break
		}
	}
	d.known[sessionID] = text
}

// take returns what is known of a document, "" for nothing, and forgets it: until
// a change has been answered nobody knows.
func (d *drafts) take(sessionID string) string {
	d.Lock()
	defer d.Unlock()
	text := d.known[sessionID]
	delete(d.known, sessionID)
	return text
}

// learn notes the document of a session as Redis told it, if it is of use.
func (d *drafts) learn(g guest.Session, text string) {
	if g.IsOnline && string(g.AppendJSON(make([]byte, 0, 512))) == text {
		d.keep(g.SessionID, text)
	}
}

// redraft is a document after a patch, and what it says.
func redraft(text string, p guest.Patch) (after string, g guest.Session, err error) {
	if g, err = guest.ParseSession([]byte(text)); err != nil {
		return "", guest.Session{}, err
	}
	p.Apply(&g)
	doc := g.AppendJSON(make([]byte, 0, 512))
	g, err = guest.ParseSession(doc)
	return string(doc), g, err
}

// swap does in one script those of the changes whose documents are known, and
// fills in the results. It returns the indexes of the others, and of those that
// stand differently in Redis.
func (s *Store) swap(ctx context.Context, l *redis.Link, changes []guest.Change, sessions []guest.Session, errs []error) (rest []int) {
	var index []int
	var keys []string
	args := []string{lifetimeSeconds}
	for i, c := range changes {
		before := s.drafts.take(c.SessionID)
		if before == "" {
			rest = append(rest, i)
			continue
		}
		after, g, err := redraft(before, c.Patch)
		if err != nil { // what the patch says is not fit to be read
			rest = append(rest, i)
			continue
		}
		sessions[i] = g
		index, keys, args = append(index, i), append(keys, redis.SessionKey(c.SessionID)), append(args, before, after)
	}
	if len(index) == 0 {
		return rest
	}
	replies, err := s.scripts.swap.Exec(ctx, l.Client, keys, args).ToArray()
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
			sessions[i], errs[i] = guest.Session{}, s.wrap(changing, problem)
		case done == 0:
			rest = append(rest, i)
		case sessions[i].IsOnline:
			s.drafts.keep(changes[i].SessionID, args[2+2*k])
		}
	}
	return rest
}
