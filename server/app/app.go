// Package app is the server program: it reads flags and environment, wires
// store, node and httpd together, and starts and stops them in order.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"guestload/server/auth"
	"guestload/server/httpd"
	"guestload/server/realtime"
)

// Exit codes of Run.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Open files that are not for guests' sockets, and those that are for no client at all
// but for Redis, profiles, logs and clients that are being refused. Of few files they
// are a quarter and an eighth.
const (
	filesKept  = 512
	filesSpare = 128
)

// Run is the whole program; its result is the exit code. It ends with ctx, with
// SIGTERM or SIGINT and, where a flag asks for that, with stdin.
func Run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, getenv)
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, err)
		return exitFine
	}
	if err != nil {
		fmt.Fprintf(stderr, "server: %v\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if o.leash {
		var cut context.CancelFunc
		ctx, cut = context.WithCancel(ctx)
		defer cut()
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			cut()
		}()
	}
	log := o.logger(stderr)
	if err := o.serve(ctx, log, stdout); err != nil {
		log.Error("server ended", "error", err)
		return exitFailed
	}
	return exitFine
}

func (o *options) logger(w io.Writer) *slog.Logger {
	h := &slog.HandlerOptions{Level: o.logLevel}
	if o.logJSON {
		return slog.New(slog.NewJSONHandler(w, h))
	}
	return slog.New(slog.NewTextHandler(w, h))
}

// serve runs until ctx ends, then drains.
func (o *options) serve(ctx context.Context, log *slog.Logger, stdout io.Writer) error {
	s, err := o.wire(ctx, log)
	if err != nil {
		return err
	}
	o.garbage.apply()
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", o.listen, err)
	}
	var work sync.WaitGroup
	defer work.Wait()
	running, stop := context.WithCancel(context.Background())
	defer stop()
	if o.pprof != "" {
		if err := profile(running, o.pprof, log, &work); err != nil {
			_ = ln.Close()
			return err
		}
	}
	failed := make(chan error, 2)
	work.Go(func() { failed <- s.node.Run(running) })
	// The store works longer than the node, which owes it its last writes.
	var storing sync.WaitGroup
	stored, stopStore := context.WithCancel(context.Background())
	defer func() {
		stop()
		work.Wait()
		stopStore()
		storing.Wait()
	}()
	storing.Go(func() { s.storage.run(stored, s.node) })
	work.Go(func() { failed <- s.edge.Serve(ln) })
	fmt.Fprintf(stdout, "listening on http://%s\n", ln.Addr())
	log.Info("listening", "address", ln.Addr().String(), "storage", s.storage.name(), "maxSockets", o.sockets)

	select {
	case err = <-failed:
	case <-ctx.Done():
		log.Info("draining")
	}
	leave, done := context.WithTimeout(context.Background(), o.drain)
	defer done()
	s.edge.Drain()
	if drainErr := s.node.Drain(leave); drainErr != nil {
		log.Warn("some guests were cut off", "error", drainErr)
	}
	finish, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	if stopErr := s.edge.Shutdown(finish); stopErr != nil {
		log.Warn("not everything ended by itself", "error", stopErr)
	}
	if retireErr := s.storage.retire(finish); retireErr != nil {
		log.Warn("the other instances were not told", "error", retireErr)
	}
	log.Info("stopped")
	return err
}

// parts are what a server is made of.
type parts struct {
	storage *storage
	node    *realtime.Node
	edge    *httpd.Server
}

func (o *options) wire(ctx context.Context, log *slog.Logger) (*parts, error) {
	files, err := raiseFiles()
	if err != nil {
		log.Warn("limit of open files not raised", "error", err)
	}
	if most := files - min(filesKept, files/4); most > 0 && (o.sockets == 0 || o.sockets > most) {
		if o.sockets > most {
			log.Warn("fewer sockets than asked for: open files are limited", "asked", o.sockets, "possible", most)
		}
		o.sockets = most
	}
	connections := max(files-min(filesSpare, files/8), 0) // 0, which is no limit, if the system does not tell
	if o.secret == nil {
		o.secret = []byte(rand.Text() + rand.Text())
		log.Warn("JWT_SECRET is not set: tokens are signed with a random secret and end with this process")
	}
	tokens, err := auth.NewIssuer(o.secret, auth.Options{Lifetime: o.tokens})
	if err != nil {
		return nil, err
	}
	instance := rand.Text()[:10]
	st, err := openStorage(ctx, o.redis, instance, o.tokens, log)
	if err != nil {
		return nil, err
	}
	s := &parts{storage: st}
	metrics := httpd.NewMetrics()
	if r := st.redis; r != nil {
		c := r.CacheStats()
		metrics.WatchRedis(r.Sent, c.Hits.Load, c.Misses.Load, c.Invalidations.Load)
	}
	if st.unsaved != nil {
		metrics.WatchDebts(st.unsaved.sessions, st.unsaved.lost)
	}
	s.node, err = realtime.New(realtime.Config{
		Instance: instance, Sessions: st.sessions, Presence: st.presence, Matcher: st.matcher, Broker: st.broker,
		Now: time.Now, Log: log, OnMatch: metrics.Matched,
	})
	if err != nil {
		return nil, err
	}
	s.edge, err = httpd.New(httpd.Config{
		Node: s.node, Tokens: tokens, Metrics: metrics, Limits: o.limits, MaxSockets: o.sockets, MaxConnections: connections,
		Proxies: o.proxies, Origins: o.origins, Log: log, Version: version(),
		Storage: st.state, Adopt: st.adopt,
	})
	return s, err
}

// profile serves Go's profiles on an address of their own, until ctx ends.
func profile(ctx context.Context, address string, log *slog.Logger, work *sync.WaitGroup) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for pprof on %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	work.Go(func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("pprof ended", "error", err)
		}
	})
	work.Go(func() {
		<-ctx.Done()
		_ = srv.Close()
	})
	log.Info("profiles", "address", ln.Addr().String())
	return nil
}

// version is the revision that this program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "devel"
}
