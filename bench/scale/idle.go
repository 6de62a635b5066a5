package scale

import (
	"context"
	"errors"
)

// Growth is what one more idle guest takes.
type Growth struct {
	Grown, Settled, Goroutines float64 // of Memory, a guest
}

// Idle measures what connected guests who do nothing take of a server's memory,
// between few and many of them.
func Idle(ctx context.Context, self, kind string, few, many int) (g Growth, err error) {
	p, err := Start(ctx, self, HoldCommand, kind)
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	c := NewCrowd(p.Address, kind == Bare)
	defer c.Leave()
	return growth(few, many, func(size int) (Memory, error) {
		if err := c.Grow(ctx, size, nil); err != nil {
			return Memory{}, err
		}
		return p.Memory()
	})
}

// growth is between two sizes, at each of which measure says what there is.
func growth(few, many int, measure func(size int) (Memory, error)) (g Growth, err error) {
	var at [2]Memory
	for i, size := range []int{few, many} {
		if at[i], err = measure(size); err != nil {
			return g, err
		}
	}
	n := float64(many - few)
	return Growth{
		Grown:      float64(at[1].Grown-at[0].Grown) / n,
		Settled:    float64(at[1].Settled-at[0].Settled) / n,
		Goroutines: float64(at[1].Goroutines-at[0].Goroutines) / n,
	}, nil
}
