package store

import (
	"context"
	"crypto/rand"
	_ "embed" // the script is a file
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// epoch is a time in which Redis has lost no data: within it, what Redis was told and
// does not have is gone. It ends with a restart, a promoted replica, FLUSHALL or
// FLUSHDB: a key tells it, which is lost with the rest, and names the processes that
// hold the data. On a cluster the key is on one node; the loss of another's data is
// known by its restart, but not FLUSHALL on that node alone.
type epoch struct {
	id    string
	began time.Time // by Redis's clock
}

var epochScript = rueidis.NewLuaScript(epochLua)

// epoch returns the epoch of this moment, a new one where the last has ended.
func (r *Redis) epoch(ctx context.Context) (epoch, error) {
	const doing = "identify redis"
	runs, err := r.runs(ctx)
	if err != nil {
		return epoch{}, fmt.Errorf("%s: %w", doing, err)
	}
	l, err := r.up()
	if err != nil {
		return epoch{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	reply, err := epochScript.Exec(ctx, l.client, []string{l.keys.epoch}, []string{runs, rand.Text()}).ToArray()
	if err != nil {
		return epoch{}, r.failure(doing, err)
	}
	if len(reply) != 2 {
		return epoch{}, r.failure(doing, fmt.Errorf("an answer of %d values instead of 2", len(reply)))
	}
	id, err := reply[0].ToString()
	if err != nil {
		return epoch{}, r.failure(doing, err)
	}
	began, err := reply[1].AsInt64()
	if err != nil {
		return epoch{}, r.failure(doing, err)
	}
	return epoch{id, time.UnixMilli(began)}, nil
}

// runs names the processes that hold the data: after it has changed, what was
// written before may be lost. "" where Redis does not tell us.
func (r *Redis) runs(ctx context.Context) (string, error) {
	l, err := r.up()
	if err != nil {
		return "", err
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	if !l.cluster {
		return runOf(ctx, l.client)
	}
	var mu sync.Mutex
	var ids []string
	var failed error
	var wg sync.WaitGroup
	for _, node := range l.masters() {
		wg.Go(func() {
			id, err := runOf(ctx, node)
			mu.Lock()
			defer mu.Unlock()
			if ids = append(ids, id); err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return "", r.failure("identify Redis", failed)
	}
	slices.Sort(ids)
	return strings.Join(ids, " "), nil
}

func runOf(ctx context.Context, client rueidis.Client) (string, error) {
	info, err := client.Do(ctx, client.B().Info().Section("server").Build()).ToString()
	if err != nil {
		if answered(err) {
			return "", nil
		}
		return "", fmt.Errorf("%w: %w", guest.ErrUnavailable, err)
	}
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "run_id:"); ok {
			return id, nil
		}
	}
	return "", nil
}
