package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"guestload/loadgen/client"
	"guestload/loadgen/fleet"
	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

// target is the system under test.
type target struct {
	client.Spread
	url        string   // of the first instance
	urls       []string // of all
	paths      map[string]string
	own        *fleet.Fleet // nil where somebody else runs it
	storage    string
	states     map[string]string // of urls that were asked before the run: how they keep guests
	before     spent
	empty      bool // nobody was there before us, so nobody may be left
	lender     lender
	browser    *browser
	unanswered unanswered
}

// openTarget starts the embedded servers, or finds the one that was named.
func openTarget(ctx context.Context, o options, s scenarios.Scenario, c machine, dir string) (*target, error) {
	t := &target{paths: s.Wire.Paths, storage: results.Unknown}
	urls := []string{o.target}
	if o.target == "" {
		own, err := startFleet(ctx, o, s, dir)
		if err != nil {
			return nil, err
		}
		t.own, urls = own, own.Targets()
	}
	if err := t.reach(ctx, o, s, c, urls); err != nil {
		t.close(ctx)
		return nil, err
	}
	if err := t.checkStorage(ctx); err != nil {
		t.close(ctx)
		return nil, err
	}
	t.before, _ = t.spent(ctx) // not every backend tells
	if t.own != nil || s.Processes > 1 {
		var token string
		left, known := t.counts(ctx, &token)
		t.empty = known && total(left) == 0
	} else {
		t.lender.wanted.Store(o.part == nil)
	}
	if err := ctx.Err(); err != nil { // what was asked last may not be known for that reason
		t.close(ctx)
		return nil, err
	}
	return t, nil
}

// reach connects, and checks in bounded time that a backend answers.
func (t *target) reach(ctx context.Context, o options, s scenarios.Scenario, c machine, urls []string) error {
	bounded, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	if err := t.connect(bounded, o, s, c, urls); err != nil {
		if fault := noListener(err); fault != nil {
			err = fmt.Errorf("%w: %s: %w", errWrongTarget, urls[len(t.Clients)], fault)
		}
		return err
	}
	if t.own != nil {
		return nil
	}
	return t.preflight(bounded)
}

// connect finds the instances at these addresses. Processes that play one run
// together come from addresses of their own each.
func (t *target) connect(ctx context.Context, o options, s scenarios.Scenario, c machine, urls []string) error {
	t.url, t.urls = urls[0], urls
	var err error
	if t.browser, err = newBrowser(t.url, o.access); err != nil {
		return fmt.Errorf("target %s: %w", t.url, err)
	}
	for _, url := range urls {
		instance, err := client.New(ctx, client.Options{
			Target: url, Framing: o.transport, Conns: max(1, c.conns/len(urls)), Paths: s.Wire.Paths, Events: s.Wire.Events,
			Loopback: shareOf(o.part).K, Access: o.access,
		})
		if err != nil {
			return err
		}
		t.Clients = append(t.Clients, instance)
	}
	return nil
}

// readStorage reads how an instance keeps its guests, from /health.
func readStorage(body io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(body, 64<<10))
	if err != nil {
		return "", err
	}
	v, err := api.ParseJSON(b)
	return string(v.Get("storage").Text()), err
}

// close ends connections, and the embedded servers: after an interrupt of ctx at once.
// A second call does nothing.
func (t *target) close(ctx context.Context) {
	t.Spread.Close()
	if t.own != nil {
		t.own.Stop(hurry(ctx))
	}
}

// usage is what a server of somebody else's spent since the target was opened,
// nil where that is not known.
func (t *target) usage(ctx context.Context) *results.Usage {
	if !t.before.known {
		return nil
	}
	after, err := t.spent(ctx)
	if err != nil || !after.known {
		return nil
	}
	return &results.Usage{CPUSec: after.cpu - t.before.cpu, RSSPeakMB: max(after.memory, t.before.memory) / 1e6}
}

// spent is what a server says of itself.
type spent struct {
	cpu, memory float64 // seconds; bytes resident
	known       bool
}

// spent reads /metrics.
func (t *target) spent(ctx context.Context) (s spent, err error) {
	_, err = t.get(ctx, t.url, "/metrics", func(body io.Reader) (string, error) {
		metrics, err := fleet.ReadMetrics(body)
		s.cpu, s.known = metrics["process_cpu_seconds_total"]
		s.memory = metrics["process_resident_memory_bytes"]
		return "", err
	})
	return s, err
}

// get asks one instance for what is not in an envelope, for askTime at most.
func (t *target) get(ctx context.Context, url, path string, read func(io.Reader) (string, error)) (text string, err error) {
	asking, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	defer func() { t.unanswered.note(ctx, path, askTime, err) }()
	if text, err = t.fetch(asking, url, t.path(path), read); err != nil {
		err = fmt.Errorf("GET %s: %w", t.path(path), err)
	}
	return text, err
}

func (t *target) fetch(ctx context.Context, url, path string, read func(io.Reader) (string, error)) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := t.browser.do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return read(resp.Body)
}

// The server's counts that must be zero when everybody has gone.
var (
	countsOfUsers   = []string{"onlineUsers", "activeUsers", "availableUsers", "connectedUsers"}
	countsOfSockets = []string{"connectedSockets", "rooms"}
)

// settleTime is how long the server may take to notice that the last guest has gone.
const settleTime = 5 * time.Second

// leftovers waits until the server's counts are back to zero, for a while, and
// returns them; nil where they are not known, or other guests were there before.
func (t *target) leftovers(ctx context.Context) verify.Leftovers {
	token := t.lender.borrow()
	if !t.empty {
		return nil
	}
	deadline := time.NewTimer(settleTime)
	defer deadline.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		left, known := t.counts(ctx, &token)
		if !known {
			return nil
		}
		if total(left) == 0 {
			return left
		}
		select {
		case <-again.C:
		case <-deadline.C:
			return left
		case <-ctx.Done():
			return nil
		}
	}
}

// counts asks with the token of a guest who has no socket, and so is in none of
// them, for countsTime at most. Where there is none, or it has expired, it creates a
// guest.
func (t *target) counts(ctx context.Context, token *string) (left verify.Leftovers, known bool) {
	asking, cancel := context.WithTimeout(ctx, countsTime)
	defer cancel()
	if *token != "" {
		left = verify.Leftovers{}
		if err := t.count(asking, *token, left); !unauthorized(err) {
			t.unanswered.note(ctx, statsPath, countsTime, err)
			return left, len(left) > 0
		}
	}
	err := t.Spread.Call(asking, session.Request{Method: "POST", Path: t.path("/api/guest")}, func(data api.Value) error {
		*token = string(data.Get("token").Text())
		return nil
	})
	if err == nil {
		left = verify.Leftovers{}
		err = t.count(asking, *token, left)
	}
	t.unanswered.note(ctx, statsPath, countsTime, err)
	return left, len(left) > 0 // what is not known is not in it
}

// unauthorized reports that a token is not good any more.
func unauthorized(err error) bool {
	refused, ok := errors.AsType[*session.RefusedError](err)
	return ok && refused.Status == http.StatusUnauthorized
}

// count adds up what the server counts: guests over all instances, which each
// of them knows, and the sockets of each instance that is left. The error is that
// of the first; what is not known is not added.
func (t *target) count(ctx context.Context, token string, left verify.Leftovers) error {
	own := t.lender.cookies.Clone() // a target may set more of them
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
	err := t.Call(ctx, session.Request{Method: "GET", Path: t.path(statsPath), Token: token, Cookies: cookies}, add(countsOfUsers, "statistics"))
	for _, instance := range t.Clients {
		if !instance.Abandoned() {
			failed := instance.Call(ctx, session.Request{Method: "GET", Path: t.path(socketsPath), Cookies: cookies}, add(countsOfSockets))
			t.unanswered.note(ctx, socketsPath, countsTime, failed)
		}
	}
	return err
}

func (t *target) path(contract string) string {
	if own, ok := t.paths[contract]; ok {
		return own
	}
	return contract
}

func total(left verify.Leftovers) (n int) {
	for _, v := range left {
		n += v
	}
	return n
}
