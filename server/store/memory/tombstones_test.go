package memory

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

func TestTombstonesLiveForTheirLifetimeAndNotMuchLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stones := newTombstones(time.Now, time.Hour)
		id := uuid.NewString()
		if !stones.add(id) || stones.add(id) {
			t.Error("a tombstone is new once")
		}
		for range 60 { // deletions go on, as generations change with them
			time.Sleep(time.Minute)
			stones.add(uuid.NewString())
		}
		if !stones.has(id) {
			t.Error("forgotten within its lifetime")
		}
		for range 62 {
			time.Sleep(time.Minute)
			stones.add(uuid.NewString())
		}
		if stones.has(id) || len(stones.all()) > 125 {
			t.Errorf("still there after more than twice the lifetime, of %d", len(stones.all()))
		}
		last := uuid.NewString()
		time.Sleep(5 * time.Hour)
		stones.add(last)
		if all := stones.all(); len(all) != 1 || all[0] != last {
			t.Errorf("after five quiet hours there are %d", len(all))
		}
	})
}

func TestTombstonesAreBounded(t *testing.T) {
	stones := newTombstones(time.Now, time.Hour)
	stones.max = 100
	var last string
	for range 1000 {
		last = uuid.NewString()
		stones.add(last)
	}
	if n := len(stones.all()); n > stones.max || n < stones.max/2 {
		t.Errorf("%d are kept, at most %d may be", n, stones.max)
	}
	if !stones.has(last) {
		t.Error("the last is forgotten")
	}
	for _, id := range []string{"", "*", "guest_" + last} {
		if stones.add(id) || stones.has(id) {
			t.Errorf("%q is taken for a session", id)
		}
	}
}
