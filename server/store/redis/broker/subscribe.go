package broker

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/store/redis"
)

// seen is the number of the latest batch from each process.
type seen map[string]uint64

// duplicate reports whether a batch with this header has arrived before.
func (h seen) duplicate(header []byte) bool {
	process, text, _ := strings.Cut(string(header[len(batchHeader):]), " ")
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number <= h[process] {
		return true
	}
	h[process] = number
	return false
}

// Subscribe calls handle for each message to an instance, one at a time and in order,
// until ctx ends, and returns ctx's error. It resubscribes whenever the subscription is
// lost. A slow handle delays only itself.
func (b *Broker) Subscribe(ctx context.Context, instance string, handle func(message []byte)) error {
	return b.SubscribeNotify(ctx, instance, handle, func(bool, error) {})
}

// SubscribeNotify is Subscribe and calls notify, which must not wait, with true each time
// that the subscription begins, and with false and the reason when it is lost: messages
// published in between may never arrive.
func (b *Broker) SubscribeNotify(ctx context.Context, instance string, handle func(message []byte), notify func(subscribed bool, why error)) error {
	received := make(chan string, receiveQueue)
	handled := make(chan struct{})
	go func() {
		defer close(handled)
		seen := make(seen)
		for p := range received {
			b.unpack(ctx, []byte(p), seen, handle)
		}
	}()
	defer func() {
		close(received)
		<-handled
	}()
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" || s.Kind == "ssubscribe" {
			b.refused.Store(nil)
			notify(true, nil)
		}
	})
	wait := resubscribeAfter
	for {
		err := b.receive(hooked, instance, received)
		if wait = resubscribeAfter; b.refuses(instance, err) {
			wait = refusedPause
			err = b.refused.Load()
		}
		notify(false, err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unpack passes the messages of a batch to handle, once.
func (b *Broker) unpack(ctx context.Context, p []byte, seen seen, handle func(message []byte)) {
	for len(p) > 0 && ctx.Err() == nil {
		size, n := binary.Uvarint(p)
		if n <= 0 || size > uint64(len(p)-n) {
			b.lost.Add(1) // not one of ours
			return
		}
		end := n + int(size)
		message := p[n:end:end]
		p = p[end:]
		if !bytes.HasPrefix(message, []byte(batchHeader)) {
			handle(message)
		} else if seen.duplicate(message) {
			return
		}
	}
}

// Refused is why Redis refuses the subscription, nil if it does not.
func (b *Broker) Refused() *redis.Refusal { return b.refused.Load() }

// refuses reports whether Redis refused the subscription, and records why.
func (b *Broker) refuses(instance string, err error) bool {
	code := redis.CodeOf(err)
	if code == "" {
		return false
	}
	b.refused.Store(redis.Refuse(code, fmt.Sprintf("redis user %q may not run SUBSCRIBE channel %s*", b.redis.User(), redis.ChannelPrefix), err.Error()))
	return true
}

// receive subscribes until the subscription is lost or ctx ends.
func (b *Broker) receive(ctx context.Context, instance string, received chan<- string) error {
	l, err := b.redis.Up()
	if err != nil {
		return err
	}
	channel := redis.ChannelPrefix + instance
	subscribe := l.Subscriber.B().Subscribe().Channel(channel).Build()
	if l.Cluster {
		subscribe = l.Subscriber.B().Ssubscribe().Channel(channel).Build()
	}
	return l.Subscriber.Receive(ctx, subscribe, func(m rueidis.PubSubMessage) {
		select {
		case received <- m.Message:
		case <-ctx.Done():
		}
	})
}
