// Package operation lists the operations that guests time. Scenarios, measurements, records
// and documents take them from here.
package operation

import (
	"fmt"
	"slices"
	"strings"
)

// Op is an operation.
type Op uint8

// The operations, in the order in which people read them.
const (
	Create    Op = iota // session requested → created
	Fetch               // session requested → received
	Connect             // dialled → connection:established
	Match               // search sent → matched
	Ack                 // message → chat:message:sent
	Delivery            // message due → received by the partner
	Leave               // chat:clear → confirmed
	Reconnect           // dialled with the old token → established
	Online              // a page of guests online
	Stats               // counts of the whole system
	Renew               // token renewed
	Refusal             // what the backend must refuse → refused
	Count               // how many operations there are
)

// operation describes one.
type operation struct {
	name  string   // in scenarios and records
	sure  []string // steps whose guests all measure it
	maybe []string // further steps that it can come from
	any   bool     // guests may have to do it whatever their steps are
}

var all = [Count]operation{
	Create:    {name: "create", sure: []string{"create"}, any: true},
	Fetch:     {name: "fetch", sure: []string{"fetch"}},
	Connect:   {name: "connect", sure: []string{"connect"}},
	Match:     {name: "match", sure: []string{"search", "next"}},
	Ack:       {name: "ack", sure: []string{"chat"}},
	Delivery:  {name: "delivery", sure: []string{"chat"}},
	Leave:     {name: "leave", maybe: []string{"search", "next"}},
	Reconnect: {name: "reconnect", sure: []string{"reconnect"}, any: true},
	Online:    {name: "online", sure: []string{"online"}},
	Stats:     {name: "stats", sure: []string{"stats"}},
	Renew:     {name: "renew", sure: []string{"renew"}},
	Refusal:   {name: "refusal", sure: []string{"hostile", "speak"}, maybe: []string{"deaf"}},
}

// All returns the operations in their order.
func All() []Op {
	ops := make([]Op, Count)
	for i := range ops {
		ops[i] = Op(i)
	}
	return ops
}

// Names returns the names of all operations in their order.
func Names() []string {
	names := make([]string, Count)
	for i, o := range all {
		names[i] = o.name
	}
	return names
}

// String returns the name.
func (op Op) String() string {
	if op >= Count {
		return fmt.Sprintf("op(%d)", uint8(op))
	}
	return all[op].name
}

// Parse returns the operation with a name.
func Parse(name string) (Op, error) {
	if i := slices.Index(Names(), name); i >= 0 {
		return Op(i), nil
	}
	return 0, fmt.Errorf("unknown operation %q: want one of %s", name, strings.Join(Names(), ", "))
}

// Steps returns the steps that the operation comes from; nil if it may come from any.
func (op Op) Steps() []string {
	if all[op].any {
		return nil
	}
	return slices.Concat(all[op].sure, all[op].maybe)
}

// Of returns the operations that every guest measures who takes a step.
func Of(step string) (ops []Op) {
	for i, o := range all {
		if slices.Contains(o.sure, step) {
			ops = append(ops, Op(i))
		}
	}
	return ops
}
