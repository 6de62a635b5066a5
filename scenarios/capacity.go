package scenarios

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Capacity asks for the highest rate of arrivals at which the thresholds hold.
// Each rate is a run of its own.
type Capacity struct {
	From, To  float64       // arrivals a second: the first rate, and the highest that is tried
	Factor    float64       // of a rate to the one before, until one breaks; above 1
	Settle    time.Duration // of each run, played but not recorded
	Hold      time.Duration // of each run, after it
	Precision float64       // the search ends when what breaks is by no more above what holds: a ratio, 0.05 for 5 %
	Repeats   int           // a rate is judged by the majority of so many runs; odd
	Spacing   Spacing
}

// Limits and defaults of a search.
const (
	leastPrecision, mostPrecision = 0.01, 0.5
	mostFactor                    = 10.0
	mostRepeats                   = 15
	leastHold                     = time.Second
)

const capacityExample = "write for example {from: 50/s, to: 5000/s}"

func capacityKeys() []string {
	return []string{"from", "to", "factor", "settle", "hold", "precision", "repeats", "spacing"}
}

func (r *reading) capacity(n *yaml.Node) *Capacity {
	e, ok := r.mapping(n, "a search for the capacity", capacityKeys())
	if !ok {
		return nil
	}
	before := len(r.problems)
	c := &Capacity{Factor: 2, Settle: 5 * time.Second, Hold: 15 * time.Second, Precision: 0.05, Repeats: 3, Spacing: Poisson}
	for key, to := range map[string]*float64{"from": &c.From, "to": &c.To} {
		if v := r.required(e, "a search for the capacity", key); v != nil {
			*to, ok = parsed(r, v, key, parseRate)
			if ok && *to <= 0 {
				r.problem(v, "%s: found %q: a rate is above 0", key, v.Value)
			}
		}
	}
	if v := e.get("factor"); v != nil {
		c.Factor, _ = parsed(r, v, "factor", parseFactor)
	}
	for key, to := range map[string]*time.Duration{"settle": &c.Settle, "hold": &c.Hold} {
		if v := e.get(key); v != nil {
			*to, _ = parsed(r, v, key, parseDuration)
		}
	}
	if v := e.get("precision"); v != nil {
		c.Precision, _ = parsed(r, v, "precision", parsePrecision)
	}
	if v := e.get("repeats"); v != nil {
		c.Repeats, _ = parsed(r, v, "repeats", parseRepeats)
	}
	if v := e.get("spacing"); v != nil {
		if word, _ := r.word(v, "a spacing", "uniform", "poisson"); word == "uniform" {
			c.Spacing = Uniform
		}
	}
	if len(r.problems) > before || len(e.meant) > 0 {
		return nil
	}
	r.capacitySpan(e, *c)
	return c
}

// capacitySpan checks what only several keys together can break.
func (r *reading) capacitySpan(e entries, c Capacity) {
	switch {
	case c.To <= c.From:
		r.problem(e.get("to"), "to: found %q, which is not above from: %s", e.get("to").Value, capacityExample)
	case c.Hold < leastHold:
		r.problem(e.get("hold"), "hold: found %q: at least %v", e.get("hold").Value, leastHold)
	case c.From*c.Hold.Seconds() < 1:
		r.problem(e.get("from"), "from: found %q: nobody arrives in a run of %v", e.get("from").Value, c.Hold)
	case c.To*(c.Settle+c.Hold).Seconds() > maxGuests:
		r.problem(e.get("to"), "to: found %q: more than %.0f guests would arrive in a run of %v", e.get("to").Value, float64(maxGuests), c.Settle+c.Hold)
	}
}

func parseFactor(s string) (float64, error) {
	f, ok := decimal(s)
	if !ok || f <= 1 || f > mostFactor {
		return 0, fmt.Errorf("a factor is a number above 1, at most %v, like 2", mostFactor)
	}
	return f, nil
}

func parsePrecision(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	p, ok := decimal(strings.TrimSpace(number))
	if p /= 100; !ok || !percent || p < leastPrecision || p > mostPrecision {
		return 0, fmt.Errorf("a precision is written like 5%%, from %.0f%% to %.0f%%", 100*leastPrecision, 100*mostPrecision)
	}
	return p, nil
}

func parseRepeats(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > mostRepeats || n%2 == 0 {
		return 0, errors.New("repeats is an odd number from 1 to " + strconv.Itoa(mostRepeats) + ", so that there is a majority")
	}
	return n, nil
}

// At is the scenario of one run of the search, at so many arrivals a second; its
// Capacity is nil. Without a search the scenario stays as it is.
func (s Scenario) At(rate float64) Scenario {
	c := s.Capacity
	if c == nil {
		return s
	}
	s.Capacity, s.Phases = nil, nil
	if c.Settle > 0 {
		s.Phases = append(s.Phases, Phase{Name: "settle", Shape: Rate, From: rate, For: c.Settle, Spacing: c.Spacing})
	}
	s.Phases = append(s.Phases, Phase{Name: "hold", Shape: Rate, From: rate, For: c.Hold, Spacing: c.Spacing, Record: true})
	return s
}
