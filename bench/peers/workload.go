package peers

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"guestload/server/cli"
)

// The peers.
const (
	Loadgen = "loadgen"
	BareGo  = "bare Go"
	K6      = "k6"
	Wrk     = "wrk"
)

// The kinds of work, by what is counted.
const (
	Sessions = "session"
	Fetches  = "fetch"
)

// BareCommand is the argument with which this program becomes the bare client:
// BareCommand TARGET GUESTS LENGTH. It prints how many sessions it played.
const BareCommand = "bare"

// BareArgs reads the arguments that follow BareCommand.
func BareArgs(args []string) (target string, guests int, length time.Duration, err error) {
	if len(args) != 3 {
		return "", 0, 0, cli.Usagef("want TARGET GUESTS LENGTH, such as http://127.0.0.1:3001 200 6s")
	}
	if guests, err = strconv.Atoi(args[1]); err != nil || guests < 1 {
		return "", 0, 0, cli.Usagef("%q guests: a number from 1", args[1])
	}
	if length, err = time.ParseDuration(args[2]); err != nil || length <= 0 {
		return "", 0, 0, cli.Usagef("length %q: a time such as 6s", args[2])
	}
	return args[0], guests, length, nil
}

// Workload is one kind of work for a number of guests at a time, without think
// times, and who does it.
type Workload struct {
	Work   string
	Guests int
	Peers  []string // Loadgen first
}

// Workloads are all there are.
func Workloads() []Workload {
	return []Workload{
		{Sessions, 200, []string{Loadgen, BareGo, K6}},
		{Sessions, 1000, []string{Loadgen, BareGo, K6}},
		{Fetches, 50, []string{Loadgen, Wrk}},
	}
}

// Setup is a server that is up, and what is played against it.
type Setup struct {
	Dir     string // for records, scenarios and scripts
	Loadgen string // program
	Self    string // program that knows BareCommand
	Length  time.Duration
	server  *server
	records int
}

// Open starts the server. Call Close in the end.
func (a *Setup) Open(ctx context.Context, program string) (err error) {
	a.server, err = startServer(ctx, program)
	return err
}

// Close stops it.
func (a *Setup) Close() error { return a.server.stop() }

// Installed reports whether a peer can be run here.
func Installed(peer string) bool {
	if peer == Loadgen || peer == BareGo {
		return true
	}
	_, err := exec.LookPath(peer)
	return err == nil
}

// Run lets one peer do the work, and returns what it cost.
func (a *Setup) Run(ctx context.Context, c Workload, peer string) (Spent, error) {
	switch peer {
	case Loadgen:
		return a.loadgen(ctx, c)
	case BareGo:
		said, s, err := program(ctx, a.Self, BareCommand, a.server.target, strconv.Itoa(c.Guests), a.Length.String())
		return counted(s, err, bareCount, said)
	case K6:
		script := filepath.Join(a.Dir, "session.js")
		if err := os.WriteFile(script, sessionScript, 0o644); err != nil {
			return Spent{}, err
		}
		said, s, err := program(ctx, K6, "run", "--quiet", "--no-usage-report", "-e", "TARGET="+a.server.target,
			"-e", "GUESTS="+strconv.Itoa(c.Guests), "-e", fmt.Sprintf("SECONDS=%.0f", a.Length.Seconds()), script)
		return counted(s, err, k6Count, said)
	case Wrk:
		id, err := a.somebody()
		if err != nil {
			return Spent{}, err
		}
		said, s, err := program(ctx, Wrk, "-t2", "-c"+strconv.Itoa(c.Guests), fmt.Sprintf("-d%.0fs", a.Length.Seconds()), a.server.target+"/api/guest/"+id)
		if err == nil && strings.Contains(string(said), "Non-2xx") {
			err = fmt.Errorf("wrk: %s", said)
		}
		return counted(s, err, wrkCount, said)
	}
	return Spent{}, fmt.Errorf("no such peer: %s", peer)
}

//go:embed session.js
var sessionScript []byte

var (
	bareCount = regexp.MustCompile(`^(\d+) sessions`)
	k6Count   = regexp.MustCompile(`"sessions":(\d+)`)
	wrkCount  = regexp.MustCompile(`(\d+) requests in`)
)

// counted adds how much was done, as the peer itself says.
func counted(s Spent, err error, count *regexp.Regexp, said []byte) (Spent, error) {
	if err != nil {
		return s, err
	}
	m := count.FindSubmatch(said)
	if m == nil {
		return s, fmt.Errorf("no count in %q", last(said))
	}
	if s.Units, err = strconv.Atoi(string(m[1])); err == nil && s.Units == 0 {
		err = errors.New("nothing was done")
	}
	return s, err
}

// loadgen plays a scenario that does the work, with everything on.
func (a *Setup) loadgen(ctx context.Context, c Workload) (Spent, error) {
	a.records++
	out := filepath.Join(a.Dir, fmt.Sprintf("record-%d", a.records))
	file := filepath.Join(a.Dir, c.Work+".yaml")
	if err := os.WriteFile(file, []byte(c.scenario(a.Length)), 0o644); err != nil {
		return Spent{}, err
	}
	said, s, err := program(ctx, a.Loadgen, "--scenario", file, "--target", a.server.target, "--json", "--out", out)
	if err != nil {
		return s, err
	}
	var record struct {
		Guests     struct{ Completed int }
		Operations map[string]struct{ Count int }
	}
	if err := json.Unmarshal(said, &record); err != nil {
		return s, fmt.Errorf("loadgen: %w", err)
	}
	s.Units = record.Guests.Completed
	if c.Work == Fetches {
		s.Units = record.Operations["fetch"].Count
	}
	return s, nil
}

// scenario is the work as loadgen knows it. A guest who fetches creates a
// session first, which is one request in a thousand.
func (c Workload) scenario(length time.Duration) string {
	steps := fmt.Sprintf("[create, connect, {search: {within: 30s}}, {chat: {messages: %d, think: 0ms, length: %d}}, drop]", said, len(text))
	if c.Work == Fetches {
		steps = "[create" + strings.Repeat(", fetch", 999) + "]"
	}
	return fmt.Sprintf(`scenario: %s
about: what bench peers compares.
phases:
  - {name: all, concurrent: %d, for: %v}
guests:
  - script: guest
    steps: %s
thresholds:
  - violations == 0
`, c.Work, c.Guests, length, steps)
}

// somebody creates a guest to be fetched.
func (a *Setup) somebody() (id string, err error) {
	b := &bare{address: strings.TrimPrefix(a.server.target, "http://"), buffer: make([]byte, 4<<10)}
	defer b.end()
	if _, err := b.create(); err != nil {
		return "", fmt.Errorf("create: %w", err)
	}
	m := sessionID.FindSubmatch(b.buffer[b.r:b.w])
	if m == nil {
		return "", errors.New("create: no sessionId in the answer")
	}
	return string(m[1]), nil
}

var sessionID = regexp.MustCompile(`"sessionId":"([^"]+)"`)
