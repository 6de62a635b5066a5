package liar

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
)

type object = map[string]any

// route answers the part of the HTTP contract that a load run needs.
func (s *Server) route(ctx *fasthttp.RequestCtx) {
	method, path := string(ctx.Method()), string(ctx.Path())
	session, isSession := strings.CutPrefix(path, "/api/guest/")
	switch {
	case path == "/ws":
		s.accept(ctx)
	case method == "POST" && path == "/api/guest":
		s.create(ctx)
	case path == "/health":
		writeJSON(ctx, 200, object{"success": true, "message": api.TextRunning, "version": "liar", "storage": "memory"})
	case path == "/ready":
		succeed(ctx, 200, "", object{})
	case path == "/api/socket/stats":
		succeed(ctx, 200, "", s.socketStats())
	case path == "/api/users/stats":
		s.authorized(ctx, func(*guest) { succeed(ctx, 200, "", object{"statistics": s.statistics()}) })
	case path == "/api/users/online":
		s.authorized(ctx, func(g *guest) { succeed(ctx, 200, "", s.onlineUsers(g)) })
	case method == "POST" && path == "/api/guest/token":
		s.authorized(ctx, func(g *guest) { succeed(ctx, 200, "", object{"token": g.session}) })
	case method == "POST" && path == "/api/guest/location":
		s.authorized(ctx, func(*guest) { succeed(ctx, 200, api.TextLocationUpdated, object{}) })
	case method == "GET" && isSession:
		s.fetch(ctx, session)
	default:
		fail(ctx, 404, api.TextNoEndpoint)
	}
}

func (s *Server) create(ctx *fasthttp.RequestCtx) {
	var body struct {
		Username string `json:"username"`
		Language string `json:"language"`
		Gender   string `json:"gender"`
		Location struct {
			Country string `json:"country"`
		} `json:"location"`
	}
	if len(ctx.PostBody()) > 0 {
		if err := json.Unmarshal(ctx.PostBody(), &body); err != nil {
			fail(ctx, 400, api.TextValidationFailed)
			return
		}
	}
	s.mu.Lock()
	s.mu.count++
	session := fmt.Sprintf("%08x-0000-4000-8000-%012x", s.mu.count*7919, s.mu.count)
	g := &guest{server: s, id: "guest_" + session, session: session, name: body.Username,
		is: traits{body.Language, body.Gender, body.Location.Country}}
	if g.name == "" {
		g.name = fmt.Sprintf("Honest%d", s.mu.count)
	}
	s.mu.guests[session] = g
	s.mu.Unlock()
	succeed(ctx, 201, api.TextCreated, object{"token": session, "user": object{
		"id": g.id, "username": g.name, "isGuest": true, "sessionId": session, "location": nil, "gender": nil, "language": nil,
	}})
}

func (s *Server) fetch(ctx *fasthttp.RequestCtx, session string) {
	s.mu.Lock()
	g := s.mu.guests[session]
	s.mu.Unlock()
	if g == nil {
		fail(ctx, 404, api.TextSessionNotFound)
		return
	}
	succeed(ctx, 200, "", object{"user": object{"id": g.id, "username": g.name, "isGuest": true, "sessionId": session}})
}

func (s *Server) socketStats() object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return object{"connectedSockets": len(s.mu.online) + s.mu.ghosts, "rooms": s.pairs()}
}

func (s *Server) statistics() object {
	s.mu.Lock()
	defer s.mu.Unlock()
	online := len(s.mu.online) + s.mu.ghosts
	return object{"totalUsers": len(s.mu.guests), "onlineUsers": online, "activeUsers": online,
		"availableUsers": len(s.mu.queue), "connectedUsers": s.pairs()}
}

// pairs counts guests in a chat, by two. The lock is held.
func (s *Server) pairs() int {
	n := 0
	for g := range s.mu.online {
		if g.partner != nil {
			n++
		}
	}
	return (n + 1) / 2
}

func (s *Server) onlineUsers(caller *guest) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := []object{}
	for g := range s.mu.online {
		if g != caller && len(users) < api.StatsUsers {
			users = append(users, object{"id": g.id, "username": g.name, "isOnline": true, "isGuest": true})
		}
	}
	return object{"onlineUsers": users, "count": len(users)}
}

// authorized calls do with the guest whose token the request carries.
func (s *Server) authorized(ctx *fasthttp.RequestCtx, do func(*guest)) {
	if g := s.authenticate(ctx); g != nil {
		do(g)
		return
	}
	fail(ctx, 401, api.TextInvalidToken)
}

func (s *Server) authenticate(ctx *fasthttp.RequestCtx) *guest {
	token, ok := strings.CutPrefix(string(ctx.Request.Header.Peek("Authorization")), "Bearer ")
	if !ok {
		token = string(ctx.QueryArgs().Peek("token"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.guests[token]
}

func succeed(ctx *fasthttp.RequestCtx, status int, message string, data object) {
	body := object{"success": true, "data": data}
	if message != "" {
		body["message"] = message
	}
	writeJSON(ctx, status, body)
}

func fail(ctx *fasthttp.RequestCtx, status int, message string) {
	writeJSON(ctx, status, object{"success": false, "message": message})
}

func writeJSON(ctx *fasthttp.RequestCtx, status int, body object) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	if err := json.NewEncoder(ctx).Encode(body); err != nil {
		ctx.Error(err.Error(), 500)
	}
}
