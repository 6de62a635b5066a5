package main

import (
	"fmt"
	"os"
	"strings"

	"guestload/loadgen/fleet"
	"guestload/loadgen/play"
	"guestload/loadgen/run"
	"guestload/loadgen/target"
	"guestload/loadgen/worker"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/app"
	"guestload/server/cli"
)

// serveEmbedded is the first argument with which the program becomes an embedded server.
const serveEmbedded = "serve-embedded"

// setServers changes the servers of a scenario to those that were asked for, and refuses faults
// that cannot be injected into them.
func (o options) setServers(s scenarios.Scenario) (scenarios.Scenario, error) {
	if len(s.Faults) > 0 && o.Target != "" {
		return s, cli.Usagef("scenario %s kills or freezes what it plays against, which loadgen does only to servers that it starts itself: leave out --target", s.Name)
	}
	if o.Instances > 0 {
		s.Server.Instances = o.Instances
	}
	if o.Redis != "" || s.Server.Instances > 1 {
		s.Server.Storage = scenarios.StorageRedis
	}
	for _, f := range s.Faults {
		if f.Instance == 0 && o.Redis != "" && o.Redis != fleet.OwnRedis {
			return s, cli.Usagef("scenario %s would %s Redis, which loadgen does only to one that it starts itself: leave out --redis-url", s.Name, f.Action)
		}
	}
	if err := s.CheckFaults(); err != nil {
		return s, cli.Usagef("--instances %d: %w", s.Server.Instances, err)
	}
	return s, nil
}

// setProcesses sets the number of processes that was asked for, and refuses scenarios that
// several processes cannot play.
func (o options) setProcesses(s scenarios.Scenario) (scenarios.Scenario, error) {
	if o.Processes > 0 {
		s.Processes = o.Processes
	}
	switch {
	case o.Part != nil:
		s.Processes = 1 // each generator has a share of its own
	case s.Processes > 1 && s.Capacity != nil:
		return s, cli.Usagef("--processes: a search for the capacity is played by one process")
	case s.Processes > 1 && len(s.Faults) > 0:
		return s, cli.Usagef("--processes: scenario %s breaks its servers, which is played by one process", s.Name)
	}
	return s, nil
}

// play returns the options of what plays the scenario. This program is both the embedded server
// and the worker.
func (o options) play() (play.Options, error) {
	exe, err := os.Executable()
	if err != nil {
		return play.Options{}, fmt.Errorf("find this program, which is the embedded server: %w", err)
	}
	return play.Options{
		Run: run.Config{
			Target: target.Config{
				URL: o.Target, Transport: o.Transport, Access: o.Access, Redis: o.Redis, OpenRedis: openRedis, Server: []string{exe, serveEmbedded},
			},
			Without: o.Without, Part: o.Part, Fewer: o.fewer,
		},
		Connections: o.Conns, Worker: []string{exe, worker.Argument}, Out: o.Out, Watch: o.Watch, JSON: o.JSON, Quiet: o.Quiet,
	}, nil
}

// fewer returns the flag that plays such a share of the guests. A search for the capacity has no
// size, but may end lower: rate is that of its run, else 0.
func (o options) fewer(share, rate float64) string {
	switch {
	case rate > 0:
		return fmt.Sprintf("to: %s in the scenario ends the search there", strings.ReplaceAll(results.FormatRate(share*rate), ",", ""))
	case o.Guests > 0:
		return fmt.Sprintf("--guests %d", max(1, int(share*float64(o.Guests))))
	}
	return fmt.Sprintf("--scale %.2g", share*o.Scale)
}

// openRedis returns a client of the Redis at url, without connecting.
func openRedis(url string) (fleet.Redis, error) { return app.NewRedis(url) }

// checkRedis returns what is wrong with the URL of a Redis, nil if it is valid. It does not
// connect, and quotes no password.
func checkRedis(url string) error {
	redis, err := openRedis(url)
	if err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	redis.Close()
	return nil
}
