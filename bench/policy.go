package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"guestload/bench/gate"
	"guestload/server/cli"
)

//go:embed policy.yaml
var shippedPolicy []byte

// loadPolicy reads a policy file, or the shipped one where file is empty.
func loadPolicy(file string) (gate.Policy, error) {
	source := shippedPolicy
	if file == "" {
		file = "policy.yaml"
	} else {
		var err error
		if source, err = os.ReadFile(file); err != nil {
			return gate.Policy{}, fmt.Errorf("policy: %w", err)
		}
	}
	p := gate.Default()
	if err := yaml.UnmarshalWithOptions(source, &p, yaml.Strict()); err != nil {
		return gate.Policy{}, fmt.Errorf("policy %s: %w", file, err)
	}
	if err := p.Validate(); err != nil {
		return gate.Policy{}, fmt.Errorf("policy %s: %w", file, err)
	}
	return p, nil
}

// restrict leaves only the metrics named, each by its name in the policy or by
// what is run for it.
func restrict(p gate.Policy, only []string) (gate.Policy, error) {
	if len(only) == 0 {
		return p, nil
	}
	used := map[string]bool{}
	keep := func(metrics []gate.Metric) []gate.Metric {
		return slices.DeleteFunc(slices.Clone(metrics), func(m gate.Metric) bool {
			for _, name := range only {
				if name == m.Name || name == runOf(m) {
					used[name] = true
					return false
				}
			}
			return true
		})
	}
	p.Metrics, p.Hard = keep(p.Metrics), keep(p.Hard)
	for _, name := range only {
		if !used[name] {
			return p, usageError{fmt.Errorf("--only %q: the policy has no such metric%s", name, cli.Guess(name, names(p)))}
		}
	}
	return p, nil
}

func names(p gate.Policy) (all []string) {
	for _, m := range slices.Concat(p.Metrics, p.Hard) {
		all = append(all, m.Name, runOf(m))
	}
	return all
}

// runOf is what is run for a metric: its name up to the first space.
func runOf(m gate.Metric) string {
	run, _, _ := strings.Cut(m.Name, " ")
	return run
}

// without is the policy less the metrics that need what cannot be run.
func without(p gate.Policy, run string) gate.Policy {
	p.Metrics = slices.DeleteFunc(slices.Clone(p.Metrics), func(m gate.Metric) bool { return runOf(m) == run })
	return p
}

var errNothing = errors.New("nothing to judge: the base has none of the gated metrics, and no hard metric was asked for")
