package verify

import "guestload/scenarios/rule"

// fault is a way in which the server breaks a rule, once.
type fault string

const (
	doubleMatch   fault = "tell a third guest that it has a partner who is taken"
	doubleTold    fault = "match a guest who is in a chat, and tell both"
	selfMatch     fault = "match a guest with itself"
	strangeMatch  fault = "match a guest with one who does not search"
	tellTwice     fault = "tell a match twice"
	wrongRoom     fault = "name another room"
	noJoin        fault = "leave out a room:user_joined"
	joinsReversed fault = "tell one side the joins in the other order"
	swapMessages  fault = "swap two messages"
	dropMessage   fault = "drop a message"
	dropDelivered fault = "drop a message and acknowledge it as delivered"
	duplicate     fault = "send a message twice"
	truncate      fault = "cut the end off a message"
	misroute      fault = "send a message to a third guest"
	copyToThird   fault = "send a message to a third guest too"
	afterLeaving  fault = "send a message once more after the chat has ended"
	forgetRelease fault = "tell nobody that the partner has gone"
	lateRelease   fault = "tell it too late"
	neverTold     fault = "tell only one of two of their match"
	keepWaiting   fault = "let two wait who accept each other"
	lastFirst     fault = "match who came last"
	sameAgain     fault = "match a guest with its last partner while another waits"
	ignoreWishes  fault = "match a guest with one whom it does not want"
	wrongReceipt  fault = "tell the recipient that a message was delivered"
	relayLate     fault = "deliver what a guest says after its chat"
)

// elusive are the faults that cannot always be proved: the guest that was passed
// over is matched with one who may have searched before, or the former partner has
// closed its socket.
func (f fault) elusive() bool { return f == lastFirst || f == sameAgain || f == relayLate }

// picky are the faults that show only where guests do not accept everybody.
func (f fault) picky() bool { return f == lastFirst || f == sameAgain || f == ignoreWishes }

func faults() []fault {
	return []fault{
		doubleMatch, doubleTold, selfMatch, strangeMatch, tellTwice, neverTold, wrongRoom, noJoin, joinsReversed,
		swapMessages, dropMessage, dropDelivered, duplicate, truncate, misroute, copyToThird, afterLeaving,
		forgetRelease, lateRelease, keepWaiting, lastFirst, sameAgain, ignoreWishes, wrongReceipt, relayLate,
	}
}

// finds are the rules of which one must be found broken: which, depends on what
// the guest in question does in the moment when it hears.
func (f fault) finds() []rule.ID {
	return map[fault][]rule.ID{
		doubleMatch: {rule.OnePartner}, doubleTold: {rule.OnePartner, rule.EventOrder}, selfMatch: {rule.NotOneself}, strangeMatch: {rule.SymmetricPartner, rule.OnePartner},
		tellTwice: {rule.ToldOnce}, neverTold: {rule.SymmetricPartner}, wrongRoom: {rule.RoomID}, noJoin: {rule.EventOrder}, joinsReversed: {rule.EventOrder},
		swapMessages: {rule.MessageOrder}, dropMessage: {rule.MessageLost}, dropDelivered: {rule.MessageLost}, duplicate: {rule.MessageOnce},
		truncate: {rule.MessageWhole}, misroute: {rule.MessageToPartner}, copyToThird: {rule.MessageToPartner}, afterLeaving: {rule.AfterLeave},
		forgetRelease: {rule.Release}, lateRelease: {rule.Release}, keepWaiting: {rule.MatchedInTime}, lastFirst: {rule.FirstCome, rule.OtherPartner},
		sameAgain: {rule.OtherPartner}, ignoreWishes: {rule.Preferences}, wrongReceipt: {rule.ReceiptToSender}, relayLate: {rule.AfterLeave},
	}[f]
}
