package httpd

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"
)

// hints tell the operator in the log which flag a refused client was lacking. Each
// kind is told at most once a minute, however many clients are refused.
type hints struct {
	log           *slog.Logger
	proxy, origin rarely
}

// untrusted tells that a proxy's clients were refused as if they were one.
func (h *hints) untrusted(proxy netip.Addr) {
	if h.proxy.due(time.Now()) {
		h.log.Warn("clients behind a proxy share one limit: X-Forwarded-For counts only from --trusted-proxies",
			"proxy", proxy.String(), "flag", "--trusted-proxies "+proxy.String())
	}
}

// foreign tells that a page of another origin was refused.
func (h *hints) foreign(origin []byte) {
	if !h.origin.due(time.Now()) {
		return
	}
	flag := "--cors " + string(origin)
	if !isOrigin(string(origin)) {
		flag = "--cors *" // "null", as of a file, cannot be allowed by name
	}
	h.log.Warn("origin refused: pages of other origins may use the API only with --cors", "origin", string(origin[:min(len(origin), 200)]), "flag", flag[:min(len(flag), 200)])
}

// limited tells why many clients may have been taken for one, where that is so.
func (s *Server) limited(ctx *fasthttp.RequestCtx) {
	peer := peerOf(ctx.RemoteAddr())
	if len(ctx.Request.Header.Peek(fasthttp.HeaderXForwardedFor)) > 0 && !within(s.proxies, peer) {
		s.hints.untrusted(peer)
	}
}
