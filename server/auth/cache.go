package auth

import (
	"encoding/binary"
	"strings"
	"sync"
)

// shards is how many locks share the verified tokens.
const shards = 16

// cache remembers verified tokens. It finds them by their last characters,
// which are random where the token is ours, and trusts one only if it is equal
// as a whole: a forged head on a good signature is not a good token. It holds
// no more than it was made for.
type cache struct {
	shards [shards]shard
	young  int // entries of a shard's young generation before it grows old
}

// shard keeps two generations. When the young one is full, the old one is
// forgotten; what is asked for meanwhile moves back to the young. So a token in
// use stays, without a list to maintain on every look.
type shard struct {
	mu struct {
		sync.RWMutex
		young, old map[tail]*entry
	}
}

// tail is the last eight characters of a token but the very last one, 48 bits
// of its signature. (The last character of 43 has bits that are always 0.)
type tail uint64

// entry never changes. It holds the claims as they are: put together from less
// they would take a third longer to find.
type entry struct {
	token  string
	claims Claims
}

// newCache holds at most size tokens, though never fewer than two a shard.
func newCache(size int) *cache {
	c := &cache{young: max(1, size/(2*shards))}
	for i := range c.shards {
		mu := &c.shards[i].mu
		mu.young, mu.old = make(map[tail]*entry), make(map[tail]*entry)
	}
	return c
}

// get does not retain the token.
func (c *cache) get(token string) (Claims, bool) {
	key, ok := tailOf(token)
	if !ok {
		return Claims{}, false
	}
	s := c.shard(key)
	s.mu.RLock()
	e, young := s.mu.young[key]
	if !young {
		e = s.mu.old[key]
	}
	s.mu.RUnlock()
	if e == nil || e.token != token {
		return Claims{}, false
	}
	if !young {
		c.keep(key, e)
	}
	return e.claims, true
}

// put copies the token: the caller's may be a view of a buffer.
func (c *cache) put(token string, claims Claims) {
	c.know(strings.Clone(token), claims)
}

// know is put for a token that is the caller's own for good.
func (c *cache) know(token string, claims Claims) {
	if key, ok := tailOf(token); ok {
		c.keep(key, &entry{token: token, claims: claims})
	}
}

func (c *cache) keep(key tail, e *entry) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.young) >= c.young {
		clear(s.mu.old) // its room is used again: it need not grow anew
		s.mu.young, s.mu.old = s.mu.old, s.mu.young
	}
	s.mu.young[key] = e
}

// shard mixes all of the key in: its bytes are letters, which leave bits unused.
func (c *cache) shard(key tail) *shard {
	const golden = 0x9E3779B97F4A7C15 // Knuth's multiplicative hash
	return &c.shards[(uint64(key)*golden)>>60%shards]
}

func tailOf(token string) (tail, bool) {
	if len(token) < 9 {
		return 0, false
	}
	var b [8]byte
	copy(b[:], token[len(token)-9:])
	return tail(binary.LittleEndian.Uint64(b[:])), true
}
