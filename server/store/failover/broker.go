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

// Broker carries messages over Redis. While Redis is down, other instances cannot be
// reached: Publish fails at once, and Keep queues.
type Broker struct {
	failover       *Store
	redis          *broker.Broker
	subscribed     atomic.Int64 // Subscribe calls that run
	missedMessages atomic.Bool  // messages may be lost since the last Resync
	echoes         atomic.Uint64
	echo           atomic.Pointer[chan string]
}

// echoMark begins a message that this broker sends to its own instance. The first byte of
// all other messages is not 0.
const echoMark = "\x00echo "

// Publish sends a message to an instance, without waiting.
func (b *Broker) Publish(ctx context.Context, instance string, message []byte) error {
	if !b.failover.inRedis.Load() {
		return fmt.Errorf("publish to %s: %w", instance, guest.ErrUnavailable)
	}
	return b.redis.Publish(ctx, instance, message)
}

// Keep is Publish that queues the message while Redis is down.
func (b *Broker) Keep(_ context.Context, instance string, message []byte) error {
	return b.redis.Keep(instance, message)
}

// Subscribe calls handle for each message to this instance, until ctx ends.
func (b *Broker) Subscribe(ctx context.Context, instance string, handle func(message []byte)) error {
	b.subscribed.Add(1)
	defer b.subscribed.Add(-1)
	b.missed() // messages from before
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
			b.failover.throttled.log(slog.LevelWarn, "subscription "+redis.CodeOf(why), 1, "subscription lost; resynchronising", "error", why)
		}
		b.missed()
		if redis.CodeOf(why) != "" && b.failover.State() == StateRedis {
			b.failover.fallBack(why)
		}
	})
}

// missed has the node resynchronise, since messages from other instances may be lost.
func (b *Broker) missed() {
	b.missedMessages.Store(true)
	b.failover.poke()
}

// Lost counts messages that were accepted and could not be delivered.
func (b *Broker) Lost() int64 { return b.redis.Lost() }

// Undelivered counts batches that were sent while nobody was subscribed.
func (b *Broker) Undelivered() int64 { return b.redis.Undelivered() }

const (
	echoEvery = 20 * time.Millisecond
	echoTries = 100
)

// hears returns once a message to this instance has arrived: from then on, others reach
// it. It detects a subscription that only seems to exist. The caller finds out what was
// missed before.
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
		case <-heard: // of any attempt
			b.missedMessages.Store(false)
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("%w: messages to this instance do not arrive", guest.ErrUnavailable)
}
