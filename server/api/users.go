package api

import (
	"time"

	"guestload/server/guest"
)

// Members of a page of users, by route.
const (
	OnlineUsers    = "onlineUsers"
	AvailableUsers = "availableUsers"
	ConnectedUsers = "users"
)

// AppendOnlineUser appends an item of a list of users:
// {id,username,isOnline,isSearching,lastSeen,location,gender,language,isGuest:true}.
// The location's city and coordinates are null.
func AppendOnlineUser(dst []byte, s *guest.Session) []byte {
	dst = appendField(dst, `{"id":`, s.ID)
	dst = appendField(dst, `,"username":`, s.Username)
	dst = appendBool(dst, `,"isOnline":`, s.IsOnline)
	dst = appendBool(dst, `,"isSearching":`, s.IsSearching)
	dst = appendTime(dst, `,"lastSeen":`, s.LastSeen)
	dst = appendTraits(dst, s, Stranger)
	return append(dst, `,"isGuest":true}`...)
}

// appendTraits appends location, gender and language, within an object.
func appendTraits(dst []byte, s *guest.Session, v Viewer) []byte {
	if v == Confidant {
		dst = appendLocation(dst, `,"location":`, s.Location)
	} else {
		dst = s.Location.AppendPublic(append(dst, `,"location":`...))
	}
	dst = appendNullable(dst, `,"gender":`, s.Gender)
	return appendNullable(dst, `,"language":`, s.Language)
}

// appendUsers appends an array of users.
func appendUsers(dst []byte, name string, users []guest.Session) []byte {
	dst = append(append(dst, name...), '[')
	for i := range users {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendOnlineUser(dst, &users[i])
	}
	return append(dst, ']')
}

// AppendUserPage appends {onlineUsers:[…],count,nextCursor?}; member is OnlineUsers,
// AvailableUsers or ConnectedUsers, count that of the page, next "" at the end.
func AppendUserPage(dst []byte, member string, users []guest.Session, next string) []byte {
	dst = AppendString(append(dst, '{'), member)
	dst = appendUsers(dst, `:`, users)
	dst = appendInt(dst, `,"count":`, len(users))
	if next != "" {
		dst = appendField(dst, `,"nextCursor":`, next)
	}
	return append(dst, '}')
}

// AppendOnlineList appends the data of /api/stats/online-users: {onlineUsers,count,timestamp}.
func AppendOnlineList(dst []byte, users []guest.Session, at time.Time) []byte {
	dst = appendUsers(dst, `{"onlineUsers":`, users)
	dst = appendInt(dst, `,"count":`, len(users))
	return append(appendTime(dst, `,"timestamp":`, at), '}')
}

// AppendStats appends {totalUsers,onlineUsers,activeUsers,availableUsers,connectedUsers}.
func AppendStats(dst []byte, s guest.Stats) []byte {
	dst = appendInt(dst, `{"totalUsers":`, s.TotalUsers)
	dst = appendInt(dst, `,"onlineUsers":`, s.OnlineUsers)
	dst = appendInt(dst, `,"activeUsers":`, s.ActiveUsers)
	dst = appendInt(dst, `,"availableUsers":`, s.AvailableUsers)
	dst = appendInt(dst, `,"connectedUsers":`, s.ConnectedUsers)
	return append(dst, '}')
}

// AppendStatistics appends the data of /api/users/stats: {statistics:{…}}.
func AppendStatistics(dst []byte, s guest.Stats) []byte {
	return append(AppendStats(append(dst, `{"statistics":`...), s), '}')
}

// AppendRealtimeStats appends {stats,onlineUsers,timestamp}: the data of
// realtime:stats and of /api/stats.
func AppendRealtimeStats(dst []byte, s guest.Stats, users []guest.Session, at time.Time) []byte {
	dst = AppendStats(append(dst, `{"stats":`...), s)
	dst = appendUsers(dst, `,"onlineUsers":`, users)
	return append(appendTime(dst, `,"timestamp":`, at), '}')
}
