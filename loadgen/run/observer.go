package run

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"guestload/loadgen/faults"
	"guestload/loadgen/session"
	"guestload/loadgen/target"
	"guestload/loadgen/timeline"
	"guestload/loadgen/usage"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
)

// Observer watches the target of a run, which its guests see only from outside.
type Observer struct {
	target   *target.Target
	verifier *verify.Verifier
	worker   bool // another process judges and watches the storage
	sampler  *usage.Sampler
	outages  *faults.Outages
	injector *faults.Injector
}

// NewObserver returns an observer of a target; a worker's does not judge what the verifier
// was told.
func NewObserver(t *target.Target, planned []scenarios.Fault, clock session.Clock, v *verify.Verifier, worker bool, sampler *usage.Sampler) *Observer {
	o := &Observer{target: t, verifier: v, worker: worker, sampler: sampler, injector: faults.NewInjector(t, clock, v)}
	if !worker {
		o.outages = faults.NewOutages(t, clock, planned)
	}
	return o
}

// Sources are the processes of a run: this one, others that play for it, and the target's.
func Sources(t *target.Target, players ...int) []usage.Source {
	return append([]usage.Source{usage.Processes("loadgen", append([]int{os.Getpid()}, players...)...)}, t.Sources()...)
}

// Watch watches until ctx ends.
func (o *Observer) Watch(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { o.sampler.Watch(ctx) })
	all.Go(func() { o.outages.Watch(ctx) })
}

// Findings are what the observer knows once the guests have left.
type Findings struct {
	outages                []string
	dead                   []string // the ends of the logs of embedded servers that ended by themselves
	addresses, unreachable []string
	report                 *verify.Report // nil: another process judges
	left                   verify.Leftovers
	injector               *faults.Injector
	server, redis          *results.Usage
	servers                []results.Usage
	unread                 []string
}

// Collect closes the connections of guests, asks the target for its statistics and stops
// embedded servers. wait does what takes time; end is the moment that the run is judged at.
func (o *Observer) Collect(ctx context.Context, wait func(what string, do func()), end func() time.Duration) Findings {
	f := Findings{outages: o.outages.Reasons(), injector: o.injector}
	if own := o.target.Fleet(); own != nil {
		for _, dead := range own.Dead() {
			f.dead = append(f.dead, dead.LogTail())
		}
	} else {
		f.addresses, f.unreachable = o.target.Clients[0].Addresses(), o.target.Clients[0].Unreachable()
	}
	o.target.Spread.Close() // of guests who fell silent
	wait(timeline.ForStatistics, func() { f.left = o.target.Leftovers(ctx) })
	if !o.worker {
		report := o.verifier.Finish(end(), f.left)
		f.report = &report
	}
	wait(timeline.ForStatistics, func() { f.server, f.servers, f.redis = o.target.Usage(ctx) })
	f.unread = o.target.Unread()
	return f
}

// Players is what the processes that played the guests know.
type Players struct {
	Limited []string // failures caused by a rate limit of the target
	CutOffs session.CutOffs
	Apart   bool // other generators, with other clocks, played as well
	Late    bool // the generator was so late that time limits are not judged
}

// Record adds the findings to a record that has its guests, required operations and
// loadgen's usage.
func (f Findings) Record(r *results.Record, p Players) {
	r.Invalid = append(append(r.Invalid, f.outages...), p.Limited...)
	for _, tail := range f.dead {
		r.Invalid = append(r.Invalid, "the embedded server ended during the run; its log says: "+tail)
	}
	if len(f.addresses) > 1 {
		r.Environment.Addresses = f.addresses
	}
	if len(f.unreachable) > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("of the target's addresses these did not answer, and had no share of the load: %s", strings.Join(f.unreachable, ", ")))
	}
	if f.report != nil {
		f.judge(r, p)
	}
	r.Resources.Server, r.Resources.Servers, r.Resources.Redis = f.server, f.servers, f.redis
	r.Resources.PerSession(r.Guests.Started)
	r.Warnings = append(r.Warnings, f.unread...)
}

// judge adds what the verifier and the injector saw. Time limits of the contract are not
// judged if the generator was late.
func (f Findings) judge(r *results.Record, p Players) {
	report := *f.report
	if p.Late {
		var unjudged []verify.Violation
		if report, unjudged = report.WithoutTime(); len(unjudged) > 0 {
			r.Warnings = append(r.Warnings, notJudged(unjudged))
		}
	}
	for _, v := range report.Violations {
		known := results.Violation{Rule: v.Rule, Count: v.Count, Examples: v.Examples}
		for _, c := range v.Consequences {
			known.Consequences = append(known.Consequences, results.Consequence(c))
		}
		r.Violations = append(r.Violations, known)
	}
	f.injector.Record(r, report, p.CutOffs)
	if report.Strangers > 0 {
		if !r.Required["delivery"] {
			delete(r.Required, "delivery") // perhaps none could be measured
		}
		words := fmt.Sprintf("%d matches were with guests of somebody else: of them only one side was seen", report.Strangers)
		if p.Apart {
			words += ", and no delivery was measured"
		}
		r.Warnings = append(r.Warnings, words)
	}
	if f.left == nil {
		r.Warnings = append(r.Warnings, "whether anything was left behind at the end is not known: the target does not tell, or had other guests before the run")
	}
}

// notJudged names the rules whose time limits passed while the generator was late.
func notJudged(late []verify.Violation) string {
	words := make([]string, len(late))
	for i, v := range late {
		words[i] = v.Rule + " " + results.FormatCount(v.Count)
	}
	return "the generator was late, so time limits of the contract were not judged; those that passed: " + strings.Join(words, ", ")
}
