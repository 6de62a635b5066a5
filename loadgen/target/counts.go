package target

import (
	"context"
	"errors"
	"net/http"
	"time"

	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/server/api"
)

// The counts of the backend that must be zero when all guests have left.
var (
	countsOfUsers   = []string{"onlineUsers", "activeUsers", "availableUsers", "connectedUsers"}
	countsOfSockets = []string{"connectedSockets", "rooms"}
)

// settleTime is how long the backend may take to notice that the last guest has left.
const settleTime = 5 * time.Second

// Leftovers waits up to settleTime until the backend's counts are zero, and returns them;
// nil where they are unknown, or other guests were there before.
func (t *Target) Leftovers(ctx context.Context) verify.Leftovers {
	token := t.firstToken.borrow()
	if !t.empty {
		return nil
	}
	settling, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	var left verify.Leftovers
	known := false
	Poll(settling, 100*time.Millisecond, func() bool {
		left, known = t.counts(ctx, &token)
		return !known || total(left) == 0
	})
	if !known || ctx.Err() != nil && total(left) > 0 {
		return nil
	}
	return left
}

// counts asks for at most countsTime, with the token of a guest without a socket, who is in
// none of the counts. Without a valid token it creates a guest. Unknown counts are missing.
func (t *Target) counts(ctx context.Context, token *string) (left verify.Leftovers, known bool) {
	asking, cancel := context.WithTimeout(ctx, countsTime)
	defer cancel()
	if *token != "" {
		left = verify.Leftovers{}
		if err := t.count(asking, *token, left); !unauthorized(err) {
			t.unanswered.note(ctx, statsPath, countsTime, err)
			return left, len(left) > 0
		}
	}
	created, err := t.create(asking)
	if err == nil {
		*token = created
		left = verify.Leftovers{}
		err = t.count(asking, *token, left)
	}
	t.unanswered.note(ctx, statsPath, countsTime, err)
	return left, len(left) > 0
}

// create creates a guest and returns the token.
func (t *Target) create(ctx context.Context) (token string, err error) {
	request := session.Request{Method: "POST", Path: t.Path("/api/guest")}
	return token, t.Spread.Call(ctx, request, func(data api.Value) error {
		token = string(data.Get("token").Text())
		return nil
	})
}

// unauthorized reports that a token is no longer valid.
func unauthorized(err error) bool {
	refused, ok := errors.AsType[*session.RefusedError](err)
	return ok && refused.Status == http.StatusUnauthorized
}

// count adds up what the backend counts: guests over all instances, which each of them
// knows, and the sockets of each remaining instance. The error is that of the first; unknown
// counts are not added.
func (t *Target) count(ctx context.Context, token string, left verify.Leftovers) error {
	own := t.firstToken.cookies.Clone() // a target may set more of them
	cookies := &own
	add := func(names []string, from ...string) func(api.Value) error {
		return func(data api.Value) error {
			for _, name := range names {
				if n, ok := data.Get(from...).Get(name).Int(); ok {
					left[name] += int(n)
				}
			}
			return nil
		}
	}
	err := t.Call(ctx, session.Request{Method: "GET", Path: t.Path(statsPath), Token: token, Cookies: cookies}, add(countsOfUsers, "statistics"))
	for _, instance := range t.Clients {
		if !instance.Abandoned() {
			failed := instance.Call(ctx, session.Request{Method: "GET", Path: t.Path(socketsPath), Cookies: cookies}, add(countsOfSockets))
			t.unanswered.note(ctx, socketsPath, countsTime, failed)
		}
	}
	return err
}

// Purged returns a condition: the target counts no more guests online than it has sockets,
// so those of a killed instance are gone. Its first call creates a guest.
func (t *Target) Purged() func(ctx context.Context) bool {
	token := ""
	return func(ctx context.Context) bool {
		if token == "" {
			var err error
			if token, err = t.create(ctx); err != nil {
				token = ""
				return false
			}
		}
		left := verify.Leftovers{}
		return t.count(ctx, token, left) == nil && left["onlineUsers"] <= left["connectedSockets"]
	}
}

func total(left verify.Leftovers) (n int) {
	for _, v := range left {
		n += v
	}
	return n
}
