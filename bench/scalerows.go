package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"guestload/bench/scale"
)

// memoryRows: what an idle guest takes on either side, beside a bare WebSocket as it comes.
func memoryRows(ctx context.Context, s *scaling) ([]row, error) {
	const few, many = 1000, 11000
	bare, err := scale.Idle(ctx, s.Self, scale.Bare, few, many)
	if err != nil {
		return nil, err
	}
	ours, err := scale.Idle(ctx, s.Self, scale.Ours, few, many)
	if err != nil {
		return nil, err
	}
	guests, err := s.IdleGuests(ctx, few, many)
	if err != nil {
		return nil, err
	}
	return []row{
		atMost("memory of an idle guest, 1,000 to 11,000 of them", ours.Settled/1e3, 7, "%.1f kB",
			fmt.Sprintf(" (%.2fx of bare fasthttp/websocket, %.1f kB; with garbage that is not collected yet %.1f kB)",
				ours.Settled/bare.Settled, bare.Settled/1e3, ours.Grown/1e3)),
		atMost("memory of an idle guest in loadgen, as many of them", guests.Settled/1e3, 7, "%.1f kB",
			fmt.Sprintf(" (with garbage that is not collected yet %.1f kB)", guests.Grown/1e3)),
		atMost("goroutines of an idle guest", math.Round(100*ours.Goroutines)/100, 1, "%.2f", ""),
	}, nil
}

const benchmarkTime = time.Second

// relayRows: a chat message, beside a loop that only reads and writes frames.
func relayRows(ctx context.Context, _ *scaling) ([]row, error) {
	all, err := scale.Benchmarks(ctx, "^BenchmarkSocket$", benchmarkTime)
	if err != nil {
		return nil, err
	}
	socket, ok := all["Socket"]
	if !ok {
		return nil, errors.New("no figures of BenchmarkSocket")
	}
	return []row{
		atMost("CPU of a relayed 64-byte message, receipts included / bare frame loop", socket["x/floor"], 1.35, "%.2fx", ""),
		atMost("allocations of it", socket["allocs/op"], 0, "%.0f", ""),
	}, nil
}

// httpRows: requests, beside a fixed answer.
func httpRows(ctx context.Context, _ *scaling) (rows []row, err error) {
	all, err := scale.Benchmarks(ctx, "^BenchmarkHTTP$/^(create|fetch)$", benchmarkTime)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name   string
		target float64
	}{{"create", 2.5}, {"fetch", 1.6}} {
		figures, ok := all["HTTP/"+c.name]
		if !ok {
			return nil, fmt.Errorf("no figures of BenchmarkHTTP/%s", c.name)
		}
		rows = append(rows, atMost("CPU of "+c.name+" / fixed answer", figures["x/floor"], c.target, "%.2fx", ""))
	}
	return rows, nil
}

// arrivalRows: 15,000 guests within 10 s.
func arrivalRows(ctx context.Context, s *scaling) ([]row, error) {
	got, err := s.Arrival(ctx)
	if err != nil {
		return nil, err
	}
	return []row{
		atMost(fmt.Sprintf("refused of %d guests within 10 s", got.Guests), float64(got.Refused), 0, "%.0f", ""),
		atMost("response(connect) p99 meanwhile", milliseconds(got.Connect), 250, "%.1f ms", ""),
	}, nil
}

// broadcastRows: what a chat message waits behind the statistics.
func broadcastRows(ctx context.Context, s *scaling) ([]row, error) {
	d, err := s.Broadcasts(ctx, 15000, time.Minute)
	if err != nil {
		return nil, err
	}
	if d.Messages[0] == 0 || d.Messages[1] == 0 {
		return nil, fmt.Errorf("nothing to compare: %+v", d)
	}
	return []row{atMost("delay of a chat message by statistics to 15,000 guests, p99", milliseconds(d.During-d.Between), 5, "%.1f ms",
		fmt.Sprintf(" (%.1f ms for %d messages while they went out, %.1f ms for %d while not)",
			milliseconds(d.During), d.Messages[0], milliseconds(d.Between), d.Messages[1]))}, nil
}

// growthRows: the same session, among ever more guests.
func growthRows(ctx context.Context, s *scaling) (rows []row, err error) {
	if err := s.grow(ctx); err != nil {
		return nil, err
	}
	var base, server, loadgen []float64
	for i, c := range scale.Crowds() {
		g := s.growth[i]
		base = append(base, milliseconds(g.base.Server), milliseconds(g.base.Loadgen))
		server, loadgen = append(server, g.server()), append(loadgen, g.loadgen())
		rows = append(rows, row{what: fmt.Sprintf("CPU of a session, %d guests, %d at a time / %d at a time", c.Guests, c.Live, scale.Uncrowded().Live),
			measured: fmt.Sprintf("server %.2f ms, %.2fx; loadgen %.2f ms, %.2fx", milliseconds(g.cost.Server), g.server(), milliseconds(g.cost.Loadgen), g.loadgen())})
	}
	first := row{what: fmt.Sprintf("CPU of a session, %d at a time", scale.Uncrowded().Live),
		measured: fmt.Sprintf("server %.2f ms, loadgen %.2f ms", base[0], base[1])}
	return append(append([]row{first}, rows...),
		atMost("growth of it over that, server", 100*(slices.Max(server)-1), 20, "%.0f %%", ""),
		atMost("growth of it over that, loadgen", 100*(slices.Max(loadgen)-1), 20, "%.0f %%", ""),
	), nil
}

// grown is a run, and what a session cost before and after it with few at a time.
type grown struct{ cost, base scale.Cost }

func (g grown) server() float64  { return float64(g.cost.Server) / float64(g.base.Server) }
func (g grown) loadgen() float64 { return float64(g.cost.Loadgen) / float64(g.base.Loadgen) }

// grow plays the runs of scale.Crowds, once.
func (s *scaling) grow(ctx context.Context) error {
	if s.growth != nil {
		return nil
	}
	before, err := s.crowded(ctx, scale.Uncrowded())
	if err != nil {
		return err
	}
	var all []grown
	for _, c := range scale.Crowds() {
		cost, err := s.crowded(ctx, c)
		if err != nil {
			return err
		}
		after, err := s.crowded(ctx, scale.Uncrowded())
		if err != nil {
			return err
		}
		all = append(all, grown{cost, scale.Cost{Server: (before.Server + after.Server) / 2, Loadgen: (before.Loadgen + after.Loadgen) / 2}})
		before = after
	}
	s.growth = all
	return nil
}

func (s *scaling) crowded(ctx context.Context, c scale.Crowded) (scale.Cost, error) {
	fmt.Fprintf(s.to.stderr, "%s: %d guests, %d at a time\n", time.Now().Format(time.TimeOnly), c.Guests, c.Live)
	return s.Sessions(ctx, c)
}

// squareRows: what is done for one guest, among few and among many.
func squareRows(ctx context.Context, _ *scaling) ([]row, error) {
	all, err := scale.Benchmarks(ctx, "^BenchmarkGrowth$", benchmarkTime/4)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, name := range []string{"stats", "presence", "matching", "sweep"} {
		few, many := all["Growth/"+name+"/1k"]["cpu-ns/op"], all["Growth/"+name+"/50k"]["cpu-ns/op"]
		if few == 0 || many == 0 {
			return nil, fmt.Errorf("no figures of BenchmarkGrowth/%s", name)
		}
		rows = append(rows, atMost("CPU of "+name+" for one guest, 50,000 / 1,000 guests", many/few, squareLimit, "%.1fx",
			fmt.Sprintf(" (%.2f µs, %.2f µs)", many/1e3, few/1e3)))
	}
	return rows, nil
}

// squareLimit tells a term of the square, 50x, from what memory that is in no
// cache costs.
const squareLimit = 5

// garbageRows: of the run with the most guests at a time.
func garbageRows(ctx context.Context, s *scaling) ([]row, error) {
	if err := s.grow(ctx); err != nil {
		return nil, err
	}
	g := s.growth[len(s.growth)-1].cost.Garbage
	return []row{
		atMost("server's CPU spent on garbage, 15,000 guests at a time who come, talk and leave", 100*g.Share, 5, "%.1f %%", ""),
		atMost("longest stop for it", milliseconds(g.Longest), 2, "%.2f ms",
			fmt.Sprintf(" (99 %% of them at most %.2f ms; waiting for the last thread took up to %.2f ms)", milliseconds(g.P99), milliseconds(g.Waiting))),
	}, nil
}

// crowdRows: more guests than one process can hold.
func crowdRows(ctx context.Context, s *scaling) ([]row, error) {
	f, err := s.Full(ctx)
	if err != nil {
		return nil, err
	}
	const gib = 1 << 30
	r := f.Record
	use := r.Resources
	return []row{
		atMost(fmt.Sprintf("not completed of %d guests in 6 processes, over 6 servers", r.Guests.Planned), float64(r.Guests.Planned-r.Guests.Completed), 0, "%.0f", ""),
		atMost("rules broken", float64(f.Violations()), 0, "%.0f", ""),
		atMost("response(delivery) p99", r.Operations["delivery"].Response.P99, 100, "%.1f ms", fmt.Sprintf(" (%d messages; the run %s: %s)", r.Operations["delivery"].Count, r.Outcome, f.Dir)),
		atMost("memory of all processes together", f.Memory()/gib, 16, "%.1f GiB",
			fmt.Sprintf(" (servers %.1f, loadgen %.1f, Redis %.1f GB)", use.Server.RSSPeakMB/1e3, use.Loadgen.RSSPeakMB/1e3, use.Redis.RSSPeakMB/1e3)),
		atMost("the same and the kernel's for sockets: what the machine had less", float64(f.Taken)/gib, 16, "%.1f GiB", ""),
	}, nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
