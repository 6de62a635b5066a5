package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "guestload/"

// law says what packages under a path may import of this module, and why.
type law struct {
	of     string   // a package, or with /... all under it, without the module's name
	may    []string // packages of this module
	reason string
}

var laws = []law{
	{"server", []string{"server/app"}, "main is a few lines over app.Run"},
	{"server/cli", nil, "words of a command line, whichever program's"},
	{"server/app", []string{"server/..."}, "app alone wires the server together"},
	{"server/jsonview", nil, "JSON is text, whatever it says"},
	{"server/guest", []string{"server/jsonview"}, "the domain knows no wire, no storage and no clock"},
	{"server/api", []string{"server/guest", "server/jsonview", "server/api/..."}, "clients link the contract without linking a server"},
	{"server/api/frame", nil, "frames are bytes, whatever they carry"},
	{"server/auth", []string{"server/guest"}, "a token is about a guest, whoever asks"},
	{"server/redisproc", nil, "a redis-server is watched from outside, without the code that it serves"},
	{"server/contract", nil, "descriptions are files"},
	{"server/store/queue", []string{"server/guest"}, "who accepts whom is the same in memory and in Redis"},
	{"server/store/memory", []string{"server/guest", "server/store/queue"}, "a store satisfies its users' interfaces without importing them"},
	{"server/store/redis", []string{"server/guest"}, "a connection serves whatever is stored over it"},
	{"server/store/redis/sessions", []string{"server/guest", "server/store/redis"}, "documents of sessions stand alone"},
	{"server/store/redis/matcher", []string{"server/guest", "server/store/redis", "server/store/queue"}, "queue and pairs stand alone"},
	{"server/store/redis/presence", []string{"server/guest", "server/store/redis", "server/store/redis/sessions", "server/store/redis/matcher"}, "who cleans up after a dead instance changes its guests' documents, searches and pairs"},
	{"server/store/redis/broker", []string{"server/store/redis", "server/guest"}, "messages are bytes, whatever is stored"},
	{"server/store/failover", []string{"server/guest", "server/store/memory", "server/store/redis/...", "server/store/redis"}, "the failover alone knows both memory and Redis"},
	{"server/store/redistest", []string{"server/guest", "server/redisproc"}, "a Redis to test with is a process, without the code that uses it"},
	{"server/realtime", []string{"server/guest", "server/api/..."}, "chats do not know who carries their bytes"},
	{"server/realtime/realtimetest", []string{"server/guest", "server/realtime"}, "the contract of the ports lives with the one who uses them; stores import it in tests alone"},
	{"server/pairing", nil, "the protocol is pure: whoever executes its effects knows guests, stores and wires"},
	{"server/httpd/...", []string{"server/realtime", "server/auth", "server/contract", "server/api/...", "server/guest", "server/httpd/..."}, "the edge sees the store only through the node"},
	{"loadgen", []string{"server/cli", "loadgen/...", "scenarios", "results", "server/api", "server/app"}, "main alone may start the embedded server"},
	{"loadgen/flags", []string{"loadgen/client", "loadgen/fleet", "loadgen/records", "loadgen/target", "results", "scenarios", "server/api", "server/cli"}, "a command line is read before anything is done"},
	{"loadgen/play", []string{"loadgen/coordinator", "loadgen/executor", "loadgen/interrupt", "loadgen/limits", "loadgen/records", "loadgen/report/...", "loadgen/run", "loadgen/search", "results", "scenarios"}, "play decides who plays, and reports; it knows no command line"},
	{"loadgen/coordinator", []string{"loadgen/executor", "loadgen/interrupt", "loadgen/measure", "loadgen/report/page", "loadgen/run", "loadgen/target", "loadgen/usage", "loadgen/verify", "loadgen/worker", "results", "results/series", "scenarios"}, "a coordinator knows its workers by their messages, and plays no guest"},
	{"loadgen/worker", []string{"loadgen/client", "loadgen/executor", "loadgen/interrupt", "loadgen/limits", "loadgen/proc", "loadgen/run", "loadgen/target", "results", "results/series", "scenarios", "server/api"}, "a worker plays a run, whichever coordinator wants it"},
	{"loadgen/search", []string{"loadgen/capacity", "loadgen/limits", "loadgen/records", "loadgen/report/page", "loadgen/run", "loadgen/session", "results", "results/series", "scenarios"}, "a search makes runs, each as if it were alone"},
	{"loadgen/run", []string{"loadgen/client", "loadgen/executor", "loadgen/faults", "loadgen/interrupt", "loadgen/limits", "loadgen/measure", "loadgen/report/...", "loadgen/schedule", "loadgen/session", "loadgen/target", "loadgen/timeline", "loadgen/usage", "loadgen/verify", "results", "results/series", "scenarios", "server/api", "scenarios/operation"}, "one run does not know who wants it"},
	{"loadgen/records", []string{"loadgen/report/...", "results", "results/series", "server/cli", "results/compare"}, "records are read and written without a run"},
	{"loadgen/dryrun", []string{"loadgen/executor", "loadgen/schedule", "loadgen/session", "results", "scenarios"}, "what a run would do is known without a target"},
	{"loadgen/faults", []string{"loadgen/interrupt", "loadgen/session", "loadgen/target", "loadgen/verify", "results", "scenarios"}, "faults happen to a target, whoever plays against it"},
	{"loadgen/target", []string{"loadgen/client", "loadgen/executor", "loadgen/fleet", "loadgen/interrupt", "loadgen/proc", "loadgen/session", "loadgen/usage", "loadgen/verify", "results", "scenarios", "server/api"}, "a target is opened and asked, whoever plays against it"},
	{"loadgen/timeline", []string{"loadgen/executor", "loadgen/measure", "loadgen/report", "loadgen/schedule", "loadgen/session", "loadgen/usage", "results", "results/series", "scenarios", "scenarios/operation"}, "seconds are kept, whoever played them"},
	{"loadgen/usage", []string{"loadgen/capacity", "loadgen/proc", "results"}, "processes are sampled, whatever they do"},
	{"loadgen/limits", []string{"loadgen/executor", "loadgen/proc", "loadgen/schedule", "loadgen/session", "scenarios"}, "a scenario and a machine are compared before anything is played"},
	{"loadgen/interrupt", nil, "a signal ends a context, whatever is going on"},
	{"loadgen/fleet", []string{"loadgen/proc", "results", "scenarios", "server/redisproc"}, "what a run brings up are processes; whoever starts it says how their Redis is asked what it spends"},
	{"loadgen/schedule", nil, "arrivals are pure numbers"},
	{"loadgen/capacity", nil, "a search decides what to try, whoever tries it"},
	{"loadgen/truth", nil, "it is tests alone, which see the generator as its users do"},
	{"loadgen/proc", nil, "what a process uses is the system's to tell"},
	{"loadgen/measure", []string{"results/series", "scenarios/operation"}, "measuring knows the operations by name, and nothing of the server"},
	{"loadgen/client", []string{"server/api/...", "loadgen/session"}, "real connections implement what a session needs"},
	{"loadgen/session", []string{"loadgen/measure", "loadgen/verify", "scenarios", "server/api/...", "scenarios/operation"}, "a guest sees the server through the contract alone"},
	{"loadgen/executor", []string{"loadgen/...", "scenarios", "results"}, "the executor owns the clock and the goroutines, not the wire"},
	{"loadgen/verify", []string{"server/api/...", "scenarios/rule"}, "the rules are the contract's, not the server's"},
	{"loadgen/verify/...", []string{"server/api/...", "loadgen/verify"}, "a lying server is written against the contract alone"},
	{"loadgen/report", []string{"results", "results/series", "scenarios/rule", "results/compare"}, "a report needs nothing but the record, and the rules that it names"},
	{"loadgen/report/page", []string{"results", "results/series", "scenarios", "scenarios/rule"}, "a report needs nothing but the record, and the scenario that it shows"},
	{"scenarios", []string{"scenarios/rule", "scenarios/operation"}, "a scenario file stands alone, and names rules"},
	{"scenarios/operation", nil, "the operations have one place, from which all others take them"},
	{"scenarios/rule", nil, "the rules have one place, from which all others take them"},
	{"results", []string{"scenarios", "results/series", "scenarios/operation"}, "a record knows its thresholds, not who made it"},
	{"results/compare", []string{"results", "results/series", "results/student"}, "records are compared by what is in them"},
	{"results/series", nil, "what is measured has one form, from the sample to the record"},
	{"results/student", nil, "a distribution is numbers"},
	{"bench", []string{"bench/...", "results", "scenarios", "server/...", "loadgen/..."}, "main binds flags; its tests are the benchmarks, which measure everything"},
	{"bench/stats", nil, "statistics are numbers"},
	{"bench/gate", []string{"results", "results/student"}, "a verdict is pure"},
	{"bench/figures", []string{"bench/stats", "results", "server/cli"}, "a table needs figures, and the machine that they are of"},
	{"bench/ab", nil, "two revisions are built from outside"},
	{"bench/ab/abtest", nil, "tests make repositories with git alone"},
	{"bench/count", []string{"bench/ab"}, "instructions are counted of what was built, whatever is made of them"},
	{"bench/policy", []string{"bench/gate", "server/cli"}, "a policy is read and selected from, whoever measures"},
	{"bench/baseline", []string{"bench/ab", "bench/gate", "bench/policy"}, "hard metrics are measured from outside, and compared with a file"},
	{"bench/trial", []string{"bench/ab", "bench/baseline", "bench/count", "bench/gate", "bench/policy", "bench/stats", "server/cli"}, "one run of the gate measures and judges; it knows no command line"},
	{"bench/selftest", []string{"bench/ab", "bench/baseline", "bench/gate", "bench/count", "bench/policy", "bench/stats", "bench/trial", "results", "server/cli"}, "the gate is tested as it is run"},
	{"bench/trend", []string{"bench/ab", "bench/count", "bench/gate", "bench/policy", "bench/stats", "results"}, "change points are found in run records, and in the counts that the policy names"},
	{"bench/peers", []string{"bench/figures", "server/api/...", "server/cli"}, "peers are run from outside, and the bare client knows the contract alone"},
	{"bench/scale", []string{"bench/figures", "server/api/...", "server/app", "server/cli", "loadgen/...", "scenarios", "results"}, "the whole server is measured, from outside and by the contract, and so are loadgen's guests"},
}

// only names libraries that one package alone may import.
var only = map[string]struct {
	where  []string
	reason string
}{
	"github.com/redis/rueidis":     {[]string{"server/store/redis"}, "storage has one door"},
	"github.com/valyala/fasthttp":  {[]string{"server/httpd", "loadgen/client", "loadgen/verify/liar", "bench"}, "the wire is at the edges"},
	"github.com/golang-jwt/jwt/v5": {[]string{"server/auth"}, "tokens are made and read in one place"},
}

func TestPackagesKeepTheImportLaws(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		law, ok := find(path)
		if !ok {
			t.Errorf("%s has no law: write down what it may import, and why", path)
			continue
		}
		for _, imported := range p.Imports {
			if rest, ours := strings.CutPrefix(imported, module); ours && !within(rest, law.may) {
				t.Errorf("%s imports %s, but %s", path, rest, law.reason)
			}
			for library, o := range only {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && !within(path, o.where) && !under(path, o.where) {
					t.Errorf("%s imports %s, but %s: only %v may", path, library, o.reason, o.where)
				}
			}
		}
	}
}

// folders are those that the top level has, so that a newcomer sees what there is.
var folders = []string{"server", "loadgen", "scenarios", "bench", "results"}

func TestPackagesStayBelowTheFoldersOfTheTopLevel(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if top, _, _ := strings.Cut(path, "/"); !slices.Contains(folders, top) {
			t.Errorf("%s is beside %v: put it below one of them", path, folders)
		}
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) (all []goPackage) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// find returns the law of a package: its own, or else the one of what it is under.
func find(path string) (best law, ok bool) {
	for _, l := range laws {
		if l.of == path {
			return l, true
		}
		if within(path, []string{l.of}) && len(l.of) > len(best.of) {
			best, ok = l, true
		}
	}
	return best, ok
}

// within reports whether path is one of patterns, or under one that ends in /...
func within(path string, patterns []string) bool {
	for _, p := range patterns {
		base, all := strings.CutSuffix(p, "/...")
		if path == base || all && strings.HasPrefix(path, base+"/") {
			return true
		}
	}
	return false
}

// under reports whether path lies below one of the folders.
func under(path string, folders []string) bool {
	for _, f := range folders {
		if strings.HasPrefix(path, f+"/") {
			return true
		}
	}
	return false
}
