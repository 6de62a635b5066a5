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

// Redis is the way to one Redis, a single server, a Sentinel group or a
// cluster. It may be absent for now: until Connect or Watch has reached it, and
// while Watch finds it down, every operation on it fails at once with
// guest.ErrUnavailable. Operations are idempotent, so that one that failed, and
// may yet have happened, can be done again.
type Client struct {
	address address
	secure  *tls.Config // nil without TLS
	Cache   *Cache
	sent    atomic.Int64  // commands
	suspect chan struct{} // holds a token when an operation has failed
	link    atomic.Pointer[Link]
	down    atomic.Pointer[error] // why operations are refused; nil while up

	connecting sync.Mutex
}

// link is an established set of clients.
type Link struct {
	Client     rueidis.Client
	prober     rueidis.Client // apart, because a question must not wait behind a backlog
	Subscriber rueidis.Client // apart, because a slow subscriber stalls its connection
	trips      *trips         // the client's
	Cluster    bool
	Keys       Keys
	replicas   sync.Map // of a cluster: address → whether that node was a replica when it last answered
	spell      atomic.Pointer[spell]
}

// spell is a time for which Redis is up; the context ends with it.
type spell struct {
	context.Context
	end context.CancelFunc
}

// turn notes what the prober says.
func (l *Link) turn(up bool) {
	var next *spell
	if up {
		next = new(spell)
		next.Context, next.end = context.WithCancel(context.Background())
	}
	if last := l.spell.Swap(next); last != nil {
		last.end()
	}
}

// within is context.WithTimeout that ends with the prober's word of an outage, too:
// nobody waits for an answer that cannot come.
func (l *Link) Within(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	s := l.spell.Load()
	if s == nil {
		return ctx, cancel
	}
	stop := context.AfterFunc(s, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// masters are the nodes that hold keys of their own.
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

// NewRedis prepares the way to the Redis at a URL; it does not connect. The
// forms of URLs are:
//
//	redis://[[user]:password@]host[:port][/database]
//	redis-sentinel://[[user]:password@]host[:port][,host[:port]…]/[database]?master=NAME
//	redis-cluster://[[user]:password@]host[:port][,host[:port]…]
//
// with &sentinel_password=PASSWORD where the Sentinels have one of their own,
// and the same with rediss for TLS, which takes ?ca=FILE, the CA to trust instead
// of the system's, and &cert=FILE&key=FILE. An error wraps ErrMisconfigured.
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
	r := &Client{address: a, secure: secure, suspect: make(chan struct{}, 1)}
	r.Cache = newCache(&r.sent)
	cause := errNotYet
	r.down.Store(&cause)
	return r, nil
}

// String is the address without user and password.
func (r *Client) String() string { return r.address.String() }

// Sent is how many commands this process has sent to Redis, those in scripts not
// among them, nor what looks after connections.
func (r *Client) Sent() int64 { return r.sent.Load() }

// CacheStats are the live counters of the client-side cache.
func (r *Client) CacheStats() *CacheStats { return &r.Cache.Stats }

// Connect reaches for Redis once, unless that has been done. An error wraps
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
			if never := r.address.misspoken(ctx); never != nil {
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
	shared := new(trips)
	options.DialCtxFn = shared.dial
	client, err := rueidis.NewClient(options)
	if err != nil {
		return nil, err
	}
	l := &Link{
		Client: &countedClient{Client: client, sent: &r.sent}, trips: shared,
		Cluster: client.Mode() == rueidis.ClientModeCluster,
	}
	l.Keys = NewKeys(l.Cluster)
	if err := r.complete(ctx, l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// complete makes the other clients, once it is known that this Redis will do.
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
		return nil // INFO is not for this user; the scripts will tell
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

// classify tells a Redis that is away from one that can never work.
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

// up returns the link, or why there is none for now.
func (r *Client) Up() (*Link, error) {
	if cause := r.down.Load(); cause != nil {
		if errors.Is(*cause, guest.ErrUnavailable) {
			return nil, *cause
		}
		return nil, fmt.Errorf("%w: %w", guest.ErrUnavailable, *cause)
	}
	return r.link.Load(), nil
}

// failure turns the error of an operation into one of the domain, and lets the
// prober look at once where Redis did not answer. A reply that is nil is
// guest.ErrNotFound.
func (r *Client) Failure(doing string, err error) error {
	if rueidis.IsRedisNil(err) {
		return fmt.Errorf("%s: %w", doing, guest.ErrNotFound)
	}
	if _, ok := rueidis.IsRedisErr(err); ok {
		return fmt.Errorf("%s: %w: %w", doing, guest.ErrUnavailable, err)
	}
	r.alarm()
	return fmt.Errorf("%s: %w: %w", doing, guest.ErrUnavailable, err)
}

// answered reports whether Redis has answered, be it with an error or with nil.
func Answered(err error) bool {
	_, reply := rueidis.IsRedisErr(err)
	return err == nil || reply || rueidis.IsRedisNil(err)
}

// Replied reports whether an operation failed by an answer of Redis, not for want
// of one.
func Replied(err error) bool {
	var reply *rueidis.RedisError
	return errors.As(err, &reply)
}

func (r *Client) alarm() {
	select {
	case r.suspect <- struct{}{}:
	default:
	}
}

// proberTimeout is short: the prober's connection holds nothing that is lost
// with it, and one that has gone dead must not outlive the outage.
const proberTimeout = time.Second

// subscriberTimeout is longer than the others: a subscriber whose handler is
// busy answers no ping, and must not lose its subscription for that.
const subscriberTimeout = 5 * time.Second
