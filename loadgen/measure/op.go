// Package measure keeps what guests measured: response time, service time and
// lag, by operation and by second, and how healthy the generator itself was
// meanwhile. Recording takes no lock and never waits for a reader.
package measure

import (
	"fmt"
	"strings"
)

// Op is an operation that guests time.
type Op uint8

// The operations.
const (
	Create    Op = iota // session asked for → created
	Fetch               // session asked for → received
	Connect             // dialled → connection:established
	Match               // search sent → matched
	Ack                 // message → chat:message:sent
	Delivery            // message intended by one guest → received by the other
	Leave               // chat:clear → confirmed
	Reconnect           // dialled again with the old token → established
	Online              // a page of guests online
	Stats               // counts of the whole system
	Renew               // token renewed
	Refusal             // what the backend must refuse → refused, rightly
	opCount
)

var opNames = [opCount]string{"create", "fetch", "connect", "match", "ack", "delivery",
	"leave", "reconnect", "online", "stats", "renew", "refusal"}

// Ops are all operations, in the order in which people read them.
func Ops() []Op {
	ops := make([]Op, opCount)
	for i := range ops {
		ops[i] = Op(i)
	}
	return ops
}

// String is the name that scenarios and records use.
func (op Op) String() string {
	if op >= opCount {
		return fmt.Sprintf("op(%d)", uint8(op))
	}
	return opNames[op]
}

// ParseOp reads a name that String gives.
func ParseOp(name string) (Op, error) {
	for i, known := range opNames {
		if name == known {
			return Op(i), nil
		}
	}
	return 0, fmt.Errorf("unknown operation %q: want one of %s", name, strings.Join(opNames[:], ", "))
}
