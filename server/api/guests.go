package api

import (
	"time"

	"guestload/server/guest"
)

// AppendCreated appends the data of POST /api/guest:
// {token,user:{id,username,isGuest:true,sessionId,location,gender,language}}.
func AppendCreated(dst []byte, token string, s *guest.Session) []byte {
	dst = appendField(dst, `{"token":`, token)
	dst = append(dst, `,"user":{`...)
	dst = appendTraits(appendIdentity(dst, s), s, Confidant)
	return append(dst, `}}`...)
}

// appendIdentity appends id, username, isGuest and sessionId, within an object.
func appendIdentity(dst []byte, s *guest.Session) []byte {
	dst = appendField(dst, `"id":`, s.ID)
	dst = appendField(dst, `,"username":`, s.Username)
	return appendField(dst, `,"isGuest":true,"sessionId":`, s.SessionID)
}

// AppendUsername appends the data of GET /api/guest/username: {username}.
func AppendUsername(dst []byte, username string) []byte {
	return append(appendField(dst, `{"username":`, username), '}')
}

// AppendMe appends the data of GET /api/guest/me: {user:{id,username,isGuest:true,sessionId}}.
func AppendMe(dst []byte, s *guest.Session) []byte {
	return append(appendIdentity(append(dst, `{"user":{`...), s), `}}`...)
}

// Viewer says who asks for a guest: that decides what is told.
type Viewer uint8

// The viewers.
const (
	Stranger  Viewer = iota // learns neither the partner nor city and coordinates
	Confidant               // the guest itself or its partner, who learn everything
)

// AppendGuest appends the data of GET /api/guest/{sessionId}: {user:{id,username,
// isOnline,lastSeen,isSearching,inChat,connectedUser,isGuest:true,sessionId,
// location,gender,language}}. For a Stranger connectedUser and the location's city and
// coordinates are null.
func AppendGuest(dst []byte, s *guest.Session, v Viewer) []byte {
	partner := s.ConnectedUser
	if v == Stranger {
		partner = ""
	}
	dst = appendField(dst, `{"user":{"id":`, s.ID)
	dst = appendField(dst, `,"username":`, s.Username)
	dst = appendBool(dst, `,"isOnline":`, s.IsOnline)
	dst = appendTime(dst, `,"lastSeen":`, s.LastSeen)
	dst = appendBool(dst, `,"isSearching":`, s.IsSearching)
	dst = appendBool(dst, `,"inChat":`, s.InChat)
	dst = appendNullable(dst, `,"connectedUser":`, partner)
	dst = appendField(dst, `,"isGuest":true,"sessionId":`, s.SessionID)
	return append(appendTraits(dst, s, v), `}}`...)
}

// AppendWhereabouts appends the data of POST /api/guest/location: {location,gender,language}.
func AppendWhereabouts(dst []byte, s *guest.Session) []byte {
	dst = appendLocation(dst, `{"location":`, s.Location)
	dst = appendNullable(dst, `,"gender":`, s.Gender)
	return append(appendNullable(dst, `,"language":`, s.Language), '}')
}

// AppendToken appends the data of POST /api/guest/token: {token}.
func AppendToken(dst []byte, token string) []byte {
	return append(appendField(dst, `{"token":`, token), '}')
}

// AppendDevice appends the data of POST /api/users/device:
// {user:{id,username,deviceId,ip,location,lastSeen,isGuest:true}}.
func AppendDevice(dst []byte, s *guest.Session) []byte {
	dst = appendField(dst, `{"user":{"id":`, s.ID)
	dst = appendField(dst, `,"username":`, s.Username)
	dst = appendNullable(dst, `,"deviceId":`, s.DeviceID)
	dst = appendNullable(dst, `,"ip":`, s.IP)
	dst = appendLocation(dst, `,"location":`, s.Location)
	dst = appendTime(dst, `,"lastSeen":`, s.LastSeen)
	return append(dst, `,"isGuest":true}}`...)
}

// AppendSockets appends the data of GET /api/socket/stats: {connectedSockets,rooms}.
func AppendSockets(dst []byte, sockets, rooms int) []byte {
	dst = appendInt(dst, `{"connectedSockets":`, sockets)
	return append(appendInt(dst, `,"rooms":`, rooms), '}')
}

// Health is what GET /health tells.
type Health struct {
	At      time.Time
	Uptime  time.Duration // told in seconds
	Version string
	Storage string // "redis", "memory", "fallback" or "recovering"
	Reason  string // why Redis is not used, "" while it is
}

// AppendHealth appends the whole body of GET /health:
// {success:true,message,timestamp,uptime,version,storage,reason?}.
func AppendHealth(dst []byte, h Health) []byte {
	dst = appendTime(append(dst, `{"success":true,"message":"`+TextRunning+`"`...), `,"timestamp":`, h.At)
	dst = appendSeconds(dst, `,"uptime":`, h.Uptime)
	dst = appendField(dst, `,"version":`, h.Version)
	dst = appendField(dst, `,"storage":`, h.Storage)
	if h.Reason != "" {
		dst = appendField(dst, `,"reason":`, h.Reason)
	}
	return append(dst, '}')
}

// AppendStorage appends the data of GET /ready while Redis is not used: {storage,reason}.
func AppendStorage(dst []byte, storage, reason string) []byte {
	dst = appendField(dst, `{"storage":`, storage)
	return append(appendField(dst, `,"reason":`, reason), '}')
}
