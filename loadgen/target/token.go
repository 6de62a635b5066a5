package target

import (
	"context"
	"sync"
	"sync/atomic"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// firstToken is the token of the first guest that a backend creates. The backend's counts
// are requested with it: a session created just for them would be one more than the scenario
// plans.
type firstToken struct {
	wanted atomic.Bool
	asked  sync.WaitGroup
	mu     struct {
		sync.Mutex
		token string
	}
	cookies session.Cookies // when the guest was created
}

// Call does one request. As soon as the first guest is created, it also asks the backend
// whether any other guests are there.
func (t *Target) Call(ctx context.Context, r session.Request, read func(api.Value) error) error {
	if !t.firstToken.wanted.Load() || r.Method != "POST" || r.Path != t.Path("/api/guest") {
		return t.Spread.Call(ctx, r, read)
	}
	var token string
	err := t.Spread.Call(ctx, r, func(data api.Value) error {
		token = string(data.Get("token").Text())
		if read == nil {
			return nil
		}
		return read(data)
	})
	if err == nil && token != "" && t.firstToken.wanted.CompareAndSwap(true, false) {
		t.firstToken.cookies = r.Cookies.Clone()
		t.firstToken.asked.Go(func() {
			left, known := t.counts(ctx, &token)
			t.firstToken.mu.Lock()
			defer t.firstToken.mu.Unlock()
			t.firstToken.mu.token, t.empty = token, known && total(left) == 0
		})
	}
	return err
}

// borrow waits until the request made with the first guest's token was answered, and returns
// the token, "" if there is none.
func (f *firstToken) borrow() string {
	f.wanted.Store(false)
	f.asked.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.token
}
