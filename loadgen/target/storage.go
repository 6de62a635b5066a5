package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"guestload/scenarios"
	"guestload/server/api"
)

// What a backend says in /health of how it stores its guests.
const (
	StoredInRedis    = string(scenarios.StorageRedis)
	StoredInFallback = "fallback"   // Redis is down, and the server serves from memory
	Recovering       = "recovering" // Redis is back, and the server writes back what changed
)

// startTime is how long embedded servers may take to connect to their Redis.
const startTime = 5 * time.Second

// errWrongStorage is wrapped when the target does not store its guests where it should.
var errWrongStorage = errors.New("wrong storage")

// Stored returns how an instance stores its guests, "" where it does not tell.
func (t *Target) Stored(ctx context.Context, url string) string {
	state, err := t.get(ctx, url, "/health", readStorage)
	if err != nil {
		return ""
	}
	return state
}

// readStorage reads how an instance stores its guests from the body of /health.
func readStorage(body io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(body, 64<<10))
	if err != nil {
		return "", err
	}
	v, err := api.ParseJSON(b)
	return string(v.Get("storage").Text()), err
}

// checkStorage notes how the target stores its guests. A server without the Redis that it
// should use is an error: its numbers are those of another system.
func (t *Target) checkStorage(ctx context.Context) error {
	needsRedis := t.own != nil && t.own.UsesRedis()
	for i, url := range t.urls {
		state, asked := t.states[url]
		if !asked {
			state = t.Stored(ctx, url)
		}
		if needsRedis && state != StoredInRedis { // embedded servers have only just started
			starting, cancel := context.WithTimeout(ctx, startTime)
			Poll(starting, 50*time.Millisecond, func() bool {
				state = t.Stored(ctx, url)
				return state == StoredInRedis
			})
			cancel()
		}
		switch {
		case needsRedis && state != StoredInRedis:
			return fmt.Errorf("%w: server %d of %d says storage %q instead of %q, so it does not use Redis; its log ends: %s",
				errWrongStorage, i+1, len(t.urls), state, StoredInRedis, lastLine(t.own.Servers[i].LogTail()))
		case state == StoredInFallback:
			return fmt.Errorf("%w: %s says storage %q in /health, so it has lost its Redis and serves from memory: bring Redis back first",
				errWrongStorage, url, state)
		case i == 0 && state != "":
			t.storage = state
		}
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
