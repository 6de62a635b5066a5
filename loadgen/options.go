package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

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

// options are what the command line says.
type options struct {
	scenario string
	list     bool
	check    string
	dryRun   bool

	target    string // "" for servers of our own
	redis     string // of them: a URL, fleet.OwnRedis, or "" for what the scenario asks for
	instances int    // of them: 0 for what the scenario asks for
	transport api.Framing
	without   map[scenarios.Kind]bool
	access    client.Access

	part      *results.Part // nil: the whole run
	processes int           // 0: as the scenario has it
	conns     int           // HTTP connections, 0: the default
	guests    int           // 0: as the scenario has it
	scale     float64
	seed      uint64
	seeded    bool

	out   string
	json  bool
	quiet bool
	watch string // HOST:PORT, "" for nowhere
}

// optional are what a backend may not have: steps, and the route to tell one's
// device, which only hostile guests ask for.
var optional = []string{"fetch", "rename", "locate", "online", "stats", "renew", "device"}

// parseOptions reads the command line. Errors tell what is wrong and what is
// right; pflag.ErrHelp asks for the explanation.
func parseOptions(args []string) (options, error) {
	var o options
	var transport, without, watch, run, share string
	fs := pflag.NewFlagSet("loadgen", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.scenario, "scenario", "", "")
	fs.BoolVar(&o.list, "list", false, "")
	fs.StringVar(&o.check, "check", "", "")
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	fs.StringVar(&o.target, "target", target.Embedded, "")
	fs.StringVar(&o.redis, "redis-url", "", "")
	fs.IntVar(&o.instances, "instances", 0, "")
	fs.StringVar(&transport, "transport", api.JSON.String(), "")
	fs.StringVar(&without, "without", "", "")
	var reach accessFlags
	reach.define(fs)
	fs.IntVar(&o.conns, "connections", 0, "")
	fs.IntVar(&o.guests, "guests", 0, "")
	fs.Float64Var(&o.scale, "scale", 1, "")
	fs.Uint64Var(&o.seed, "seed", 0, "")
	fs.IntVar(&o.processes, "processes", 0, "")
	fs.StringVar(&run, "run", "", "")
	fs.StringVar(&share, "share", "", "")
	fs.StringVar(&o.out, "out", "", "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.BoolVar(&o.quiet, "quiet", false, "")
	fs.StringVar(&watch, "watch", "", "")
	if err := fs.Parse(cli.LongDashes(args)); err != nil {
		return o, cli.Explain(fs, err)
	}
	if rest := fs.Args(); len(rest) > 0 {
		return o, unexpected(rest[0])
	}
	o.seeded = fs.Changed("seed")
	o.target, o.redis = strings.TrimSpace(o.target), strings.TrimSpace(o.redis)
	if o.target == target.Embedded {
		o.target = ""
	} else if o.target == "" {
		return o, fmt.Errorf("--target is empty: give it an address, such as http://127.0.0.1:3000, or leave it out for a server of our own")
	}
	var err error
	if o.target != "" {
		if err = client.CheckTarget(o.target); err != nil {
			return o, fmt.Errorf("--%w", err)
		}
	}
	if o.redis != "" && o.redis != fleet.OwnRedis {
		if err = checkRedis(o.redis); err != nil {
			return o, err
		}
	}
	if o.transport, err = parseTransport(transport); err != nil {
		return o, err
	}
	if o.without, err = parseWithout(without); err != nil {
		return o, err
	}
	if o.access, err = reach.access(fs, o.target); err != nil {
		return o, err
	}
	if fs.Changed("run") || fs.Changed("share") {
		if o.part, err = parsePart(run, share, o.target); err != nil {
			return o, err
		}
	}
	if fs.Changed("watch") && watch == "" {
		return o, fmt.Errorf("--watch is empty: give it a port, such as :8090, or HOST:PORT")
	}
	if o.watch, err = parseWatch(watch); err != nil {
		return o, err
	}
	return o, o.validate(fs)
}

func (o options) validate(fs *pflag.FlagSet) error {
	if err := alone(fs); err != nil {
		return err
	}
	asked := 0
	for _, yes := range []bool{o.list, o.check != "", fs.Changed("scenario")} {
		if yes {
			asked++
		}
	}
	switch {
	case asked > 1:
		return fmt.Errorf("--scenario, --list and --check: one at a time")
	case fs.Changed("scenario") && o.scenario == "":
		return fmt.Errorf("--scenario is empty: name one, such as burst; --list lists them")
	case fs.Changed("check") && o.check == "":
		return fmt.Errorf("--check is empty: name a scenario, such as burst or ./mine.yaml")
	case asked == 0:
		return fmt.Errorf("no scenario: name one, such as --scenario burst; --list lists them, -h explains the rest")
	case o.target != "" && (fs.Changed("redis-url") || fs.Changed("instances")):
		return fmt.Errorf("--redis-url and --instances are for servers that loadgen starts itself: leave them out, or leave out --target")
	case fs.Changed("redis-url") && o.redis == "":
		return fmt.Errorf("--redis-url is empty: give it a URL, such as redis://127.0.0.1:6379, or own for a Redis that is started for the run")
	case fs.Changed("out") && o.out == "":
		return fmt.Errorf("--out is empty: name a folder, or leave it out for a new one under %s", records.Root)
	case fs.Changed("without") && len(o.without) == 0:
		return fmt.Errorf("--without is empty: name steps, of %s", strings.Join(optional, ", "))
	case fs.Changed("instances") && (o.instances < 1 || o.instances > scenarios.MaxInstances):
		return fmt.Errorf("--instances %d: from 1 to %d", o.instances, scenarios.MaxInstances)
	case fs.Changed("processes") && (o.processes < 1 || o.processes > scenarios.MaxProcesses):
		return fmt.Errorf("--processes %d: from 1 to %d", o.processes, scenarios.MaxProcesses)
	case o.processes > 1 && o.part != nil:
		return fmt.Errorf("--processes and --share: a share is played by one process, so give each process a share of its own")
	case fs.Changed("connections") && o.conns < 1:
		return fmt.Errorf("--connections %d: at least 1", o.conns)
	case fs.Changed("guests") && o.guests < 1:
		return fmt.Errorf("--guests %d: at least 1", o.guests)
	case fs.Changed("guests") && fs.Changed("scale"):
		return fmt.Errorf("--guests and --scale both set the size: one of them")
	case !(o.scale > 0):
		return fmt.Errorf("--scale %v: a number above 0, such as 0.1 or 4", o.scale)
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
		if !slices.Contains(optional, name) {
			return nil, fmt.Errorf("--without %q: of %s%s", name, strings.Join(optional, ", "), cli.Guess(name, optional))
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
