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
// guest:<sessionId>, which Redis drops guest.Lifetime after the last write.
// Reads are answered from copies in this process, which Redis tells to drop
// when somebody changes the key (client-side caching); writes are not prepared
// by a read, since that read would be one a write and never pay for its copy.
type Store struct {
	redis   *redis.Client
	scripts scripts
	Now     func() time.Time
	drafts  drafts
	// Tombstones is how long one lives. It may be changed before first use.
	Tombstones time.Duration
}

// New keeps sessions behind r. now is the clock that tells a copy
// which has outlived its session.
func New(r *redis.Client, now func() time.Time) *Store {
	return &Store{redis: r, scripts: newScripts(), Now: now, Tombstones: guest.Lifetime}
}

// Create stores a new session; guest.ErrExists where the id is taken. One
// command. After guest.ErrUnavailable it may have happened: then a second call
// is guest.ErrExists, and Get tells whose it is.
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
	s.drafts.keep(g.SessionID, string(doc))
	return nil
}

// Get returns the session as it is stored: from this process's copy, without a
// command, while nobody has changed it.
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
	// By its own times it has lapsed. A later write may have renewed it without
	// a new lastSeen: only Redis knows.
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	g, err = s.read(l.Client.Do(ctx, l.Client.B().Get().Key(redis.SessionKey(sessionID)).Build()), sessionID)
	return g, s.wrap(doing, err)
}

// Kept is a session that lived outside of Redis for a while.
type Kept struct {
	Session guest.Session
	Expires time.Time
	// Epoch is the last in which Redis had the session, "" where it never had it, or
	// may have dropped it by itself since. A Redis that is in this epoch yet, and has
	// not the session, has seen it deleted.
	Epoch string
}

// Batch is how many sessions are restored or deleted at a time.
const Batch = 500

// Restore writes sessions back in one batch, a result each. A session that is
// stored with a later lastSeen stays as it is, an older one is overwritten but
// for members that we do not know, and a lapsed one is left out; all three are
// no errors. One that is gone stays so, which is guest.ErrNotFound. Doing it again
// changes nothing.
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
	// A batch is bulk work: it may wait longer than a guest would.
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
	// Neither of them moves in a session: id, sessionId and createdAt stay out.
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

// read turns a reply with a document into the session; the error is Redis's or
// the document's.
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
		for _, prefix := range []string{"WRONGTYPE", "CORRUPT"} { // the document, not a key that all share
			if strings.HasPrefix(reply.Error(), prefix) {
				return fmt.Errorf("%s: %w: %s", doing, guest.ErrCorrupt, reply.Error())
			}
		}
	}
	return s.redis.Failure(doing, err)
}
