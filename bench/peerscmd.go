package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"guestload/bench/peers"
)

const peersExplanation = `bench peers holds loadgen against others on one server: a bare Go client that
does the same without schedule, histograms and verification, k6 and wrk. They
run in turns; told are medians, and the median of the ratios within a turn.
Peers that are not installed are left out, and named:

  go install go.k6.io/k6@latest; apt-get install wrk

  bench peers                          5 turns of 6 s each: about 6 minutes
  bench peers --turns 1 --for 3s       a first look`

// goal is what loadgen may spend at most, in units of the peer.
type goal struct{ cpu, memory float64 }

var goals = map[string]goal{
	peers.BareGo: {cpu: 1.3},
	peers.K6:     {cpu: 0.25, memory: 0.05},
	peers.Wrk:    {cpu: 1.4},
}

func runPeers(ctx context.Context, args []string, to console) (err error) {
	fs := flagSet("peers")
	turns := fs.Int("turns", 5, "how often each peer runs")
	length := fs.Duration("for", 6*time.Second, "how long each run takes; whole seconds")
	if err := parse(fs, args, peersExplanation, to); err != nil {
		return err
	}
	switch {
	case *turns < 1:
		return usageError{fmt.Errorf("--turns %d: at least 1", *turns)}
	case *length < time.Second || *length%time.Second != 0:
		return usageError{fmt.Errorf("--for %v: whole seconds, 1s at least", *length)}
	}
	dir, err := os.MkdirTemp("", "guestload-peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a := peers.Arena{Dir: dir, Loadgen: filepath.Join(dir, "loadgen"), Length: *length}
	if a.Self, err = os.Executable(); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", dir+string(filepath.Separator), "guestload/server", "guestload/loadgen")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	if err := a.Open(ctx, filepath.Join(dir, "server")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return comparePeers(ctx, &a, *turns, to)
}

func comparePeers(ctx context.Context, a *peers.Arena, turns int, to console) error {
	tw := tabwriter.NewWriter(to.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "work\tguests\tpeer\tCPU a unit\tpeak memory\tloadgen's CPU / peer's\tgoal")
	var sessions []contested
	for _, c := range peers.Contests() {
		runs, err := takeTurns(ctx, a, c, turns, to)
		if err != nil {
			return fmt.Errorf("%s, %d guests: %w", c.Work, c.Guests, err)
		}
		for _, peer := range c.Peers {
			fmt.Fprintln(tw, cpuRow(c, peer, runs))
		}
		if c.Work == peers.Sessions {
			sessions = append(sessions, contested{c, runs})
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return writeGrowth(sessions[0], sessions[len(sessions)-1], to)
}

// contested is a contest with what each peer spent in each turn.
type contested struct {
	peers.Contest
	runs map[string][]peers.Spent
}

// takeTurns runs all peers that are there, turn by turn, every other turn backwards.
func takeTurns(ctx context.Context, a *peers.Arena, c peers.Contest, turns int, to console) (map[string][]peers.Spent, error) {
	runs := map[string][]peers.Spent{}
	there := slices.DeleteFunc(slices.Clone(c.Peers), func(peer string) bool { return !peers.Installed(peer) })
	for turn := range turns {
		for _, peer := range there {
			fmt.Fprintf(to.stderr, "%s, %d guests, turn %d of %d: %s\n", c.Work, c.Guests, turn+1, turns, peer)
			s, err := a.Run(ctx, c, peer)
			if err != nil {
				return nil, err
			}
			runs[peer] = append(runs[peer], s)
		}
		slices.Reverse(there)
	}
	return runs, nil
}

// cpuRow is one peer's line of the table.
func cpuRow(c peers.Contest, peer string, runs map[string][]peers.Spent) string {
	row := fmt.Sprintf("%s\t%d\t%s\t", c.Work, c.Guests, peer)
	if len(runs[peer]) == 0 {
		return row + "not installed\t\t\t"
	}
	var cpu, memory, ratios []float64
	for i, s := range runs[peer] {
		cpu = append(cpu, s.PerUnit().Seconds()*1e6)
		memory = append(memory, float64(s.Memory)/1e6)
		ratios = append(ratios, float64(runs[peers.Loadgen][i].PerUnit())/float64(s.PerUnit()))
	}
	row += fmt.Sprintf("%.1fµs\t%.0fMB\t", median(cpu), median(memory))
	if peer == peers.Loadgen {
		return row + "\t"
	}
	return row + versusGoal(median(ratios), goals[peer].cpu)
}

// writeGrowth tells what a further guest takes of memory: what a program takes
// for itself, such as loadgen's histograms, is the same for any number of guests.
func writeGrowth(few, many contested, to console) error {
	tw := tabwriter.NewWriter(to.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "\npeer\tmemory a guest, from %d to %d\tloadgen's / peer's\tgoal\n", few.Guests, many.Guests)
	growth := func(peer string, turn int) float64 {
		return float64(many.runs[peer][turn].Memory-few.runs[peer][turn].Memory) / float64(many.Guests-few.Guests)
	}
	for _, peer := range few.Peers {
		var own, ratios []float64
		for turn := range few.runs[peer] {
			own = append(own, growth(peer, turn)/1e3)
			ratios = append(ratios, growth(peers.Loadgen, turn)/growth(peer, turn))
		}
		switch {
		case len(own) == 0:
			fmt.Fprintf(tw, "%s\tnot installed\t\t\n", peer)
		case peer == peers.Loadgen:
			fmt.Fprintf(tw, "%s\t%.1fkB\t\t\n", peer, median(own))
		default:
			fmt.Fprintf(tw, "%s\t%.1fkB\t%s\n", peer, median(own), versusGoal(median(ratios), goals[peer].memory))
		}
	}
	return tw.Flush()
}

// versusGoal is a ratio, and the goal where there is one.
func versusGoal(ratio, goal float64) string {
	switch {
	case goal == 0:
		return fmt.Sprintf("%.2fx\t", ratio)
	case ratio <= goal:
		return fmt.Sprintf("%.3gx\t≤%gx met", ratio, goal)
	}
	return fmt.Sprintf("%.3gx\t≤%gx not met", ratio, goal)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// runBare is the bare client: bench peers runs it as a process of its own.
func runBare(ctx context.Context, args []string, to console) error {
	if len(args) != 3 {
		return usageError{errors.New("want TARGET GUESTS LENGTH, such as http://127.0.0.1:3001 200 6s")}
	}
	guests, err := strconv.Atoi(args[1])
	if err != nil || guests < 1 {
		return usageError{fmt.Errorf("%q guests: a number from 1", args[1])}
	}
	length, err := time.ParseDuration(args[2])
	if err != nil || length <= 0 {
		return usageError{fmt.Errorf("length %q: a time such as 6s", args[2])}
	}
	n, err := peers.Bare(ctx, args[0], guests, length)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.stdout, "%d sessions\n", n)
	return err
}
