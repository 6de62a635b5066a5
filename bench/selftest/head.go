package selftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"guestload/bench/ab"
	"guestload/bench/gate"
	"guestload/bench/policy"
	"guestload/bench/stats"
	"guestload/bench/trial"
)

// head is the base with what is planted in it, built when first asked for.
func (s *selftest) head(ctx context.Context, k Kind, p gate.Policy, progress io.Writer) (*ab.Build, error) {
	planted, err := parsePlant(k.Plant)
	if err != nil {
		return nil, err
	}
	as, edit := k.Plant, planted.change
	switch {
	case planted.of == inInstructions:
		rounds, err := s.instructionRounds(ctx, planted.share, progress)
		if err != nil {
			return nil, err
		}
		edit = plantWork(rounds)
	case planted.share > 0:
		of := handled(p)
		cost, err := s.cost(ctx, planted.of, of, progress)
		if err != nil {
			return nil, err
		}
		as += " of " + of
		edit = planted.of.plant(cost.rounds(planted.share))
	}
	if s.heads[as] == nil {
		if s.heads[as], err = s.shop.Make(ctx, s.ref, as, edit, progress); err != nil {
			return nil, err
		}
	}
	return s.heads[as], nil
}

// instructionRounds is how many rounds of planted work add a share to the instructions of an
// event: what a round adds is counted once, and is the same on any machine.
func (s *selftest) instructionRounds(ctx context.Context, share float64, progress io.Writer) (int, error) {
	m := countedHandler(s.policy)
	if m == nil || s.counter == nil {
		return 0, errors.New("instructions cannot be planted where none are counted")
	}
	const many = 1000
	if s.perRound == 0 {
		head, err := s.shop.Make(ctx, s.ref, "calibration", plantWork(many), progress)
		if err != nil {
			return 0, err
		}
		p, err := s.counter.Pair(ctx, [2]*ab.Build{s.base, head}, policy.RunOf(*m), m.Operations/2)
		if err := errors.Join(err, s.shop.Discard(head.Tree)); err != nil {
			return 0, err
		}
		base, much := p.Runs[ab.Base][m.Unit], p.Runs[ab.Head][m.Unit]
		s.perRound = (much - base) / many / base
		fmt.Fprintf(progress, "a round of planted work is %.4f %% of an event's instructions\n", 100*s.perRound)
	}
	if !(s.perRound > 0) {
		return 0, fmt.Errorf("calibration: %d rounds of planted work add %v of an event's instructions", many, many*s.perRound)
	}
	return max(1, int(share/s.perRound+0.5)), nil
}

// cost is what planted rounds cost, calibrated once.
func (s *selftest) cost(ctx context.Context, by means, of string, progress io.Writer) (cost, error) {
	key := by.String() + " of " + of
	if known, ok := s.journal.setup.Costs[key]; ok {
		return known, nil
	}
	c, err := s.calibrate(ctx, by, of, progress)
	if err != nil {
		return c, err
	}
	return c, s.journal.add(entry{Costs: map[string]cost{key: c}})
}

// cost is by how much rounds of planted work increase the gated CPU time: not at all
// as long as they hide behind other waits of the processor, and then in proportion.
type cost struct {
	Hidden float64 `json:"hidden"` // rounds
	Whole  float64 `json:"whole"`  // rounds more that cost 100 %
}

func (c cost) rounds(share float64) int { return max(1, int(c.Hidden+share*c.Whole+0.5)) }

// costOf is the line through two plants and their shares.
func costOf(few, many int, little, much float64) cost {
	whole := float64(many-few) / (much - little)
	return cost{Hidden: float64(few) - little*whole, Whole: whole}
}

// calibrate plants much, where a little would drown in noise, and then about
// 10 %, since few rounds cost less than their part of many.
func (s *selftest) calibrate(ctx context.Context, by means, of string, progress io.Writer) (cost, error) {
	trial := calibrations()[of]
	if by == inCaches {
		trial.rounds *= 5 // thousandths of a word, of which a few double the time of an event
	}
	much, err := s.planted(ctx, by, of, trial.rounds, calibrationPairs, progress)
	if err != nil {
		return cost{}, err
	}
	if !(much > 0.05) {
		return cost{}, fmt.Errorf("calibration of %s: %d rounds an event made a difference of %.1f %%, too little to go by", of, trial.rounds, 100*much)
	}
	few := cost{Whole: float64(trial.rounds) / much}.rounds(0.1)
	little, err := s.planted(ctx, by, of, few, trial.pairs, progress)
	if err != nil {
		return cost{}, err
	}
	if !(little > 0.03 && little < 0.2) {
		return cost{}, fmt.Errorf("calibration of %s: %d rounds an event should be about 10 %% more CPU time, and were %.1f %%: is the machine busy?", of, few, 100*little)
	}
	c := costOf(few, trial.rounds, little, much)
	fmt.Fprintf(progress, "%s: %d rounds an event are %.1f %% more CPU time, %d are %.1f %%; so 5 %% are %d, and 10 %% are %d\n",
		of, trial.rounds, 100*much, few, 100*little, c.rounds(0.05), c.rounds(0.1))
	return c, nil
}

// planted is the share by which so many rounds an event increase the gated CPU time.
func (s *selftest) planted(ctx context.Context, by means, of string, rounds, pairs int, progress io.Writer) (float64, error) {
	head, err := s.shop.Make(ctx, s.ref, "calibration", by.plant(rounds), progress)
	if err != nil {
		return 0, err
	}
	b := ab.NewRunner([2]*ab.Build{s.base, head}, s.shop, trial.MicroEffort(), s.random)
	defer b.Close()
	all, err := b.Measure(ctx, []string{of}, pairs, io.Discard)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(s.policy.Metrics, func(m gate.Metric) bool { return policy.RunOf(m) == of })
	var ratios []float64
	for _, p := range all {
		unit := s.policy.Metrics[i].Unit
		ratios = append(ratios, p.Runs[ab.Head][unit]/p.Runs[ab.Base][unit])
	}
	return stats.UpperMedian(ratios) - 1, s.shop.Discard(head.Tree)
}

// burn burns so many cores until ctx ends or stop is called.
func burn(ctx context.Context, cores int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var burning sync.WaitGroup
	for range cores {
		burning.Go(func() {
			for ctx.Err() == nil {
				continue
			}
		})
	}
	return func() {
		cancel()
		burning.Wait()
	}
}
