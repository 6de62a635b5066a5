package api

import (
	"fmt"

	"guestload/server/guest"
)

// AppendNotice appends {"message":text}: the data of user:match:searching,
// user:match:no_users, user:match:cancelled, user:match:error,
// chat:clear:confirmed, chat:error and error.
func AppendNotice(dst []byte, text string) []byte {
	return append(appendField(dst, `{"message":`, text), '}')
}

// AppendEstablished appends the data of connection:established:
// {userId,username,socketId,isGuest:true,sessionId}.
func AppendEstablished(dst []byte, s *guest.Session) []byte {
	dst = appendField(dst, `{"userId":`, s.ID)
	dst = appendField(dst, `,"username":`, s.Username)
	dst = appendField(dst, `,"socketId":`, s.SocketID)
	dst = appendField(dst, `,"isGuest":true,"sessionId":`, s.SessionID)
	return append(dst, '}')
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

// ParseWishes reads the data of a client's user:match, which may be nil, by the
// rules of guest.ParsePreferences. Errors wrap ErrInvalid and a guest.ValidationError.
func ParseWishes(v Value) (guest.Preferences, error) {
	if v == nil {
		return guest.Preferences{}, nil
	}
	if HasLoneSurrogate(v) {
		return guest.Preferences{}, fmt.Errorf("%w: half of a surrogate pair", ErrInvalid)
	}
	p, err := guest.ParsePreferences(v)
	if err != nil {
		return guest.Preferences{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return p, nil
}
