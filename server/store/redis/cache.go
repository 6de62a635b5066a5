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

// maxCached bounds the entries of one connection; an entry takes about 1 KB.
const maxCached = 64 << 10

// CacheLifetime bounds how long an entry may be read where Redis's word that it has
// become stale does not arrive; it always should.
const CacheLifetime = time.Minute

// CacheStats count how the client cache was used.
type CacheStats struct {
	Hits          atomic.Int64 // reads without a command
	Misses        atomic.Int64 // reads from Redis
	Invalidations atomic.Int64 // entries that Redis invalidated
}

// Cache is the client cache: one cache for each connection. Redis sends invalidations
// over the connection that read the key, so entries must not outlive it.
type Cache struct {
	Stats  CacheStats
	sent   *atomic.Int64 // commands
	losses atomic.Int64  // connections lost so far
	lost   chan struct{} // has a token after a loss

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

// Forget drops the entry of a key that this process has just written. Redis invalidates
// it as well, but right after its reply to the write, too late for a read that follows
// at once. All commands share one connection, so a read that is in flight now was sent
// after the write and is not stale.
func (c *Cache) Forget(key string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for s := range c.mu.open {
		s.drop(key)
	}
}

// Find returns the entry of a key, or nil. It is a hit of rueidis's DoCache without
// building a command that is not sent, and without parsing a document again.
func (c *Cache) Find(key string) *Entry {
	var found [1]*Entry
	c.Look([]string{key}, found[:])
	if found[0] != nil {
		c.Stats.Hits.Add(1)
	}
	return found[0]
}

// Look fills in the entry of each key that has none yet; nil if there is none. It does
// not count hits.
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

// Entry is a cached document, or the promise of one while done is open.
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

// Flight returns the document, or the promise of it, or neither: then the caller asks
// Redis, and Update or Cancel follows.
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

// look is Cache.Look of one connection.
func (s *connCache) look(keys []string, found []*Entry, now int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i, key := range keys {
		if found[i] == nil {
			found[i] = s.current(key, now)
		}
	}
}

// current is a filled entry that has not expired. It does not change any more. The
// caller holds s.mu.
func (s *connCache) current(key string, now int64) *Entry {
	if e := s.mu.entries[key]; e != nil && e.filled && now < e.expires {
		return e
	}
	return nil
}

// makeRoom drops any entry when there are too many: which one hardly matters, since
// entries live for seconds.
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

// Update stores the reply and passes it to those who wait for it.
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

// Cancel passes the error to those who wait.
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

// Delete drops the entries that Redis invalidates; nil means all.
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

// Close drops all entries: without the connection they are not invalidated any more.
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
