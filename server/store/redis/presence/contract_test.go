package presence

import (
	"strconv"
	"testing"
	"time"

	"guestload/server/realtime/realtimetest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// TestRedisKeepsTheContract asks of two instances on one Redis what is asked of
// every store.
func TestRedisKeepsTheContract(t *testing.T) {
	redistest.OnEach(t, func(t *testing.T, rr redistest.Rig) {
		r := rig{rr}
		realtimetest.Run(t, func(t *testing.T) realtimetest.Harness { return r.harness(t) })
	})
}

func (r rig) harness(t *testing.T) realtimetest.Harness {
	t.Helper()
	r.Flush(t)
	instances := []*instance{r.start(t), r.start(t)}
	h := realtimetest.Harness{Age: func(sessionID string, d time.Duration) {
		r.age(t, sessionID, d)
		// Redis has told them by now; what it answers comes after what it has told.
		for _, i := range instances {
			for _, node := range i.link().Client.Nodes() {
				redistest.Must(t, node.Do(t.Context(), node.B().Ping().Build()).Error())
			}
		}
	}}
	for _, i := range instances {
		h.Instances = append(h.Instances, realtimetest.Instance{
			Name: i.name, Sessions: i.sessions, Presence: i.presence, Matcher: i.matcher,
		})
	}
	return h
}

// age shortens what is left of a session by d.
func (r rig) age(tb testing.TB, sessionID string, d time.Duration) {
	tb.Helper()
	left, _ := r.Do(tb, "PTTL", redis.SessionKey(sessionID)).(int64)
	if left < 0 {
		return
	}
	// An expiry that is past deletes the key, and Redis tells who has a copy.
	r.Do(tb, "PEXPIRE", redis.SessionKey(sessionID), strconv.FormatInt(left-d.Milliseconds(), 10))
}
