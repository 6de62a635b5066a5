package pairing

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// plan is what guests and faults do in one run. With its seed, which decides how long
// messages take, it determines the run.
type plan struct {
	seed      uint64
	instances int
	guests    int
	acts      []act
}

// act is one thing that happens: to a guest, to the instance of a slot, or to Redis.
type act struct {
	at   time.Duration
	verb string
	who  int
	slot int
	span time.Duration
}

var deeds = []string{"connect", "drop", "half", "again", "search", "cancel", "leave", "say", "type", "delete"}

var faults = []string{"crash", "freeze", "cut", "kill", "empty", "hang", "slow", "deaf", "chaos"}

// randomPlan draws a plan. Each draws its own weights, so that some do mostly one thing.
func randomPlan(seed uint64) *plan {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &plan{seed: seed, instances: 2 + rng.IntN(5), guests: 2 + rng.IntN(9)}
	if rng.IntN(2) == 0 {
		p.instances, p.guests = 2+rng.IntN(2), 2+rng.IntN(3)
	}
	weights := make([]int, len(deeds))
	for i, w := range []int{6, 2, 1, 3, 8, 1, 2, 16, 3, 1} {
		weights[i] = rng.IntN(2 * w)
	}
	weights[0]++
	weights[4] += 2
	faulty := rng.IntN(4) > 0
	var some []string
	for _, f := range faults {
		if rng.IntN(3) == 0 {
			some = append(some, f)
		}
	}
	horizon := time.Duration(10+rng.IntN(50)) * time.Second
	pace := time.Duration(5+rng.IntN(400)) * ms / time.Duration(p.guests)
	rest := time.Duration(1+rng.IntN(20)) * time.Second
	next := time.Duration(rng.Int64N(int64(rest)))
	for at := time.Second; at < horizon; {
		for faulty && len(some) > 0 && next < at {
			span := time.Duration(20+rng.IntN(2500)) * ms
			if rng.IntN(4) == 0 {
				span = time.Duration(3000+rng.IntN(7000)) * ms
			}
			p.acts = append(p.acts, act{next, some[rng.IntN(len(some))], 0, rng.IntN(p.instances), span})
			next += time.Duration(rng.Int64N(int64(rest)))
		}
		p.acts = append(p.acts, act{at, deeds[draw(rng, weights)], rng.IntN(p.guests), rng.IntN(p.instances), 0})
		d := time.Duration(rng.ExpFloat64() * float64(pace))
		switch rng.IntN(12) {
		case 0, 1, 2, 3:
			d = time.Duration(rng.IntN(3000)) * time.Microsecond // at about the same instant
		case 4:
			d += time.Duration(rng.IntN(300)) * ms
		}
		at += d
	}
	return p
}

func draw(rng *rand.Rand, weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := rng.IntN(sum)
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	return 0
}

// play runs a plan to its end, and returns the world.
func (p *plan) play(f flaw, trace io.Writer) (w *world) {
	defer func() {
		if v := recover(); v != nil {
			w.fail("panic", "%v\n%s", v, debug.Stack())
		}
	}()
	w = &world{rng: rand.New(rand.NewPCG(p.seed, 2)), trace: trace, flaw: f, troubled: -time.Hour, links: map[[2]string]time.Duration{}}
	w.checks = checks{byID: map[string]*person{}, talks: map[string]*talk{}, tombs: map[string]bool{}, crashed: map[string]bool{}, erasing: map[string]bool{}}
	w.redis.check = w.checkMatch
	w.redis.empty(0)
	w.slots = make([]*server, p.instances)
	for i := range w.slots {
		w.start(i)
	}
	kinds := w.rng.IntN(2)
	for i := range p.guests {
		who := &person{world: w, since: -time.Hour, name: fmt.Sprint("g", i), id: fmt.Sprint("g", i), want: -1}
		if kinds > 0 {
			who.trait, who.want = w.rng.IntN(2), max(-1, w.rng.IntN(5)-3)
		}
		w.byID[who.id] = who
		w.everybody = append(w.everybody, who)
	}
	w.look()
	end := time.Duration(0)
	for _, a := range p.acts {
		end = max(end, a.at, a.at+a.span)
		w.after(a.at, func() { w.act(a) })
	}
	end += settled + 6*time.Second
	w.run(end)
	if w.failure == "" {
		w.counted()
	}
	for _, who := range w.everybody {
		who.drop(0)
	}
	w.run(end + 14*time.Second)
	if w.failure == "" {
		w.leftovers()
	}
	return w
}

// trouble notes that there is a fault for so long.
func (w *world) trouble(span time.Duration) {
	if span > 3*time.Second || w.now < w.troubled+8*time.Second {
		w.harsh = w.now + span + settled
		for _, t := range w.live {
			t.excused, t.cause = true, true
		}
	}
	w.troubled = max(w.troubled, w.now+span)
}

func (w *world) act(a act) {
	who, s := w.everybody[a.who%len(w.everybody)], w.slots[a.slot%len(w.slots)]
	if w.trace != nil {
		w.log("%s", a.String())
	}
	switch a.verb {
	case "connect":
		who.connect(a.slot)
	case "drop":
		who.drop(w.between(0, 5*ms))
	case "half":
		who.drop(w.between(100*ms, 1500*ms))
	case "again":
		who.drop(w.between(0, 5*ms))
		who.connect(a.slot)
	case "search":
		who.command(Search)
	case "cancel":
		who.command(Cancel)
	case "leave":
		who.command(Leave)
	case "say", "type":
		who.say(a.verb)
	case "delete":
		who.delete(a.slot)
	case "crash":
		if s.alive {
			s.crash(w.between(100*ms, 3*time.Second))
		}
	case "freeze":
		w.trouble(a.span)
		s.frozen = max(s.frozen, w.now+a.span)
	case "cut":
		w.trouble(a.span)
		s.cut = max(s.cut, w.now+a.span)
	case "kill", "empty":
		w.trouble(a.span)
		w.down = true
		w.after(a.span, func() {
			if w.down {
				w.down = false
				if a.verb == "empty" {
					w.redis.empty(w.now)
				}
			}
		})
	case "hang":
		w.trouble(a.span)
		w.hung = max(w.hung, w.now+a.span)
	case "slow":
		w.trouble(a.span)
		w.slow = max(w.slow, w.now+a.span)
	case "deaf":
		w.trouble(a.span)
		s.deaf = true
		s.later(a.span, s.hearAgain)
	case "chaos":
		w.trouble(a.span)
		w.chaos = max(w.chaos, w.now+a.span)
	}
}

func (a act) String() string {
	return fmt.Sprintf("%v %s g%d i%d %v", a.at, a.verb, a.who, a.slot, a.span)
}

// String is the plan as parsePlan reads it.
func (p *plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d instances %d guests %d\n", p.seed, p.instances, p.guests)
	for _, a := range p.acts {
		fmt.Fprintln(&b, a)
	}
	return b.String()
}

func parsePlan(text string) (*plan, error) {
	p := &plan{}
	head, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if _, err := fmt.Sscanf(head, "seed %d instances %d guests %d", &p.seed, &p.instances, &p.guests); err != nil {
		return nil, fmt.Errorf("first line %q: %w", head, err)
	}
	for line := range strings.Lines(rest) {
		var a act
		var at, span string
		if _, err := fmt.Sscanf(line, "%s %s g%d i%d %s", &at, &a.verb, &a.who, &a.slot, &span); err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		var errs [2]error
		a.at, errs[0] = time.ParseDuration(at)
		a.span, errs[1] = time.ParseDuration(span)
		if errs[0] != nil || errs[1] != nil || !slices.Contains(deeds, a.verb) && !slices.Contains(faults, a.verb) {
			return nil, fmt.Errorf("line %q is not: time, verb, guest, instance, span", line)
		}
		p.acts = append(p.acts, a)
	}
	return p, nil
}

// shrink returns the plan without what it does not take to break the same rule.
func (p *plan) shrink(f flaw, rule string, until func() bool) *plan {
	best := *p
	breaks := func(acts []act) bool {
		next := best
		next.acts = acts
		return next.play(f, nil).failure == rule
	}
	for size := len(best.acts) / 2; size > 0; {
		smaller := false
		for from := 0; from < len(best.acts) && !until(); {
			acts := slices.Delete(slices.Clone(best.acts), from, min(from+size, len(best.acts)))
			if breaks(acts) {
				best.acts, smaller = acts, true
			} else {
				from += size
			}
		}
		if until() {
			break
		}
		if size > 1 {
			size /= 2
		} else if !smaller {
			break
		}
	}
	return &best
}
