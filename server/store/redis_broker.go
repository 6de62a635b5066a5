package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

const (
	publishQueue = 4096 // messages that wait to be sent
	publishBatch = 128  // messages in one trip
	receiveQueue = 4096 // messages that wait to be handled
	// resubscribeAfter is the pause between attempts to subscribe.
	resubscribeAfter = 100 * time.Millisecond
)

// RedisBroker carries messages between instances over a channel each: sharded
// on a cluster, where a plain one would cost every node. Delivery is at most
// once; what is sent while an instance is not subscribed is lost.
type RedisBroker struct {
	redis *Redis
	queue chan envelope
	lost  atomic.Int64
}

type envelope struct{ instance, message string }

// ErrBacklog: messages are published faster than Redis takes them.
var ErrBacklog = errors.New("too many messages wait to be published")

// NewRedisBroker carries messages over r. Run must run for them to be sent.
func NewRedisBroker(r *Redis) *RedisBroker {
	return &RedisBroker{redis: r, queue: make(chan envelope, publishQueue)}
}

// Publish puts one message for an instance into the queue, without waiting:
// guest.ErrUnavailable while Redis is down, also with ErrBacklog when the queue
// is full. The message is copied.
func (b *RedisBroker) Publish(ctx context.Context, instance string, message []byte) error {
	const doing = "publish message"
	if _, err := b.redis.up(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	select {
	case b.queue <- envelope{instance, string(message)}:
		return nil
	default:
		return fmt.Errorf("%s: %w: %w", doing, guest.ErrUnavailable, ErrBacklog)
	}
}

// Lost counts messages that were accepted and could not be sent, or that nobody
// was there to hear.
func (b *RedisBroker) Lost() int64 { return b.lost.Load() }

// Run sends what is published until ctx ends. It alone writes, one batch after
// the other over one connection, so the order of messages to an instance is
// that of Publish.
func (b *RedisBroker) Run(ctx context.Context) {
	batch := make([]envelope, 0, publishBatch)
	for {
		batch = batch[:0]
		select {
		case e := <-b.queue:
			batch = append(batch, e)
		case <-ctx.Done():
			return
		}
	fill:
		for len(batch) < publishBatch {
			select {
			case e := <-b.queue:
				batch = append(batch, e)
			default:
				break fill
			}
		}
		b.send(ctx, batch)
	}
}

func (b *RedisBroker) send(ctx context.Context, batch []envelope) {
	l, err := b.redis.up()
	if err != nil {
		b.lost.Add(int64(len(batch)))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	commands := make(rueidis.Commands, len(batch))
	for i, e := range batch {
		channel := channelPrefix + e.instance
		if l.cluster {
			commands[i] = l.client.B().Spublish().Channel(channel).Message(e.message).Build()
		} else {
			commands[i] = l.client.B().Publish().Channel(channel).Message(e.message).Build()
		}
	}
	for i, result := range l.client.DoMulti(ctx, commands...) {
		receivers, err := result.AsInt64()
		if err != nil {
			b.lost.Add(1)
			_ = b.redis.failure("publish message", err) // raises the alarm
		} else if receivers == 0 && !isEcho(batch[i].message) {
			b.lost.Add(1)
		}
	}
}

// Subscribe hands each message for an instance to handle, one at a time and in
// order, until ctx ends, whose error it returns. It subscribes again whenever
// the subscription is lost. A slow handle holds up nobody but itself.
func (b *RedisBroker) Subscribe(ctx context.Context, instance string, handle func(message []byte)) error {
	return b.SubscribeTold(ctx, instance, handle, func(bool) {})
}

// SubscribeTold is Subscribe and calls told, which must not wait, with true each
// time that the subscription has begun, and with false when it is lost: messages
// published in between may never arrive.
func (b *RedisBroker) SubscribeTold(ctx context.Context, instance string, handle func(message []byte), told func(subscribed bool)) error {
	received := make(chan string, receiveQueue)
	handled := make(chan struct{})
	go func() {
		defer close(handled)
		for m := range received {
			if ctx.Err() == nil {
				handle([]byte(m))
			}
		}
	}()
	defer func() {
		close(received)
		<-handled
	}()
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" || s.Kind == "ssubscribe" {
			told(true)
		}
	})
	for {
		b.receive(hooked, instance, received)
		told(false)
		select {
		case <-time.After(resubscribeAfter):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// receive is one subscription, until it is lost or ctx ends.
func (b *RedisBroker) receive(ctx context.Context, instance string, received chan<- string) {
	l, err := b.redis.up()
	if err != nil {
		return
	}
	channel := channelPrefix + instance
	subscribe := l.subscriber.B().Subscribe().Channel(channel).Build()
	if l.cluster {
		subscribe = l.subscriber.B().Ssubscribe().Channel(channel).Build()
	}
	_ = l.subscriber.Receive(ctx, subscribe, func(m rueidis.PubSubMessage) {
		select {
		case received <- m.Message:
		case <-ctx.Done():
		}
	}) // however it ended, the caller subscribes again
}
