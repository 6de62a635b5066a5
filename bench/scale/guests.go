package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"guestload/loadgen/client"
	"guestload/loadgen/measure"
	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/server/api"
)

// Guests is what Hold holds when it is no server, followed by "=" and the target
// that they connect to: loadgen's guests, with witness and recorder.
const Guests = "guests"

// holdGuests lets guests come until there are as many as each line on stdin says,
// prints Memory as JSON, and ends with stdin.
func holdGuests(ctx context.Context, target string, stdin io.Reader, stdout io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	c, err := client.New(ctx, client.Options{Target: target, Framing: api.JSON})
	if err != nil {
		stop()
		return err
	}
	var playing sync.WaitGroup
	defer c.Close()
	defer playing.Wait()
	defer stop()
	backend := &greeter{Client: c}
	world := session.NewWorld(session.Setting{
		Backend: backend, Clock: session.Clock{Epoch: time.Now()}, Verifier: verify.New(verify.Contract()),
		Scripts: []scenarios.Script{{Name: "lurker", Weight: 1, Steps: []scenarios.Step{
			{Kind: scenarios.Create}, {Kind: scenarios.Connect}, {Kind: scenarios.Idle, For: scenarios.Draw{A: 3600}},
		}}},
	})
	book := measure.NewBook(1)
	fmt.Fprintf(stdout, "playing against %s\n", target)
	n := 0
	return tell(stdin, stdout, func(line string) error {
		size, err := strconv.Atoi(line)
		if err != nil {
			return fmt.Errorf("%q guests: want a number", line)
		}
		for ; n < size; n++ {
			guest := session.Guest{Index: n, Intended: world.Clock.Now(), Recorder: book.Recorder(0)}
			playing.Go(func() { world.Play(ctx, guest) })
			if err := backend.wait(int64(n + 1 - doors)); err != nil {
				return err
			}
		}
		return backend.wait(int64(n))
	})
}

// greeter counts the guests who were greeted.
type greeter struct {
	*client.Client
	greeted atomic.Int64
}

// Dial implements session.Backend.
func (g *greeter) Dial(ctx context.Context, h session.Handshake, welcome func(api.Value) error) (session.Conn, error) {
	conn, err := g.Client.Dial(ctx, h, welcome)
	if err == nil {
		g.greeted.Add(1)
	}
	return conn, err
}

// wait returns when so many were greeted.
func (g *greeter) wait(n int64) error {
	for deadline := time.Now().Add(patience); g.greeted.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d guests of %d are connected after %v", g.greeted.Load(), n, patience)
		}
	}
	return nil
}

// IdleGuests measures what loadgen's own guests who are connected to the server and
// do nothing take of loadgen's memory, between few and many of them.
func (a *Setup) IdleGuests(ctx context.Context, few, many int) (g Growth, err error) {
	server, err := a.serve(ctx)
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	p, err := Start(ctx, a.Self, HoldCommand, Guests+"=http://"+server.Address)
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	return growth(few, many, func(size int) (Memory, error) { return p.ask(strconv.Itoa(size)) })
}
