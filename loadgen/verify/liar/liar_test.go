package liar_test

import (
	"fmt"
	"testing"

	"guestload/loadgen/verify"
	"guestload/loadgen/verify/liar"
	"guestload/scenarios/rule"
)

// found says by which rule a lie is found out. Any of several may.
var found = map[liar.Lie][]rule.ID{
	liar.DoubleMatch:   {rule.OnePartner, rule.EventOrder},
	liar.SwapMessages:  {rule.MessageOrder},
	liar.DropMessage:   {rule.MessageLost},
	liar.RepeatMessage: {rule.MessageOnce},
	liar.DamageMessage: {rule.MessageWhole},
	liar.Misdirect:     {rule.MessageToPartner, rule.AfterLeave},
	liar.ForgetRelease: {rule.Release},
	liar.LeaveBehind:   {rule.Leftover},
	liar.KeepWaiting:   {rule.MatchedInTime},
	liar.IgnoreWishes:  {rule.Preferences},
	liar.LastFirst:     {rule.FirstCome},
	liar.SameAgain:     {rule.OtherPartner},
	liar.WrongReceipt:  {rule.ReceiptToSender},
	liar.RelayLate:     {rule.AfterLeave},
}

func TestEachLieIsFoundOutAndTheTruthIsBelieved(t *testing.T) {
	for _, processes := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("processes=%d", processes), func(t *testing.T) { findOut(t, processes) })
	}
}

func findOut(t *testing.T, processes int) {
	for _, lie := range append(liar.Lies(), liar.None) {
		t.Run("lie="+string(lie), func(t *testing.T) {
			t.Parallel()
			s, err := liar.Start(lie)
			if err != nil {
				t.Fatal(err)
			}
			report := play(t, s, lie, processes)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if lie == liar.None {
				if report.Total() != 0 {
					t.Errorf("an honest server is accused:\n%s", tell(report))
				}
				return
			}
			if s.Told() == 0 {
				t.Fatal("the server never lied")
			}
			for _, rule := range found[lie] {
				if report.Of(rule).Count > 0 {
					return
				}
			}
			t.Errorf("%d lies, none found by %v:\n%s", s.Told(), found[lie], tell(report))
		})
	}
}

func tell(r verify.Report) (text string) {
	for _, v := range r.Violations {
		for _, e := range v.Examples {
			text += v.Rule + ": " + e + "\n"
		}
	}
	return text
}
