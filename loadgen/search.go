package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/report/page"
	"guestload/results"
	"guestload/scenarios"
)

// runsFolder holds the records of a search's runs.
const runsFolder = "runs"

// trial is one run of a search that has ended.
type trial struct {
	results.Trial
	verdict capacity.Verdict
	record  results.Record
	page    page.Page // of the latest run at a rate; what is needed no more is let go
	why     string    // what ran out, and how that is known
}

// search makes the runs of a search for the capacity, each with a record of its
// own, and returns the page of the one that stands for its answer.
func (st *stage) search(ctx context.Context, s scenarios.Scenario, journal *results.Journal) (page.Page, error) {
	c := s.Capacity
	find := capacity.New(capacity.Plan{From: c.From, To: c.To, Factor: c.Factor, Precision: c.Precision, Repeats: c.Repeats})
	started := time.Now()
	var all []trial
	cut := ""
	for cut == "" {
		rate, ok := find.Next()
		if !ok {
			break
		}
		t, p, err := st.try(ctx, s.At(rate), rate, filepath.Join(journal.Dir(), runsFolder), len(all)+1)
		switch {
		case err != nil && len(all) == 0:
			return page.Page{}, err
		case ctx.Err() != nil && len(all) == 0:
			return p.page(), nil // nothing is known yet
		case ctx.Err() != nil:
			cut = fmt.Sprintf("interrupted after %s of the search", results.FormatCounted(len(all), "run"))
		case err != nil: // what is known is worth more
			cut = fmt.Sprintf("the search ended early, after %s: the run at %s could not be played: %v",
				results.FormatCounted(len(all), "run"), results.FormatRate(rate), err)
		default:
			find.Add(rate, t.verdict)
			all = append(all, t)
			st.tell(t, len(all))
			st.audience.next(p)
		}
	}
	return conclusion(find.Answer(), all, started, cut, ctx.Err() != nil), nil
}

// try makes one run.
func (st *stage) try(ctx context.Context, s scenarios.Scenario, rate float64, dir string, number int) (trial, *performance, error) {
	// Each has arrivals of its own: a rate that is tried again meets another crowd.
	s.Seed += uint64(number - 1)
	folder := fmt.Sprintf("%02d-%s", number, strings.ReplaceAll(strings.ReplaceAll(results.FormatRate(rate), ",", ""), "/", "-per-"))
	journal, err := results.Claim(filepath.Join(dir, folder))
	if err != nil {
		return trial{}, nil, err
	}
	p, err := st.perform(ctx, s, s.Name+" at "+results.FormatRate(rate), journal)
	if err != nil {
		return trial{}, nil, errors.Join(err, journal.Abandon())
	}
	st.unwritten = append(st.unwritten, writeFiles(journal, p.page())...)
	r := p.run.Record
	t := trial{record: r, page: p.page()}
	load := p.load()
	var reasons []string
	t.verdict, reasons = judge(r, p.died, p.storage.reasons(), peakLive(s) <= st.machine.live)
	t.Trial = results.Trial{
		Rate: rate, Verdict: t.verdict.String(), Reasons: reasons, Folder: filepath.Join(runsFolder, folder),
		Response: map[string]results.Summary{}, Cores: cores(load),
	}
	for name, o := range r.Operations {
		if o.Count > 0 {
			t.Response[name] = o.Response
		}
	}
	if t.verdict != capacity.Held {
		var what capacity.Resource
		what, t.why = capacity.Exhausted(t.verdict, load)
		t.Resource = string(what)
	}
	return t, p, nil
}

// judge says whether a run held. The server is to blame for a run that lost
// arrivals because slow answers let more guests pile up than there is room for,
// where all would have had room at a server that answers at once, and for one
// that lost its Redis; for all else that makes a run invalid it is not.
func judge(r results.Record, died bool, lostRedis []string, room bool) (capacity.Verdict, []string) {
	broken := slices.Clone(r.Undone)
	for _, t := range r.Thresholds {
		if !t.Passed {
			broken = append(broken, t.Expression+": "+t.Observed)
		}
	}
	for _, v := range r.Violations {
		if v.Count > 0 {
			broken = append(broken, fmt.Sprintf("%s violated %d times", v.Rule, v.Count))
		}
	}
	piledUp := r.Guests.Dropped > 0 && len(r.Invalid) == 1 && room && len(broken) > 0
	switch {
	case died:
		return capacity.Broke, append([]string{"the server ended during the run"}, broken...)
	case len(lostRedis) > 0:
		return capacity.Broke, append(lostRedis, broken...)
	case piledUp:
		return capacity.Broke, broken
	case len(r.Invalid) > 0:
		return capacity.Invalid, r.Invalid
	case len(broken) > 0:
		return capacity.Broke, broken
	}
	return capacity.Held, nil
}

// tell says on the way what a run came to.
func (st *stage) tell(t trial, number int) {
	st.live.Clear() // a terminal that has gone does not keep the search from going on
	if st.options.quiet || st.options.json {
		return
	}
	words := fmt.Sprintf("run %d: %s %s", number, results.FormatRate(t.Rate), t.Verdict)
	if len(t.Reasons) > 0 {
		words += ": " + t.Reasons[0]
	}
	fmt.Fprintln(st.stderr, words)
}

// conclusion makes the page of a search: that of the last run at the rate which
// is its answer, or where none held of the lowest that was tried; cut is why it ended
// early, "" where it did not.
func conclusion(a capacity.Answer, all []trial, started time.Time, cut string, interrupted bool) page.Page {
	c := results.Capacity{
		Rate: a.Rate, Above: a.Above, LimitedBy: string(a.Limit), Low: a.Low, Confidence: capacity.Confidence, Method: capacity.Method,
		Started: started.UTC(), DurationSec: time.Since(started).Seconds(),
	}
	if !math.IsInf(a.High, 1) {
		c.High = &a.High
	}
	stands := all[0]
	var records []results.Record
	for _, t := range all {
		c.Runs = append(c.Runs, t.Trial)
		records = append(records, t.record)
		if t.Rate == a.Rate && t.verdict == capacity.Held || a.Rate == 0 && t.verdict != capacity.Held && t.Rate <= stands.Rate {
			stands = t
		}
		if t.Rate == a.Above && blamed(t.verdict) == a.Limit {
			c.Resource, c.Why = t.Resource, t.why
		}
	}
	p := stands.page
	r := &p.Run.Record
	r.Seed = all[0].record.Seed // from which those of the other runs follow
	if cut != "" {
		r.Interrupted = interrupted
		r.Invalid = append(r.Invalid, cut)
	}
	r.Searched(c, records)
	return p
}

// blamed is whose limit a run shows that did not hold.
func blamed(v capacity.Verdict) capacity.Limit {
	switch v {
	case capacity.Broke:
		return capacity.ByServer
	case capacity.Invalid:
		return capacity.ByGenerator
	}
	return capacity.ByNothing
}
