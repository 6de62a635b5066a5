// Package policy reads what the gate judges and how strictly, and selects parts of it.
package policy

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"guestload/bench/gate"
	"guestload/server/cli"
)

//go:embed policy.yaml
var shipped []byte

// Load reads a policy file, or the shipped one where file is empty.
func Load(file string) (gate.Policy, error) {
	source := shipped
	if file == "" {
		file = "policy.yaml"
	} else {
		var err error
		if source, err = os.ReadFile(file); err != nil {
			return gate.Policy{}, fmt.Errorf("policy: %w", err)
		}
	}
	p := gate.Default()
	if err := yaml.Load(source, &p, yaml.WithKnownFields()); err != nil {
		return gate.Policy{}, fmt.Errorf("policy %s: %w", file, err)
	}
	if err := p.Validate(); err != nil {
		return gate.Policy{}, fmt.Errorf("policy %s: %w", file, err)
	}
	return p, nil
}

// Restrict leaves only the metrics named, each by its name in the policy or by
// what is run for it.
func Restrict(p gate.Policy, only []string) (gate.Policy, error) {
	if len(only) == 0 {
		return p, nil
	}
	whole, used := p, map[string]bool{}
	keep := func(metrics []gate.Metric) []gate.Metric {
		return slices.DeleteFunc(slices.Clone(metrics), func(m gate.Metric) bool {
			for _, name := range only {
				if name == m.Name || name == RunOf(m) {
					used[name] = true
					return false
				}
			}
			return true
		})
	}
	p.Counts, p.Metrics, p.Hard = keep(p.Counts), keep(p.Metrics), keep(p.Hard)
	for _, name := range only {
		if !used[name] {
			return p, cli.Usagef("--only %q: the policy has no such metric%s", name, cli.Guess(name, names(whole)))
		}
	}
	return p, nil
}

func names(p gate.Policy) (all []string) {
	for _, m := range slices.Concat(p.Counts, p.Metrics, p.Hard) {
		all = append(all, m.Name, RunOf(m))
	}
	return all
}

// RunOf is what is run for a metric: its name up to the first space.
func RunOf(m gate.Metric) string {
	run, _, _ := strings.Cut(m.Name, " ")
	return run
}

// Without is the policy less the metrics that need what cannot be run.
func Without(p gate.Policy, run string) gate.Policy {
	p.Metrics = slices.DeleteFunc(slices.Clone(p.Metrics), func(m gate.Metric) bool { return RunOf(m) == run })
	return p
}
