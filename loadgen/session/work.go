package session

import (
	"sync/atomic"

	"guestload/loadgen/measure"
	"guestload/scenarios"
	"guestload/scenarios/operation"
)

// work holds which scripts guests have played, and which steps succeeded that are no
// operation. Safe for concurrent use.
type work struct {
	played          []atomic.Bool // by script
	renamed, placed atomic.Bool
}

// note sets a flag. Most calls find it set, and a load is cheaper than a store.
func note(flag *atomic.Bool) {
	if !flag.Load() {
		flag.Store(true)
	}
}

// Required returns the operations that the scripts played so far require, and of
// each whether it ever succeeded. Steps that Without leaves out are not required.
// A delivery is not where guests do not read, or where it cannot be measured; a
// leave only where one was tried, since the partner's can come first.
func (w *World) Required(t measure.Totals) map[string]bool {
	required := map[string]bool{}
	deaf := false
	for i := range w.Scripts {
		if !w.work.played[i].Load() {
			continue
		}
		for _, step := range w.Scripts[i].Steps {
			deaf = deaf || step.Kind == scenarios.Deaf
		}
		w.require(w.Scripts[i].Steps, t, required)
	}
	if deaf || w.Apart != nil {
		delete(required, operation.Delivery.String())
	}
	if t.Failed(operation.Leave) {
		required[operation.Leave.String()] = t.Succeeded(operation.Leave)
	}
	return required
}

// require adds what the steps require.
func (w *World) require(steps []scenarios.Step, t measure.Totals, to map[string]bool) {
	shut := false // the server may have closed the connection, rightly
	for _, step := range steps {
		if step.Kind == scenarios.Reconnect {
			shut = false
		}
		if shut || w.Without[step.Kind] {
			continue
		}
		for _, op := range operation.Of(string(step.Kind)) {
			to[op.String()] = t.Succeeded(op)
		}
		switch step.Kind {
		case scenarios.Rename:
			to[string(step.Kind)] = w.work.renamed.Load()
		case scenarios.Locate:
			to[string(step.Kind)] = w.work.placed.Load()
		case scenarios.Deaf:
			shut = true
		}
	}
}
