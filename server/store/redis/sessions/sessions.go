// Package sessions stores the documents of sessions in Redis.
package sessions

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// lifetimeSeconds is guest.Lifetime as commands take it.
var lifetimeSeconds = strconv.Itoa(int(guest.Lifetime / time.Second))

// Store keeps sessions in Redis: the document of a guest as JSON under
// guest:<sessionId>, which expires guest.Lifetime after the last write. Reads come from
// the client cache, which Redis invalidates when somebody changes the key. Writes do not
// read first: one read for each write would never pay for its cache entry.
type Store struct {
	redis       *redis.Client
	scripts     scripts
	Now         func() time.Time
	lastWritten lastWritten
	// Tombstones is how long one lives. It may be changed before first use.
	Tombstones time.Duration
}

// New keeps sessions behind r. now is the clock that detects
// cached documents of expired sessions.
func New(r *redis.Client, now func() time.Time) *Store {
	return &Store{redis: r, scripts: newScripts(), Now: now, Tombstones: guest.Lifetime}
}

// Create stores a new session; guest.ErrExists if the id is taken. One command. After
// guest.ErrUnavailable it may have been stored: then a second call is guest.ErrExists.
func (s *Store) Create(ctx context.Context, g guest.Session) error {
	const doing = "create session"
	if !guest.ValidSessionID(g.SessionID) {
		return fmt.Errorf("%s: %q is not a session id, it must be a UUID in lower case", doing, g.SessionID)
	}
	l, err := s.redis.Up()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	key := redis.SessionKey(g.SessionID)
	doc := g.AppendJSON(make([]byte, 0, 512))
	cmd := l.Client.B().Set().Key(key).Value(rueidis.BinaryString(doc)).Nx().ExSeconds(int64(guest.Lifetime / time.Second)).Build()
	err = l.Client.Do(ctx, cmd).Error()
	s.redis.Cache.Forget(key)
	if rueidis.IsRedisNil(err) {
		return fmt.Errorf("%s: %w", doing, guest.ErrExists)
	}
	if err != nil {
		return s.redis.Failure(doing, err)
	}
	s.lastWritten.keep(g.SessionID, string(doc))
	return nil
}

// Get returns the session as it is stored; from the client cache, without a command,
// while nobody has changed it.
func (s *Store) Get(ctx context.Context, sessionID string) (guest.Session, error) {
	const doing = "read session"
	if !guest.ValidSessionID(sessionID) {
		return guest.Session{}, fmt.Errorf("%s: %w", doing, guest.ErrNotFound)
	}
	l, err := s.redis.Up()
	if err != nil {
		return guest.Session{}, fmt.Errorf("%s: %w", doing, err)
	}
	var g guest.Session
	if e := s.redis.Cache.Find(redis.SessionKey(sessionID)); e != nil {
		g, err = e.Parse(sessionID)
	} else {
		cmd := l.Client.B().Get().Key(redis.SessionKey(sessionID)).Cache().ToStaticTTL()
		ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
		defer cancel()
		g, err = s.read(l.Client.DoCache(ctx, cmd, redis.CacheLifetime), sessionID)
	}
	if err != nil || s.Now().Before(g.LastSeen.Add(guest.Lifetime)) {
		return g, s.wrap(doing, err)
	}
	// By its lastSeen it has expired. A later write may have renewed it without a new
	// lastSeen: only Redis knows.
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	g, err = s.read(l.Client.Do(ctx, l.Client.B().Get().Key(redis.SessionKey(sessionID)).Build()), sessionID)
	return g, s.wrap(doing, err)
}

// Kept is a session that was changed outside of Redis.
type Kept struct {
	Session guest.Session
	Expires time.Time
	// Epoch is the last epoch in which Redis had the session; "" if it never had it, or
	// if the session may have expired there since. If Redis is still in this epoch and
	// does not have the session, it was deleted.
	Epoch string
}

// Batch is how many sessions are restored or deleted at a time.
const Batch = 500

// Restore writes sessions back in one batch, with a result each. It leaves a stored
// session with a later lastSeen as it is, overwrites an older one except for unknown
// members, and omits an expired one; none of these is an error. A deleted session stays
// deleted, which is guest.ErrNotFound. Restore is idempotent.
func (s *Store) Restore(ctx context.Context, batch []Kept) []error {
	const doing = "restore session"
	results := make([]error, len(batch))
	l, err := s.redis.Up()
	if err != nil {
		for i := range results {
			results[i] = fmt.Errorf("%s: %w", doing, err)
		}
		return results
	}
	scripts := make([]rueidis.LuaExec, 0, len(batch))
	index := make([]int, 0, len(batch))
	for i, k := range batch {
		if !s.Now().Before(k.Expires) {
			continue
		}
		scripts = append(scripts, restoreScript(l, k))
		index = append(index, i)
	}
	if len(scripts) == 0 {
		return results
	}
	// Bulk work may take longer than a guest waits.
	ctx, cancel := l.Within(ctx, redis.BulkTimeout)
	defer cancel()
	for i, result := range s.scripts.restore.ExecMulti(ctx, l.Client, scripts...) {
		s.redis.Cache.Forget(redis.SessionKey(batch[index[i]].Session.SessionID))
		done, err := result.AsInt64()
		switch {
		case err != nil:
			results[index[i]] = s.wrap(doing, err)
		case done < 0:
			results[index[i]] = fmt.Errorf("%s %s: it was deleted: %w", doing, batch[index[i]].Session.SessionID, guest.ErrNotFound)
		}
	}
	return results
}

func restoreScript(l *redis.Link, k Kept) rueidis.LuaExec {
	// All fields but id, sessionId and createdAt, which never change.
	const all = guest.FieldIP<<1 - 1
	seen := `"` + guest.Timestamp(k.Session.LastSeen) + `"`
	args := []string{strconv.FormatInt(k.Expires.UnixMilli(), 10), seen, string(k.Session.AppendJSON(nil)), k.Session.SessionID, k.Epoch}
	keys := []string{redis.SessionKey(k.Session.SessionID)}
	if l.Cluster {
		keys = append(keys, redis.TombstoneKey(k.Session.SessionID))
	} else {
		keys = append(keys, l.Keys.Tombstones, l.Keys.Epoch)
	}
	return rueidis.LuaExec{
		Keys: keys,
		Args: appendMembers(args, guest.Patch{Fields: all, To: k.Session}),
	}
}

// read parses a reply with a document.
func (s *Store) read(result rueidis.RedisResult, sessionID string) (guest.Session, error) {
	message, err := result.ToMessage()
	if err != nil {
		return guest.Session{}, err
	}
	return redis.ParseDocument(message, sessionID)
}

func (s *Store) wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, guest.ErrCorrupt) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if reply, ok := rueidis.IsRedisErr(err); ok {
		for _, prefix := range []string{"WRONGTYPE", "CORRUPT"} { // of the document, not of a shared key
			if strings.HasPrefix(reply.Error(), prefix) {
				return fmt.Errorf("%s: %w: %s", doing, guest.ErrCorrupt, reply.Error())
			}
		}
	}
	return s.redis.Failure(doing, err)
}
