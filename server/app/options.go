package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"guestload/server/auth"
	"guestload/server/cli"
	"guestload/server/httpd"
	"guestload/server/httpd/limit"
)

// options are what flags and environment say.
type options struct {
	listen   string
	pprof    string
	limits   httpd.Limits
	sockets  int
	origins  []string
	proxies  []netip.Prefix
	tokens   time.Duration
	drain    time.Duration
	secret   []byte // nil: make one
	logJSON  bool
	logLevel slog.Level
	leash    bool   // end with stdin
	redis    string // URL, "" for memory
	garbage  garbage
}

const explanation = `server: the reference backend for anonymous guest chat.

  server                                        on 127.0.0.1:3001, limits on
  server --listen 127.0.0.1:0 --limits off      on a free port, for a load test

It prints one line, "listening on http://…", to stdout, and its log to stderr.
SIGTERM or Ctrl-C drains: not ready, no new sockets, partners told, then exit 0.
JWT_SECRET (environment) or --jwt-secret-file signs the tokens; without either,
a random secret is made, and tokens end with the process. White space around a secret
or the URL of Redis, such as a line break at its end, is ignored, wherever it comes from.
GOGC (200 where it is not set) and GOMEMLIMIT (nine tenths of the control group's
limit) tell how garbage is collected, as for every Go program.

Flags, each with one dash or two:
`

// parse reads the command line. pflag.ErrHelp asks for the explanation, which
// is then in the error's text.
func parse(args []string, getenv func(string) string) (options, error) {
	var o options
	d := httpd.DefaultLimits()
	fs := pflag.NewFlagSet("server", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	fs.StringVar(&o.listen, "listen", "127.0.0.1:3001", "address and port to listen on; port 0 takes a free one")
	limits := fs.String("limits", "on", "on, or off: switches off all of the limits below that are not given themselves")
	requests := rule(fs, "limit-requests", d.Requests, "API requests an address, such as 100/15m, or off")
	creations := rule(fs, "limit-creations", d.Creations, "sessions created an address")
	renewals := rule(fs, "limit-renewals", d.SessionRenewals, "token renewals a session")
	addressRenewals := rule(fs, "limit-address-renewals", d.AddressRenewals, "token renewals an address")
	events := rule(fs, "limit-events", d.Events, "events a socket; every WebSocket frame counts as one")
	fs.IntVar(&d.SocketsByAddress, "limit-address-sockets", d.SocketsByAddress, "open sockets an address; 0 for no limit")
	fs.IntVar(&d.ConnectionsByAddress, "limit-address-connections", d.ConnectionsByAddress, "open connections an address, sockets included, except from --trusted-proxies;\n0 for no limit")
	fs.IntVar(&o.sockets, "max-sockets", 0, "open sockets in total; 0: as many as open files allow")
	fs.StringSliceVar(&o.origins, "cors", nil, "origins of pages that may use the API, such as https://chat.example; * for all")
	proxies := fs.StringSlice("trusted-proxies", nil, "proxies whose X-Forwarded-For counts, such as 10.0.0.0/8")
	secretFile := fs.String("jwt-secret-file", "", "file with the secret that signs tokens; otherwise JWT_SECRET")
	fs.DurationVar(&o.tokens, "token-ttl", auth.DefaultLifetime, "how long a token is good for")
	fs.DurationVar(&o.drain, "drain-timeout", 8*time.Second, "how long guests have to leave when the server stops; at most 9s")
	logFormat := fs.String("log", "text", "log format: text or json")
	logLevel := fs.String("log-level", "info", "debug, info, warn or error")
	fs.StringVar(&o.redis, "redis-url", "", "Redis that keeps the guests, and lets several servers share them; otherwise REDIS_URL,\nor memory: redis://[[user]:password@]host[:port][/database], redis-cluster://host:port,…,\nredis-sentinel://host:port,…/[database]?master=NAME, or rediss… for TLS, with ?ca=FILE (PEM)\nfor a CA other than the system's, and cert=FILE&key=FILE for a Redis that asks for one")
	fs.StringVar(&o.pprof, "pprof", "", "address for Go's profiles, such as 127.0.0.1:6060; off where empty")
	fs.BoolVar(&o.leash, "exit-with-stdin", false, "stop when stdin ends: for a parent that may die")

	if err := fs.Parse(cli.LongDashes(args)); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return o, fmt.Errorf("%s%s%w", explanation, fs.FlagUsages(), errHelp)
		}
		return o, cli.Explain(fs, err)
	}
	if rest := fs.Args(); len(rest) > 0 {
		return o, fmt.Errorf("unexpected argument %q: everything is a flag, -h lists them", rest[0])
	}
	if *limits != "on" && *limits != "off" {
		return o, fmt.Errorf("--limits %q: on or off", *limits)
	}
	// kept reports whether a limit holds: --limits off leaves those that are given.
	kept := func(flag string) bool { return *limits == "on" || fs.Changed(flag) }
	for _, l := range []struct {
		flag string
		to   *limit.Rule
		by   *ruleValue
	}{
		{"limit-requests", &o.limits.Requests, requests}, {"limit-creations", &o.limits.Creations, creations},
		{"limit-renewals", &o.limits.SessionRenewals, renewals}, {"limit-address-renewals", &o.limits.AddressRenewals, addressRenewals},
		{"limit-events", &o.limits.Events, events},
	} {
		if kept(l.flag) {
			*l.to = l.by.Rule
		}
	}
	for _, l := range []struct {
		flag   string
		to, by *int
	}{
		{"limit-address-sockets", &o.limits.SocketsByAddress, &d.SocketsByAddress},
		{"limit-address-connections", &o.limits.ConnectionsByAddress, &d.ConnectionsByAddress},
	} {
		if *l.by < 0 {
			return o, fmt.Errorf("--%s %d: 0 or more", l.flag, *l.by)
		}
		if kept(l.flag) {
			*l.to = *l.by
		}
	}
	switch *logFormat {
	case "json":
		o.logJSON = true
	case "text":
	default:
		return o, fmt.Errorf("--log %q: text or json", *logFormat)
	}
	if err := o.logLevel.UnmarshalText([]byte(*logLevel)); err != nil || strings.ContainsAny(*logLevel, "+-") {
		return o, fmt.Errorf("--log-level %q: debug, info, warn or error", *logLevel)
	}
	if err := o.readRedis(fs.Changed("redis-url"), getenv); err != nil {
		return o, err
	}
	o.garbage = garbageOf(getenv)
	var err error
	if o.proxies, err = prefixes(*proxies); err != nil {
		return o, err
	}
	if o.secret, err = secret(*secretFile, getenv); err != nil {
		return o, err
	}
	return o, o.check()
}

// errHelp marks the explanation that was asked for.
var errHelp = errors.New("")

func (o *options) check() error {
	for _, a := range []struct{ flag, address string }{{"--listen", o.listen}, {"--pprof", o.pprof}} {
		if a.address == "" && a.flag == "--pprof" {
			continue
		}
		if a.address == "" {
			return errors.New("--listen is empty: want an address such as 127.0.0.1:3001, or :3001 for all interfaces")
		}
		if _, err := net.ResolveTCPAddr("tcp", a.address); err != nil {
			return fmt.Errorf("%s %q: %w; want an address such as 127.0.0.1:3001", a.flag, a.address, err)
		}
	}
	switch {
	case o.tokens < time.Second || o.tokens%time.Second != 0:
		return fmt.Errorf("--token-ttl %s: whole seconds, at least 1s", o.tokens)
	case o.drain < 0 || o.drain > 9*time.Second:
		return fmt.Errorf("--drain-timeout %s: from 0s to 9s", o.drain)
	case o.sockets < 0:
		return fmt.Errorf("--max-sockets %d: 0 or more", o.sockets)
	}
	for _, origin := range o.origins {
		if origin != "*" && !strings.HasPrefix(origin, "http://") && !strings.HasPrefix(origin, "https://") {
			return fmt.Errorf("--cors %q: an origin such as https://chat.example, or *", origin)
		}
	}
	return nil
}

// ruleValue is a limit.Rule as a flag.
type ruleValue struct{ limit.Rule }

func (v *ruleValue) Set(s string) (err error) { v.Rule, err = limit.ParseRule(s); return err }
func (v *ruleValue) Type() string             { return "limit" }

func rule(fs *pflag.FlagSet, name string, standard limit.Rule, help string) *ruleValue {
	v := &ruleValue{standard}
	fs.Var(v, name, help)
	return v
}

// prefixes reads addresses and networks.
func prefixes(all []string) (read []netip.Prefix, err error) {
	for _, s := range all {
		if a, err := netip.ParseAddr(s); err == nil {
			read = append(read, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies %q: want an address or a network, such as 10.0.0.0/8", s)
		}
		read = append(read, p.Masked())
	}
	return read, nil
}

// Secrets and URLs often come from files with a line break at the end. White space
// around one is no part of it, wherever it comes from.

// readRedis takes the URL of Redis from the flag, or else from REDIS_URL.
func (o *options) readRedis(given bool, getenv func(string) string) error {
	url, name := o.redis, "--redis-url"
	if !given {
		url, name = getenv("REDIS_URL"), "REDIS_URL"
	}
	if o.redis = strings.TrimSpace(url); o.redis == "" && url != "" {
		return fmt.Errorf("%s is blank: give it a URL, such as redis://127.0.0.1:6379, or leave it out to keep guests in memory", name)
	}
	return nil
}

// secret reads the token secret; nil where none is given.
func secret(file string, getenv func(string) string) ([]byte, error) {
	text, name := getenv("JWT_SECRET"), "JWT_SECRET"
	switch {
	case file != "":
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--jwt-secret-file: %w", err)
		}
		text, name = string(b), "--jwt-secret-file "+file
	case text == "":
		return nil, nil
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil, fmt.Errorf("%s is empty: want the secret that signs tokens", name)
	}
	return []byte(text), nil
}
