package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// sources are the steps that an operation comes from. Guests may have to create
// and reconnect whatever their steps are, so these two are not here.
func sources() map[string][]Kind {
	return map[string][]Kind{
		"fetch":    {Fetch},
		"connect":  {Connect},
		"match":    {Search, Next},
		"ack":      {Chat},
		"delivery": {Chat},
		"leave":    {Search, Next},
		"online":   {Online},
		"stats":    {Stats},
		"renew":    {Renew},
		"refusal":  {Hostile, Speak, Deaf},
	}
}

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
	kinds := sources()[t.Operation]
	if len(kinds) == 0 || slices.ContainsFunc(s.Scripts, func(script Script) bool {
		return slices.ContainsFunc(script.Steps, func(step Step) bool { return slices.Contains(kinds, step.Kind) })
	}) {
		return ""
	}
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return fmt.Sprintf("%s comes from the step %s, which no guest takes", t.Operation, strings.Join(words, " or "))
}
