// Package redis connects to a Redis: a single server, a Sentinel group or a cluster.
// It parses URLs, probes whether Redis is up, caches documents on the client side,
// shares flushes between commands, and names what Redis refuses. The packages below it
// store sessions, presence, queue and pairs, and carry messages, over its Client.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// Client is a client of one Redis, which may be down: until Connect or Watch has
// reached it, and while Watch finds it down, every operation fails at once with
// guest.ErrUnavailable. Operations are idempotent: one that failed may have been
// executed, and can be repeated.
type Client struct {
	address  address
	secure   *tls.Config // nil without TLS
	Cache    *Cache
	sent     atomic.Int64  // commands
	probeNow chan struct{} // has a token after an operation failed
	link     atomic.Pointer[Link]
	down     atomic.Pointer[error] // why operations are refused; nil while up

	connecting sync.Mutex
}

// Link is a set of connected clients.
type Link struct {
	Client     rueidis.Client
	prober     rueidis.Client // separate: a probe must not wait behind a backlog
	Subscriber rueidis.Client // separate: a slow subscriber stalls its connection
	flusher    *flusher       // of Client
	Cluster    bool
	Keys       Keys
	replicas   sync.Map // of a cluster: address → whether that node was a replica when it last answered
	upPeriod   atomic.Pointer[upPeriod]
}

// upPeriod is a period in which Redis is up; its context ends with it.
type upPeriod struct {
	context.Context
	end context.CancelFunc
}

// setUp records what the prober reports.
func (l *Link) setUp(up bool) {
	var next *upPeriod
	if up {
		next = new(upPeriod)
		next.Context, next.end = context.WithCancel(context.Background())
	}
	if last := l.upPeriod.Swap(next); last != nil {
		last.end()
	}
}

// Within is context.WithTimeout that also ends when the prober reports an outage: nobody
// waits for a reply that cannot come.
func (l *Link) Within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	s := l.upPeriod.Load()
	if s == nil {
		return ctx, cancel
	}
	stop := context.AfterFunc(s, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// Masters are the nodes that are not known to be replicas.
func (l *Link) Masters() []rueidis.Client {
	var masters []rueidis.Client
	for addr, node := range l.Client.Nodes() {
		if replica, known := l.replicas.Load(addr); !known || replica != true {
			masters = append(masters, node)
		}
	}
	return masters
}

func (l *Link) close() {
	for _, c := range []rueidis.Client{l.Client, l.prober, l.Subscriber} {
		if c != nil {
			c.Close()
		}
	}
}

// errNotYet is the cause until the first contact.
var errNotYet = errors.New("not connected yet")

// New makes a client of the Redis at a URL; it does not connect. The forms of URLs are:
//
//	redis://[[user]:password@]host[:port][/database]
//	redis-sentinel://[[user]:password@]host[:port][,host[:port]…]/[database]?master=NAME
//	redis-cluster://[[user]:password@]host[:port][,host[:port]…]
//
// with &sentinel_password=PASSWORD if the Sentinels have their own, and with rediss for
// TLS, which takes ?ca=FILE (the CA to trust instead of the system's) and
// &cert=FILE&key=FILE. Errors wrap ErrMisconfigured.
func New(url string) (*Client, error) {
	a, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	var secure *tls.Config
	if a.tls {
		if secure, err = a.files.client(); err != nil {
			return nil, fmt.Errorf("%w: redis url: %w", ErrMisconfigured, err)
		}
	}
	r := &Client{address: a, secure: secure, probeNow: make(chan struct{}, 1)}
	r.Cache = newCache(&r.sent)
	cause := errNotYet
	r.down.Store(&cause)
	return r, nil
}

// String is the address without user and password.
func (r *Client) String() string { return r.address.String() }

// Sent counts the commands sent to Redis, without those inside scripts and those that
// maintain connections.
func (r *Client) Sent() int64 { return r.sent.Load() }

// CacheStats are the live counters of the client-side cache.
func (r *Client) CacheStats() *CacheStats { return &r.Cache.Stats }

// Connect connects unless it is connected. An error wraps
// guest.ErrUnavailable where a later try may succeed, ErrMisconfigured where
// none can.
func (r *Client) Connect(ctx context.Context) error {
	r.connecting.Lock()
	defer r.connecting.Unlock()
	if r.link.Load() != nil {
		return nil
	}
	l, err := r.dial(ctx)
	if err != nil {
		err = r.classify(err)
		if !errors.Is(err, ErrMisconfigured) {
			if never := r.address.wrongProtocol(ctx); never != nil {
				err = never
			}
		}
		r.down.Store(&err)
		return err
	}
	r.link.Store(l)
	r.down.Store(nil)
	return nil
}

// Close ends all connections. Operations fail from then on; Watch must have ended.
func (r *Client) Close() {
	r.connecting.Lock()
	defer r.connecting.Unlock()
	cause := errors.New("closed")
	r.down.Store(&cause)
	if l := r.link.Load(); l != nil {
		l.close()
	}
}

func (r *Client) dial(ctx context.Context) (*Link, error) {
	options := r.address.options(r.secure)
	options.NewCacheStoreFn = r.Cache.open
	shared := new(flusher)
	options.DialCtxFn = shared.dial
	client, err := rueidis.NewClient(options)
	if err != nil {
		return nil, err
	}
	l := &Link{
		Client: &countedClient{Client: client, sent: &r.sent}, flusher: shared,
		Cluster: client.Mode() == rueidis.ClientModeCluster,
	}
	l.Keys = NewKeys(l.Cluster)
	if err := r.complete(ctx, l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// complete checks the version and makes the other clients.
func (r *Client) complete(ctx context.Context, l *Link) (err error) {
	if err := checkVersion(ctx, l.Client); err != nil {
		return err
	}
	options := r.address.options(r.secure)
	options.DisableCache = true
	options.ConnWriteTimeout = proberTimeout
	if l.prober, err = rueidis.NewClient(options); err != nil {
		return err
	}
	first, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	if err := probe(first, l); err != nil { // also opens the connection to each node
		return err
	}
	options.ConnWriteTimeout = subscriberTimeout
	l.Subscriber, err = rueidis.NewClient(options)
	return err
}

// checkVersion refuses servers older than Redis 7.0, which have no sharded
// pub/sub and other rules for scripts.
func checkVersion(ctx context.Context, client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	info, err := client.Do(ctx, client.B().Info().Section("server").Build()).ToString()
	if err != nil && Answered(err) {
		return nil // this user may not run INFO; Check reports other problems
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(info) {
		version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:")
		major, _, _ := strings.Cut(version, ".")
		if ok && len(major) == 1 && major < "7" {
			return fmt.Errorf("%w: this is Redis %s, it must be 7.0 or later", ErrMisconfigured, version)
		}
	}
	return nil
}

// misconfigured are the error replies, less ERR, that do not go away by waiting.
var misconfigured = []string{
	"WRONGPASS", "NOAUTH", "NOPERM", "invalid password", "AUTH ", "Client sent AUTH",
	"DB index", "invalid DB index", "SELECT is not allowed",
}

// classify distinguishes a Redis that is down from one that can never work.
func (r *Client) classify(err error) error {
	if errors.Is(err, ErrMisconfigured) {
		return err
	}
	if errors.Is(err, rueidis.ErrNoCache) {
		if strings.Contains(err.Error(), CodeRights) {
			return fmt.Errorf("%w: user %q may not run CLIENT TRACKING, which client-side caching needs (%s)", ErrMisconfigured, r.User(), CodeRights)
		}
		return fmt.Errorf("%w: the server does not speak RESP3, it must be Redis 7.0 or later", ErrMisconfigured)
	}
	for _, secret := range []string{r.address.password, r.address.sentinels} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			err = errors.New(strings.ReplaceAll(err.Error(), secret, "***"))
		}
	}
	if never := explainTLS(err); never != nil {
		return never
	}
	for _, prefix := range misconfigured {
		if strings.HasPrefix(err.Error(), prefix) {
			return fmt.Errorf("%w: %w", ErrMisconfigured, err)
		}
	}
	return fmt.Errorf("%w: %w", guest.ErrUnavailable, err)
}

// Up returns the link, or why Redis is down.
func (r *Client) Up() (*Link, error) {
	if cause := r.down.Load(); cause != nil {
		if errors.Is(*cause, guest.ErrUnavailable) {
			return nil, *cause
		}
		return nil, fmt.Errorf("%w: %w", guest.ErrUnavailable, *cause)
	}
	return r.link.Load(), nil
}

// Failure converts the error of an operation into one of the domain, and has the prober
// check at once if Redis did not reply. A nil reply is guest.ErrNotFound.
func (r *Client) Failure(doing string, err error) error {
	if rueidis.IsRedisNil(err) {
		return fmt.Errorf("%s: %w", doing, guest.ErrNotFound)
	}
	if _, ok := rueidis.IsRedisErr(err); ok {
		return fmt.Errorf("%s: %w: %w", doing, guest.ErrUnavailable, err)
	}
	r.requestProbe()
	return fmt.Errorf("%s: %w: %w", doing, guest.ErrUnavailable, err)
}

// Answered reports whether Redis replied, even if with an error or nil.
func Answered(err error) bool {
	_, reply := rueidis.IsRedisErr(err)
	return err == nil || reply || rueidis.IsRedisNil(err)
}

// Replied reports whether an error is, or wraps, an error reply of Redis.
func Replied(err error) bool {
	var reply *rueidis.RedisError
	return errors.As(err, &reply)
}

func (r *Client) requestProbe() {
	select {
	case r.probeNow <- struct{}{}:
	default:
	}
}

// proberTimeout is short: nothing is lost with the prober's connection, and a dead one
// must not outlive the outage.
const proberTimeout = time.Second

// subscriberTimeout is longer than the others: a subscriber whose handler is busy
// answers no ping, and must not lose its subscription because of it.
const subscriberTimeout = 5 * time.Second
