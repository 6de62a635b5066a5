package capacity

import "math"

// Limit says what ended a search.
type Limit string

// The limits.
const (
	ByServer    Limit = "server"    // a threshold broke
	ByGenerator Limit = "generator" // the generator could not offer more
	ByRange     Limit = "range"     // the highest rate that was asked for holds
	ByNothing   Limit = ""          // the search was ended before
)

// Confidence is the probability with which the limit lies in an answer's interval.
const Confidence = 0.95

// Method names how the interval is found.
const Method = "Bayesian fit of a psychometric function to all valid runs (Watson and Pelli 1983, QUEST)"

// Answer is what a search found.
type Answer struct {
	Rate      float64 // the highest rate that held, arrivals a second; 0 where none did
	Confirmed bool    // most runs at Rate held; else it held in those that were made
	Above     float64 // the lowest rate above it that did not hold; 0 where all did
	Limit     Limit
	// Low and High enclose the rate at which half of all runs would hold, with
	// probability Confidence. High is +Inf where no run broke, Low is 0 where none held.
	Low, High float64
}

// Answer is what the runs so far say.
func (s *Search) Answer() Answer {
	low, high := s.bracket()
	a := Answer{}
	if low != nil {
		a.Rate, a.Confirmed = low.rate, s.judge(*low) == holds
	}
	switch {
	case high != nil && s.judge(*high) == fails:
		a.Above, a.Limit = high.rate, ByServer
	case high != nil:
		a.Above, a.Limit = high.rate, ByGenerator
	case a.Rate >= s.plan.To && a.Confirmed:
		a.Limit = ByRange
	}
	a.Low, a.High = s.interval()
	if math.IsInf(a.High, 1) {
		a.Low = min(a.Low, a.Rate) // nothing broke: no more is claimed than what held
	}
	return a
}

// Of the fitted function: lapse is the chance that a run's verdict has nothing to
// do with its rate; spreads are the widths of the passage from holding to
// breaking, as logarithms of rates, all equally likely beforehand.
const lapse = 0.02

func spreads() []float64 { return []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.4} }

// cells is how fine the grid of possible limits is.
const cells = 1000

// interval fits the probability that a run at rate r holds, a logistic function
// of ln(limit/r), to every valid run: a grid of limits, all equally likely
// beforehand on a logarithmic scale, is weighed by how likely each makes what was
// seen, over all spreads. Between the quantiles of it lies the interval. A. B.
// Watson and D. G. Pelli, "QUEST: A Bayesian adaptive psychometric method",
// Perception & Psychophysics 33 (1983) 113–120; unknown spreads as in L. L.
// Kontsevich and C. W. Tyler, Vision Research 39 (1999) 2729–2737.
func (s *Search) interval() (low, high float64) {
	held, broke := 0, 0
	rates := s.rates()
	for _, v := range rates {
		held, broke = held+v.held, broke+v.broke
	}
	if held+broke == 0 {
		return 0, math.Inf(1)
	}
	least, most := math.Log(s.plan.From/s.plan.Factor), math.Log(s.plan.To*s.plan.Factor)
	at := func(cell float64) float64 { return least + (most-least)*cell/cells }
	weights := make([]float64, cells)
	total := 0.0
	for i := range weights {
		for _, spread := range spreads() {
			weights[i] += likelihood(rates, at(float64(i)+0.5), spread)
		}
		total += weights[i]
	}
	quantile := func(share float64) float64 {
		sum := 0.0
		for i, w := range weights {
			if sum+w >= share*total && w > 0 {
				return math.Exp(at(float64(i) + (share*total-sum)/w))
			}
			sum += w
		}
		return math.Exp(most)
	}
	low, high = quantile((1-Confidence)/2), quantile((1+Confidence)/2)
	if held == 0 {
		low = 0
	}
	if broke == 0 { // nothing but the range that was searched bounds the limit
		high = math.Inf(1)
	}
	return low, high
}

// likelihood is how probable a limit, as a logarithm, and a spread make what was seen.
func likelihood(rates []votes, limit, spread float64) float64 {
	l := 1.0
	for _, v := range rates {
		if v.held+v.broke > 0 {
			hold := lapse + (1-2*lapse)/(1+math.Exp((math.Log(v.rate)-limit)/spread))
			l *= math.Pow(hold, float64(v.held)) * math.Pow(1-hold, float64(v.broke))
		}
	}
	return l
}
