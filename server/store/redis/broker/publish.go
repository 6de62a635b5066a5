// Package broker carries messages between instances over Redis channels. Messages wait
// in one queue for each peer instance; a flush sends the next batch of each.
package broker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

const (
	publishQueue = 4096     // messages that wait, at most
	publishBatch = 128      // batches in one flush
	publishBytes = 16 << 20 // bytes that wait, at most, also while Redis is down
	receiveQueue = 4096     // received batches that wait, at most
	// publishEvery is the interval of flushes; the first after a pause goes at once. A
	// flush wakes Redis and each receiver, which at a few hundred messages a second costs
	// several times as much as the messages.
	publishEvery = 10 * time.Millisecond
	// publishTimeout is how long a flush may take while the prober sees Redis: a late
	// reply is no reason to send again.
	publishTimeout = 10 * time.Second
	// undeliveredFor is how long the broker retries if an instance does not listen: after
	// an outage the instances return one by one, on a busy machine much later. One that
	// is away for longer has been cleaned up after.
	undeliveredFor = 30 * time.Second
	// longestPause bounds the pause between these retries.
	longestPause = 16 * publishEvery
	// batchSize is when a batch is full, in bytes.
	batchSize = 64 << 10
	// resubscribeAfter is the pause between attempts to subscribe.
	resubscribeAfter = 100 * time.Millisecond
	// refusedPause is that pause while Redis refuses the subscription.
	refusedPause = 5 * time.Second
)

// Broker carries messages between instances, each of which has a channel: a sharded one
// on a cluster, where a plain one would cost every node. It delivers at most once, in
// order, and retries for undeliveredFor while an instance is not subscribed.
type Broker struct {
	redis       *redis.Client
	wake        chan struct{} // for Run: something waits
	lost        atomic.Int64
	undelivered atomic.Int64
	refused     atomic.Pointer[redis.Refusal] // why Redis refuses the subscription
	process     string                        // begins the headers of batches

	mu struct {
		sync.Mutex
		waiting []*batch // in order for each instance
		count   int      // messages in them
		bytes   int      // in them, and in the peer queues
		batches uint64   // so far, for their numbers
	}
}

// batch is messages for one instance that are published together: first a header, then
// the messages, each behind its length.
type batch struct {
	instance string
	messages []byte
	count    int // without the header
	probes   int // how many of them are probes
}

// batchHeader begins a header, which has the sending process and the batch's number. A
// flush without a reply is sent again, although it may have arrived; the receiver drops
// duplicates by the header. The text is part of the protocol between instances.
const batchHeader = "\x00parcel "

// ErrBacklog: messages are published faster than Redis accepts them.
var ErrBacklog = errors.New("too many messages wait to be published")

// New carries messages over r. Run must run for them to be sent.
func New(r *redis.Client) *Broker {
	return &Broker{redis: r, wake: make(chan struct{}, 1), process: rand.Text()}
}

// Publish queues a copy of a message for an instance. It does not wait, and fails with
// guest.ErrUnavailable while Redis is down, and with ErrBacklog as well if the queue is
// full.
func (b *Broker) Publish(ctx context.Context, instance string, message []byte) error {
	return b.publish(ctx, instance, message, 0)
}

// Probe is Publish of a message that is sent once, and is not counted as lost if nobody
// receives it.
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

// Keep is Publish that also queues while Redis is down: messages are sent in order when
// Redis is back. It fails with guest.ErrUnavailable and ErrBacklog only if publishBytes
// wait already.
func (b *Broker) Keep(instance string, message []byte) error {
	err := b.put("keep message", instance, message, math.MaxInt, 0)
	if err != nil {
		b.lost.Add(1)
	}
	return err
}

// put queues a message if fewer than most wait; probes is 1 for a probe, otherwise 0.
func (b *Broker) put(doing, instance string, message []byte, most, probes int) error {
	b.mu.Lock()
	if b.mu.count >= most || b.mu.bytes >= publishBytes {
		b.mu.Unlock()
		return fmt.Errorf("%s: %w: %w", doing, guest.ErrUnavailable, ErrBacklog)
	}
	p := b.batch(instance)
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

// batch is the one for the next message to an instance. The caller holds b.mu.
func (b *Broker) batch(instance string) *batch {
	for _, p := range slices.Backward(b.mu.waiting) {
		if p.instance == instance {
			if len(p.messages) < batchSize {
				return p
			}
			break
		}
	}
	b.mu.batches++
	header := batchHeader + b.process + " " + strconv.FormatUint(b.mu.batches, 10)
	p := &batch{instance: instance, messages: appendMessage(nil, header)}
	b.mu.bytes += len(p.messages)
	b.mu.waiting = append(b.mu.waiting, p)
	return p
}

// appendMessage appends a message behind its length.
func appendMessage[T ~string | ~[]byte](dst []byte, message T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(message))), message...)
}

// Lost counts messages that were accepted and could not be delivered, and those that Keep
// refused.
func (b *Broker) Lost() int64 { return b.lost.Load() }

// Undelivered counts batches that were sent while nobody was subscribed.
func (b *Broker) Undelivered() int64 { return b.undelivered.Load() }

// Run sends what is published until ctx ends. It alone writes, one flush after the other
// over one connection, with at most one batch for an instance in a flush: so messages
// to an instance keep the order of Publish.
func (b *Broker) Run(ctx context.Context) {
	rest, retry := time.NewTimer(0), time.NewTimer(time.Hour)
	defer rest.Stop()
	defer retry.Stop()
	out := make(peerQueues)
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
		for due := out.due(time.Now()); len(due) > 0; due = out.due(time.Now()) {
			if !b.send(ctx, due) { // what was accepted before the outage was detected is sent after it
				for _, w := range due {
					w.resume(last.Add(publishEvery))
				}
			}
		}
		if duplicate, waits := out.next(); waits {
			retry.Reset(time.Until(duplicate))
		}
	}
}

// pause waits for d, and reports false if ctx ends first.
func pause(ctx context.Context, t *time.Timer, d time.Duration) bool {
	t.Reset(d)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// take removes and returns what waits.
func (b *Broker) take() []*batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	batches := b.mu.waiting
	b.mu.waiting, b.mu.count = nil, 0
	return batches
}

// send flushes the first batch of each queue. It reports false if Redis is down or did
// not reply to all.
func (b *Broker) send(ctx context.Context, due []*peerQueue) (answeredAll bool) {
	l, err := b.redis.Up()
	if err != nil {
		return false
	}
	ctx, cancel := l.Within(ctx, publishTimeout)
	defer cancel()
	commands := make(rueidis.Commands, len(due))
	for i, w := range due {
		p := w.batches[0]
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
		w := due[i]
		switch {
		case err != nil && !redis.Answered(err):
			answeredAll = false
			_ = b.redis.Failure("publish message", err) // requests a probe
		case receivers > 0:
			w.resume(time.Time{})
			b.done(w, 1)
		case w.batches[0].probes == w.batches[0].count: // the sender of a probe retries
			b.done(w, 1)
		default: // nobody, or a refusal: a server that restarts may not be ready
			b.undelivered.Add(1)
			if w.undelivered(time.Now()) {
				for _, p := range w.batches {
					b.lost.Add(int64(p.count - p.probes))
				}
				b.done(w, len(w.batches))
			}
		}
	}
	return answeredAll
}

// done drops the first batches of a queue.
func (b *Broker) done(w *peerQueue, batches int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range w.batches[:batches] {
		b.mu.bytes -= len(p.messages)
	}
	w.batches = slices.Delete(w.batches, 0, batches)
}
