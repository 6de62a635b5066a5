package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"guestload/bench/ab"
	"guestload/bench/baseline"
	"guestload/bench/policy"
	"guestload/server/cli"
)

func TestCommandLinesEndWithTheRightCode(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", cli.ExitUsage, "no command"},
		{"-h", cli.ExitOK, "bench gate"},
		{"--help", cli.ExitOK, "bench selftest"},
		{"--version", cli.ExitOK, "bench "},
		{"gate --version", cli.ExitOK, "bench "},
		{"gate -h", cli.ExitOK, "Revisions:\n"},
		{"ab -h", cli.ExitOK, "What to run:\n"},
		{"baseline -h", cli.ExitOK, "--why"},
		{"baseline check -h", cli.ExitOK, "--why"},
		{"trend -h", cli.ExitOK, "Records:\n"},
		{"selftest -h", cli.ExitOK, "What to plant:\n"},
		{"peers -h", cli.ExitOK, "--turns"},
		{"scale -h", cli.ExitOK, "--times"},
		{"bare -h", cli.ExitOK, "bench bare TARGET GUESTS LENGTH"},
		{"bare --help", cli.ExitOK, "bench bare TARGET GUESTS LENGTH"},
		{"hold -h", cli.ExitOK, "bench hold server"},
		{"bare --version", cli.ExitOK, "bench "},
		{"hold --version", cli.ExitOK, "bench "},
		{"bare --guest 3", cli.ExitUsage, "unknown flag: --guest"},
		{"gate --base main --merge-base main", cli.ExitUsage, "give one of them"},
		{"gate --merge-base nowhere", cli.ExitCouldNotRun, `revision "nowhere"`},
		{"gat", cli.ExitUsage, "did you mean gate?"},
		{"gate", cli.ExitUsage, "no --base"},
		{"gate -h", cli.ExitOK, "--budget duration"},
		{"gate -help", cli.ExitOK, "--inconclusive"},
		{"gate --bse main", cli.ExitUsage, "did you mean --base?"},
		{"gate -base main -budget 0s", cli.ExitUsage, "--budget 0s: above 0"},
		{"gate --base main --inconclusive maybe", cli.ExitUsage, "pass or fail"},
		{"gate --base main --only Nothing", cli.ExitUsage, "the policy has no such metric"},
		{"gate --base main --json --markdown", cli.ExitUsage, "both to stdout"},
		{"gate --base main --policy nowhere.yaml", cli.ExitCouldNotRun, "nowhere.yaml"},
		{"gate --base main extra", cli.ExitUsage, `unexpected argument "extra"`},
		{"gate --base nowhere", cli.ExitCouldNotRun, `revision "nowhere"`},
		{"ab --base main --pairs 0", cli.ExitUsage, "above 0"},
		{"baseline", cli.ExitUsage, "check or update"},
		{"baseline update", cli.ExitUsage, "no --why"},
		{"trend --commits 0", cli.ExitUsage, "--commits 0"},
		{"trend --dir nowhere", cli.ExitCouldNotRun, "no record of burst under nowhere"},
		{"selftest --plant 5", cli.ExitUsage, `--plant "5"`},
		{"peers --turns 0", cli.ExitUsage, "--turns 0: at least 1"},
		{"peers --for 1500ms", cli.ExitUsage, "whole seconds"},
		{"scale --only everything", cli.ExitUsage, "--only \"everything\": of memory"},
		{"scale --only memori", cli.ExitUsage, "did you mean memory?"},
		{"hold", cli.ExitUsage, "want server or bare or guests=http://host:port"},
		{"bare", cli.ExitUsage, "TARGET GUESTS LENGTH"},
		{"bare localhost 1 1s", cli.ExitCouldNotRun, "want http://host:port"},
		{"bare http://localhost 0 1s", cli.ExitUsage, "a number from 1"},
		{"bare http://localhost 1 soon", cli.ExitUsage, "a time such as 6s"},
		{"selftest --plant none --runs 0", cli.ExitUsage, "--runs 0"},
		{"selftest --burn 1", cli.ExitUsage, "--burn without --plant"},
		{"selftest --plant none --burn 99", cli.ExitUsage, "burn 99"},
		{"trend --counts", cli.ExitUsage, "--counts without --commits"},
		{"trend --counts --commits 2 --scenario crowd", cli.ExitUsage, "one of them"},
		{"trend --only Record", cli.ExitUsage, "--only without --counts"},
		{"trend --counts --commits 2 --only Size/server", cli.ExitUsage, "the policy counts no such metric"},
		{"selftest --runs 3", cli.ExitUsage, "--runs without --plant"},
		{"selftest --plant 5% --only Record", cli.ExitUsage, "look for it in Relay/within or Server/memory"},
		{"selftest --for=-1s", cli.ExitUsage, "not below 0"},
		{"selftest --plan nowhere.yaml", cli.ExitCouldNotRun, "nowhere.yaml"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &stdout, &stderr); code != c.code {
			t.Errorf("bench %s: exit %d, want %d: %s", c.args, code, c.code, stderr.String())
		}
		if all := stdout.String() + stderr.String(); !strings.Contains(all, c.says) {
			t.Errorf("bench %s says %q, want %q in it", c.args, all, c.says)
		}
	}
}

func TestAnInterruptIsToldAsOne(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"gate", "--base", "HEAD"}, &stdout, &stderr); code != cli.ExitCouldNotRun || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

// Every metric of the shipped policy is a benchmark or a comparison that there
// is, and every hard one has a baseline.
func TestTheShippedPolicyHolds(t *testing.T) {
	p, err := policy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	b, err := baseline.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	known := benchmarkNames(t)
	for _, m := range slices.Concat(p.Counts, p.Metrics, p.Hard) {
		top, _, _ := strings.Cut(policy.RunOf(m), "/")
		if _, end := ab.EndToEnd()[policy.RunOf(m)]; !end && !slices.Contains(known, top) && top != "Size" {
			t.Errorf("%s: there is no Benchmark%s", m.Name, top)
		}
	}
	for _, m := range p.Hard {
		if _, ok := b.Values[m.Name]; !ok {
			t.Errorf("%s has no baseline: bench baseline update --why …", m.Name)
		}
	}
	if len(b.Values) != len(p.Hard) {
		t.Errorf("%d baselines of %d hard metrics", len(b.Values), len(p.Hard))
	}
}

func benchmarkNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func Benchmark(\w+)`).FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}
