package httpd

import (
	"errors"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/guest"
)

const (
	defaultPage = 100
	maxPage     = 1000

	// A page that leaves guests out is filled from at most so many pages of the
	// store: what is rare among many is searched for in several requests.
	maxReads = 20
)

// online is GET /api/users/online.
func (s *Server) online(ctx *fasthttp.RequestCtx, me *guest.Session, _ []byte) {
	s.users(ctx, api.OnlineUsers, func(u *guest.Session) bool { return u.ID != me.ID })
}

// available is GET /api/users/available.
func (s *Server) available(ctx *fasthttp.RequestCtx, me *guest.Session, _ []byte) {
	s.users(ctx, api.AvailableUsers, func(u *guest.Session) bool {
		return u.ID != me.ID && u.IsSearching && !u.InChat
	})
}

// users answers with a page of the guests online whom keep keeps.
func (s *Server) users(ctx *fasthttp.RequestCtx, member string, keep func(*guest.Session) bool) {
	users, next, ok := s.page(ctx, keep)
	if ok {
		succeed(ctx, fasthttp.StatusOK, "", api.AppendUserPage(nil, member, users, next))
	}
}

// page reads the page that the query asks for, or answers what is wrong.
func (s *Server) page(ctx *fasthttp.RequestCtx, keep func(*guest.Session) bool) (users []guest.Session, next string, ok bool) {
	limit, err := pageLimit(ctx.QueryArgs().Peek("limit"))
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusNotFound)
		return nil, "", false
	}
	next = string(ctx.QueryArgs().Peek("cursor"))
	for range maxReads {
		var read []guest.Session
		read, next, err = s.node.Online(background(), next, limit-len(users))
		if errors.Is(err, guest.ErrBadCursor) {
			err = guest.ValidationError{{Field: "cursor", Message: "Unknown cursor"}}
		}
		if err != nil {
			s.refuse(ctx, err, fasthttp.StatusNotFound)
			return nil, "", false
		}
		for i := range read {
			if keep(&read[i]) {
				users = append(users, read[i])
			}
		}
		if next == "" || len(users) >= limit {
			break
		}
	}
	return users, next, true
}

// pageLimit reads ?limit=.
func pageLimit(text []byte) (int, error) {
	if len(text) == 0 {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxPage {
		return 0, guest.ValidationError{{Field: "limit", Message: "Limit must be a whole number from 1 to 1000"}}
	}
	return n, nil
}

// connected is GET /api/users/connected/{userId}. Who talks with whom is told to the
// two alone: everybody else gets an empty list, as for a guest who talks with nobody.
func (s *Server) connected(ctx *fasthttp.RequestCtx, me *guest.Session, param []byte) {
	userID := string(param)
	users, err := s.node.Connected(background(), userID)
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusNotFound)
		return
	}
	if userID != me.ID {
		users = slices.DeleteFunc(users, func(u guest.Session) bool { return u.ID != me.ID })
	}
	succeed(ctx, fasthttp.StatusOK, "", api.AppendUserPage(nil, api.ConnectedUsers, users, ""))
}

// userStats is GET /api/users/stats.
func (s *Server) userStats(ctx *fasthttp.RequestCtx, _ *guest.Session, _ []byte) {
	stats, err := s.node.Stats(background())
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusNotFound)
		return
	}
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, "", api.AppendStatistics(room[:0], stats))
}

// stats is GET /api/stats.
func (s *Server) stats(ctx *fasthttp.RequestCtx, _ *guest.Session, _ []byte) {
	stats, err := s.node.Stats(background())
	if err != nil {
		s.refuse(ctx, err, fasthttp.StatusNotFound)
		return
	}
	if users, _, ok := s.page(ctx, everybody); ok {
		succeed(ctx, fasthttp.StatusOK, "", api.AppendRealtimeStats(nil, stats, users, s.now()))
	}
}

// statsOnline is GET /api/stats/online-users.
func (s *Server) statsOnline(ctx *fasthttp.RequestCtx, _ *guest.Session, _ []byte) {
	if users, _, ok := s.page(ctx, everybody); ok {
		succeed(ctx, fasthttp.StatusOK, "", api.AppendOnlineList(nil, users, s.now()))
	}
}

func everybody(*guest.Session) bool { return true }

// socketStats is GET /api/socket/stats.
func (s *Server) socketStats(ctx *fasthttp.RequestCtx, _ []byte) {
	counts := s.node.Counts()
	var room [scratch]byte
	succeed(ctx, fasthttp.StatusOK, "", api.AppendSockets(room[:0], int(counts.Sockets), int(counts.Rooms)))
}
