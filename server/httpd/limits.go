package httpd

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/httpd/limit"
)

// Limits say how much one guest or one address may ask for. The zero Limits
// allow everything; only MaxSockets is then still kept, since the operating system keeps it.
type Limits struct {
	Requests        limit.Rule // API requests an address
	Creations       limit.Rule // sessions created an address
	SessionRenewals limit.Rule // tokens renewed a session
	AddressRenewals limit.Rule // tokens renewed an address
	// Events bounds the events of a socket: Max at once, and Max per Per in the long
	// run. Every frame counts, control frames and empty fragments too.
	Events               limit.Rule
	SocketsByAddress     int // open at a time; 0: no limit
	ConnectionsByAddress int // open at a time, sockets included; 0: no limit
}

// DefaultLimits are those of a server that faces the public.
func DefaultLimits() Limits {
	return Limits{
		Requests:             limit.Rule{Max: 100, Per: 15 * time.Minute},
		Creations:            limit.Rule{Max: 30, Per: 15 * time.Minute},
		SessionRenewals:      limit.Rule{Max: 10, Per: time.Hour},
		AddressRenewals:      limit.Rule{Max: 60, Per: time.Hour},
		Events:               limit.Rule{Max: 100, Per: 5 * time.Second},
		SocketsByAddress:     50,
		ConnectionsByAddress: 100,
	}
}

// remembered is how many addresses or sessions each limit keeps in mind: about
// 10 MB when all are full.
const remembered = 50_000

// counters are the limits at work.
type counters struct {
	requests        *limit.Windows[netip.Addr]
	creations       *limit.Windows[netip.Addr]
	addressRenewals *limit.Windows[netip.Addr]
	sessionRenewals *limit.Windows[string]
	sockets         *limit.Slots[netip.Addr]
	events          limit.Rate
}

func newCounters(l Limits, maxSockets int) counters {
	return counters{
		requests:        limit.NewWindows[netip.Addr](l.Requests, remembered),
		creations:       limit.NewWindows[netip.Addr](l.Creations, remembered),
		addressRenewals: limit.NewWindows[netip.Addr](l.AddressRenewals, remembered),
		sessionRenewals: limit.NewWindows[string](l.SessionRenewals, remembered),
		sockets:         limit.NewSlots[netip.Addr](l.SocketsByAddress, maxSockets),
		events:          limit.RateOf(l.Events),
	}
}

// admit counts a request to the API, and answers it where it is one too many.
func (s *Server) admit(ctx *fasthttp.RequestCtx) bool {
	rule := s.counters.requests.Rule()
	if rule.Unlimited() {
		return true
	}
	return s.allow(ctx, rule, s.counters.requests.Take(s.client(ctx), s.now()))
}

// allow tells the client how much is left, and answers what is not allowed.
func (s *Server) allow(ctx *fasthttp.RequestCtx, rule limit.Rule, r limit.Result) bool {
	if rule.Unlimited() {
		return true
	}
	seconds := strconv.Itoa(int((r.Reset + time.Second - 1) / time.Second))
	h := &ctx.Response.Header
	h.Set("RateLimit-Limit", strconv.Itoa(rule.Max))
	h.Set("RateLimit-Remaining", strconv.Itoa(r.Remaining))
	h.Set("RateLimit-Reset", seconds)
	if !r.Allowed {
		s.limited(ctx)
		h.Set(fasthttp.HeaderRetryAfter, seconds)
		fail(ctx, fasthttp.StatusTooManyRequests, api.TextTooManyRequests)
	}
	return r.Allowed
}
