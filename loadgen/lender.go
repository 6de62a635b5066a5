package main

import (
	"context"
	"sync"
	"sync/atomic"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// lender is the first guest that a target creates. The counts of the target are
// asked for with its token: a session created just for them would be one more
// than the scenario plans.
type lender struct {
	wanted atomic.Bool
	asked  sync.WaitGroup
	mu     struct {
		sync.Mutex
		token string
	}
	cookies session.Cookies // as they were when the guest was created
}

// Call does one request. As soon as the first guest is created, the target is
// asked whether anybody else is there.
func (t *target) Call(ctx context.Context, r session.Request, read func(api.Value) error) error {
	if !t.lender.wanted.Load() || r.Method != "POST" || r.Path != t.path("/api/guest") {
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
	if err == nil && token != "" && t.lender.wanted.CompareAndSwap(true, false) {
		t.lender.cookies = r.Cookies.Clone()
		t.lender.asked.Go(func() {
			left, known := t.counts(ctx, &token)
			t.lender.mu.Lock()
			defer t.lender.mu.Unlock()
			t.lender.mu.token, t.empty = token, known && total(left) == 0
		})
	}
	return err
}

// borrow waits until the first guest's question was answered and returns its
// token, "" if there is none.
func (l *lender) borrow() string {
	l.wanted.Store(false)
	l.asked.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.token
}
