package realtime

import (
	"guestload/server/api"
	"guestload/server/guest"
)

// Payloads that never change.
var (
	searchingData = api.AppendNotice(nil, api.TextSearching)
	noUsersData   = api.AppendNotice(nil, api.TextNoUsers)
	cancelledData = api.AppendNotice(nil, api.TextCancelled)
	clearedData   = api.AppendNotice(nil, api.TextCleared)
)

// What an `error` event says before a close, beyond the contract's own words.
const (
	textSessionEnded = "The session has ended"
	textSlowReader   = "The connection reads too slowly"
	textShuttingDown = "The server is shutting down"
)

// The functions below append whole frames for c's framing. Their payloads are
// small: a scratch array on the stack holds them.

func appendNoUsers(c *Client, dst []byte) []byte {
	return api.AppendEventFrame(dst, c.framing, api.EventNoUsers, noUsersData)
}

func appendMatched(c *Client, dst []byte, them *guest.Searcher, room string) []byte {
	var data [512]byte
	return api.AppendEventFrame(dst, c.framing, api.EventMatched, api.AppendMatched(data[:0], them, room))
}

func appendJoined(c *Client, dst []byte, id, username string) []byte {
	var data [256]byte
	return api.AppendEventFrame(dst, c.framing, api.EventUserJoined, api.AppendUserJoined(data[:0], id, username))
}

func appendLeft(c *Client, dst []byte, id, username string) []byte {
	var data [256]byte
	return api.AppendEventFrame(dst, c.framing, api.EventUserLeft, api.AppendUserLeft(data[:0], id, username))
}

// appendParted tells the partner of a guest who has left, or is gone.
func appendParted(c *Client, dst []byte, gone *side, why parting) []byte {
	var data [256]byte
	switch why {
	case left:
		dst = appendLeft(c, dst, gone.id, gone.username)
		return api.AppendEventFrame(dst, c.framing, api.EventChatCleared,
			api.AppendChatCleared(data[:0], gone.id, gone.username))
	case offline, undone:
		return api.AppendEventFrame(dst, c.framing, api.EventRoomClosed,
			api.AppendRoomClosed(data[:0], gone.id, gone.username, api.ReasonPartnerOffline))
	default:
		return api.AppendEventFrame(dst, c.framing, api.EventRoomClosed,
			api.AppendRoomClosed(data[:0], gone.id, gone.username, api.ReasonDisconnected))
	}
}

// appendAck is an ack's one argument.
func appendAck(dst []byte, refusal string) []byte {
	if refusal == "" {
		return append(dst, `{"success":true}`...)
	}
	dst = append(dst, `{"success":false,"message":`...)
	return append(api.AppendString(dst, refusal), '}')
}
