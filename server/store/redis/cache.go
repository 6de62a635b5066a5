package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// maxCached bounds the copies kept by one connection; a copy takes about 1 KB.
const maxCached = 64 << 10

// CacheLifetime bounds how long an entry may be read where Redis's word that it has
// become stale does not arrive; it always should.
const CacheLifetime = time.Minute

// CacheStats counts what the copies of sessions in this process were good for.
type CacheStats struct {
	Hits          atomic.Int64 // reads that sent no command
	Misses        atomic.Int64 // reads that asked Redis
	Invalidations atomic.Int64 // copies that Redis told us to drop
}

// copies are the caches of all connections, one each. Redis tells a connection
// which of its copies have become stale, so they must not outlive it.
type Cache struct {
	Stats  CacheStats
	sent   *atomic.Int64 // commands
	losses atomic.Int64  // connections lost so far
	lost   chan struct{} // holds a token after a loss

	mu struct {
		sync.RWMutex
		open map[*connCache]struct{}
	}
}

func newCache(sent *atomic.Int64) *Cache {
	c := &Cache{sent: sent, lost: make(chan struct{}, 1)}
	c.mu.open = make(map[*connCache]struct{})
	return c
}

// open is rueidis's hook for a new connection.
func (c *Cache) open(rueidis.CacheStoreOption) rueidis.CacheStore {
	s := &connCache{of: c}
	s.mu.entries = make(map[string]*Entry)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.open[s] = struct{}{}
	return s
}

// forget drops the copy of a key that this process has just written. Redis
// tells us to as well, but right after its answer to the write, too late for a
// read that follows at once. All commands share one connection, so a read that
// is under way now was sent after the write and is not stale.
func (c *Cache) Forget(key string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for s := range c.mu.open {
		s.drop(key)
	}
}

// find returns the copy of a key, nil where there is none. It is what a hit of
// rueidis's DoCache would be, without building the command that is not sent and
// without reading the same document over and over.
func (c *Cache) Find(key string) *Entry {
	var found [1]*Entry
	c.Look([]string{key}, found[:])
	if found[0] != nil {
		c.Stats.Hits.Add(1)
	}
	return found[0]
}

// look puts the copy of each key in its place, unless one stands there; nil where
// there is none. It counts nothing.
func (c *Cache) Look(keys []string, found []*Entry) {
	now := time.Now().UnixMilli()
	c.mu.RLock()
	defer c.mu.RUnlock()
	for s := range c.mu.open {
		s.look(keys, found, now)
	}
}

func (c *Cache) close(s *connCache) {
	c.mu.Lock()
	delete(c.mu.open, s)
	c.mu.Unlock()
	c.losses.Add(1)
	select {
	case c.lost <- struct{}{}:
	default:
	}
}

// connCache is the cache of one connection: rueidis's CacheStore, for GET, and for
// MGET as readMany sends it.
type connCache struct {
	of *Cache

	mu struct {
		sync.RWMutex
		entries map[string]*Entry
		closed  bool
	}
}

// copyEntry is a copy, or the promise of one while done is open.
type Entry struct {
	done    chan struct{}
	filled  bool
	message rueidis.RedisMessage
	err     error
	expires int64 // Unix ms

	parse   sync.Once
	session guest.Session
	damage  error
}

// NewEntry is what Redis answered, which no cache keeps.
func NewEntry(message rueidis.RedisMessage) *Entry { return &Entry{message: message} }

// Parse is ParseDocument of the entry, done once.
func (e *Entry) Parse(sessionID string) (guest.Session, error) {
	e.parse.Do(func() { e.session, e.damage = ParseDocument(e.message, sessionID) })
	return e.session, e.damage
}

// Wait implements rueidis.CacheEntry.
func (e *Entry) Wait(ctx context.Context) (rueidis.RedisMessage, error) {
	select {
	case <-e.done:
		return e.message, e.err
	case <-ctx.Done():
		return rueidis.RedisMessage{}, ctx.Err()
	}
}

// Flight returns the copy, or the promise of it, or neither: then the caller
// asks Redis, and Update or Cancel follows.
func (s *connCache) Flight(key, command string, ttl time.Duration, now time.Time) (rueidis.RedisMessage, rueidis.CacheEntry) {
	if more, many := strings.CutPrefix(command, manyCommand); many {
		s.of.Stats.Misses.Add(int64(1 + len(more)/len(key)))
		s.of.sent.Add(2) // CLIENT CACHING YES and MGET
		return rueidis.RedisMessage{}, nil
	}
	ms := now.UnixMilli()
	s.mu.RLock()
	e := s.current(key, ms)
	s.mu.RUnlock()
	if e != nil {
		s.of.Stats.Hits.Add(1)
		return e.message, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of.Stats.Misses.Add(1)
	if e := s.mu.entries[key]; e != nil && !e.filled {
		return rueidis.RedisMessage{}, e
	}
	s.of.sent.Add(2) // CLIENT CACHING YES and GET
	if !s.mu.closed {
		s.makeRoom()
		s.mu.entries[key] = &Entry{done: make(chan struct{}), expires: ms + ttl.Milliseconds()}
	}
	return rueidis.RedisMessage{}, nil
}

// look is copies.look of one connection.
func (s *connCache) look(keys []string, found []*Entry, now int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i, key := range keys {
		if found[i] == nil {
			found[i] = s.current(key, now)
		}
	}
}

// current is a copy that is there and may still be read. What it holds does not
// change any more. The caller holds s.mu.
func (s *connCache) current(key string, now int64) *Entry {
	if e := s.mu.entries[key]; e != nil && e.filled && now < e.expires {
		return e
	}
	return nil
}

// makeRoom drops any copy when there are too many: which one matters little,
// since copies live for seconds.
func (s *connCache) makeRoom() {
	if len(s.mu.entries) < maxCached {
		return
	}
	for key, e := range s.mu.entries {
		if e.filled {
			delete(s.mu.entries, key)
			return
		}
	}
}

// Update keeps the answer and hands it to those who wait for it.
func (s *connCache) Update(key, command string, m rueidis.RedisMessage) (expires int64) {
	if more, many := strings.CutPrefix(command, manyCommand); many {
		s.keepMany(key, more, m)
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.mu.entries[key]
	if e == nil || e.filled {
		return 0
	}
	e.message, e.filled = m, true
	close(e.done)
	return e.expires
}

// Cancel tells those who wait that there is no answer.
func (s *connCache) Cancel(key, command string, err error) {
	if strings.HasPrefix(command, manyCommand) {
		return // nothing was promised
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.mu.entries[key]; e != nil && !e.filled {
		delete(s.mu.entries, key)
		e.err = err
		close(e.done)
	}
}

// Delete drops the copies that Redis calls stale; nil means all.
func (s *connCache) Delete(keys []rueidis.RedisMessage) {
	if keys == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for key, e := range s.mu.entries {
			if e.filled {
				delete(s.mu.entries, key)
				s.of.Stats.Invalidations.Add(1)
			}
		}
		return
	}
	s.of.Stats.Invalidations.Add(int64(len(keys)))
	for i := range keys {
		if key, err := keys[i].ToString(); err == nil {
			s.drop(key)
		}
	}
}

func (s *connCache) drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.mu.entries[key]; e != nil && e.filled {
		delete(s.mu.entries, key)
	}
}

// Close ends with the connection: nothing of it can be trusted any more.
func (s *connCache) Close(err error) {
	s.of.close(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.closed = true
	for _, e := range s.mu.entries {
		if !e.filled {
			e.err = err
			close(e.done)
		}
	}
	clear(s.mu.entries)
}

// ParseDocument reads the document under the key of a session id, whose own it must be.
func ParseDocument(message rueidis.RedisMessage, sessionID string) (guest.Session, error) {
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
