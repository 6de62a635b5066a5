package verify

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
)

func faults() []fault {
	return []fault{
		doubleMatch, doubleTold, selfMatch, strangeMatch, tellTwice, neverTold, wrongRoom, noJoin, joinsReversed,
		swapMessages, dropMessage, dropDelivered, duplicate, truncate, misroute, copyToThird, afterLeaving,
		forgetRelease, lateRelease,
	}
}

// finds are the rules of which one must be found broken: which, depends on what
// the guest in question does in the moment when it hears.
func (f fault) finds() []Rule {
	return map[fault][]Rule{
		doubleMatch: {OnePartner}, doubleTold: {OnePartner, EventOrder}, selfMatch: {NotOneself}, strangeMatch: {SymmetricPartner, OnePartner},
		tellTwice: {ToldOnce}, neverTold: {SymmetricPartner}, wrongRoom: {RoomID}, noJoin: {EventOrder}, joinsReversed: {EventOrder},
		swapMessages: {MessageOrder}, dropMessage: {MessageLost}, dropDelivered: {MessageLost}, duplicate: {MessageOnce},
		truncate: {MessageWhole}, misroute: {MessageToPartner}, copyToThird: {MessageToPartner}, afterLeaving: {AfterLeave},
		forgetRelease: {Release}, lateRelease: {Release},
	}[f]
}
