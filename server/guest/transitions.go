package guest

import "time"

// New returns the session of a guest who has just come and has no socket yet.
// sessionID is a fresh UUID, in lower case; username a valid one, given or
// generated.
func New(sessionID, username string, p Profile, now time.Time) Session {
	id := IDPrefix + sessionID // both ids are one text in memory
	return Session{
		ID:        id,
		SessionID: id[len(IDPrefix):],
		Username:  username,
		LastSeen:  stamp(now),
		Location:  p.Location,
		Gender:    p.Gender,
		Language:  p.Language,
		CreatedAt: stamp(now),
	}
}

// Connected: a socket of the guest was opened.
func Connected(socketID string, now time.Time) Patch {
	return Patch{
		Fields: FieldIsOnline | FieldLastSeen | FieldSocketID | FieldConnectedAt,
		To:     Session{IsOnline: true, LastSeen: stamp(now), SocketID: socketID, ConnectedAt: stamp(now)},
	}
}

// Disconnected: the guest's socket is gone, and with it the search or the chat.
func Disconnected(now time.Time) Patch {
	return Patch{
		Fields: FieldIsOnline | FieldLastSeen | FieldIsSearching | FieldInChat | FieldConnectedUser | FieldSocketID,
		To:     Session{LastSeen: stamp(now)},
	}
}

// Searching: the guest waits for a partner, and has none.
func Searching(now time.Time) Patch {
	return Patch{
		Fields: FieldLastSeen | FieldIsSearching | FieldInChat | FieldConnectedUser,
		To:     Session{LastSeen: stamp(now), IsSearching: true},
	}
}

// StoppedSearching: the guest no longer waits.
func StoppedSearching(now time.Time) Patch {
	return Patch{Fields: FieldLastSeen | FieldIsSearching, To: Session{LastSeen: stamp(now)}}
}

// Chatting: the guest has met the one with partnerID.
func Chatting(partnerID string, now time.Time) Patch {
	return Patch{
		Fields: FieldLastSeen | FieldIsSearching | FieldInChat | FieldConnectedUser,
		To:     Session{LastSeen: stamp(now), InChat: true, ConnectedUser: partnerID},
	}
}

// Released: the guest's chat is over, whoever ended it.
func Released(now time.Time) Patch {
	return Patch{Fields: FieldLastSeen | FieldInChat | FieldConnectedUser, To: Session{LastSeen: stamp(now)}}
}

// Active: the guest did something that changes nothing else.
func Active(now time.Time) Patch {
	return Patch{Fields: FieldLastSeen, To: Session{LastSeen: stamp(now)}}
}
