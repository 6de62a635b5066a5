package httpd

import (
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
)

// anyOrigin in the list of origins allows every page to use the API.
const anyOrigin = "*"

// secure sets what every answer carries: it is data, for nobody to keep, to
// guess the type of, to frame or to run.
func (s *Server) secure(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.SetContentType(api.ContentType)
	h.SetCanonical(headerCache, valueNoStore)
	h.SetCanonical(headerOptions, valueNosniff)
	h.SetCanonical(headerFrame, valueDeny)
	h.SetCanonical(headerReferrer, valueNoReferrer)
	h.SetCanonical(headerPolicy, valuePolicy)
}

var (
	headerCache     = []byte("Cache-Control")
	valueNoStore    = []byte("no-store")
	headerOptions   = []byte("X-Content-Type-Options")
	valueNosniff    = []byte("nosniff")
	headerFrame     = []byte("X-Frame-Options")
	valueDeny       = []byte("DENY")
	headerReferrer  = []byte("Referrer-Policy")
	valueNoReferrer = []byte("no-referrer")
	headerPolicy    = []byte("Content-Security-Policy")
	valuePolicy     = []byte("default-src 'none'; frame-ancestors 'none'")
)

// share sets the headers that let pages of other origins read the answer.
func (s *Server) share(ctx *fasthttp.RequestCtx) {
	if len(s.origins) == 0 {
		if origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin); len(origin) > 0 && !s.fromAllowedOrigin(ctx) {
			s.hints.foreign(origin)
		}
		return
	}
	h := &ctx.Response.Header
	if slices.Contains(s.origins, anyOrigin) {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, anyOrigin)
	} else {
		h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
		origin := string(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
		if !slices.Contains(s.origins, origin) {
			if !s.fromAllowedOrigin(ctx) {
				s.hints.foreign([]byte(origin))
			}
			return
		}
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, origin)
		h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
	}
	h.Set(fasthttp.HeaderAccessControlExposeHeaders, "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After")
	if ctx.IsOptions() {
		h.Set(fasthttp.HeaderAccessControlAllowMethods, "GET, HEAD, POST, DELETE, OPTIONS")
		h.Set(fasthttp.HeaderAccessControlAllowHeaders, "Authorization, Content-Type")
		h.Set(fasthttp.HeaderAccessControlMaxAge, "600")
	}
}

// isOrigin reports whether text can be an origin in Config.Origins.
func isOrigin(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// fromAllowedOrigin reports whether a page may open a socket: one of ours, one
// of the list, or something that is no page and so names no origin.
func (s *Server) fromAllowedOrigin(ctx *fasthttp.RequestCtx) bool {
	origin := string(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
	if origin == "" || slices.Contains(s.origins, anyOrigin) || slices.Contains(s.origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, string(ctx.Host()))
}
