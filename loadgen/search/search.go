// Package search makes the runs of a search for the capacity.
package search

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/limits"
	"guestload/loadgen/records"
	"guestload/loadgen/report/page"
	"guestload/loadgen/run"
	"guestload/results"
	"guestload/scenarios"
)

// trial is one run of a search that has ended.
type trial struct {
	results.Trial
	verdict capacity.Verdict
	record  results.Record
	page    page.Page // of the latest run at a rate
	why     string    // what ran out, and how that is known
}

// searcher makes the runs of one search.
type searcher struct {
	config    run.Config
	display   *run.Display
	verdicts  io.Writer // one line for each run
	unwritten []error   // files of records
}

// Run makes the runs, each with a record of its own below the journal's, and returns the page
// of the one that stands for the answer. It writes a line for each run to verdicts. unwritten
// says which files of their records are missing.
func Run(ctx context.Context, c run.Config, d *run.Display, verdicts io.Writer, s scenarios.Scenario, journal *results.Journal) (answer page.Page, unwritten []error, err error) {
	c.Searching = true
	r := &searcher{config: c, display: d, verdicts: verdicts}
	answer, err = r.search(ctx, s, journal)
	return answer, r.unwritten, err
}

func (r *searcher) search(ctx context.Context, s scenarios.Scenario, journal *results.Journal) (page.Page, error) {
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
		t, result, err := r.try(ctx, s.At(rate), rate, filepath.Join(journal.Dir(), records.RunsFolder), len(all)+1)
		switch {
		case err != nil && len(all) == 0:
			return page.Page{}, err
		case ctx.Err() != nil && len(all) == 0:
			return result.Page(), nil // nothing is known yet
		case ctx.Err() != nil:
			cut = fmt.Sprintf("interrupted after %s of the search", results.FormatCounted(len(all), "run"))
		case err != nil: // the runs so far are worth more
			cut = fmt.Sprintf("the search ended early, after %s: the run at %s could not be played: %v",
				results.FormatCounted(len(all), "run"), results.FormatRate(rate), err)
		default:
			find.Add(rate, t.verdict)
			all = append(all, t)
			r.print(t, len(all))
			r.display.Next(result)
		}
	}
	return conclude(find.Answer(), all, started, cut, ctx.Err() != nil), nil
}

// try makes one run.
func (r *searcher) try(ctx context.Context, s scenarios.Scenario, rate float64, dir string, number int) (trial, run.Result, error) {
	// Each run has a seed of its own: a rate that is tried again meets other arrivals.
	s.Seed += uint64(number - 1)
	folder := fmt.Sprintf("%02d-%s", number, strings.ReplaceAll(strings.ReplaceAll(results.FormatRate(rate), ",", ""), "/", "-per-"))
	journal, err := results.Claim(filepath.Join(dir, folder))
	if err != nil {
		return trial{}, run.Result{}, err
	}
	result, err := run.Perform(ctx, r.config, r.display, s, s.Name+" at "+results.FormatRate(rate), journal)
	if err != nil {
		return trial{}, run.Result{}, errors.Join(err, journal.Abandon())
	}
	r.unwritten = append(r.unwritten, records.Write(journal, result.Page())...)
	record := result.Record
	t := trial{record: record, page: result.Page()}
	load := loadOf(result, s.Length())
	var reasons []string
	t.verdict, reasons = judge(record, result.Died, result.Outages, limits.PeakLive(s) <= r.config.Machine.Live)
	t.Trial = results.Trial{
		Rate: rate, Verdict: t.verdict.String(), Reasons: reasons, Folder: filepath.Join(records.RunsFolder, folder),
		Response: map[string]results.Summary{}, Cores: cores(load),
	}
	for name, o := range record.Operations {
		if o.Count > 0 {
			t.Response[name] = o.Response
		}
	}
	if t.verdict != capacity.Held {
		var what capacity.Resource
		what, t.why = capacity.Exhausted(t.verdict, load)
		t.Resource = string(what)
	}
	return t, result, nil
}

// print prints what a run came to.
func (r *searcher) print(t trial, number int) {
	r.display.Screen.Clear() // the search goes on even if the terminal is gone
	words := fmt.Sprintf("run %d: %s %s", number, results.FormatRate(t.Rate), t.Verdict)
	if len(t.Reasons) > 0 {
		words += ": " + t.Reasons[0]
	}
	fmt.Fprintln(r.verdicts, words)
}

// judge says whether a run held. A run that lost arrivals is the server's fault if slow
// answers let more guests pile up than there is room for, where all would have room at a
// server that answers at once; so is a run whose server lost its Redis. Nothing else that
// makes a run invalid is.
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

// conclude makes the page of a search: that of the last run at the rate of the answer or,
// where none held, at the lowest rate; cut is why the search ended early, "" if it did not.
func conclude(a capacity.Answer, all []trial, started time.Time, cut string, interrupted bool) page.Page {
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

// blamed is whose limit a run that did not hold shows.
func blamed(v capacity.Verdict) capacity.Limit {
	switch v {
	case capacity.Broke:
		return capacity.ByServer
	case capacity.Invalid:
		return capacity.ByGenerator
	}
	return capacity.ByNothing
}
