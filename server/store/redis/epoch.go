package redis

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

// Epoch is a period in which Redis lost no data: what was written in it and is missing
// was deleted or has expired. It ends with a restart, a promoted replica, FLUSHALL or
// FLUSHDB: its key is lost with the data, and names the processes that hold the data. On
// a cluster the key is on one node; data loss on another node is detected by its
// restart, but not FLUSHALL on that node alone.
type Epoch struct {
	ID    string
	Began time.Time // by Redis's clock
}

//go:embed epoch.lua
var epochLua string

var epochScript = rueidis.NewLuaScript(epochLua)

// Epoch returns the current epoch, a new one if the last has ended.
func (r *Client) Epoch(ctx context.Context) (Epoch, error) {
	const doing = "identify redis"
	runs, err := r.runs(ctx)
	if err != nil {
		return Epoch{}, fmt.Errorf("%s: %w", doing, err)
	}
	l, err := r.Up()
	if err != nil {
		return Epoch{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, ReplyTimeout)
	defer cancel()
	reply, err := epochScript.Exec(ctx, l.Client, []string{l.Keys.Epoch}, []string{runs, rand.Text()}).ToArray()
	if err != nil {
		return Epoch{}, r.Failure(doing, err)
	}
	if len(reply) != 2 {
		return Epoch{}, r.Failure(doing, fmt.Errorf("an answer of %d values instead of 2", len(reply)))
	}
	id, err := reply[0].ToString()
	if err != nil {
		return Epoch{}, r.Failure(doing, err)
	}
	began, err := reply[1].AsInt64()
	if err != nil {
		return Epoch{}, r.Failure(doing, err)
	}
	return Epoch{id, time.UnixMilli(began)}, nil
}

// runs names the processes that hold the data: once it changes, what was written before
// may be lost. "" if Redis does not say.
func (r *Client) runs(ctx context.Context) (string, error) {
	l, err := r.Up()
	if err != nil {
		return "", err
	}
	ctx, cancel := l.Within(ctx, ReplyTimeout)
	defer cancel()
	if !l.Cluster {
		return runOf(ctx, l.Client)
	}
	var mu sync.Mutex
	var ids []string
	var failed error
	var wg sync.WaitGroup
	for _, node := range l.Masters() {
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
		return "", r.Failure("identify Redis", failed)
	}
	slices.Sort(ids)
	return strings.Join(ids, " "), nil
}

func runOf(ctx context.Context, client rueidis.Client) (string, error) {
	info, err := client.Do(ctx, client.B().Info().Section("server").Build()).ToString()
	if err != nil {
		if Answered(err) {
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
