package scale

import (
	"context"
	"fmt"
	"time"
)

// Arrived is how a full house came in, as the shipped scenario has it.
type Arrived struct {
	Guests, Refused int
	Connect         time.Duration // 99th percentile of the response time
}

// Arrival plays scenario arrival against a server of its own.
func (a *Setup) Arrival(ctx context.Context) (Arrived, error) {
	r, err := a.play(ctx, "arrival")
	if err != nil {
		return Arrived{}, err
	}
	connect, ok := r.Operations["connect"]
	if !ok {
		return Arrived{}, fmt.Errorf("nobody connected: %+v", r.Guests)
	}
	return Arrived{
		Guests: r.Guests.Planned, Refused: r.Guests.Planned - r.Guests.Completed,
		Connect: time.Duration(connect.Response.P99 * float64(time.Millisecond)),
	}, nil
}
