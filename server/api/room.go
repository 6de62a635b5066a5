package api

import (
	"fmt"

	"github.com/valyala/fastjson"

	"guestload/server/guest"
)

// RoomID names the room of two guests: their ids, sorted, joined with '_'.
func RoomID(a, b string) string {
	if b < a {
		a, b = b, a
	}
	return a + "_" + b
}

// AppendNotice appends {"message":text}: the data of user:match:searching,
// user:match:no_users, user:match:cancelled, user:match:error,
// chat:clear:confirmed, chat:error and error.
func AppendNotice(dst []byte, text string) []byte {
	return append(appendField(dst, `{"message":`, text), '}')
}

// ParseNotice returns the message in such data, nil where there is none.
func ParseNotice(v Value) (message []byte) { return v.Get("message").Text() }

// AppendEstablished appends the data of connection:established:
// {userId,username,socketId,isGuest:true,sessionId}.
func AppendEstablished(dst []byte, s *guest.Session) []byte {
	dst = appendField(dst, `{"userId":`, s.ID)
	dst = appendField(dst, `,"username":`, s.Username)
	dst = appendField(dst, `,"socketId":`, s.SocketID)
	dst = appendField(dst, `,"isGuest":true,"sessionId":`, s.SessionID)
	return append(dst, '}')
}

// Established is what a client learns from connection:established. All are views.
type Established struct{ UserID, Username, SocketID, SessionID []byte }

// ParseEstablished reads the data of connection:established.
func ParseEstablished(v Value) (Established, error) {
	var e Established
	for name, member := range v.Members() {
		switch string(name) {
		case "userId":
			e.UserID = member.Text()
		case "username":
			e.Username = member.Text()
		case "socketId":
			e.SocketID = member.Text()
		case "sessionId":
			e.SessionID = member.Text()
		}
	}
	if len(e.UserID) == 0 || len(e.SessionID) == 0 {
		return Established{}, fmt.Errorf("%w: connection:established %s: want userId and sessionId", ErrMalformed, excerpt(v))
	}
	return e, nil
}

// AppendMatched appends the data of user:matched, as the partner of who gets it:
// {matchedUser:{id,username,isGuest:true,location,gender,language},roomId}.
func AppendMatched(dst []byte, partner *guest.Searcher, roomID string) []byte {
	dst = appendField(dst, `{"matchedUser":{"id":`, partner.ID)
	dst = appendField(dst, `,"username":`, partner.Username)
	dst = appendLocation(dst, `,"isGuest":true,"location":`, partner.Location)
	dst = appendNullable(dst, `,"gender":`, partner.Traits.Gender)
	dst = appendNullable(dst, `,"language":`, partner.Traits.Language)
	dst = appendField(dst, `},"roomId":`, roomID)
	return append(dst, '}')
}

// Matched is what a client learns from user:matched. All are views.
type Matched struct {
	PartnerID, PartnerUsername []byte
	RoomID                     []byte
}

// ParseMatched reads the data of user:matched.
func ParseMatched(v Value) (Matched, error) {
	var m Matched
	for name, member := range v.Members() {
		switch string(name) {
		case "roomId":
			m.RoomID = member.Text()
		case "matchedUser":
			m.PartnerID, m.PartnerUsername = nil, nil
			for name, member := range member.Members() {
				switch string(name) {
				case "id":
					m.PartnerID = member.Text()
				case "username":
					m.PartnerUsername = member.Text()
				}
			}
		}
	}
	if len(m.PartnerID) == 0 || len(m.RoomID) == 0 {
		return Matched{}, fmt.Errorf("%w: user:matched %s: want matchedUser.id and roomId", ErrMalformed, excerpt(v))
	}
	return m, nil
}

// AppendUserJoined appends the data of room:user_joined:
// {userId,username,message:"X has joined the chat"}.
func AppendUserJoined(dst []byte, userID, username string) []byte {
	return appendMoved(dst, userID, username, " has joined the chat")
}

// AppendUserLeft appends the data of room:user_left:
// {userId,username,message:"X has left the chat"}.
func AppendUserLeft(dst []byte, userID, username string) []byte {
	return appendMoved(dst, userID, username, " has left the chat")
}

func appendMoved(dst []byte, userID, username, what string) []byte {
	dst = appendUser(dst, userID, username)
	dst = appendField(dst, `,"message":`, username)
	return append(append(dst[:len(dst)-1], what...), `"}`...)
}

// appendUser begins an object with whom it is about, and leaves it open.
func appendUser(dst []byte, userID, username string) []byte {
	dst = appendField(dst, `{"userId":`, userID)
	return appendField(dst, `,"username":`, username)
}

// AppendTyping appends the data of chat:typing:start and chat:typing:stop:
// {userId,username}.
func AppendTyping(dst []byte, userID, username string) []byte {
	return append(appendUser(dst, userID, username), '}')
}

// AppendChatCleared appends the data of chat:cleared:
// {userId,username,reason:"User left the chat"}.
func AppendChatCleared(dst []byte, userID, username string) []byte {
	return append(appendUser(dst, userID, username), `,"reason":"`+TextLeftReason+`"}`...)
}

// AppendRoomClosed appends the data of room:closed: {userId,username,message,reason};
// reason is ReasonDisconnected or ReasonPartnerOffline.
func AppendRoomClosed(dst []byte, userID, username, reason string) []byte {
	dst = append(appendUser(dst, userID, username), `,"message":"`+TextRoomClosed+`"`...)
	return append(appendField(dst, `,"reason":`, reason), '}')
}

// Departure is what a client learns from room:user_joined, room:user_left,
// chat:cleared, room:closed and typing: whom it is about. All are views.
type Departure struct{ UserID, Username, Message, Reason []byte }

// ParseLeft reads the data of room:user_left, chat:cleared and room:closed, and
// of room:user_joined and chat:typing:…, which have the same form.
func ParseLeft(v Value) (Departure, error) {
	var d Departure
	for name, member := range v.Members() {
		switch string(name) {
		case "userId":
			d.UserID = member.Text()
		case "username":
			d.Username = member.Text()
		case "message":
			d.Message = member.Text()
		case "reason":
			d.Reason = member.Text()
		}
	}
	if len(d.UserID) == 0 {
		return Departure{}, fmt.Errorf("%w: %s: want userId", ErrMalformed, excerpt(v))
	}
	return d, nil
}

// AppendWishes appends the data of a client's user:match: {language?,gender?,country?}.
// Nothing is appended where there are no wishes.
func AppendWishes(dst []byte, p guest.Preferences) []byte {
	open := byte('{')
	for _, wish := range [...]struct{ name, value string }{
		{`"language":`, p.Language}, {`"gender":`, p.Gender}, {`"country":`, p.Country},
	} {
		if wish.value != "" {
			dst = appendField(append(dst, open), wish.name, wish.value)
			open = ','
		}
	}
	if open == ',' {
		dst = append(dst, '}')
	}
	return dst
}

// ParseWishes reads the data of a client's user:match, which may be nil, by the
// rules of guest.ParsePreferences. Errors wrap ErrInvalid and a guest.ValidationError.
func ParseWishes(v Value) (guest.Preferences, error) {
	if v == nil {
		return guest.Preferences{}, nil
	}
	if HasLoneSurrogate(v) {
		return guest.Preferences{}, fmt.Errorf("%w: half of a surrogate pair", ErrInvalid)
	}
	var parser fastjson.Parser
	wishes, err := parser.ParseBytes(v)
	if err != nil {
		return guest.Preferences{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	p, err := guest.ParsePreferences(wishes)
	if err != nil {
		return guest.Preferences{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return p, nil
}
