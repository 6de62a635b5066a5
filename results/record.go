// Package results is the run record: what a run was, measured and found. It
// writes, reads and merges records, and holds thresholds against them.
package results

import "time"

// Schema is the version of run.json that this package writes.
const Schema = 1

// Outcome is the verdict of a run, from best to worst.
type Outcome string

// The outcomes.
const (
	Passed         Outcome = "passed"
	Unjudged       Outcome = "unjudged" // there were no thresholds, so nothing was judged but the rules of the contract
	ThresholdsFail Outcome = "failed"   // a threshold was broken, or work that the scenario requires was never done
	Invalid        Outcome = "invalid"  // the generator was late or lost arrivals
	Violated       Outcome = "violated" // a rule of the contract was broken
)

// Record is run.json. Times of operations are in milliseconds.
type Record struct {
	Schema       int                  `json:"schema"`
	Scenario     string               `json:"scenario"`
	ScenarioHash string               `json:"scenarioHash"`
	Seed         uint64               `json:"seed"`
	Started      time.Time            `json:"started"`
	DurationSec  float64              `json:"durationSec"`
	Interrupted  bool                 `json:"interrupted,omitempty"`
	Part         *Part                `json:"part,omitempty"` // nil: the whole run
	Environment  Environment          `json:"environment"`
	Guests       Guests               `json:"guests"`
	Operations   map[string]Operation `json:"operations"`
	Required     map[string]bool      `json:"required,omitempty"` // operations that the scripts played require: whether each succeeded at least once, warm-up included
	Undone       []string             `json:"undone,omitempty"`   // required work that was never done: the run fails
	Violations   []Violation          `json:"violations"`
	Thresholds   []ThresholdResult    `json:"thresholds"`
	Resources    Resources            `json:"resources"`
	Faults       []Fault              `json:"faults,omitempty"`
	Warnings     []string             `json:"warnings,omitempty"` // doubts about the numbers
	Invalid      []string             `json:"invalid,omitempty"`  // why the numbers are unreliable
	Outcome      Outcome              `json:"outcome"`
	Capacity     *Capacity            `json:"capacity,omitempty"` // of a search; all else is then of its answer's run, but for the violations
}

// Environment says where the run happened.
type Environment struct {
	Commit string `json:"commit"`
	Go     string `json:"go"`
	OS     string `json:"os"`
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Target string `json:"target"`
	// Addresses are those that connections to the target went to in turn, as HOST:PORT;
	// absent where there was one.
	Addresses []string `json:"addresses,omitempty"`
	Transport string   `json:"transport"`
	Storage   string   `json:"storage"`
}

// Guests accounts for every planned arrival: planned = completed + failed +
// unmatched + dropped. Dropped were never started, so that started = planned -
// dropped; of an interrupted run also those who were cut short, who had started.
type Guests struct {
	Planned   int `json:"planned"`
	Started   int `json:"started"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
	Unmatched int `json:"unmatched"`
	Dropped   int `json:"dropped"`
}

// Operation is one operation's count, failures by kind, and times.
type Operation struct {
	Count    int64            `json:"count"` // successes, each a sample
	Failures map[string]int64 `json:"failures,omitempty"`
	Response Summary          `json:"response"` // done - intended
	Service  Summary          `json:"service"`  // done - sent
	Lag      Summary          `json:"lag"`      // sent - intended
	Waits    map[string]Wait  `json:"waits,omitempty"`
	Retries  int64            `json:"retries,omitempty"` // requests sent again after the server had closed a kept connection; each still has one outcome
}

// Wait says how long failures of one kind took, in milliseconds and in full.
type Wait struct {
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

// Summary are the percentiles of one histogram, in milliseconds.
type Summary struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
}

// ThresholdResult is one threshold held against what was observed.
type ThresholdResult struct {
	Expression string `json:"expression"`
	Observed   string `json:"observed"`
	Passed     bool   `json:"passed"`
}

// Resources are what the processes spent. A process that could not be measured
// is absent.
type Resources struct {
	Server  *Usage  `json:"server,omitempty"`
	Servers []Usage `json:"servers,omitempty"` // each instance, where Server is several together
	Loadgen *Usage  `json:"loadgen,omitempty"`
	Redis   *Usage  `json:"redis,omitempty"`
}

// Usage is what one process, or several of a kind together, spent.
type Usage struct {
	CPUSec          float64 `json:"cpuSec"`
	RSSPeakMB       float64 `json:"rssPeakMB"`
	CPUMsPerSession float64 `json:"cpuMsPerSession"`
	// Redis only: commands as it counts them, those included that scripts call, and
	// the scripts among them. What only keeps connections alive counts for none.
	CommandsPerSession float64 `json:"commandsPerSession,omitempty"`
	ScriptsPerSession  float64 `json:"scriptsPerSession,omitempty"`
	// Redis only: commands as the servers count those that they send, a script being
	// one; 0 where one of them has not told.
	SentPerSession float64 `json:"sentPerSession,omitempty"`
}

// PerSession spreads what was spent over so many guests: CPU time, and commands and
// scripts, of which the fields hold all until then.
func (r *Resources) PerSession(guests int) {
	if guests == 0 {
		return
	}
	all := []*Usage{r.Server, r.Loadgen, r.Redis}
	if len(r.Servers) == 1 {
		r.Servers = nil // that is Server
	}
	for i := range r.Servers {
		all = append(all, &r.Servers[i])
	}
	for _, u := range all {
		if u != nil {
			u.CPUMsPerSession = 1000 * u.CPUSec / float64(guests)
			u.CommandsPerSession /= float64(guests)
			u.ScriptsPerSession /= float64(guests)
			u.SentPerSession /= float64(guests)
		}
	}
}
