// Package httpd is the server's edge: HTTP and WebSocket over fasthttp, who may
// ask for how much, and what is measured. It knows the routes of the contract;
// what they mean is known by realtime and guest.
package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/auth"
	"guestload/server/guest"
	"guestload/server/realtime"
)

// Config is what a Server is made of. Node, Tokens and Metrics are required.
type Config struct {
	Node    *realtime.Node
	Tokens  *auth.Issuer
	Metrics *Metrics
	Storage Storage // nil: memory
	// Adopt makes a guest known whom storage cannot look up now, from the claims of
	// a valid token; nil: nobody is.
	Adopt func(guest.Session) error

	Limits     Limits
	MaxSockets int // open at a time; 0: no limit but the operating system's
	// MaxConnections bounds all connections that are open at a time, sockets included;
	// 0: no limit but the operating system's.
	MaxConnections int
	Proxies        []netip.Prefix // whose X-Forwarded-For is believed
	Origins        []string       // of pages that may use the API; "*" for all

	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger     // nil: none
	Version     string
	ReadTimeout time.Duration // for a whole request to arrive; 0: 15 s
	ConnectTime time.Duration // for a Socket.IO client to say who it is; 0: 45 s
}

// Storage says how the sessions are kept at the moment.
type Storage interface {
	// State is "memory", "redis", "fallback" or "recovering".
	State() string
	// Ready reports whether guests can be served in this state.
	Ready() bool
	// Reason says why Redis is not used; "" while it is.
	Reason() string
}

const (
	headerSize  = 8 << 10 // bytes of a request's line and headers
	idleTimeout = 75 * time.Second
	sendTimeout = 30 * time.Second
)

// The states of a Server, in their order.
const (
	starting int32 = iota
	serving
	draining
)

// Server answers on one listener, for HTTP and sockets. Make it with New.
type Server struct {
	node     *realtime.Node
	tokens   *auth.Issuer
	metrics  *Metrics
	storage  Storage
	adopt    func(guest.Session) error
	counters counters
	hints    hints
	gates    func(net.Listener) *gate
	proxies  []netip.Prefix
	origins  []string
	now      func() time.Time
	log      *slog.Logger
	version  string
	started  time.Time
	entry    time.Duration
	routes   routes
	fast     fasthttp.Server
	state    atomic.Int32
	streams  streams
	down     chan struct{} // closed by Shutdown
	shutdown sync.Once
}

// New makes a Server; errors name what is missing.
func New(cfg Config) (*Server, error) {
	if cfg.Node == nil || cfg.Tokens == nil || cfg.Metrics == nil {
		return nil, errors.New("httpd: Node, Tokens and Metrics are required")
	}
	if cfg.MaxSockets < 0 || cfg.MaxConnections < 0 {
		return nil, fmt.Errorf("httpd: MaxSockets %d or MaxConnections %d is negative", cfg.MaxSockets, cfg.MaxConnections)
	}
	s := &Server{
		node: cfg.Node, tokens: cfg.Tokens, metrics: cfg.Metrics, storage: cfg.Storage, adopt: cfg.Adopt,
		counters: newCounters(cfg.Limits, cfg.MaxSockets),
		proxies:  cfg.Proxies, origins: cfg.Origins,
		now: cfg.Now, log: cfg.Log, version: cfg.Version, entry: cfg.ConnectTime,
		down: make(chan struct{}),
	}
	if s.storage == nil {
		s.storage = inMemory{}
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.entry == 0 {
		s.entry = 45 * time.Second
	}
	if cfg.ReadTimeout == 0 {
		cfg.ReadTimeout = 15 * time.Second
	}
	s.started = s.now()
	s.hints.log = s.log
	s.gates = func(ln net.Listener) *gate {
		return newGate(ln, cfg.MaxConnections, cfg.Limits.ConnectionsByAddress, s.proxies, s.log, &s.hints)
	}
	s.routes = s.table()
	s.metrics.watch(s.node, s.storage, s.counters.sockets.Held)
	s.fast = fasthttp.Server{
		Handler:               s.serve,
		ErrorHandler:          s.garbled,
		ExpectHandler:         s.expect,
		ReadBufferSize:        headerSize,
		MaxRequestBodySize:    api.MaxBody,
		ReadTimeout:           cfg.ReadTimeout,
		WriteTimeout:          sendTimeout,
		IdleTimeout:           idleTimeout,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		KeepHijackedConns:     true, // we close them: fasthttp would lend them to the next guest
		CloseOnShutdown:       true,
		LazyRequestTime:       true,
		SecureErrorLogMessage: true,
		Logger:                fastLog{s.log},
	}
	return s, nil
}

// Serve answers the clients of ln until Shutdown, and closes ln. It returns at once
// if Shutdown came first. Running out of files does not end it. It is called once.
func (s *Server) Serve(ln net.Listener) error {
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-s.down: // fasthttp closes only listeners that it served before its own shutdown
			_ = ln.Close()
		case <-ended:
		}
	}()
	s.state.CompareAndSwap(starting, serving)
	g := s.gates(ln)
	s.metrics.watchRefusals(&g.refusals)
	if err := s.fast.Serve(g); err != nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Drain makes the server not ready and takes no more sockets; requests are
// still answered. The guests' sockets are the Node's to close.
func (s *Server) Drain() {
	s.state.Store(draining)
	s.streams.turnAway()
}

// Shutdown ends what Serve began, and waits until all sockets are gone, or ctx is over.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	err := s.fast.ShutdownWithContext(ctx)
	s.shutdown.Do(func() { close(s.down) })
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return s.streams.wait(ctx)
}

// serve answers one request. Nothing of ctx may be kept after it.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	defer s.rescue(ctx)
	if status, text := headFault(&ctx.Request.Header); status != 0 {
		s.secure(ctx)
		ctx.SetConnectionClose()
		fail(ctx, status, text)
		s.metrics.request(routeNone, status)
		return
	}
	found, param := s.routes.find(ctx.Path())
	if found.framing != nil {
		s.upgrade(ctx, *found.framing)
	} else {
		s.secure(ctx)
		s.share(ctx)
		s.dispatch(ctx, found, param)
	}
	s.metrics.request(found.id, ctx.Response.StatusCode())
}

// rescue answers where a handler panicked: one guest's request must not end
// everybody's chats.
func (s *Server) rescue(ctx *fasthttp.RequestCtx) {
	if cause := recover(); cause != nil {
		s.log.Error("request panicked", "path", string(ctx.Path()), "cause", cause, "stack", string(debug.Stack()))
		ctx.Response.Reset()
		s.secure(ctx)
		fail(ctx, fasthttp.StatusInternalServerError, api.TextInternal)
	}
}

// background is for storage calls. A RequestCtx would do, but it is used again
// for another request while somebody may still look at it.
func background() context.Context { return context.Background() }

// inMemory is the Storage of a server without another.
type inMemory struct{}

func (inMemory) State() string  { return "memory" }
func (inMemory) Ready() bool    { return true }
func (inMemory) Reason() string { return "" }

// fastLog is where fasthttp says what its clients did wrong.
type fastLog struct{ log *slog.Logger }

func (l fastLog) Printf(format string, args ...any) { l.log.Debug(fmt.Sprintf(format, args...)) }
