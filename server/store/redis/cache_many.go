package redis

import (
	"context"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// manyCommand begins what the cache of a connection is told of an MGET.
const manyCommand = "MGET"

// readMany reads many keys of a Redis that is no cluster by one MGET, and keeps
// copies of what there is. All keys must be of the same length, as those of
// sessions are. An element is nil where there is no document.
//
// One GET for each costs Redis twice as much, with a CLIENT CACHING before each;
// rueidis's own MGET asks for the lifetime of each key, which is no cheaper. To
// rueidis this MGET is a read of its first key with an odd command. It hands the
// answer to the cache of the connection that it came by, and in the order of the
// connection: a document that has changed since is invalidated after it.
func readMany(ctx context.Context, client rueidis.Client, keys []string) ([]rueidis.RedisMessage, error) {
	command := client.B().Arbitrary(manyCommand).Keys(keys...).ReadOnly()
	return client.DoCache(ctx, rueidis.Cacheable(command).ToStaticTTL(), CacheLifetime).ToArray()
}

// ReadMany reads many keys of the same length from Redis, and keeps copies.
func (l *Link) ReadMany(ctx context.Context, keys []string) ([]rueidis.RedisMessage, error) {
	if !l.Cluster {
		return readMany(ctx, l.Client, keys)
	}
	reads := make([]rueidis.CacheableTTL, len(keys))
	for i, key := range keys {
		reads[i] = rueidis.CT(l.Client.B().Get().Key(key).Cache().ToStaticTTL(), CacheLifetime)
	}
	answers := make([]rueidis.RedisMessage, len(keys))
	for i, result := range l.Client.DoMultiCache(ctx, reads...) {
		var err error
		if answers[i], err = result.ToMessage(); !Answered(err) {
			return nil, err
		}
	}
	return answers, nil
}

// keepMany keeps copies of the answer to an MGET of a key and those in more, which
// are as long. What is not there is not kept, since a key that holds no document
// looks like one that does not exist. Who waits for a read of the same key waits on.
func (s *connCache) keepMany(key, more string, answer rueidis.RedisMessage) {
	documents, err := answer.ToArray()
	if err != nil || len(key)*(len(documents)-1) != len(more) {
		return
	}
	expires := time.Now().Add(CacheLifetime).UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return
	}
	for i, document := range documents {
		if i > 0 {
			key, more = more[:len(key)], more[len(key):]
		}
		if document.IsNil() {
			continue
		}
		if e := s.mu.entries[key]; e == nil {
			s.makeRoom()
		} else if !e.filled {
			continue
		}
		// Cloned, lest one key keep all of them in memory.
		s.mu.entries[strings.Clone(key)] = &Entry{filled: true, message: document, expires: expires}
	}
}
