package scale

import (
	"context"
	"errors"
)

// Growth is what one more idle guest takes.
type Growth struct {
	Grown, Settled, Goroutines float64 // of Memory, a guest
}

// Idle measures what connected guests who do nothing take, between few and many of them.
func Idle(ctx context.Context, self, kind string, few, many int) (g Growth, err error) {
	p, err := Start(ctx, self, HoldCommand, kind)
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	c := NewCrowd(p.Address, kind == Bare)
	defer c.Leave()
	var at [2]Memory
	for i, size := range []int{few, many} {
		if err := c.Grow(ctx, size, nil); err != nil {
			return g, err
		}
		if at[i], err = p.Memory(); err != nil {
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
