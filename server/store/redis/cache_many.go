package redis

import (
	"context"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// manyCommand begins what the cache of a connection is told of an MGET.
const manyCommand = "MGET"

// readMany reads many keys with one MGET, and caches the documents; not on a cluster.
// All keys must have the same length, as those of sessions do. An element is nil if
// there is no document.
//
// A GET for each key costs Redis twice as much, with a CLIENT CACHING before each;
// rueidis's own MGET also asks for each key's lifetime, which is no cheaper. To rueidis,
// this MGET is a read of the first key with an unknown command. rueidis passes the reply
// to the cache of its connection in the order of the connection: a document that
// changes later is invalidated later.
func readMany(ctx context.Context, client rueidis.Client, keys []string) ([]rueidis.RedisMessage, error) {
	command := client.B().Arbitrary(manyCommand).Keys(keys...).ReadOnly()
	return client.DoCache(ctx, rueidis.Cacheable(command).ToStaticTTL(), CacheLifetime).ToArray()
}

// ReadMany reads many keys of the same length, and caches the documents.
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

// keepMany caches the reply to an MGET of a key and the keys in more, which are as long.
// It does not cache missing documents, since a key of another type looks like one that
// does not exist. Pending reads of the same keys stay pending.
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
