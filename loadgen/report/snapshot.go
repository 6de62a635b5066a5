package report

import "time"

// Snapshot is what a run looks like at one moment.
type Snapshot struct {
	Scenario string
	Phase    string
	Warmup   bool // the phase is not recorded
	Elapsed  time.Duration
	Left     time.Duration // estimated; negative: not known
	Waiting  string        // for what, where no more time is expected to be left; "" before
	Step     bool          // one run of a search, after which others may follow

	Planned, Arrived, Live, Done int // guests
	Unmatched                    int
	Violations                   int64
	Failures                     []Failure // so far

	// Of the last second that is complete:
	ArrivalRate, MessageRate float64
	Operations               []Operation // the main ones first

	// One value a second, the latest last; any length.
	ArrivalRates, MessageRates []float64
	Slowest                    []time.Duration // p99 of response time of the first of Operations
}

// Failure counts failures of one kind, of all operations together.
type Failure struct {
	Kind  string
	Count int64
}

// Operation is one operation in the last second: response times.
type Operation struct {
	Name     string
	Count    int64
	P50, P99 time.Duration
}
