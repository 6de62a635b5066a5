package gate

// Kind is what a result was decided by.
type Kind string

// The kinds of evidence.
const (
	Counts  Kind = "counts"        // of instructions and system calls
	CPUTime Kind = "CPU time"      // in pairs
	Stored  Kind = "stored values" // a value without noise, against its baseline
)

// Cause is why a metric is Inconclusive.
type Cause string

// The causes.
const (
	Steal  Cause = "steal"  // the machine's host took too much time for others
	Spread Cause = "spread" // the pairs differ too much
	Budget Cause = "budget" // the time was up before the last look
)

// Stolen is what the machine's host took of its CPU time during the pairs.
type Stolen struct {
	Limit    float64 `json:"limit"`
	Median   float64 `json:"median"` // share, over all pairs
	Pairs    int     `json:"pairs"`
	Excluded int     `json:"excluded"` // pairs above the limit, which do not count
}

// Evidence is what has been measured so far.
type Evidence struct {
	Pairs    map[string][]Pair  // by metric, in the order measured; gated ones and others
	Hard     map[string]float64 // hard metrics, by name, of head
	Baseline map[string]float64 // what they should be
	Invalid  []string           // why the runs are unreliable; nil: they are reliable
	Failed   map[string]string  // counts that cannot be taken, and why
	Stolen   *Stolen            // nil: not known
	Ended    bool               // no more pairs will come: the budget is spent, or somebody has had enough
}

// Report is the judgement.
type Report struct {
	Verdict   Verdict    `json:"verdict"`
	Settled   bool       `json:"settled"`             // more pairs would change nothing
	Reasons   []string   `json:"reasons"`             // why the verdict is what it is
	Undecided []string   `json:"undecided,omitempty"` // CPU times without evidence, where counts gave the verdict
	Evidence  string     `json:"evidence,omitempty"`  // which kind decided, and what is left open
	Stolen    *Stolen    `json:"stolen,omitempty"`
	Counts    []Result   `json:"counts"`              // in the policy's order
	Metrics   []Result   `json:"metrics"`             // the gated ones, in the policy's order
	Hard      []Result   `json:"hard"`                // the hard ones, in the policy's order
	Shown     []Result   `json:"shown"`               // the others, by name; their Verdict is ""
	Functions []Function `json:"functions,omitempty"` // of counts that regressed: what changed most
}

// Function is how many instructions an operation executes in one function.
type Function struct {
	Run  string  `json:"run"` // the benchmark
	Name string  `json:"name"`
	Base float64 `json:"base"`
	Head float64 `json:"head"`
}

// Result is one metric's part. Base and Head are medians; of a hard metric its
// baseline and its value.
type Result struct {
	Metric
	Kind    Kind     `json:"kind,omitempty"`
	Verdict Verdict  `json:"verdict,omitempty"`
	Cause   Cause    `json:"cause,omitempty"`   // of Inconclusive
	Suspect bool     `json:"suspect,omitempty"` // Inconclusive, though much speaks for a slowdown
	Decided bool     `json:"decided"`
	Pairs   int      `json:"pairs"`          // that were used
	Base    *float64 `json:"base,omitempty"` // nil where it was not measured
	Head    *float64 `json:"head,omitempty"`
	Change  *Change  `json:"change,omitempty"` // nil where there is nothing to tell it from
	P       float64  `json:"p,omitempty"`      // of the test that decided
	Level   float64  `json:"level,omitempty"`  // that it had to stay under
	Why     string   `json:"why"`
}
