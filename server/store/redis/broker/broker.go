package broker

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

const (
	publishQueue = 4096     // messages that wait to be sent
	publishBatch = 128      // parcels in one trip
	publishBytes = 16 << 20 // what waits to be sent, also while Redis is away
	receiveQueue = 4096     // parcels that wait to be handled
	// publishEvery is how long messages wait for others while trips follow each
	// other: the first after a pause goes at once. A trip wakes Redis and then each
	// receiver, which at a few hundred messages a second costs several times what the
	// messages themselves do.
	publishEvery = 10 * time.Millisecond
	// publishPatience is how long a trip may take while the prober sees Redis: an answer
	// that is late is no reason to make the trip again.
	publishPatience = 10 * time.Second
	// unheardFor is how long an instance that does not listen is sent to: after an
	// outage the instances come back one after the other, on a busy machine much later.
	// One that is away for longer has been cleaned up after.
	unheardFor = 30 * time.Second
	// unheardPause is the most between two attempts at that.
	unheardPause = 16 * publishEvery
	// parcelSize is when a parcel is full, in bytes.
	parcelSize = 64 << 10
	// resubscribeAfter is the pause between attempts to subscribe.
	resubscribeAfter = 100 * time.Millisecond
	// refusedPause is that pause while Redis refuses the subscription.
	refusedPause = 5 * time.Second
)

// Broker carries messages between instances over a channel each: sharded
// on a cluster, where a plain one would cost every node. Delivery is at most
// once; what is sent while an instance is not subscribed is lost.
type Broker struct {
	redis   *redis.Client
	wake    chan struct{} // for Run: something waits
	lost    atomic.Int64
	unheard atomic.Int64
	refused atomic.Pointer[redis.Refusal] // why the channel of this instance cannot be subscribed to
	process string                        // begins the names of parcels

	mu struct {
		sync.Mutex
		waiting []*parcel // those of one instance in their order
		count   int       // messages in them
		bytes   int       // in them, and in what Run has taken and not got rid of yet
		parcels uint64    // ever, for their numbers
	}
}

// parcel is messages that go to an instance in one piece, each behind its length,
// and before them, as the first, its mark.
type parcel struct {
	instance string
	messages []byte
	count    int // without the mark
	probes   int // of them: those that nobody needs to hear
}

// parcelMark begins a parcel's mark: who sends it, and its number. A trip that was
// not answered is made again, as it may or may not have been made; whoever has had a
// parcel by then knows it by that.
const parcelMark = "\x00parcel "

// ErrBacklog: messages are published faster than Redis takes them.
var ErrBacklog = errors.New("too many messages wait to be published")

// New carries messages over r. Run must run for them to be sent.
func New(r *redis.Client) *Broker {
	return &Broker{redis: r, wake: make(chan struct{}, 1), process: rand.Text()}
}

// Publish puts one message for an instance into the queue, without waiting:
// guest.ErrUnavailable while Redis is down, also with ErrBacklog when the queue
// is full. The message is copied.
func (b *Broker) Publish(ctx context.Context, instance string, message []byte) error {
	return b.publish(ctx, instance, message, 0)
}

// Probe is Publish of a message that is sent once, and not counted as lost where
// nobody hears it.
func (b *Broker) Probe(ctx context.Context, instance string, message []byte) error {
	return b.publish(ctx, instance, message, 1)
}

func (b *Broker) publish(ctx context.Context, instance string, message []byte, probes int) error {
	const doing = "publish message"
	if _, err := b.redis.Up(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return b.put(doing, instance, message, publishQueue, probes)
}

// Keep is Publish that does not mind Redis being down: the message goes, in its
// place among the others, when Redis is back. Only where too much waits already it
// is refused, with guest.ErrUnavailable and ErrBacklog.
func (b *Broker) Keep(instance string, message []byte) error {
	return b.put("keep message", instance, message, math.MaxInt, 0)
}

// put puts a message into the queue, while fewer messages than most wait; probes is 1
// where it is a probe, and 0 otherwise.
func (b *Broker) put(doing, instance string, message []byte, most, probes int) error {
	b.mu.Lock()
	if b.mu.count >= most || b.mu.bytes >= publishBytes {
		b.mu.Unlock()
		return fmt.Errorf("%s: %w: %w", doing, guest.ErrUnavailable, ErrBacklog)
	}
	p := b.parcel(instance)
	before := len(p.messages)
	p.messages = appendMessage(p.messages, message)
	p.count++
	p.probes += probes
	b.mu.count++
	b.mu.bytes += len(p.messages) - before
	first := b.mu.count == 1
	b.mu.Unlock()
	if first {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// parcel is where the next message for an instance goes. The caller holds b.mu.
func (b *Broker) parcel(instance string) *parcel {
	for _, p := range slices.Backward(b.mu.waiting) {
		if p.instance == instance {
			if len(p.messages) < parcelSize {
				return p
			}
			break
		}
	}
	b.mu.parcels++
	mark := parcelMark + b.process + " " + strconv.FormatUint(b.mu.parcels, 10)
	p := &parcel{instance: instance, messages: appendMessage(nil, mark)}
	b.mu.bytes += len(p.messages)
	b.mu.waiting = append(b.mu.waiting, p)
	return p
}

// appendMessage appends a message behind its length.
func appendMessage[T ~string | ~[]byte](dst []byte, message T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(message))), message...)
}

// Lost counts messages that were accepted and could not be sent, or that nobody
// was there to hear, for long.
func (b *Broker) Lost() int64 { return b.lost.Load() }

// Unheard counts attempts to send a parcel that nobody was there to hear.
func (b *Broker) Unheard() int64 { return b.unheard.Load() }

// Run sends what is published until ctx ends. It alone writes, one trip after
// the other over one connection, and no two parcels of one instance in a trip, so
// the order of messages to an instance is that of Publish.
func (b *Broker) Run(ctx context.Context) {
	rest, retry := time.NewTimer(0), time.NewTimer(time.Hour)
	defer rest.Stop()
	defer retry.Stop()
	out := make(outbox)
	var last time.Time
	for {
		select {
		case <-b.wake:
		case <-retry.C:
		case <-ctx.Done():
			return
		}
		if wait := publishEvery - time.Since(last); wait > 0 && !pause(ctx, rest, wait) {
			return
		}
		last = time.Now()
		out.add(b.take())
		for trip := out.trip(time.Now()); len(trip) > 0; trip = out.trip(time.Now()) {
			if !b.send(ctx, trip) { // what was accepted before an outage was known goes when it is over
				for _, w := range trip {
					w.resume(last.Add(publishEvery))
				}
			}
		}
		if again, waits := out.next(); waits {
			retry.Reset(time.Until(again))
		}
	}
}

// pause waits so long, and reports false where ctx ends before.
func pause(ctx context.Context, t *time.Timer, d time.Duration) bool {
	t.Reset(d)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// take returns what waits.
func (b *Broker) take() []*parcel {
	b.mu.Lock()
	defer b.mu.Unlock()
	parcels := b.mu.waiting
	b.mu.waiting, b.mu.count = nil, 0
	return parcels
}

// send makes one trip with the first parcel of each way. It reports false where
// Redis is down, or did not answer to all.
func (b *Broker) send(ctx context.Context, trip []*way) (answeredAll bool) {
	l, err := b.redis.Up()
	if err != nil {
		return false
	}
	ctx, cancel := l.Within(ctx, publishPatience)
	defer cancel()
	commands := make(rueidis.Commands, len(trip))
	for i, w := range trip {
		p := w.parcels[0]
		channel, message := redis.ChannelPrefix+p.instance, rueidis.BinaryString(p.messages)
		if l.Cluster {
			commands[i] = l.Client.B().Spublish().Channel(channel).Message(message).Build()
		} else {
			commands[i] = l.Client.B().Publish().Channel(channel).Message(message).Build()
		}
	}
	answeredAll = true
	for i, result := range l.Client.DoMulti(ctx, commands...) {
		receivers, err := result.AsInt64()
		w := trip[i]
		switch {
		case err != nil && !redis.Answered(err):
			answeredAll = false
			_ = b.redis.Failure("publish message", err) // raises the alarm
		case receivers > 0:
			w.resume(time.Time{})
			b.done(w, 1)
		case w.parcels[0].probes == w.parcels[0].count: // whoever waits for one sends another
			b.done(w, 1)
		default: // nobody, or a refusal: a server that comes back may not be ready
			b.unheard.Add(1)
			if w.silent(time.Now()) {
				for _, p := range w.parcels {
					b.lost.Add(int64(p.count - p.probes))
				}
				b.done(w, len(w.parcels))
			}
		}
	}
	return answeredAll
}

// done forgets the first parcels of a way.
func (b *Broker) done(w *way, parcels int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range w.parcels[:parcels] {
		b.mu.bytes -= len(p.messages)
	}
	w.parcels = slices.Delete(w.parcels, 0, parcels)
}

// had is the latest parcel that has come from each process.
type had map[string]uint64

// again reports whether a parcel with this mark has come before.
func (h had) again(mark []byte) bool {
	process, text, _ := strings.Cut(string(mark[len(parcelMark):]), " ")
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number <= h[process] {
		return true
	}
	h[process] = number
	return false
}

// Subscribe hands each message for an instance to handle, one at a time and in
// order, until ctx ends, whose error it returns. It subscribes again whenever
// the subscription is lost. A slow handle holds up nobody but itself.
func (b *Broker) Subscribe(ctx context.Context, instance string, handle func(message []byte)) error {
	return b.SubscribeTold(ctx, instance, handle, func(bool, error) {})
}

// SubscribeTold is Subscribe and calls told, which must not wait, with true each
// time that the subscription has begun, and with false, and why, when it is lost:
// messages published in between may never arrive.
func (b *Broker) SubscribeTold(ctx context.Context, instance string, handle func(message []byte), told func(subscribed bool, why error)) error {
	received := make(chan string, receiveQueue)
	handled := make(chan struct{})
	go func() {
		defer close(handled)
		had := make(had)
		for p := range received {
			b.unpack(ctx, []byte(p), had, handle)
		}
	}()
	defer func() {
		close(received)
		<-handled
	}()
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" || s.Kind == "ssubscribe" {
			b.refused.Store(nil)
			told(true, nil)
		}
	})
	wait := resubscribeAfter
	for {
		err := b.receive(hooked, instance, received)
		if wait = resubscribeAfter; b.refuses(instance, err) {
			wait = refusedPause
			err = b.refused.Load()
		}
		told(false, err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unpack hands over the messages of a parcel, once.
func (b *Broker) unpack(ctx context.Context, p []byte, had had, handle func(message []byte)) {
	for len(p) > 0 && ctx.Err() == nil {
		size, n := binary.Uvarint(p)
		if n <= 0 || size > uint64(len(p)-n) {
			b.lost.Add(1) // not one of ours
			return
		}
		end := n + int(size)
		message := p[n:end:end]
		p = p[end:]
		if !bytes.HasPrefix(message, []byte(parcelMark)) {
			handle(message)
		} else if had.again(message) {
			return
		}
	}
}

// Refused is why Redis refuses the subscription of this instance; nil while it does not.
func (b *Broker) Refused() *redis.Refusal { return b.refused.Load() }

// refuses reports whether a subscription ended since Redis refuses it, and notes that.
func (b *Broker) refuses(instance string, err error) bool {
	code := redis.CodeOf(err)
	if code == "" {
		return false
	}
	b.refused.Store(redis.Refuse(code, fmt.Sprintf("redis user %q may not run SUBSCRIBE channel %s*", b.redis.User(), redis.ChannelPrefix), err.Error()))
	return true
}

// receive is one subscription, until it is lost or ctx ends.
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
