// Package target is the system under test: it starts embedded servers or finds the backend
// that was named, checks that guests can be played against it, and asks it what it counts
// and spends.
package target

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"guestload/loadgen/client"
	"guestload/loadgen/executor"
	"guestload/loadgen/fleet"
	"guestload/loadgen/interrupt"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

// Embedded is the name of a target that consists of embedded servers.
const Embedded = "embedded"

// Config says what the target is and how it is reached.
type Config struct {
	URL       string // "" for embedded servers
	Transport api.Framing
	Access    client.Access
	Conns     int            // HTTP connections, to all instances together
	Share     executor.Share // of the generator's guests

	// Of embedded servers:
	Server    []string                              // program and first arguments that make it a server
	Redis     string                                // a URL, fleet.OwnRedis, or "" for what the scenario needs
	OpenRedis func(url string) (fleet.Redis, error) // returns a client without connecting
}

// Target is the system under test. Guests may use it concurrently.
type Target struct {
	client.Spread
	transport  api.Framing
	urls       []string // of the instances
	paths      map[string]string
	own        *fleet.Fleet      // nil: a backend that runs already
	storage    string            // before the run
	states     map[string]string // storage of the instances that were asked before the run
	before     spent
	empty      bool // no guests were there before the run, so none may be left
	firstToken firstToken
	browser    *browser
	unanswered unanswered
}

// Open starts the embedded servers with their logs in dir, or finds the backend that is
// named, and returns once guests can be played.
func Open(ctx context.Context, c Config, s scenarios.Scenario, dir string) (*Target, error) {
	urls := []string{c.URL}
	var own *fleet.Fleet
	if c.URL == "" {
		var err error
		if own, err = startFleet(ctx, c, s, dir); err != nil {
			return nil, err
		}
		urls = own.Targets()
	}
	t := newTarget(c, s, urls)
	t.own = own
	if err := t.open(ctx, c, s); err != nil {
		t.Close(ctx)
		return nil, err
	}
	return t, nil
}

func (t *Target) open(ctx context.Context, c Config, s scenarios.Scenario) error {
	if err := t.reach(ctx, c, s); err != nil {
		return err
	}
	if err := t.checkStorage(ctx); err != nil {
		return err
	}
	t.before, _ = t.spent(ctx) // not every backend tells
	if t.own != nil || s.Processes > 1 {
		var token string
		left, known := t.counts(ctx, &token)
		t.empty = known && total(left) == 0
	} else {
		t.firstToken.wanted.Store(c.Share.N <= 1)
	}
	t.empty = t.empty && c.Share.N <= 1 // guests of other generators may still be there at the end
	return ctx.Err()                    // after an interrupt the last answers may be missing
}

// Connect finds the instances at these addresses, which another process has opened.
func Connect(ctx context.Context, c Config, s scenarios.Scenario, urls []string) (*Target, error) {
	t := newTarget(c, s, urls)
	if err := t.connect(ctx, c, s); err != nil {
		t.Close(ctx)
		return nil, err
	}
	return t, nil
}

func newTarget(c Config, s scenarios.Scenario, urls []string) *Target {
	return &Target{transport: c.Transport, urls: urls, paths: s.Wire.Paths, storage: results.Unknown}
}

// reach connects, and checks in bounded time that a backend answers.
func (t *Target) reach(ctx context.Context, c Config, s scenarios.Scenario) error {
	bounded, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	if err := t.connect(bounded, c, s); err != nil {
		if fault := unreachable(err); fault != nil {
			err = fmt.Errorf("%w: %s: %w", errWrongTarget, t.urls[len(t.Clients)], fault)
		}
		return err
	}
	if t.own != nil {
		return nil
	}
	return t.preflight(bounded)
}

// connect makes a client of each instance. Each process of a run has source addresses of
// its own.
func (t *Target) connect(ctx context.Context, c Config, s scenarios.Scenario) error {
	var err error
	if t.browser, err = newBrowser(t.urls[0], c.Access); err != nil {
		return fmt.Errorf("target %s: %w", t.urls[0], err)
	}
	for _, url := range t.urls {
		instance, err := client.New(ctx, client.Options{
			Target: url, Framing: c.Transport, Conns: max(1, c.Conns/len(t.urls)), Paths: s.Wire.Paths, Events: s.Wire.Events,
			Loopback: c.Share.K, Access: c.Access,
		})
		if err != nil {
			return err
		}
		t.Clients = append(t.Clients, instance)
	}
	return nil
}

// Close ends all connections and the embedded servers: gently, but soon after an interrupt
// of ctx. A second call does nothing.
func (t *Target) Close(ctx context.Context) {
	t.Spread.Close()
	if t.own != nil {
		t.own.Stop(interrupt.Cleanup(ctx))
	}
}

// Name is what the record calls the target.
func (t *Target) Name() string {
	if t.own != nil {
		return Embedded
	}
	return t.urls[0]
}

// Transport is how real-time events are framed.
func (t *Target) Transport() api.Framing { return t.transport }

// URLs are the addresses of the instances.
func (t *Target) URLs() []string { return t.urls }

// Fleet is the embedded servers; nil for a backend that was running already.
func (t *Target) Fleet() *fleet.Fleet { return t.own }

// Storage is how the target kept its guests before the run; results.Unknown where it does
// not tell.
func (t *Target) Storage() string { return t.storage }

// Instance names the i-th instance in reports.
func (t *Target) Instance(i int) string {
	if t.own != nil {
		return fmt.Sprintf("server %d of %d", i+1, len(t.urls))
	}
	return t.urls[i]
}

// Local reports whether the target runs on this machine.
func (t *Target) Local() bool {
	u, err := url.Parse(t.urls[0])
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Path is the backend's own path in place of one of the contract.
func (t *Target) Path(contract string) string {
	if own, ok := t.paths[contract]; ok {
		return own
	}
	return contract
}
