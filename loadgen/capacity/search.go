// Package capacity searches for the highest rate that a server holds: which rate
// to try next, when to stop, how sure the answer is, and what ran out. It is pure:
// whoever uses it makes the runs.
package capacity

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Verdict is what one run at a rate says.
type Verdict uint8

// The verdicts.
const (
	Held    Verdict = iota // every threshold held
	Broke                  // a threshold broke, and the server is why
	Invalid                // the generator could not offer the rate: nothing is known of the server
)

// String is the word that records use.
func (v Verdict) String() string {
	switch v {
	case Held:
		return "held"
	case Broke:
		return "broke"
	case Invalid:
		return "invalid"
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// Trial is one run.
type Trial struct {
	Rate    float64 // arrivals a second
	Verdict Verdict
}

// Plan says where to search. It is a scenario's, which was checked.
type Plan struct {
	From, To  float64 // arrivals a second: first and highest rate
	Factor    float64 // from one rate to the next, until one does not hold; above 1
	Precision float64 // a ratio: 0.05 for 5 %
	Repeats   int     // a rate is judged by the majority of so many runs; odd
}

// Search is a search that goes on: ask Next for a rate, run it, Add what it said.
//
// The rate rises by Factor while runs hold: one that held is enough to go on, as
// a higher rate will tell if it held by luck. What does not hold is run again,
// until most of Repeats agree; from then on the limit lies between the highest
// rate that held and the lowest that did not, and their geometric mean is next,
// until they are within Precision. In the end the highest rate that held has to
// hold by majority too; where it does not, the search goes on below it.
type Search struct {
	plan   Plan
	trials []Trial
}

// New begins a search.
func New(p Plan) *Search { return &Search{plan: p} }

// Add takes the verdict of a run at the rate that Next gave.
func (s *Search) Add(rate float64, v Verdict) { s.trials = append(s.trials, Trial{rate, v}) }

// votes are the runs at one rate.
type votes struct {
	rate                 float64
	held, broke, invalid int
}

// rates are the votes by rate, in rising order.
func (s *Search) rates() []votes {
	var all []votes
	for _, t := range s.trials {
		i, found := slices.BinarySearchFunc(all, t.Rate, func(v votes, rate float64) int {
			return compare(v.rate, rate)
		})
		if !found {
			all = slices.Insert(all, i, votes{rate: t.Rate})
		}
		switch v := &all[i]; t.Verdict {
		case Held:
			v.held++
		case Broke:
			v.broke++
		default:
			v.invalid++
		}
	}
	return all
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (s *Search) majority() int { return s.plan.Repeats/2 + 1 }

// judgement is what the runs at a rate came to.
type judgement uint8

const (
	open  judgement = iota // no majority yet
	holds                  // a majority held
	fails                  // a majority broke, or held in no majority of the valid
	mute                   // a majority was invalid
)

// judge counts votes. With more than two words there may be no majority after
// all repeats: such a rate is not held, and whether it fails or is mute is said by
// the larger of the two.
func (s *Search) judge(v votes) judgement {
	switch most := s.majority(); {
	case v.held >= most:
		return holds
	case v.broke >= most:
		return fails
	case v.invalid >= most:
		return mute
	case v.held+v.broke+v.invalid < s.plan.Repeats:
		return open
	case v.broke >= v.invalid:
		return fails
	}
	return mute
}

// bracket is where the limit lies: low is the highest rate that held at least
// once below all that do not hold, high the lowest that does not hold, nil where there
// is none.
func (s *Search) bracket() (low, high *votes) {
	all := s.rates()
	for i := range all {
		switch v := &all[i]; s.judge(*v) {
		case fails, mute:
			return low, v
		case holds:
			low = v
		default:
			if v.held > 0 && v.broke+v.invalid == 0 {
				low = v // enough to go on
			}
		}
	}
	return low, nil
}

// undecided is a rate within the bracket that has failed and not yet been judged.
func (s *Search) undecided() (float64, bool) {
	for _, v := range s.rates() {
		switch s.judge(v) {
		case fails, mute:
			return 0, false // what is above it no longer matters
		case open:
			if v.broke+v.invalid > 0 {
				return v.rate, true
			}
		}
	}
	return 0, false
}

// Next is the rate of the next run; false when the search is over.
func (s *Search) Next() (rate float64, ok bool) {
	if len(s.trials) == 0 {
		return s.plan.From, true
	}
	if rate, ok := s.undecided(); ok {
		return rate, true
	}
	low, high := s.bracket()
	switch {
	case low == nil:
		return 0, false // not even the first rate holds
	case high == nil && low.rate < s.plan.To:
		return round(min(low.rate*s.plan.Factor, s.plan.To)), true
	case high != nil && high.rate > low.rate*(1+s.plan.Precision):
		middle := round(math.Sqrt(low.rate * high.rate))
		if middle > low.rate && middle < high.rate {
			return middle, true
		}
	}
	if s.judge(*low) == open {
		return low.rate, true // it held, but is the answer only if most agree
	}
	return 0, false
}

// round keeps rates to three digits, as people write them.
func round(rate float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(rate, 'g', 3, 64), 64)
	if err != nil {
		return rate // what was written can be read
	}
	return rounded
}
