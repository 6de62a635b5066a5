package failover

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/broker"
)

// Broker carries messages over Redis. While Redis is away, who is on another
// instance cannot be reached: it refuses messages at once, or keeps them until then.
type Broker struct {
	failover   *Store
	redis      *broker.Broker
	subscribed atomic.Int64 // Subscribe calls that run
	deaf       atomic.Bool  // messages to this instance may have been missed since the last Resync
	echoes     atomic.Uint64
	echo       atomic.Pointer[chan string]
}

// echoMark begins a message that this broker sends to its own instance. The
// first byte of all others is not 0.
const echoMark = "\x00echo "

// Publish sends one message to an instance, without waiting.
func (b *Broker) Publish(ctx context.Context, instance string, message []byte) error {
	if !b.failover.home.Load() {
		return fmt.Errorf("publish to %s: %w", instance, guest.ErrUnavailable)
	}
	return b.redis.Publish(ctx, instance, message)
}

// Keep is Publish that keeps the message while Redis is away.
func (b *Broker) Keep(_ context.Context, instance string, message []byte) error {
	return b.redis.Keep(instance, message)
}

// Subscribe calls handle for each message sent to this instance, until ctx ends.
func (b *Broker) Subscribe(ctx context.Context, instance string, handle func(message []byte)) error {
	b.subscribed.Add(1)
	defer b.subscribed.Add(-1)
	b.missed() // what came before
	return b.redis.SubscribeNotify(ctx, instance, func(message []byte) {
		if !bytes.HasPrefix(message, []byte(echoMark)) {
			handle(message)
			return
		}
		if echo := b.echo.Load(); echo != nil {
			select {
			case *echo <- string(message):
			default:
			}
		}
	}, func(subscribed bool, why error) {
		if ctx.Err() != nil {
			return
		}
		if subscribed {
			b.failover.poke()
			return
		}
		if b.failover.State() == StateRedis {
			b.failover.rarely.say(slog.LevelWarn, "subscription "+redis.CodeOf(why), 1, "subscription lost; resynchronising", "error", why)
		}
		b.missed()
		if redis.CodeOf(why) != "" && b.failover.State() == StateRedis {
			b.failover.fall(why)
		}
	})
}

// missed has the node brought up to date, as others may have told it something
// that it did not hear.
func (b *Broker) missed() {
	b.deaf.Store(true)
	b.failover.poke()
}

// Lost counts messages that were accepted and could not be sent, or that nobody
// was there to hear, for long.
func (b *Broker) Lost() int64 { return b.redis.Lost() }

// Undelivered counts attempts to send messages that nobody was there to hear.
func (b *Broker) Undelivered() int64 { return b.redis.Undelivered() }

const (
	echoEvery = 20 * time.Millisecond
	echoTries = 100
)

// hears returns once a message to this instance has arrived here: from then on
// others reach us. A subscription that only seems to stand is found out so. What
// was missed before is the caller's to find out.
func (b *Broker) hears(ctx context.Context) error {
	if b.subscribed.Load() == 0 {
		return nil
	}
	heard := make(chan string, echoTries)
	b.echo.Store(&heard)
	defer b.echo.Store(nil)
	tick := time.NewTicker(echoEvery)
	defer tick.Stop()
	for range echoTries {
		message := fmt.Sprint(echoMark, b.echoes.Add(1))
		if err := b.redis.Probe(ctx, b.failover.instance, []byte(message)); err != nil {
			return err
		}
		select {
		case <-heard: // of whichever try
			b.deaf.Store(false)
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("%w: messages to this instance do not arrive", guest.ErrUnavailable)
}
