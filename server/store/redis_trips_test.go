package store

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
)

// fakeClient notes the sizes of the trips made with it. Each takes a while.
type fakeClient struct {
	rueidis.Client
	mu    sync.Mutex
	trips []int
}

func (f *fakeClient) note(n int) {
	f.mu.Lock()
	f.trips = append(f.trips, n)
	f.mu.Unlock()
	time.Sleep(tripEvery / 4) // in a bubble
}

func (f *fakeClient) Do(context.Context, rueidis.Completed) rueidis.RedisResult {
	f.note(1)
	return rueidis.RedisResult{}
}

func (f *fakeClient) DoMulti(_ context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	f.note(len(multi))
	return make([]rueidis.RedisResult, len(multi))
}

func TestCommandsThatComeTogetherShareATrip(t *testing.T) {
	for _, c := range []struct {
		name     string
		commands int
		trips    []int
		within   time.Duration
	}{
		{"one goes at once", 1, []int{1}, tripEvery / 4},
		{"those behind it wait for each other", 4, []int{1, 3}, tripEvery + tripEvery/4},
		{"as many as make a trip do not wait", 1 + 2*tripSize, []int{1, tripSize, tripSize}, tripEvery / 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int64
				fake := &fakeClient{}
				client := &tripClient{Client: fake, sent: &sent}
				began := time.Now()
				var all sync.WaitGroup
				for range c.commands {
					all.Go(func() { client.Do(t.Context(), rueidis.Completed{}) })
				}
				all.Wait()
				if took := time.Since(began); !slices.Equal(fake.trips, c.trips) || took != c.within {
					t.Errorf("trips %v in %v, want %v in %v", fake.trips, took, c.trips, c.within)
				}
				if n := sent.Load(); n != int64(c.commands) {
					t.Errorf("%d commands counted, want %d", n, c.commands)
				}
			})
		})
	}
}

func TestWhoGivesUpDoesNotHoldUpATrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &tripClient{Client: &fakeClient{}, sent: new(atomic.Int64)}
		client.Do(t.Context(), rueidis.Completed{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := client.Do(ctx, rueidis.Completed{}).NonRedisError(); err != context.Canceled {
			t.Errorf("error %v, want that of the context", err)
		}
		if err := client.Do(t.Context(), rueidis.Completed{}).NonRedisError(); err != nil {
			t.Errorf("the other in the trip got %v", err)
		}
	})
}
