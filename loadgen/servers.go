package main

import (
	"context"
	"fmt"
	"os"

	"guestload/loadgen/fleet"
	"guestload/scenarios"
	"guestload/server/app"
	"guestload/server/cli"
)

// serveEmbedded is the first argument with which the program becomes the
// embedded server.
const serveEmbedded = "serve-embedded"

// serve changes what the scenario needs of its servers to what was asked for,
// and refuses faults that cannot be dealt then.
func (o options) serve(s scenarios.Scenario) (scenarios.Scenario, error) {
	if len(s.Faults) > 0 && o.target != "" {
		return s, cli.Usagef("scenario %s kills or freezes what it plays against, which loadgen does to servers of its own only: leave out --target", s.Name)
	}
	if o.instances > 0 {
		s.Server.Instances = o.instances
	}
	if o.redis != "" || s.Server.Instances > 1 {
		s.Server.Storage = scenarios.StorageRedis
	}
	for _, f := range s.Faults {
		if f.Instance == 0 && o.redis != "" && o.redis != fleet.OwnRedis {
			return s, cli.Usagef("scenario %s would %s Redis, which loadgen does to one of its own only: leave out --redis-url", s.Name, f.Blow)
		}
	}
	if err := s.CheckFaults(); err != nil {
		return s, cli.Usagef("--instances %d: %w", s.Server.Instances, err)
	}
	return s, nil
}

// crewed gives a scenario the number of processes that was asked for, and refuses
// what several cannot play.
func (o options) crewed(s scenarios.Scenario) (scenarios.Scenario, error) {
	if o.processes > 0 {
		s.Processes = o.processes
	}
	switch {
	case o.part != nil:
		s.Processes = 1 // each generator has been told its share
	case s.Processes > 1 && s.Capacity != nil:
		return s, cli.Usagef("--processes: a search for the capacity is played by one process")
	case s.Processes > 1 && len(s.Faults) > 0:
		return s, cli.Usagef("--processes: scenario %s breaks its servers, which is played by one process", s.Name)
	}
	return s, nil
}

// serverCommand is what makes the program a server as a scenario needs it. All
// guests come from one machine, so limits are off, but for the one that is asked for.
func serverCommand(exe string, needs scenarios.Server) []string {
	command := []string{exe, serveEmbedded}
	if needs.Events > 0 {
		command = append(command, "--limit-events", fmt.Sprintf("%d/1s", needs.Events), "--limit-address-sockets", "0")
		for _, limit := range []string{"requests", "creations", "renewals", "address-renewals"} {
			command = append(command, "--limit-"+limit, "off")
		}
	} else {
		command = append(command, "--limits", "off")
	}
	if needs.Tokens > 0 {
		command = append(command, "--token-ttl", needs.Tokens.String())
	}
	return command
}

// startFleet starts what the scenario needs; this program itself is the server.
func startFleet(ctx context.Context, o options, s scenarios.Scenario, dir string) (*fleet.Fleet, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	c := fleet.Config{Command: serverCommand(exe, s.Server), Instances: s.Server.Instances, Redis: o.redis, Dir: dir, OpenRedis: openRedis}
	if c.Redis == "" && s.Server.Storage == scenarios.StorageRedis {
		c.Redis = fleet.OwnRedis
	}
	return fleet.Start(ctx, c)
}

// openRedis returns a client of the Redis at url, without connecting.
func openRedis(url string) (fleet.Redis, error) { return app.NewRedis(url) }

// checkRedis returns what is wrong with the URL of a Redis, nil where it is valid. It
// does not connect, and quotes no password.
func checkRedis(url string) error {
	redis, err := openRedis(url)
	if err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	redis.Close()
	return nil
}
