package httpd

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/contract"
)

// handler answers a request. param is what the path holds in place of its
// {name}; it is a view of the request.
type handler func(ctx *fasthttp.RequestCtx, param []byte)

// route is one path of the contract.
type route struct {
	id                routeID
	limited           bool // counts against the limit of API requests
	get, post, delete handler
	framing           *api.Framing // of the sockets on this path; nil for none
	allow             string
}

// routes finds them. Paths with a parameter are found by what stands before it.
type routes struct {
	exact  map[string]*route
	prefix []prefixed
	none   *route
	api    *route // unknown, but under /api
}

type prefixed struct {
	path  []byte
	route *route
}

// table is the contract's table of routes.
func (s *Server) table() routes {
	create, username := s.create, s.username
	me := s.guarded(s.me)
	asJSON, asSocketIO := api.JSON, api.SocketIO
	r := routes{
		none: &route{id: routeNone},
		api:  &route{id: routeNone, limited: true},
		exact: map[string]*route{
			"/api/guest":               {id: routeGuest, post: create, delete: s.guarded(s.remove)},
			"/api/guest/username":      {id: routeUsername, get: username},
			"/api/guest/me":            {id: routeMe, get: me},
			"/api/guest/location":      {id: routeLocation, post: s.guarded(s.locate)},
			"/api/guest/token":         {id: routeToken, post: s.renew},
			"/api/auth/guest":          {id: routeGuest, post: create},
			"/api/auth/guest/username": {id: routeUsername, get: username},
			"/api/auth/me":             {id: routeMe, get: me},
			"/api/users/online":        {id: routeOnline, get: s.guarded(s.online)},
			"/api/users/available":     {id: routeAvailable, get: s.guarded(s.available)},
			"/api/users/stats":         {id: routeUserStats, get: s.guarded(s.userStats)},
			"/api/users/device":        {id: routeDevice, post: s.guarded(s.device)},
			"/api/stats":               {id: routeStats, get: s.guarded(s.stats)},
			"/api/stats/online-users":  {id: routeStatsOnline, get: s.guarded(s.statsOnline)},
			"/api/socket/stats":        {id: routeSockets, get: s.socketStats},
			"/health":                  {id: routeHealth, get: s.health},
			"/ready":                   {id: routeReady, get: s.ready},
			"/metrics":                 {id: routeMetrics, get: s.metrics.handler()},
			"/openapi.yaml":            {id: routeOpenAPI, get: document(contract.OpenAPI)},
			"/asyncapi.yaml":           {id: routeAsyncAPI, get: document(contract.AsyncAPI)},
			api.PathJSON:               {id: routeJSON, framing: &asJSON},
			"/socket.io":               {id: routeSocketIO, framing: &asSocketIO},
		},
		prefix: []prefixed{
			{[]byte("/api/guest/"), &route{id: routeFetch, get: s.fetch}},
			{[]byte("/api/auth/guest/"), &route{id: routeFetch, get: s.fetch}},
			{[]byte("/api/users/connected/"), &route{id: routeConnected, get: s.guarded(s.connected)}},
		},
	}
	for path, e := range r.exact {
		e.finish(isAPI([]byte(path)))
	}
	for _, p := range r.prefix {
		p.route.finish(true)
	}
	return r
}

func (e *route) finish(limited bool) {
	e.limited = limited
	if e.get != nil {
		e.allow += "GET, HEAD, "
	}
	if e.post != nil {
		e.allow += "POST, "
	}
	if e.delete != nil {
		e.allow += "DELETE, "
	}
	e.allow += "OPTIONS"
}

// find returns the route of a path, with or without a slash at its end, and
// its parameter. It never returns nil.
func (r *routes) find(path []byte) (*route, []byte) {
	if len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	if e, ok := r.exact[string(path)]; ok {
		return e, nil
	}
	for _, p := range r.prefix {
		if rest, ok := bytes.CutPrefix(path, p.path); ok && len(rest) > 0 && bytes.IndexByte(rest, '/') < 0 {
			return p.route, rest
		}
	}
	if isAPI(path) {
		return r.api, nil
	}
	return r.none, nil
}

func isAPI(path []byte) bool {
	rest, ok := bytes.CutPrefix(path, []byte("/api"))
	return ok && (len(rest) == 0 || rest[0] == '/')
}

// dispatch calls the handler of a method, or says why there is none.
func (s *Server) dispatch(ctx *fasthttp.RequestCtx, e *route, param []byte) {
	if e.limited && !ctx.IsOptions() && !s.admit(ctx) {
		return
	}
	var h handler
	switch {
	case e.id == routeNone:
		fail(ctx, fasthttp.StatusNotFound, api.TextNoEndpoint)
		return
	case ctx.IsGet() || ctx.IsHead():
		h = e.get
	case ctx.IsPost():
		h = e.post
	case ctx.IsDelete():
		h = e.delete
	case ctx.IsOptions():
		ctx.Response.Header.Set(fasthttp.HeaderAllow, e.allow)
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		return
	}
	if h == nil {
		ctx.Response.Header.Set(fasthttp.HeaderAllow, e.allow)
		fail(ctx, fasthttp.StatusMethodNotAllowed, api.TextMethodNotAllowed)
		return
	}
	h(ctx, param)
}
