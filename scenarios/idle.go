package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"guestload/scenarios/operation"
)

// idle says why a threshold would never see anything in this scenario, "" where
// it may: no guest does what it looks at, or no fault brings it about.
func (s Scenario) idle(t Threshold) string {
	redis := slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Instance == 0 })
	instance := slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Instance > 0 })
	switch {
	case (t.Metric == MetricFallback || t.Metric == MetricRecovery) && !redis:
		return "no fault is done to Redis: write for example faults: [{at: 10s, freeze: redis}]"
	case t.Metric == MetricGhosts && !instance:
		return "no instance is killed: write for example faults: [{at: 10s, kill: instance 2}]"
	}
	op, err := operation.Parse(t.Operation)
	if err != nil {
		return "" // the threshold is of no operation
	}
	steps := op.Steps()
	if len(steps) == 0 || slices.ContainsFunc(s.Scripts, func(script Script) bool {
		return slices.ContainsFunc(script.Steps, func(step Step) bool { return slices.Contains(steps, string(step.Kind)) })
	}) {
		return ""
	}
	return fmt.Sprintf("%s comes from the step %s, which no guest takes", t.Operation, strings.Join(steps, " or "))
}
