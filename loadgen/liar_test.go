package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guestload/loadgen/verify/liar"
	"guestload/results"
	"guestload/scenarios/rule"
)

// gathering gives a lying server enough to lie about: guests who meet, talk,
// part and meet again, an even number of them.
const gathering = `scenario: gathering
about: guests meet, talk, leave and meet again.
seed: 5
phases:
  - {name: meet, guests: 18, within: 500ms}
guests:
  - script: talker
    weight: 3
    steps: [create, connect, {search: {within: 7s}}, {chat: {messages: 4..6, think: 10ms..40ms}}, {next: {within: 1s}}, {chat: {messages: 2..3, think: 10ms..40ms}}, drop]
  - script: stayer
    weight: 1
    steps: [create, connect, {search: {within: 7s}}, {chat: {messages: 1, think: 10ms}}, {idle: {for: 4s}}, drop]
  - script: speaker
    weight: 2
    steps: [create, connect, {search: {within: 7s}}, {chat: {messages: 1, think: 10ms}}, {speak: {after: left, within: 2s}}, {search: {within: 2s}}, {speak: {after: leaving}}, drop]
thresholds:
  - violations == 0
`

// Each lie must be found out by one of these rules, from flags to exit code.
func TestALyingServerIsFoundOut(t *testing.T) {
	t.Parallel()
	for _, processes := range []string{"1", "2"} {
		t.Run("processes="+processes, func(t *testing.T) {
			t.Parallel()
			findOut(t, processes)
		})
	}
}

func findOut(t *testing.T, processes string) {
	for lie, rules := range map[liar.Lie][]rule.ID{
		liar.None:          nil,
		liar.DoubleMatch:   {rule.OnePartner, rule.EventOrder},
		liar.SwapMessages:  {rule.MessageOrder},
		liar.DropMessage:   {rule.MessageLost},
		liar.ForgetRelease: {rule.Release},
		liar.KeepWaiting:   {rule.MatchedInTime},
		liar.WrongReceipt:  {rule.ReceiptToSender},
		liar.RelayLate:     {rule.AfterLeave},
	} {
		t.Run("lie="+string(lie), func(t *testing.T) {
			t.Parallel()
			server, err := liar.Start(lie)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			}()
			dir := filepath.Join(t.TempDir(), "r")
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, gathering), "--target", server.URL(), "--out", dir, "--quiet", "--processes", processes)
			var broken []rule.ID
			r := readRecord(t, dir)
			if r.DurationSec > 45 { // who waits for words that never come would wait for 75 s
				t.Errorf("the run went on for %v s\n%s%s", r.DurationSec, out, errs)
			}
			for _, v := range r.Violations {
				if v.Count > 0 {
					broken = append(broken, rule.ID(v.Rule))
				}
			}
			if lie == liar.None {
				// A busy machine may make the run invalid, but accuses nobody.
				if len(broken) > 0 || code != results.ExitPassed && code != results.ExitInvalid {
					t.Errorf("an honest server: exit code %d, broken %q\n%s%s", code, broken, out, errs)
				}
				return
			}
			named := slices.ContainsFunc(rules, func(r rule.ID) bool { return slices.Contains(broken, r) })
			if timed := lie == liar.ForgetRelease || lie == liar.KeepWaiting; timed && code == results.ExitInvalid && strings.Contains(strings.Join(r.Warnings, "\n"), "those that passed: "+string(rules[0])) {
				return // on a busy machine time limits are not judged
			}
			if code != results.ExitViolated || !named || server.Told() == 0 {
				t.Errorf("%d lies: exit code %d, broken %q, want one of %q\n%s%s", server.Told(), code, broken, rules, out, errs)
			}
		})
	}
}
