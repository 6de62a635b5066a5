package selftest

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"guestload/bench/gate"
	"guestload/bench/policy"
	"guestload/server/cli"
)

//go:embed plan.yaml
var shippedPlan []byte

// Kind is one kind of difference that is planted, where it is looked for, and how often.
type Kind struct {
	Plant string   `yaml:"plant" json:"plant"`
	Only  []string `yaml:"only" json:"only"` // metrics of the policy; none: all
	Runs  int      `yaml:"runs" json:"runs"`
	Burn  int      `yaml:"burn" json:"burn,omitempty"` // beside so many cores burnt all the time
	// Shares of the runs that must be Regressed, or pass; 0: none.
	Regressed float64 `yaml:"regressed" json:"regressed,omitempty"`
	Pass      float64 `yaml:"pass" json:"pass,omitempty"`
	// Seconds that the median run may take; 0: not judged.
	Seconds float64 `yaml:"seconds" json:"seconds,omitempty"`
}

// name tells a kind from all others.
func (k Kind) name() string {
	name := k.Plant + ", " + strings.Join(k.Only, " and ")
	if len(k.Only) == 0 {
		name = k.Plant + ", whole policy"
	}
	if k.Burn > 0 {
		name += fmt.Sprintf(", %d burners", k.Burn)
	}
	return name
}

// readPlan reads and checks a list of kinds.
func readPlan(text []byte, p gate.Policy) (plan []Kind, err error) {
	if err := yaml.Load(text, &plan, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return plan, checkPlan(plan, p)
}

func checkPlan(plan []Kind, p gate.Policy) error {
	if len(plan) == 0 {
		return errors.New("plan: empty")
	}
	seen := map[string]bool{}
	for _, k := range plan {
		plant, err := parsePlant(k.Plant)
		if err != nil {
			return cli.UsageError{Err: err}
		}
		if !(k.Regressed >= 0 && k.Regressed <= 1 && k.Pass >= 0 && k.Pass <= 1) || (k.Plant == "none" && k.Regressed > 0) || (k.Plant != "none" && k.Pass > 0) {
			return cli.Usagef("regressed %v, pass %v of %s: shares from 0 to 1, pass of identical code and regressed of others", k.Regressed, k.Pass, k.name())
		}
		if !(k.Seconds >= 0) {
			return cli.Usagef("seconds %v of %s: not below 0", k.Seconds, k.name())
		}
		if k.Burn < 0 || k.Burn > 64 {
			return cli.Usagef("burn %d of %s: 0 to 64 cores", k.Burn, k.name())
		}
		if k.Runs < 1 {
			return cli.UsageError{Err: fmt.Errorf("--runs %d of %s: at least 1", k.Runs, k.name())}
		}
		if seen[k.name()] {
			return cli.UsageError{Err: fmt.Errorf("%s is planned twice", k.name())}
		}
		seen[k.name()] = true
		restricted, err := policy.Restrict(p, k.Only)
		if err != nil {
			return err
		}
		if plant.share > 0 && plant.of != inInstructions && handled(restricted) == "" {
			return cli.UsageError{Err: fmt.Errorf("%s: a share is planted in the handler of events: look for it in Relay/within or Server/memory", k.name())}
		}
		if plant.of == inInstructions && countedHandler(restricted) == nil {
			return cli.Usagef("%s: instructions are planted in the handler of events: look for them in Relay/within", k.name())
		}
	}
	return nil
}

// calibrationPairs are those with much planted.
const calibrationPairs = 12

// calibrations are by what runs the handler: rounds so many that an event takes
// about twice its time, and the pairs after which about 10 % are known to half a
// point.
func calibrations() map[string]struct{ rounds, pairs int } {
	return map[string]struct{ rounds, pairs int }{"Relay/within": {1_000, 60}, "Server/memory": {50_000, 16}}
}

// handled is what runs the handler of events, of all that a policy gates.
func handled(p gate.Policy) string {
	i := slices.IndexFunc(p.Metrics, func(m gate.Metric) bool { return calibrations()[policy.RunOf(m)].rounds > 0 })
	if i < 0 {
		return ""
	}
	return policy.RunOf(p.Metrics[i])
}

// countedHandler is the metric by which the handler's instructions are counted, nil where
// the policy has none.
func countedHandler(p gate.Policy) *gate.Metric {
	i := slices.IndexFunc(p.Counts, func(m gate.Metric) bool { return policy.RunOf(m) == "Relay/within" && m.Unit == "instructions/op" })
	if i < 0 {
		return nil
	}
	return &p.Counts[i]
}

// means is what a share is planted in.
type means int

const (
	inCPUTime means = iota
	inInstructions
	inCaches
)

func (m means) String() string { return [...]string{"CPU time", "instructions", "cache"}[m] }

// plant is a change by so many rounds of planted work, or thousandths of a cache miss.
func (m means) plant(rounds int) change {
	if m == inCaches {
		return plantCacheMisses(rounds)
	}
	return plantWork(rounds)
}

// plant is what is planted.
type plant struct {
	change change  // nil for none, and for shares
	share  float64 // 0.05 is 5 % more; 0: no share
	of     means
}

// fixed are the plants that need no calibration.
func fixed() map[string]change {
	return map[string]change{"none": nil, "allocation": plantAllocation, "command": plantCommand, "write": plantWrite}
}

// parsePlant reads the name of what is to be planted.
func parsePlant(name string) (p plant, err error) {
	if edit, ok := fixed()[name]; ok {
		return plant{change: edit}, nil
	}
	digits, word, _ := strings.Cut(name, " ")
	switch word {
	case "":
	case inInstructions.String():
		p.of = inInstructions
	case inCaches.String():
		p.of = inCaches
	default:
		digits = "" // no share
	}
	digits, isShare := strings.CutSuffix(digits, "%")
	share, err := strconv.ParseFloat(digits, 64)
	if !isShare || err != nil || !(share > 0) || share > 100 {
		return p, fmt.Errorf(`--plant %q: none, allocation, command, write, or a share such as 5%%, "5%% cache" or "1%% instructions"`, name)
	}
	p.share = share / 100
	return p, nil
}
