package scenarios

import (
	"strconv"
	"time"
)

// Metric names what a threshold looks at.
type Metric string

// The metrics. Response, service and lag are of one operation, as is a rate;
// failures and violations may be of one operation or rule, or of all.
const (
	MetricResponse   Metric = "response"   // done - intended, of an operation: a Stat, in milliseconds
	MetricService    Metric = "service"    // done - sent, of an operation: a Stat, in milliseconds
	MetricLag        Metric = "lag"        // sent - intended, of an operation: a Stat, in milliseconds
	MetricRate       Metric = "rate"       // successes of an operation a second
	MetricFailures   Metric = "failures"   // failed attempts: a count, or their share of all attempts
	MetricViolations Metric = "violations" // breaches of the rules of the contract: a count
	MetricUnmatched  Metric = "unmatched"  // guests who found nobody: a count, or their share of the guests planned
	MetricCPU        Metric = "cpu"        // CPU time of a Process a session, in milliseconds
	MetricMemory     Metric = "memory"     // peak resident memory of a Process, in MB (10^6 bytes)
	MetricFallback   Metric = "fallback"   // from a fault of Redis until every instance serves without it: the longest, in milliseconds
	MetricRecovery   Metric = "recovery"   // from Redis answering again until every instance works on it: the longest, in milliseconds
	MetricGhosts     Metric = "ghosts"     // from the kill of an instance until its guests are in no count: the longest, in milliseconds
)

// Stat names one number of a distribution: "mean", "max", or a percentile,
// "p50", "p99", "p999" for 99.9 %.
type Stat string

// The stats that are not percentiles.
const (
	Mean Stat = "mean"
	Max  Stat = "max"
)

// Percentile returns 99.9 for "p999"; false for the mean, the maximum and the
// empty Stat.
func (s Stat) Percentile() (percent float64, ok bool) {
	if len(s) < 3 || s[0] != 'p' {
		return 0, false
	}
	percent, err := strconv.ParseFloat(string(s[1:3]+"."+s[3:]+"0"), 64)
	return percent, err == nil
}

// Comparison is how the observed number must stand to the value.
type Comparison string

// The comparisons.
const (
	Below   Comparison = "<"
	AtMost  Comparison = "<="
	Above   Comparison = ">"
	AtLeast Comparison = ">="
	Equals  Comparison = "=="
)

// Holds reports whether observed stands to value as the comparison says.
// Nothing holds for NaN.
func (c Comparison) Holds(observed, value float64) bool {
	switch c {
	case Below:
		return observed < value
	case AtMost:
		return observed <= value
	case Above:
		return observed > value
	case AtLeast:
		return observed >= value
	case Equals:
		return observed == value
	}
	return false
}

// Unit is what a threshold's Value is counted in, whatever its text says.
type Unit string

// The units.
const (
	Milliseconds Unit = "ms"
	MsPerSession Unit = "ms/session"
	PerSecond    Unit = "/s"
	Megabytes    Unit = "MB"
	Share        Unit = "%" // the Value is a ratio: 0.001 for 0.1 %
	Count        Unit = ""
)

// Threshold is one line that must hold, parsed before the load starts.
type Threshold struct {
	Expression string // as written
	Metric     Metric
	Operation  string // one of Operations: of response, service, lag and rate; of failures where not ""
	Rule       string // of violations: the id of one, see package rule; "" for all
	Process    string // of cpu and memory: server, loadgen or redis
	Stat       Stat   // of response, service and lag
	Comparison Comparison
	Value      float64
	Unit       Unit
	Window     time.Duration // 0: over the whole run. Else whole seconds: it must hold in every such window
	Line       int           // in the file; 0 where it came from elsewhere
}
