package api

// intern returns the contract's constant for an event's name, without
// allocating; a copy for other names.
func intern(name []byte) string {
	switch string(name) {
	case EventChatMessage:
		return EventChatMessage
	case EventMessageSent:
		return EventMessageSent
	case EventDelivered:
		return EventDelivered
	case EventTypingStart:
		return EventTypingStart
	case EventTypingStop:
		return EventTypingStop
	case EventMatch:
		return EventMatch
	case EventMatchCancel:
		return EventMatchCancel
	case EventChatClear:
		return EventChatClear
	case EventLeaveRoom:
		return EventLeaveRoom
	case EventCloseRoom:
		return EventCloseRoom
	case EventGetStats:
		return EventGetStats
	case EventOffer:
		return EventOffer
	case EventAnswer:
		return EventAnswer
	case EventICECandidate:
		return EventICECandidate
	case EventCallEnd:
		return EventCallEnd
	case EventCallReject:
		return EventCallReject
	case EventCallTimeout:
		return EventCallTimeout
	default:
		return internServer(name)
	}
}

// internServer is intern for what only servers send.
func internServer(name []byte) string {
	switch string(name) {
	case EventEstablished:
		return EventEstablished
	case EventSearching:
		return EventSearching
	case EventNoUsers:
		return EventNoUsers
	case EventMatched:
		return EventMatched
	case EventUserJoined:
		return EventUserJoined
	case EventMatchCancelled:
		return EventMatchCancelled
	case EventMatchError:
		return EventMatchError
	case EventUserLeft:
		return EventUserLeft
	case EventChatCleared:
		return EventChatCleared
	case EventClearConfirmed:
		return EventClearConfirmed
	case EventRoomClosed:
		return EventRoomClosed
	case EventChatError:
		return EventChatError
	case EventStats:
		return EventStats
	case EventError:
		return EventError
	default:
		return string(name)
	}
}
