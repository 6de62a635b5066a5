package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// ErrMisconfigured: this Redis cannot work with this URL (a bad URL, a wrong password, a
// server without RESP3); retrying is useless.
var ErrMisconfigured error = permanent{}

type permanent struct{}

func (permanent) Error() string { return "redis is misconfigured" }

// Permanent reports that no later attempt can succeed.
func (permanent) Permanent() bool { return true }

// Timeouts. The prober ends all waits within 700 ms of an outage, so these are longer: in
// a process that is starved of CPU, a late reply is no outage, and treating it as one
// would serve guests from memory where other instances do not find them.
const (
	dialTimeout  = 400 * time.Millisecond
	firstTimeout = 300 * time.Millisecond // for an answer while connecting
	ReplyTimeout = time.Second            // for a whole operation
	BulkTimeout  = 3 * time.Second        // for one that is about many guests
	// writeTimeout is when a silent connection is replaced. Commands in flight are lost,
	// so it is longer than any operation: a process that is starved of CPU must not take
	// its own connection for dead.
	writeTimeout = 2 * time.Second
)

// defaultPorts of Redis and of Sentinel.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// deployment is the kind of Redis behind a URL.
type deployment int

const (
	standalone deployment = iota
	sentinel
	cluster
)

// address is a parsed Redis URL.
type address struct {
	kind      deployment
	tls       bool
	hosts     []string // host:port, at least one
	username  string
	password  string
	database  int
	masterSet string // sentinel only, as is the next
	sentinels string // the Sentinels' own password, "" for none
	files     files  // with TLS only
}

// schemes are the URL schemes; each has a variant with TLS, rediss instead of redis.
var schemes = map[string]deployment{
	"redis":          standalone,
	"redis-sentinel": sentinel,
	"redis-cluster":  cluster,
}

// parseURL reads one of
//
//	redis://[[user]:password@]host[:port][/database]
//	redis-sentinel://[[user]:password@]host[:port][,host[:port]…]/[database]?master=NAME
//	redis-cluster://[[user]:password@]host[:port][,host[:port]…]
//
// or the same with rediss for TLS, which takes ?ca=FILE (the CA to trust instead of
// the system's) and &cert=FILE&key=FILE (for a server that asks). Several hosts after redis:// mean a cluster
// too, and a single one that turns out to be a cluster's node is used as such.
// The hosts of redis-sentinel are Sentinels; where they have a password of their own,
// &sentinel_password=PASSWORD tells it.
// Errors wrap ErrMisconfigured and never quote what may contain the password.
func parseURL(raw string) (address, error) {
	a, err := splitURL(raw)
	if err != nil {
		return address{}, fmt.Errorf("%w: redis url: %w", ErrMisconfigured, err)
	}
	return a, nil
}

func splitURL(raw string) (address, error) {
	const forms = "redis://, rediss://, redis-sentinel:// or redis-cluster://"
	var a address
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return a, errors.New("it must begin with " + forms)
	}
	plain, secure := strings.CutPrefix(scheme, "rediss")
	if secure {
		a.tls, scheme = true, "redis"+plain
	}
	if a.kind, ok = schemes[scheme]; !ok {
		return a, errors.New("its scheme must be " + forms)
	}
	authority, path, query := rest, "", ""
	authority, query, _ = strings.Cut(authority, "?")
	authority, path, _ = strings.Cut(authority, "/")
	if strings.Contains(rest, "#") || strings.Contains(path+query, "@") {
		return a, errors.New("it has an unescaped /, ? or # in the password (write %2F, %3F, %23), or @ after the hosts")
	}
	if err := a.readAuthority(authority); err != nil {
		return a, err
	}
	if a.kind == standalone && len(a.hosts) > 1 {
		a.kind = cluster
	}
	if err := a.readDatabase(path); err != nil {
		return a, err
	}
	return a, a.readQuery(query)
}

func (a *address) readAuthority(authority string) error {
	hosts := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		hosts = authority[at+1:]
		username, password, _ := strings.Cut(authority[:at], ":")
		var err, err2 error
		a.username, err = url.PathUnescape(username)
		a.password, err2 = url.PathUnescape(password)
		if err != nil || err2 != nil {
			return errors.New("its user or password has a % that begins no escape; write %25")
		}
		if a.username != "" && a.password == "" {
			return errors.New("it has a user but no password: write user:password@host, or :password@host")
		}
	}
	port := redisPort
	if a.kind == sentinel {
		port = sentinelPort
	}
	for i, host := range strings.Split(hosts, ",") {
		addr, err := withPort(host, port)
		if err != nil {
			return fmt.Errorf("host number %d %w", i+1, err)
		}
		a.hosts = append(a.hosts, addr)
	}
	return nil
}

// withPort checks one host and adds the default port if it has none. Errors do not quote
// the host: if it was forgotten, the password is in its place.
func withPort(host, port string) (string, error) {
	u, err := url.Parse("redis://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || u.User != nil {
		return "", errors.New("is not host or host:port")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "", errors.New("has a port outside 1..65535")
		}
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func (a *address) readDatabase(path string) error {
	if path == "" {
		return nil
	}
	n, err := strconv.Atoi(path)
	if err != nil || n < 0 || strings.HasPrefix(path, "+") {
		return fmt.Errorf("database %q is not a number from 0", path)
	}
	if n != 0 && a.kind == cluster {
		return fmt.Errorf("a cluster has database 0 only, not %d", n)
	}
	a.database = n
	return nil
}

func (a *address) readQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("its query (after ?) is not name=value")
	}
	options := map[string]*string{"master": &a.masterSet, "sentinel_password": &a.sentinels, "ca": &a.files.ca, "cert": &a.files.cert, "key": &a.files.key}
	for name, v := range values {
		to, known := options[name]
		switch {
		case !known:
			return fmt.Errorf("it knows no option %q; there is master=NAME and sentinel_password=PASSWORD with redis-sentinel://, and ca=FILE, cert=FILE and key=FILE with TLS", name)
		case name == "master" || name == "sentinel_password":
			if a.kind != sentinel {
				return fmt.Errorf("%s is for redis-sentinel://", name)
			}
		case !a.tls:
			return fmt.Errorf("%s=FILE is for TLS: write rediss instead of redis", name)
		}
		*to = v[len(v)-1]
	}
	if a.kind == sentinel && a.masterSet == "" {
		return errors.New("redis-sentinel:// needs the name of the master: ?master=NAME")
	}
	return nil
}

// String is the address without user and password.
func (a address) String() string {
	name := map[deployment]string{standalone: "redis", sentinel: "redis-sentinel", cluster: "redis-cluster"}[a.kind]
	return name + " " + strings.Join(a.hosts, ",")
}

// options are rueidis's for this address, tuned so that an outage is an error
// within ReplyTimeout at the latest: its defaults would wait through it. secure is nil without TLS.
func (a address) options(secure *tls.Config) rueidis.ClientOption {
	o := rueidis.ClientOption{
		InitAddress:       slices.Clone(a.hosts),
		Username:          a.username,
		Password:          a.password,
		SelectDB:          a.database,
		DisableRetry:      true,
		ConnWriteTimeout:  writeTimeout,
		PipelineMultiplex: -1,   // one connection: a read never overtakes our own write
		AlwaysPipelining:  true, // else whoever asks alone closes it when the reply is late
		ClientSetInfo:     rueidis.DisableClientSetInfo,
		ForceSingleClient: a.kind == standalone && a.database != 0,
		TLSConfig:         secure,
	}
	o.Dialer.Timeout = dialTimeout
	o.Dialer.KeepAlive = time.Second
	if a.kind == cluster {
		// The prober asks nodes directly, and is redirected nowhere.
		o.ClusterOption.ShardsRefreshInterval = 5 * time.Second
	}
	if a.kind == sentinel {
		o.Sentinel.MasterSet = a.masterSet
		o.Sentinel.Password = a.sentinels
		o.Sentinel.Dialer = o.Dialer
		o.Sentinel.TLSConfig = secure
		o.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
	return o
}
