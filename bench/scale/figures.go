package scale

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"guestload/bench/figures"
)

// memoryFigures: what an idle guest takes on either side, beside a bare WebSocket as it comes.
func memoryFigures(ctx context.Context, s *Scaling) ([]figures.Figure, error) {
	const few, many = 1000, 11000
	bare, err := Idle(ctx, s.Self, Bare, few, many)
	if err != nil {
		return nil, err
	}
	ours, err := Idle(ctx, s.Self, Ours, few, many)
	if err != nil {
		return nil, err
	}
	guests, err := s.IdleGuests(ctx, few, many)
	if err != nil {
		return nil, err
	}
	return []figures.Figure{
		figures.AtMost("memory of an idle guest, 1,000 to 11,000 of them", ours.Settled/1e3, 7, "%.1f kB"),
		figures.Shown("the same with garbage that is not collected yet", ours.Grown/1e3, "%.1f kB"),
		figures.Shown("memory of an idle socket of bare fasthttp/websocket", bare.Settled/1e3, "%.1f kB"),
		figures.Shown("memory of an idle guest / idle socket of bare fasthttp/websocket", ours.Settled/bare.Settled, "%.2fx"),
		figures.AtMost("memory of an idle guest in loadgen, 1,000 to 11,000 of them", guests.Settled/1e3, 7, "%.1f kB"),
		figures.Shown("the same in loadgen with garbage that is not collected yet", guests.Grown/1e3, "%.1f kB"),
		figures.AtMost("goroutines of an idle guest", math.Round(100*ours.Goroutines)/100, 1, "%.2f"),
	}, nil
}

const benchmarkTime = time.Second

// relayFigures: a chat message, beside a loop that only reads and writes frames.
func relayFigures(ctx context.Context, _ *Scaling) ([]figures.Figure, error) {
	all, err := Benchmarks(ctx, "^BenchmarkSocket$", benchmarkTime)
	if err != nil {
		return nil, err
	}
	socket, ok := all["Socket"]
	if !ok {
		return nil, errors.New("no figures of BenchmarkSocket")
	}
	return []figures.Figure{
		figures.AtMost("CPU of a relayed 64-byte message, receipts included / bare frame loop", socket["x/floor"], 1.35, "%.2fx"),
		figures.AtMost("allocations of it", socket["allocs/op"], 0, "%.0f"),
	}, nil
}

// httpFigures: requests, beside a fixed answer.
func httpFigures(ctx context.Context, _ *Scaling) (rows []figures.Figure, err error) {
	all, err := Benchmarks(ctx, "^BenchmarkHTTP$/^(create|fetch)$", benchmarkTime)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name   string
		target float64
	}{{"create", 2.5}, {"fetch", 1.6}} {
		measured, ok := all["HTTP/"+c.name]
		if !ok {
			return nil, fmt.Errorf("no figures of BenchmarkHTTP/%s", c.name)
		}
		rows = append(rows, figures.AtMost("CPU of "+c.name+" / fixed answer", measured["x/floor"], c.target, "%.2fx"))
	}
	return rows, nil
}

// arrivalFigures: 15,000 guests within 10 s.
func arrivalFigures(ctx context.Context, s *Scaling) ([]figures.Figure, error) {
	got, err := s.Arrival(ctx)
	if err != nil {
		return nil, err
	}
	return []figures.Figure{
		figures.AtMost(fmt.Sprintf("refused of %d guests within 10 s", got.Guests), float64(got.Refused), 0, "%.0f"),
		figures.AtMost("response(connect) p99 meanwhile", milliseconds(got.Connect), 250, "%.1f ms"),
	}, nil
}

// broadcastFigures: what a chat message waits behind the statistics.
func broadcastFigures(ctx context.Context, s *Scaling) ([]figures.Figure, error) {
	d, err := s.Broadcasts(ctx, 15000, time.Minute)
	if err != nil {
		return nil, err
	}
	if d.Messages[0] == 0 || d.Messages[1] == 0 {
		return nil, fmt.Errorf("nothing to compare: %+v", d)
	}
	return []figures.Figure{
		figures.AtMost("delay of a chat message by statistics to 15,000 guests, p99", milliseconds(d.During-d.Between), 5, "%.1f ms"),
		figures.Shown("delivery p99 while statistics go out", milliseconds(d.During), "%.1f ms"),
		figures.Shown("messages meanwhile", float64(d.Messages[0]), "%.0f"),
		figures.Shown("delivery p99 otherwise", milliseconds(d.Between), "%.1f ms"),
		figures.Shown("messages otherwise", float64(d.Messages[1]), "%.0f"),
	}, nil
}

// growthFigures: the same session, among ever more guests.
func growthFigures(ctx context.Context, s *Scaling) (rows []figures.Figure, err error) {
	if err := s.grow(ctx); err != nil {
		return nil, err
	}
	few := Uncrowded().Live
	var server, loadgen []float64
	for i, c := range Crowds() {
		g := s.growth[i]
		server, loadgen = append(server, g.server()), append(loadgen, g.loadgen())
		if i == 0 {
			rows = append(rows,
				figures.Shown(fmt.Sprintf("server's CPU of a session, %d guests at a time", few), milliseconds(g.base.Server), "%.2f ms"),
				figures.Shown(fmt.Sprintf("loadgen's CPU of a session, %d guests at a time", few), milliseconds(g.base.Loadgen), "%.2f ms"))
		}
		what := fmt.Sprintf("CPU of a session, %d of %d guests at a time / %d at a time", c.Live, c.Guests, few)
		rows = append(rows, figures.Shown("server's "+what, g.server(), "%.2fx"), figures.Shown("loadgen's "+what, g.loadgen(), "%.2fx"))
	}
	return append(rows,
		figures.AtMost("largest growth of the server's CPU of a session", 100*(slices.Max(server)-1), 20, "%.0f %%"),
		figures.AtMost("largest growth of loadgen's CPU of a session", 100*(slices.Max(loadgen)-1), 20, "%.0f %%"),
	), nil
}

// grown is a run, and what a session cost before and after it with few at a time.
type grown struct{ cost, base Cost }

func (g grown) server() float64  { return float64(g.cost.Server) / float64(g.base.Server) }
func (g grown) loadgen() float64 { return float64(g.cost.Loadgen) / float64(g.base.Loadgen) }

// grow plays the runs of Crowds, once.
func (s *Scaling) grow(ctx context.Context) error {
	if s.growth != nil {
		return nil
	}
	before, err := s.crowded(ctx, Uncrowded())
	if err != nil {
		return err
	}
	var all []grown
	for _, c := range Crowds() {
		cost, err := s.crowded(ctx, c)
		if err != nil {
			return err
		}
		after, err := s.crowded(ctx, Uncrowded())
		if err != nil {
			return err
		}
		all = append(all, grown{cost, Cost{Server: (before.Server + after.Server) / 2, Loadgen: (before.Loadgen + after.Loadgen) / 2}})
		before = after
	}
	s.growth = all
	return nil
}

func (s *Scaling) crowded(ctx context.Context, c Crowded) (Cost, error) {
	fmt.Fprintf(s.Progress, "%s: %d guests, %d at a time\n", time.Now().Format(time.TimeOnly), c.Guests, c.Live)
	return s.Sessions(ctx, c)
}

// squareFigures: what is done for one guest, among few and among many.
func squareFigures(ctx context.Context, _ *Scaling) ([]figures.Figure, error) {
	all, err := Benchmarks(ctx, "^BenchmarkGrowth$", benchmarkTime/4)
	if err != nil {
		return nil, err
	}
	var rows []figures.Figure
	for _, name := range []string{"stats", "presence", "matching", "sweep"} {
		few, many := all["Growth/"+name+"/1k"]["cpu-ns/op"], all["Growth/"+name+"/50k"]["cpu-ns/op"]
		if few == 0 || many == 0 {
			return nil, fmt.Errorf("no figures of BenchmarkGrowth/%s", name)
		}
		rows = append(rows, figures.AtMost("CPU of "+name+" for one guest, 50,000 / 1,000 guests", many/few, squareLimit, "%.1fx"),
			figures.Shown("CPU of "+name+" for one guest of 50,000", many/1e3, "%.2f µs"))
	}
	return rows, nil
}

// squareLimit tells a term of the square, 50x, from what memory that is in no
// cache costs.
const squareLimit = 5

// garbageFigures: of the run with the most guests at a time.
func garbageFigures(ctx context.Context, s *Scaling) ([]figures.Figure, error) {
	if err := s.grow(ctx); err != nil {
		return nil, err
	}
	g := s.growth[len(s.growth)-1].cost.Garbage
	return []figures.Figure{
		figures.AtMost("server's CPU spent on garbage collection, 15,000 guests at a time who come, talk and leave", 100*g.Share, 5, "%.1f %%"),
		figures.AtMost("longest pause of the garbage collector", milliseconds(g.Longest), 2, "%.2f ms"),
		figures.Shown("p99 of its pauses", milliseconds(g.P99), "%.2f ms"),
		figures.Shown("longest wait for the last thread to stop", milliseconds(g.Waiting), "%.2f ms"),
	}, nil
}

// crowdFigures: more guests than one process can hold.
func crowdFigures(ctx context.Context, s *Scaling) ([]figures.Figure, error) {
	f, err := s.Full(ctx)
	if err != nil {
		return nil, err
	}
	const gib = 1 << 30
	r := f.Record
	use := r.Resources
	fmt.Fprintf(s.Progress, "the crowd: %d messages, outcome %s, record %s\n", r.Operations["delivery"].Count, r.Outcome, f.Dir)
	return []figures.Figure{
		figures.AtMost(fmt.Sprintf("not completed of %d guests in 6 processes, over 6 servers", r.Guests.Planned), float64(r.Guests.Planned-r.Guests.Completed), 0, "%.0f"),
		figures.AtMost("rules broken in that run", float64(f.Violations()), 0, "%.0f"),
		figures.AtMost("response(delivery) p99 of that run", r.Operations["delivery"].Response.P99, 100, "%.1f ms"),
		figures.AtMost("peak memory of all processes of that run", f.Memory()/gib, 16, "%.1f GiB"),
		figures.Shown("peak memory of its servers", use.Server.RSSPeakMB/1e3, "%.1f GB"),
		figures.Shown("peak memory of its generators", use.Loadgen.RSSPeakMB/1e3, "%.1f GB"),
		figures.Shown("peak memory of its Redis", use.Redis.RSSPeakMB/1e3, "%.1f GB"),
		figures.AtMost("memory that the machine had less, the kernel's for sockets included", float64(f.Taken)/gib, 16, "%.1f GiB"),
	}, nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
