// Package flags declares loadgen's command line: each flag once, from which parsing, help and
// completion follow.
package flags

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"guestload/loadgen/client"
	"guestload/loadgen/fleet"
	"guestload/loadgen/records"
	"guestload/loadgen/target"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
	"guestload/server/cli"
)

// ErrVersion is returned by Parse where the version is asked for.
var ErrVersion = errors.New("version asked for")

// Options are what a command line says.
type Options struct {
	Scenario string
	List     bool
	Check    string
	DryRun   bool

	Target    string // "" for embedded servers
	Redis     string // of embedded servers: a URL, fleet.OwnRedis, or "" for what the scenario needs
	Instances int    // embedded servers; 0: as the scenario has it
	Transport api.Framing
	Without   map[scenarios.Kind]bool
	Access    client.Access

	Part      *results.Part // nil: the whole run
	Processes int           // 0: as the scenario has it
	Conns     int           // HTTP connections, 0: the default
	Guests    int           // 0: as the scenario has it
	Scale     float64
	Seed      uint64
	Seeded    bool

	Out   string
	JSON  bool
	Quiet bool
	Watch string // HOST:PORT, "" for none
}

// raw are the values of flags that are checked before they become options.
type raw struct {
	transport, without, watch, run, share string
	timeout                               time.Duration
	ca                                    string
	insecure                              bool
	headers                               []string
	version                               bool
}

// Parse reads a command line; checkRedis returns what is wrong with the URL of a Redis. Errors
// name what is wrong and what is right; pflag.ErrHelp asks for the help, ErrVersion for the
// version.
func Parse(args []string, checkRedis func(url string) error) (Options, error) {
	var o Options
	var r raw
	fs := pflag.NewFlagSet("loadgen", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, f := range declared(&o, &r) {
		f.bind(fs, f.name)
	}
	if err := fs.Parse(cli.LongDashes(args)); err != nil {
		return o, cli.Explain(fs, err)
	}
	if rest := fs.Args(); len(rest) > 0 {
		return o, unexpected(rest[0])
	}
	if r.version {
		return o, ErrVersion
	}
	if err := o.read(fs, r, checkRedis); err != nil {
		return o, err
	}
	return o, o.validate(fs)
}

// read checks the values of flags and makes them options.
func (o *Options) read(fs *pflag.FlagSet, r raw, checkRedis func(url string) error) (err error) {
	o.Seeded = fs.Changed("seed")
	o.Target, o.Redis = strings.TrimSpace(o.Target), strings.TrimSpace(o.Redis)
	if o.Target == target.Embedded {
		o.Target = ""
	} else if o.Target == "" {
		return fmt.Errorf("--target is empty: give it an address, such as http://127.0.0.1:3000, or leave it out for an embedded server")
	}
	if o.Target != "" {
		if err = client.CheckTarget(o.Target); err != nil {
			return fmt.Errorf("--%w", err)
		}
	}
	if o.Redis != "" && o.Redis != fleet.OwnRedis {
		if err = checkRedis(o.Redis); err != nil {
			return err
		}
	}
	if o.Transport, err = parseTransport(r.transport); err != nil {
		return err
	}
	if o.Without, err = parseWithout(r.without); err != nil {
		return err
	}
	if o.Access, err = r.access(fs, o.Target); err != nil {
		return err
	}
	if fs.Changed("run") || fs.Changed("share") {
		if o.Part, err = parsePart(r.run, r.share, o.Target); err != nil {
			return err
		}
	}
	if fs.Changed("watch") && r.watch == "" {
		return fmt.Errorf("--watch is empty: give it a port, such as :8090, or HOST:PORT")
	}
	o.Watch, err = parseWatch(r.watch)
	return err
}

func (o Options) validate(fs *pflag.FlagSet) error {
	if err := alone(fs); err != nil {
		return err
	}
	asked := 0
	for _, yes := range []bool{o.List, o.Check != "", fs.Changed("scenario")} {
		if yes {
			asked++
		}
	}
	switch {
	case asked > 1:
		return fmt.Errorf("--scenario, --list and --check: one at a time")
	case fs.Changed("scenario") && o.Scenario == "":
		return fmt.Errorf("--scenario is empty: name one, such as burst; --list lists them")
	case fs.Changed("check") && o.Check == "":
		return fmt.Errorf("--check is empty: name a scenario, such as burst or ./mine.yaml")
	case asked == 0:
		return fmt.Errorf("no scenario: name one, such as --scenario burst; --list lists them, -h explains the rest")
	case o.Target != "" && (fs.Changed("redis-url") || fs.Changed("instances")):
		return fmt.Errorf("--redis-url and --instances are for servers that loadgen starts itself: leave them out, or leave out --target")
	case fs.Changed("redis-url") && o.Redis == "":
		return fmt.Errorf("--redis-url is empty: give it a URL, such as redis://127.0.0.1:6379, or own for a Redis that is started for the run")
	case fs.Changed("out") && o.Out == "":
		return fmt.Errorf("--out is empty: name a folder, or leave it out for a new one under %s", records.Root)
	case fs.Changed("without") && len(o.Without) == 0:
		return fmt.Errorf("--without is empty: name steps, of %s", strings.Join(Optional, ", "))
	case fs.Changed("instances") && (o.Instances < 1 || o.Instances > scenarios.MaxInstances):
		return fmt.Errorf("--instances %d: from 1 to %d", o.Instances, scenarios.MaxInstances)
	case fs.Changed("processes") && (o.Processes < 1 || o.Processes > scenarios.MaxProcesses):
		return fmt.Errorf("--processes %d: from 1 to %d", o.Processes, scenarios.MaxProcesses)
	case o.Processes > 1 && o.Part != nil:
		return fmt.Errorf("--processes and --share: a share is played by one process, so give each process a share of its own")
	case fs.Changed("connections") && o.Conns < 1:
		return fmt.Errorf("--connections %d: at least 1", o.Conns)
	case fs.Changed("guests") && o.Guests < 1:
		return fmt.Errorf("--guests %d: at least 1", o.Guests)
	case fs.Changed("guests") && fs.Changed("scale"):
		return fmt.Errorf("--guests and --scale both set the size: one of them")
	case !(o.Scale > 0):
		return fmt.Errorf("--scale %v: a number above 0, such as 0.1 or 4", o.Scale)
	}
	return nil
}

// alone refuses flags beside --list and --check, which play nothing: they would
// have no effect.
func alone(fs *pflag.FlagSet) error {
	for _, name := range []string{"list", "check"} {
		if !fs.Changed(name) {
			continue
		}
		var other string
		fs.Visit(func(f *pflag.Flag) {
			if f.Name != name && f.Name != "scenario" && f.Name != "list" && f.Name != "check" {
				other = f.Name
			}
		})
		if other != "" {
			return fmt.Errorf("--%s and --%s: --%s plays nothing, so leave out --%s", name, other, name, other)
		}
	}
	return nil
}

func parseTransport(s string) (api.Framing, error) {
	for _, f := range []api.Framing{api.JSON, api.SocketIO} {
		if s == f.String() {
			return f, nil
		}
	}
	return 0, fmt.Errorf("--transport %q: ws or socketio%s", s, cli.Guess(s, []string{"ws", "socketio"}))
}

func parseWithout(s string) (map[scenarios.Kind]bool, error) {
	if s == "" {
		return nil, nil
	}
	left := map[scenarios.Kind]bool{}
	for _, name := range strings.Split(s, ",") {
		if !slices.Contains(Optional, name) {
			return nil, fmt.Errorf("--without %q: of %s%s", name, strings.Join(Optional, ", "), cli.Guess(name, Optional))
		}
		left[scenarios.Kind(name)] = true
	}
	return left, nil
}

// unexpected says what a stray argument may have been meant as.
func unexpected(word string) error {
	var names []string
	for _, c := range records.Commands() {
		names = append(names, c.Name)
	}
	if slices.Contains(names, word) {
		return fmt.Errorf("unexpected argument %q: a command comes first, as in loadgen %s -h", word, word)
	}
	if near := cli.Guess(word, names); near != "" {
		return fmt.Errorf("unexpected argument %q%s", word, near)
	}
	return fmt.Errorf("unexpected argument %q: a scenario is named with --scenario %s", word, word)
}

// parseWatch reads the address of the live page: HOST:PORT, or :PORT and PORT for this machine
// only; "" for none.
func parseWatch(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = "", s
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("--watch %q: want a port, such as :8090, or HOST:PORT", s)
	}
	return net.JoinHostPort(host, port), nil
}
