// Package rule lists the rules of the wire contract that loadgen checks. The
// verifier, thresholds, reports and documents take them from here.
package rule

import "slices"

// ID names a rule. IDs are stable: thresholds and records carry them.
type ID string

// The rules, in the order in which reports list them.
const (
	OnePartner       ID = "one-partner"
	SymmetricPartner ID = "symmetric-partner"
	NotOneself       ID = "not-oneself"
	ToldOnce         ID = "told-once"
	UniqueID         ID = "unique-id"
	RoomID           ID = "room-id"
	EventOrder       ID = "event-order"
	MessageOnce      ID = "message-once"
	MessageOrder     ID = "message-order"
	MessageWhole     ID = "message-whole"
	MessageLost      ID = "message-lost"
	MessageToPartner ID = "message-to-partner"
	AfterLeave       ID = "after-leave"
	Release          ID = "release"
	Leftover         ID = "leftovers"
)

// Rule describes one rule.
type Rule struct {
	ID      ID
	Section string // where the contract states it: an anchor in server/CONTRACT.md
	Text    string // what must hold: one sentence, without a full stop
}

var all = []Rule{
	{OnePartner, "rule-1", "a guest has at most one partner"},
	{SymmetricPartner, "rule-1", "if A's partner is B, then B's partner is A"},
	{NotOneself, "rule-1", "nobody is matched with oneself"},
	{ToldOnce, "rule-1", "each of the two guests is told of a match once"},
	{UniqueID, "http", "no two guests have the same id"},
	{RoomID, "server-user-matched", "a roomId is the two guests' ids, sorted, joined with _"},
	{EventOrder, "order", "the events of a search and a chat arrive in the contract's order"},
	{MessageOnce, "rule-3", "a message arrives once"},
	{MessageOrder, "rule-3", "messages arrive in the order in which they were sent"},
	{MessageWhole, "rule-3", "a message arrives as it was sent"},
	{MessageLost, "rule-3", "a message that was sent to a partner arrives"},
	{MessageToPartner, "rule-3", "a message reaches the sender's partner and nobody else"},
	{AfterLeave, "rule-5", "no message arrives from a partner after the chat has ended"},
	{Release, "rule-4", "a guest whose partner leaves, drops or dies is told in time, and not before"},
	{Leftover, "rule-8", "the server's counts are back to zero after the last guest has gone"},
}

// All returns the rules, in the order in which reports list them.
func All() []Rule { return slices.Clone(all) }

// IDs returns the ids of all rules, in the same order.
func IDs() []string {
	ids := make([]string, len(all))
	for i, r := range all {
		ids[i] = string(r.ID)
	}
	return ids
}

// Find returns the rule with this id; false where there is none.
func Find(id string) (Rule, bool) {
	i := slices.IndexFunc(all, func(r Rule) bool { return string(r.ID) == id })
	if i < 0 {
		return Rule{}, false
	}
	return all[i], true
}
