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
	MatchedInTime    ID = "matched-in-time"
	FirstCome        ID = "first-come"
	OtherPartner     ID = "other-partner"
	Preferences      ID = "preferences"
	MessageOnce      ID = "message-once"
	MessageOrder     ID = "message-order"
	MessageWhole     ID = "message-whole"
	MessageLost      ID = "message-lost"
	MessageToPartner ID = "message-to-partner"
	AfterLeave       ID = "after-leave"
	ReceiptToSender  ID = "receipt-to-sender"
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
	{SymmetricPartner, "rule-1", "if A's partner is B, then B's partner is A, and both are told within 5 s"},
	{NotOneself, "rule-1", "nobody is matched with oneself"},
	{ToldOnce, "rule-1", "each of the two guests is told of a match once"},
	{UniqueID, "http", "no two guests have the same id"},
	{RoomID, "server-user-matched", "a roomId is the two guests' ids, sorted, joined with _"},
	{EventOrder, "order", "the events of a search and a chat arrive in the contract's order"},
	{MatchedInTime, "rule-2", "two guests who search at the same time and accept each other are matched, with each other or with others, within 5 s"},
	{FirstCome, "rule-2", "a guest who searches is matched with the one who has waited longest, of those who accept each other"},
	{OtherPartner, "rule-2", "a guest who has just left a partner is not matched with the same one again while somebody else waits for it"},
	{Preferences, "client-user-match", "matched guests have the language, gender and country that each of them asked for"},
	{MessageOnce, "rule-3", "a message arrives once"},
	{MessageOrder, "rule-3", "messages arrive in the order in which they were sent"},
	{MessageWhole, "rule-3", "a message arrives as it was sent"},
	{MessageLost, "rule-3", "a message that was sent to a partner arrives"},
	{MessageToPartner, "rule-3", "a message reaches the sender's partner and nobody else"},
	{AfterLeave, "rule-3", "no message of a chat arrives after the chat has ended, and none that was sent after it reaches anybody"},
	{ReceiptToSender, "server-chat-message-delivered", "chat:message:delivered goes to the sender of the message, once"},
	{Release, "rule-4", "a guest whose partner leaves, drops or dies is told in time, and not before"},
	{Leftover, "rule-8", "the server's counts are back to zero after the last guest has gone"},
}

// explains are the rules that a breach of a rule breaks in its turn, for the same
// guests in the same chats: a guest who has two partners sends one of them what
// the other should get.
var explains = map[ID][]ID{
	OnePartner:       afterWrongMatch,
	SymmetricPartner: afterWrongMatch,
	NotOneself:       afterWrongMatch,
	UniqueID:         afterWrongMatch,
	EventOrder:       slices.DeleteFunc(slices.Clone(afterWrongMatch), func(id ID) bool { return id == EventOrder }),
	ToldOnce:         {EventOrder},
	MessageToPartner: {MessageLost},
	AfterLeave:       {MessageLost},
	Release:          {AfterLeave, MessageLost},
}

// afterWrongMatch are the rules that break where two guests take each other for
// partners, or one of them does, and the server does not.
var afterWrongMatch = []ID{OnePartner, SymmetricPartner, ToldOnce, EventOrder, MatchedInTime, FirstCome, OtherPartner, Preferences,
	MessageOrder, MessageWhole, MessageLost, MessageToPartner, AfterLeave, ReceiptToSender, Release}

// Explains reports whether a breach of rule cause can be the reason of a later
// breach of another, or the same, for the same guests.
func (cause ID) Explains(id ID) bool { return slices.Contains(explains[cause], id) }

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
