package selftest

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

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
	return name
}

// readPlan reads and checks a list of kinds.
func readPlan(text []byte, p gate.Policy) (plan []Kind, err error) {
	if err := yaml.UnmarshalWithOptions(text, &plan, yaml.Strict()); err != nil {
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
		share, err := parsePlant(k.Plant)
		if err != nil {
			return cli.UsageError{Err: err}
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
		if share > 0 && handled(restricted) == "" {
			return cli.UsageError{Err: fmt.Errorf("%s: a share is planted in the handler of events: look for it in Relay/within or Server/memory", k.name())}
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

// parsePlant checks what is to be planted; share is 0 for what is no share.
func parsePlant(name string) (share float64, err error) {
	switch name {
	case "none", "allocation", "command":
		return 0, nil
	}
	digits, ok := strings.CutSuffix(name, "%")
	share, err = strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(share > 0) || share > 100 {
		return 0, fmt.Errorf("--plant %q: none, allocation, command, or a share such as 5%%", name)
	}
	return share / 100, nil
}
