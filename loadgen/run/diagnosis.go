package run

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"guestload/loadgen/client"
	"guestload/loadgen/session"
	"guestload/loadgen/target"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// diagnosis finds out early, from the failures of guests, what is wrong with a target that
// passed the preflight. Safe for concurrent use.
type diagnosis struct {
	transport api.Framing
	mu        struct {
		sync.Mutex
		found   string // the first cause, with its remedy
		told    bool
		limited int // failures that a rate limit caused
	}
}

// failed hears of each failure of a guest.
func (d *diagnosis) failed(what string, err error) {
	limited := session.Limited(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if limited {
		d.mu.limited++
	}
	if d.mu.found != "" {
		return
	}
	if limited {
		d.mu.found = "the target limits what one address or socket may do: " + target.RemedyLimits
		return
	}
	d.mu.found = d.cause(what, err)
}

// cause names the cause of a failure that all other guests will share, "" for one that may
// be a guest's own.
func (d *diagnosis) cause(what string, err error) string {
	if wrong, ok := errors.AsType[*client.WrongTargetError](err); ok {
		return wrong.Error()
	}
	refused, _ := errors.AsType[*session.RefusedError](err)
	missing := refused != nil && slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, refused.Status)
	switch {
	case what == operation.Create.String() && missing:
		return fmt.Sprintf("the target has no POST /api/guest (%d): %s", refused.Status, target.RemedyPath)
	case what == operation.Create.String() && refused != nil && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden):
		return fmt.Sprintf("the target wants a login (%d) before guests can be created: send credentials with --header", refused.Status)
	case what == operation.Connect.String() && refused != nil && (missing || refused.Status == http.StatusBadRequest || refused.Status == http.StatusOK || refused.Status == http.StatusUpgradeRequired):
		other := api.SocketIO
		if d.transport == api.SocketIO {
			other = api.JSON
		}
		return fmt.Sprintf("the target has no WebSocket endpoint for --transport %s (%d): try --transport %s, or map the path in the scenario's wire section", d.transport, refused.Status, other)
	}
	return ""
}

// news is what was found since the last call, "" for nothing.
func (d *diagnosis) news() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.found == "" || d.mu.told {
		return ""
	}
	d.mu.told = true
	return d.mu.found
}

// limits say that the numbers are those of a rate limit and not of the target.
func (d *diagnosis) limits() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.limited == 0 {
		return nil
	}
	return []string{fmt.Sprintf("a rate limit of the target caused %d failures, so the run measured the limit and not the target: %s", d.mu.limited, target.RemedyLimits)}
}
