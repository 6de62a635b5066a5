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

// soon is the context of a command that is to be answered in the usual time.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), replyTimeout)
	t.Cleanup(cancel)
	return ctx
}

func TestACommandThatMayTakeLongerGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeClient{}
		client := &tripClient{Client: fake, sent: new(atomic.Int64)}
		longer, cancel := context.WithTimeout(t.Context(), 2*replyTimeout)
		defer cancel()
		began := time.Now()
		for range 2 {
			client.Do(longer, rueidis.Completed{})
		}
		if took := time.Since(began); !slices.Equal(fake.trips, []int{1, 1}) || took != tripEvery/2 {
			t.Errorf("trips %v in %v, want two at once", fake.trips, took)
		}
	})
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
					all.Go(func() { client.Do(soon(t), rueidis.Completed{}) })
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
		client.Do(soon(t), rueidis.Completed{})
		ctx, cancel := context.WithCancel(soon(t))
		cancel()
		if err := client.Do(ctx, rueidis.Completed{}).NonRedisError(); err != context.Canceled {
			t.Errorf("error %v, want that of the context", err)
		}
		if err := client.Do(soon(t), rueidis.Completed{}).NonRedisError(); err != nil {
			t.Errorf("the other in the trip got %v", err)
		}
	})
}
