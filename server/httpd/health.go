package httpd

import (
	"github.com/valyala/fasthttp"

	"guestload/server/api"
)

// health is GET /health: the process is alive, whatever else is not.
func (s *Server) health(ctx *fasthttp.RequestCtx, _ []byte) {
	now := s.now()
	body := ctx.Response.SwapBody(nil)
	ctx.Response.SwapBody(api.AppendHealth(body[:0], api.Health{
		At: now, Uptime: now.Sub(s.started), Version: s.version, Storage: s.storage.State(), Reason: s.storage.Reason(),
	}))
}

// ready is GET /ready: whether traffic should come here.
func (s *Server) ready(ctx *fasthttp.RequestCtx, _ []byte) {
	switch state := s.state.Load(); {
	case state == starting:
		notReady(ctx, "Server is starting")
	case state == draining:
		notReady(ctx, api.TextGoingAway)
	case !s.storage.Ready():
		notReady(ctx, "Storage is "+s.storage.State()+": "+s.storage.Reason())
	case s.storage.Reason() != "":
		succeed(ctx, fasthttp.StatusOK, "Server is ready", api.AppendStorage(nil, s.storage.State(), s.storage.Reason()))
	default:
		succeed(ctx, fasthttp.StatusOK, "Server is ready", nil)
	}
}

func notReady(ctx *fasthttp.RequestCtx, why string) {
	ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "1")
	fail(ctx, fasthttp.StatusServiceUnavailable, why)
}
