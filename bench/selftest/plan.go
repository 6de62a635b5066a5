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
	Plant   string   `yaml:"plant" json:"plant"`
	Only    []string `yaml:"only" json:"only"` // metrics of the policy; none: all
	Runs    int      `yaml:"runs" json:"runs"`
	Disturb bool     `yaml:"disturb" json:"disturb,omitempty"` // beside a process that burns a core at random
	Burn    int      `yaml:"burn" json:"burn,omitempty"`       // beside so many cores burnt all the time
}

// name tells a kind from all others.
func (k Kind) name() string {
	name := k.Plant + ", " + strings.Join(k.Only, " and ")
	if len(k.Only) == 0 {
		name = k.Plant + ", whole policy"
	}
	if k.Disturb {
		name += ", disturbed"
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
		if plant.share > 0 && !plant.instructions && handled(restricted) == "" {
			return cli.UsageError{Err: fmt.Errorf("%s: a share is planted in the handler of events: look for it in Relay/within or Server/memory", k.name())}
		}
		if plant.instructions && countedHandler(restricted) == nil {
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

// plant is what is planted.
type plant struct {
	change       func(dir string) error // nil for none, and for shares
	share        float64                // of work: 0.05 is 5 % more; 0: no share
	instructions bool                   // the share is of instructions, not of CPU time
}

// fixed are the plants that need no calibration.
func fixed() map[string]func(dir string) error {
	return map[string]func(dir string) error{"none": nil, "allocation": plantAllocation, "command": plantCommand, "write": plantWrite, "cache": plantCacheMisses}
}

// parsePlant reads the name of what is to be planted.
func parsePlant(name string) (p plant, err error) {
	if change, ok := fixed()[name]; ok {
		return plant{change: change}, nil
	}
	digits, instructions := strings.CutSuffix(name, " instructions")
	digits, isShare := strings.CutSuffix(digits, "%")
	share, err := strconv.ParseFloat(digits, 64)
	if !isShare || err != nil || !(share > 0) || share > 100 {
		return p, fmt.Errorf(`--plant %q: none, allocation, command, write, cache, or a share such as 5%% or "1%% instructions"`, name)
	}
	return plant{share: share / 100, instructions: instructions}, nil
}
