package auth

import (
	"fmt"
	"testing"
)

func (c *cache) len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.mu.young) + len(s.mu.old)
		s.mu.RUnlock()
	}
	return n
}

func TestCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	const size = 320
	c := newCache(size)
	c.put("a token in use", Claims{Username: "kept"})
	for i := range 50 * size {
		c.put(fmt.Sprintf("token %06d.", i), Claims{})
		if got, ok := c.get("a token in use"); !ok || got.Username != "kept" {
			t.Fatalf("forgotten after %d others", i)
		}
	}
	if n := c.len(); n > size {
		t.Errorf("%d tokens, more than %d", n, size)
	}
	if _, ok := c.get("token 000000."); ok {
		t.Error("a token that nobody used is still there")
	}
	for _, short := range []string{"", "a", "12345678"} {
		if _, ok := c.get(short); ok {
			t.Errorf("%q found", short)
		}
	}
}
