package results

import "fmt"

// Fault is a fault that was injected as the scenario says, with its effects. Times are
// in milliseconds, and absent if they do not apply or the effect was not seen before the
// end of the run.
type Fault struct {
	At       float64  `json:"atSec"` // when it was injected
	Action   string   `json:"blow"`  // kill, freeze, thaw or start
	Victim   string   `json:"victim"`
	Fallback *float64 `json:"fallbackMs,omitempty"` // until every instance served without Redis
	Recovery *float64 `json:"recoveryMs,omitempty"` // from Redis answering until every instance worked on it
	Ghosts   *float64 `json:"ghostsMs,omitempty"`   // until the guests of a killed instance were in no count
	Released *float64 `json:"releasedMs,omitempty"` // until the last partner of a killed instance's guests was told
	CutOff   int64    `json:"cutOff,omitempty"`     // guests who lost their socket by it
	Returned int64    `json:"returned,omitempty"`   // of them, those who came to another instance
}

// Name says what was done to whom: "kill instance 2".
func (f Fault) Name() string { return f.Action + " " + f.Victim }

// Seen says what came of it, each in a few words; nothing where nothing was seen.
func (f Fault) Seen() (all []string) {
	for _, effect := range []struct {
		ms   *float64
		what string
	}{
		{f.Fallback, "served without it after"}, {f.Recovery, "used again after"},
		{f.Released, "the last partner told after"}, {f.Ghosts, "in no count after"},
	} {
		if effect.ms != nil {
			all = append(all, effect.what+" "+FormatMillis(*effect.ms))
		}
	}
	if f.CutOff > 0 {
		all = append(all, fmt.Sprintf("%s guests cut off, %s came back", FormatCount(f.CutOff), FormatCount(f.Returned)))
	}
	return all
}
