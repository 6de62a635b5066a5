package target

import (
	"context"
	"fmt"

	"guestload/loadgen/fleet"
	"guestload/scenarios"
)

// serverCommand returns the command of a server as the scenario needs it. All guests come
// from one machine, so all limits are off except the one that the scenario asks for.
func serverCommand(server []string, needs scenarios.Server) []string {
	command := server[:len(server):len(server)]
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

// startFleet starts the servers and the Redis that the scenario needs.
func startFleet(ctx context.Context, c Config, s scenarios.Scenario, dir string) (*fleet.Fleet, error) {
	f := fleet.Config{Command: serverCommand(c.Server, s.Server), Instances: s.Server.Instances, Redis: c.Redis, Dir: dir, OpenRedis: c.OpenRedis}
	if f.Redis == "" && s.Server.Storage == scenarios.StorageRedis {
		f.Redis = fleet.OwnRedis
	}
	return fleet.Start(ctx, f)
}
