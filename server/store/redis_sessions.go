package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// copyLifetime bounds how long a copy may be read where Redis's word that it has
// become stale does not arrive; it always should.
const copyLifetime = time.Minute

// lifetimeSeconds is guest.Lifetime as commands take it.
var lifetimeSeconds = strconv.Itoa(int(guest.Lifetime / time.Second))

// RedisSessions keeps sessions in Redis: the document of a guest as JSON under
// guest:<sessionId>, which Redis drops guest.Lifetime after the last write.
// Reads are answered from copies in this process, which Redis tells to drop
// when somebody changes the key (client-side caching); writes are not prepared
// by a read, since that read would be one a write and never pay for its copy.
type RedisSessions struct {
	redis   *Redis
	scripts sessionScripts
	now     func() time.Time
	drafts  drafts
	// tombstones is how long one lives.
	tombstones time.Duration
}

// NewRedisSessions keeps sessions behind r. now is the clock that tells a copy
// which has outlived its session.
func NewRedisSessions(r *Redis, now func() time.Time) *RedisSessions {
	return &RedisSessions{redis: r, scripts: newSessionScripts(), now: now, tombstones: guest.Lifetime}
}

// Create stores a new session; guest.ErrExists where the id is taken. One
// command. After guest.ErrUnavailable it may have happened: then a second call
// is guest.ErrExists, and Get tells whose it is.
func (s *RedisSessions) Create(ctx context.Context, g guest.Session) error {
	const doing = "create session"
	if !guest.ValidSessionID(g.SessionID) {
		return fmt.Errorf("%s: %q is not a session id, it must be a UUID in lower case", doing, g.SessionID)
	}
	l, err := s.redis.up()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	key := sessionKey(g.SessionID)
	doc := g.AppendJSON(make([]byte, 0, 512))
	cmd := l.client.B().Set().Key(key).Value(rueidis.BinaryString(doc)).Nx().ExSeconds(int64(guest.Lifetime / time.Second)).Build()
	err = l.client.Do(ctx, cmd).Error()
	s.redis.copies.forget(key)
	if rueidis.IsRedisNil(err) {
		return fmt.Errorf("%s: %w", doing, guest.ErrExists)
	}
	if err != nil {
		return s.redis.failure(doing, err)
	}
	s.drafts.keep(g.SessionID, string(doc))
	return nil
}

// Get returns the session as it is stored: from this process's copy, without a
// command, while nobody has changed it.
func (s *RedisSessions) Get(ctx context.Context, sessionID string) (guest.Session, error) {
	const doing = "read session"
	if !guest.ValidSessionID(sessionID) {
		return guest.Session{}, fmt.Errorf("%s: %w", doing, guest.ErrNotFound)
	}
	l, err := s.redis.up()
	if err != nil {
		return guest.Session{}, fmt.Errorf("%s: %w", doing, err)
	}
	var g guest.Session
	if e := s.redis.copies.find(sessionKey(sessionID)); e != nil {
		g, err = e.read(sessionID)
	} else {
		cmd := l.client.B().Get().Key(sessionKey(sessionID)).Cache().ToStaticTTL()
		ctx, cancel := l.within(ctx, replyTimeout)
		defer cancel()
		g, err = s.read(l.client.DoCache(ctx, cmd, copyLifetime), sessionID)
	}
	if err != nil || s.now().Before(g.LastSeen.Add(guest.Lifetime)) {
		return g, s.wrap(doing, err)
	}
	// By its own times it has lapsed. A later write may have renewed it without
	// a new lastSeen: only Redis knows.
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	g, err = s.read(l.client.Do(ctx, l.client.B().Get().Key(sessionKey(sessionID)).Build()), sessionID)
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

// Restore writes sessions back in one batch, a result each. A session that is
// stored with a later lastSeen stays as it is, an older one is overwritten but
// for members that we do not know, and a lapsed one is left out; all three are
// no errors. One that is gone stays so, which is guest.ErrNotFound. Doing it again
// changes nothing.
func (s *RedisSessions) Restore(ctx context.Context, batch []Kept) []error {
	const doing = "restore session"
	results := make([]error, len(batch))
	l, err := s.redis.up()
	if err != nil {
		for i := range results {
			results[i] = fmt.Errorf("%s: %w", doing, err)
		}
		return results
	}
	scripts := make([]rueidis.LuaExec, 0, len(batch))
	index := make([]int, 0, len(batch))
	for i, k := range batch {
		if !s.now().Before(k.Expires) {
			continue
		}
		scripts = append(scripts, restoreScript(l, k))
		index = append(index, i)
	}
	if len(scripts) == 0 {
		return results
	}
	// A batch is bulk work: it may wait longer than a guest would.
	ctx, cancel := l.within(ctx, bulkTimeout)
	defer cancel()
	for i, result := range s.scripts.restore.ExecMulti(ctx, l.client, scripts...) {
		s.redis.copies.forget(sessionKey(batch[index[i]].Session.SessionID))
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

func restoreScript(l *link, k Kept) rueidis.LuaExec {
	// Neither of them moves in a session: id, sessionId and createdAt stay out.
	const all = guest.FieldIP<<1 - 1
	seen := `"` + guest.Timestamp(k.Session.LastSeen) + `"`
	args := []string{strconv.FormatInt(k.Expires.UnixMilli(), 10), seen, string(k.Session.AppendJSON(nil)), k.Session.SessionID, k.Epoch}
	keys := []string{sessionKey(k.Session.SessionID)}
	if l.cluster {
		keys = append(keys, tombstoneKey(k.Session.SessionID))
	} else {
		keys = append(keys, l.keys.tombstones, l.keys.epoch)
	}
	return rueidis.LuaExec{
		Keys: keys,
		Args: appendMembers(args, guest.Patch{Fields: all, To: k.Session}),
	}
}

// read turns a reply with a document into the session; the error is Redis's or
// the document's.
func (s *RedisSessions) read(result rueidis.RedisResult, sessionID string) (guest.Session, error) {
	message, err := result.ToMessage()
	if err != nil {
		return guest.Session{}, err
	}
	return parseStored(message, sessionID)
}

// parseStored reads the document under the key of a session id, whose own it must be.
func parseStored(message rueidis.RedisMessage, sessionID string) (guest.Session, error) {
	doc, err := message.AsBytes()
	if err != nil {
		return guest.Session{}, err
	}
	g, err := guest.ParseKept(doc)
	if err != nil {
		return guest.Session{}, err
	}
	if g.SessionID != sessionID {
		return guest.Session{}, fmt.Errorf("%w: it is that of session %s", guest.ErrCorrupt, g.SessionID)
	}
	return g, nil
}

func (s *RedisSessions) wrap(doing string, err error) error {
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
	return s.redis.failure(doing, err)
}
