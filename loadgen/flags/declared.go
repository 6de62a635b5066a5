package flags

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"guestload/loadgen/target"
	"guestload/scenarios"
	"guestload/server/api"
)

// flag is the one declaration of a flag. about names the default in parentheses.
type flag struct {
	group, name, value, about, example string
	bind                               func(fs *pflag.FlagSet, name string)
	values                             []string // for completion; nil: any, or files
}

// Optional are what a backend may not have: steps, and the route that tells a guest's device,
// which only hostile guests request.
var Optional = []string{"fetch", "rename", "locate", "online", "stats", "renew", "device"}

const (
	groupScenario  = "Scenario"
	groupTarget    = "Target"
	groupLoad      = "Load"
	groupProcesses = "Several processes and machines"
	groupOutput    = "Output"
)

// declared are all flags, in the order in which people need them.
func declared(o *Options, r *raw) []flag {
	return []flag{
		{groupScenario, "scenario", "NAME|FILE", "play a shipped scenario, or one of your own", "--scenario burst, --scenario ./mine.yaml", text(&o.Scenario, ""), shipped()},
		{groupScenario, "list", "", "list the shipped scenarios", "--list", yes(&o.List), nil},
		{groupScenario, "check", "NAME|FILE", "read a scenario and report what is wrong with it, without playing it", "--check ./mine.yaml", text(&o.Check, ""), shipped()},
		{groupScenario, "dry-run", "", "print every arrival, and for each script one guest with all its draws, without playing", "--scenario smoke --dry-run", yes(&o.DryRun), nil},

		{groupTarget, "target", "URL", "drive a backend that runs already; without it, loadgen starts and stops an embedded server", "--target http://127.0.0.1:3000", text(&o.Target, target.Embedded), nil},
		{groupTarget, "redis-url", "URL|own", "store the guests of embedded servers in this Redis; own starts one for the run, which keeps nothing", "--redis-url redis://127.0.0.1:6379", text(&o.Redis, ""), nil},
		{groupTarget, "instances", "N", "number of embedded servers, with the guests spread over them; several share a Redis, own unless --redis-url names one", "--instances 3", number(&o.Instances), nil},
		{groupTarget, "transport", "ws|socketio", "framing of real-time events (ws)", "--transport socketio", text(&r.transport, api.JSON.String()), []string{api.JSON.String(), api.SocketIO.String()}},
		{groupTarget, "timeout", "TIME", "how long a request, or opening a connection, may take before it counts as failed (10s)", "--timeout 30s", func(fs *pflag.FlagSet, name string) { fs.DurationVar(&r.timeout, name, 10*time.Second, "") }, nil},
		{groupTarget, "header", "'NAME: VALUE'", "send a header with every request and WebSocket handshake; may be repeated. Host replaces the target's name; values are in no record", "--header 'X-Api-Key: abc'", func(fs *pflag.FlagSet, name string) { fs.StringArrayVar(&r.headers, name, nil, "") }, nil},
		{groupTarget, "ca", "FILE", "trust the certificates in FILE (PEM) instead of the system's, which SSL_CERT_FILE can name as well", "--target https://chat.internal --ca ca.pem", text(&r.ca, ""), nil},
		{groupTarget, "insecure", "", "do not check the certificate of an https target", "--target https://127.0.0.1:8443 --insecure", yes(&r.insecure), nil},
		{groupTarget, "without", "LIST", "leave out what the backend does not have: " + strings.Join(Optional, ", "), "--without renew,stats", text(&r.without, ""), Optional},
		{groupTarget, "connections", "N", "upper limit of HTTP connections, which all guests share; a request that finds them busy waits, and the wait counts in its response time, but not in its service time (a tenth of the open files that the system allows, at most 1,024)", "--connections 50", number(&o.Conns), nil},

		{groupLoad, "guests", "N", "number of guests in total, in the same time", "--guests 500", number(&o.Guests), nil},
		{groupLoad, "scale", "F", "F times as many guests in the same time", "--scale 4", func(fs *pflag.FlagSet, name string) { fs.Float64Var(&o.Scale, name, 1, "") }, nil},
		{groupLoad, "seed", "N", "a seed other than the scenario's: other arrivals, choices and texts", "--seed 7", func(fs *pflag.FlagSet, name string) { fs.Uint64Var(&o.Seed, name, 0, "") }, nil},

		{groupProcesses, "processes", "N", "number of processes on this machine that play the guests, each its share; one report and one record. For more guests than one process may have open files", "--processes 4", number(&o.Processes), nil},
		{groupProcesses, "share", "K/N", "play the K-th of N parts of a run, of which each generator plays one; loadgen merge joins their records", "--run evening --share 1/3 --target http://127.0.0.1:3000", text(&r.share, ""), nil},
		{groupProcesses, "run", "NAME", "name of the run that the parts belong to: the same at each generator, another for each run", "--run evening --share 2/3 --target http://127.0.0.1:3000", text(&r.run, ""), nil},

		{groupOutput, "out", "DIR", "folder of the record (a new one under results/runs)", "--out /tmp/first", text(&o.Out, ""), nil},
		{groupOutput, "json", "", "print the record as JSON on standard output, and nothing else", "--json > run.json", yes(&o.JSON), nil},
		{groupOutput, "quiet", "", "print nothing during the run, only the report at the end", "--quiet", yes(&o.Quiet), nil},
		{groupOutput, "watch", "[HOST]:PORT", "serve the record's page during the run, and its figures for Prometheus under /metrics; without a host to this machine only", "--watch :8090", text(&r.watch, ""), nil},
		{groupOutput, "version", "", "print the version and exit", "--version", yes(&r.version), nil},
	}
}

func text(p *string, preset string) func(*pflag.FlagSet, string) {
	return func(fs *pflag.FlagSet, name string) { fs.StringVar(p, name, preset, "") }
}

func number(p *int) func(*pflag.FlagSet, string) {
	return func(fs *pflag.FlagSet, name string) { fs.IntVar(p, name, 0, "") }
}

func yes(p *bool) func(*pflag.FlagSet, string) {
	return func(fs *pflag.FlagSet, name string) { fs.BoolVar(p, name, false, "") }
}

// shipped are the names of the shipped scenarios.
func shipped() (names []string) {
	all, _ := scenarios.Shipped() // embedded in the program: a test reads them all
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}
