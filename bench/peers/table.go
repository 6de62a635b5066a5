package peers

import (
	"context"
	"fmt"
	"io"
	"slices"

	"guestload/bench/figures"
)

// goal is what loadgen may spend at most, in units of the peer. 0: any.
type goal struct{ cpu, memory float64 }

var goals = map[string]goal{
	BareGo: {cpu: 1.3},
	K6:     {cpu: 0.25, memory: 0.05},
	Wrk:    {cpu: 1.4},
}

// Compare lets all peers that are installed do all work in turns, and returns what they
// spent, loadgen beside each. The second result names peers that are not installed.
func Compare(ctx context.Context, s *Setup, turns int, progress io.Writer) (all []figures.Figure, missing []string, err error) {
	var sessions []measured
	for _, w := range Workloads() {
		runs, err := takeTurns(ctx, s, w, turns, progress)
		if err != nil {
			return nil, nil, fmt.Errorf("%s, %d guests: %w", w.Work, w.Guests, err)
		}
		m := measured{w, runs}
		all = append(all, m.figures()...)
		for _, peer := range w.Peers {
			if len(runs[peer]) == 0 && !slices.Contains(missing, peer) {
				missing = append(missing, peer)
			}
		}
		if w.Work == Sessions {
			sessions = append(sessions, m)
		}
	}
	return append(all, growth(sessions[0], sessions[len(sessions)-1])...), missing, nil
}

// measured is a workload with what each peer spent in each turn.
type measured struct {
	Workload
	runs map[string][]Spent
}

// takeTurns runs all peers that are there, turn by turn, every other turn backwards.
func takeTurns(ctx context.Context, s *Setup, w Workload, turns int, progress io.Writer) (map[string][]Spent, error) {
	runs := map[string][]Spent{}
	there := slices.DeleteFunc(slices.Clone(w.Peers), func(peer string) bool { return !Installed(peer) })
	for turn := range turns {
		for _, peer := range there {
			fmt.Fprintf(progress, "%s, %d guests, turn %d of %d: %s\n", w.Work, w.Guests, turn+1, turns, peer)
			spent, err := s.Run(ctx, w, peer)
			if err != nil {
				return nil, err
			}
			runs[peer] = append(runs[peer], spent)
		}
		slices.Reverse(there)
	}
	return runs, nil
}

// figures are the peers' CPU and memory, and the ratios of loadgen's CPU to theirs within
// each turn.
func (m measured) figures() (all []figures.Figure) {
	for _, peer := range m.Peers {
		if len(m.runs[peer]) == 0 {
			continue
		}
		what := fmt.Sprintf("a %s, %d guests, %s", m.Work, m.Guests, peer)
		cpu := figures.Figure{What: "CPU of " + what, Format: "%.1f µs"}
		memory := figures.Figure{What: "peak memory of " + what, Format: "%.0f MB"}
		ratio := figures.Figure{What: fmt.Sprintf("CPU of a %s, %d guests, loadgen / %s", m.Work, m.Guests, peer), Format: "%.2fx"}
		for i, s := range m.runs[peer] {
			cpu.Values = append(cpu.Values, s.PerUnit().Seconds()*1e6)
			memory.Values = append(memory.Values, float64(s.Memory)/1e6)
			ratio.Values = append(ratio.Values, float64(m.runs[Loadgen][i].PerUnit())/float64(s.PerUnit()))
		}
		all = append(all, cpu, memory)
		if peer != Loadgen {
			all = append(all, held(ratio, goals[peer].cpu))
		}
	}
	return all
}

// growth is the memory that a further guest takes: what a program takes for itself, such
// as loadgen's histograms, is the same for any number of guests.
func growth(few, many measured) (all []figures.Figure) {
	one := func(peer string, turn int) float64 {
		return float64(many.runs[peer][turn].Memory-few.runs[peer][turn].Memory) / float64(many.Guests-few.Guests)
	}
	for _, peer := range few.Peers {
		what := fmt.Sprintf("memory of a further guest, %d to %d, ", few.Guests, many.Guests)
		own := figures.Figure{What: what + peer, Format: "%.1f kB"}
		ratio := figures.Figure{What: what + "loadgen / " + peer, Format: "%.2fx"}
		for turn := range few.runs[peer] {
			own.Values = append(own.Values, one(peer, turn)/1e3)
			ratio.Values = append(ratio.Values, one(Loadgen, turn)/one(peer, turn))
		}
		if len(own.Values) == 0 {
			continue
		}
		all = append(all, own)
		if peer != Loadgen {
			all = append(all, held(ratio, goals[peer].memory))
		}
	}
	return all
}

// held gives a ratio its goal, where there is one.
func held(ratio figures.Figure, goal float64) figures.Figure {
	if goal > 0 {
		ratio.Target = &goal
	}
	return ratio
}
