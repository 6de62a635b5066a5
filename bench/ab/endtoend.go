package ab

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

//go:embed slice.yaml
var slice []byte

// Of says what an end-to-end comparison compares.
type Of string

// What can be compared.
const (
	Servers  Of = "server"  // base and head server up at once, one loadgen
	Loadgens Of = "loadgen" // base and head loadgen in turn, one server
)

// Comparison is how a comparison end to end is run.
type Comparison struct {
	Builds  [2]*Build
	Compare Of
	Redis   bool   // on a Redis a server; otherwise in memory
	Dir     string // for what the programs write
	Random  *rand.Rand
}

// Running is two servers, or one, that are up for slices of load. Close ends them.
type Running struct {
	comparison Comparison
	loadgens   [2]string
	instances  [2]*instance
	pairs      int
}

// instance is a server and its Redis, if any.
type instance struct {
	server  *process
	url     string
	redis   *process // nil: memory
	address string   // of redis
}

// Start starts the servers.
func (c Comparison) Start(ctx context.Context) (d *Running, err error) {
	d = &Running{comparison: c}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	head, base := c.Builds[Head], c.Builds[Base]
	d.loadgens = [2]string{head.Loadgen, head.Loadgen}
	if c.Compare == Loadgens {
		d.loadgens[Base] = base.Loadgen
	}
	switch {
	case head.Server == "" || head.Loadgen == "":
		return d, fmt.Errorf("%s has no server, or no loadgen", head.Tree)
	case c.Compare == Servers && base.Server == "", c.Compare == Loadgens && base.Loadgen == "":
		return d, fmt.Errorf("%w: %s has no %s", ErrLeftOut, base.Tree, c.Compare)
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "slice.yaml"), slice, 0o644); err != nil {
		return d, err
	}
	if c.Compare == Loadgens {
		d.instances[Head], err = c.instance(ctx, c.Builds[Head])
		d.instances[Base] = d.instances[Head]
		return d, err
	}
	for side, b := range c.Builds {
		d.instances[side], err = c.instance(ctx, b)
		if Side(side) == Base && errors.Is(err, errUnknownFlag) {
			err = fmt.Errorf("%w: %w", ErrLeftOut, err)
		}
		if err != nil {
			return d, fmt.Errorf("%s: %w", Side(side), err)
		}
	}
	return d, nil
}

func (c Comparison) instance(ctx context.Context, b *Build) (s *instance, err error) {
	s = &instance{}
	if c.Redis {
		if s.redis, s.address, err = startRedis(ctx, c.Dir); err != nil {
			return s, err
		}
	}
	s.server, s.url, err = startServer(ctx, b.Server, s.address)
	return s, err
}

// Close ends the servers.
func (d *Running) Close() {
	for _, s := range d.instances {
		if s != nil {
			s.server.stop()
			s.redis.stop()
		}
	}
}

// ErrSlice: a slice of load was not played as planned, so it counts for nothing.
var ErrSlice = errors.New("slice not played as planned")

// Pair loads both sides for a slice each. An error that wraps ErrSlice spoils
// this pair only.
func (d *Running) Pair(ctx context.Context) (Pair, error) {
	d.pairs++ // also the seed: both sides play the same guests
	p := Pair{Name: d.Name(), First: Side(d.comparison.Random.IntN(2))}
	for _, side := range [2]Side{p.First, 1 - p.First} {
		values, err := d.slice(ctx, side)
		if err != nil {
			return p, fmt.Errorf("%s: %w", side, err)
		}
		p.Runs[side] = values
	}
	return p, nil
}

// Name is that of the pairs: Server/memory, Loadgen/redis.
func (d *Running) Name() string {
	name, storage := "Server", "memory"
	if d.comparison.Compare == Loadgens {
		name = "Loadgen"
	}
	if d.comparison.Redis {
		storage = "redis"
	}
	return name + "/" + storage
}

// record is what a slice needs of a run record.
type record struct {
	Outcome string
	Guests  struct{ Planned, Completed, Failed, Unmatched, Dropped int }

	Operations map[string]struct {
		Count    float64
		Response struct{ P50, P90, P99 float64 }
	}
	Resources struct{ Loadgen struct{ RSSPeakMB float64 } }
}

// slice is one slice of load, and what it cost.
func (d *Running) slice(ctx context.Context, side Side) (Values, error) {
	s := d.instances[side]
	before, err := s.spent()
	if err != nil {
		return nil, err
	}
	out := filepath.Join(d.comparison.Dir, fmt.Sprintf("slice%d-%s", d.pairs, side))
	defer os.RemoveAll(out)
	cmd := command(ctx, d.loadgens[side], "--scenario", filepath.Join(d.comparison.Dir, "slice.yaml"), "--seed", fmt.Sprint(d.pairs),
		"--target", s.url, "--json", "--quiet", "--out", out)
	cmd.Env = environment()
	var printed, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &said
	began := time.Now()
	failed := cmd.Run()
	wall := time.Since(began)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var r record
	if err := json.Unmarshal(printed.Bytes(), &r); err != nil {
		return nil, fmt.Errorf("loadgen printed no record (%v), and said: %s", failed, last(said.Bytes()))
	}
	if r.Outcome == "violated" || r.Guests.Failed > 0 {
		return nil, fmt.Errorf("%w: %d guests failed, outcome %s", ErrSlice, r.Guests.Failed, r.Outcome)
	}
	if r.Guests.Planned == 0 || r.Guests.Completed != r.Guests.Planned {
		return nil, fmt.Errorf("%w: %d of %d guests completed", ErrSlice, r.Guests.Completed, r.Guests.Planned)
	}
	after, err := s.spent()
	if err != nil {
		return nil, err
	}
	generator := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return d.values(r, s, before, after, generator, wall), nil
}

// values are the figures of a slice. Ratios of the two programs' CPU time are
// steadier than either: what disturbs one disturbs the other.
func (d *Running) values(r record, s *instance, before, after usage, generator, wall time.Duration) Values {
	sessions := float64(r.Guests.Completed)
	server := (after.server - before.server).Seconds()
	v := Values{
		iterations:               sessions,
		"ns/op":                  float64(wall.Nanoseconds()) / sessions,
		"server-cpu-ms/session":  1000 * server / sessions,
		"loadgen-cpu-ms/session": 1000 * generator.Seconds() / sessions,
		"server-cpu/loadgen-cpu": server / generator.Seconds(),
		"loadgen-cpu/server-cpu": generator.Seconds() / server,
		"server-peak-bytes":      s.server.peakMemory(),
		"loadgen-peak-bytes":     1e6 * r.Resources.Loadgen.RSSPeakMB,
	}
	if d.comparison.Redis {
		v["redis-cpu-ms/session"] = 1000 * (after.redis - before.redis).Seconds() / sessions
		v["redis-commands/session"] = (after.commands - before.commands) / sessions
	}
	for name, op := range r.Operations {
		if op.Count > 0 {
			v[name+"-p50-ms"], v[name+"-p90-ms"], v[name+"-p99-ms"] = op.Response.P50, op.Response.P90, op.Response.P99
		}
	}
	return v
}

// usage is what an instance has used so far.
type usage struct {
	server, redis time.Duration
	commands      float64
}

func (s *instance) spent() (e usage, err error) {
	if e.server, err = s.server.cpu(); err != nil || s.redis == nil {
		return e, err
	}
	if e.commands, err = commands(s.address); err != nil {
		return e, err
	}
	e.redis, err = s.redis.cpu()
	return e, err
}
