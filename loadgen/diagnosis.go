package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"guestload/loadgen/client"
	"guestload/loadgen/measure"
	"guestload/loadgen/report"
	"guestload/loadgen/session"
	"guestload/server/api"
)

// diagnosis tells early, from the failures of guests, what is wrong with a target
// that preflight found nothing wrong with. Safe for concurrent use.
type diagnosis struct {
	transport api.Framing
	mu        struct {
		sync.Mutex
		found   string // the first cause, with its remedy
		told    bool
		limited int // failures that a rate limit caused
	}
}

// failed hears of every failure of a guest.
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
		d.mu.found = "the target limits what one address or socket may do: " + remedyLimits
		return
	}
	d.mu.found = d.cause(what, err)
}

// cause names what is behind a failure that all other guests will share, "" for
// one that may be a guest's own.
func (d *diagnosis) cause(what string, err error) string {
	if wrong, ok := errors.AsType[*client.WrongTargetError](err); ok {
		return wrong.Error()
	}
	refused, _ := errors.AsType[*session.RefusedError](err)
	missing := refused != nil && slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, refused.Status)
	switch {
	case what == measure.Create.String() && missing:
		return fmt.Sprintf("the target has no POST /api/guest (%d): %s", refused.Status, remedyPath)
	case what == measure.Create.String() && refused != nil && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden):
		return fmt.Sprintf("the target wants a login (%d) before guests can be created: send credentials with --header", refused.Status)
	case what == measure.Connect.String() && refused != nil && (missing || refused.Status == http.StatusBadRequest || refused.Status == http.StatusOK || refused.Status == http.StatusUpgradeRequired):
		other := api.SocketIO
		if d.transport == api.SocketIO {
			other = api.JSON
		}
		return fmt.Sprintf("the target has no WebSocket endpoint for --transport %s (%d): try --transport %s, or map the path in the scenario's wire section", d.transport, refused.Status, other)
	}
	return ""
}

// line is what was found since the last call, "" for nothing.
func (d *diagnosis) line() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.found == "" || d.mu.told {
		return ""
	}
	d.mu.told = true
	return d.mu.found
}

// reasons say why the numbers are not those of the target.
func (d *diagnosis) reasons() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.limited == 0 {
		return nil
	}
	return []string{fmt.Sprintf("a rate limit of the target caused %d failures, so the run measured the limit and not the target: %s", d.mu.limited, remedyLimits)}
}

// announce prints what was found, above the screen.
func announce(live *report.Live, to io.Writer, at time.Duration, line string) {
	if line == "" || live.Clear() != nil {
		return
	}
	fmt.Fprintf(to, "loadgen: after %v: %s\n", at.Round(time.Second/10), line)
}
