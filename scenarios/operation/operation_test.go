package operation

import (
	"slices"
	"testing"
)

func TestEachOperationHasItsOwnNameAndComesFromAStep(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range All() {
		name := op.String()
		if got, err := Parse(name); err != nil || got != op || seen[name] || name == "" {
			t.Errorf("%d is %q: %v, %v", op, name, got, err)
		}
		seen[name] = true
		if len(all[op].sure)+len(all[op].maybe) == 0 {
			t.Errorf("%s comes from no step", name)
		}
	}
	if !slices.Equal(Of("chat"), []Op{Ack, Delivery}) || !slices.Equal(Of("next"), []Op{Match}) || Of("deaf") != nil || Create.Steps() != nil {
		t.Error("steps and operations differ")
	}
	if _, err := Parse("conect"); err == nil {
		t.Error("an unknown operation was accepted")
	}
	if got := Op(99).String(); got != "op(99)" {
		t.Errorf("got %q", got)
	}
}
