package broker

import "time"

// peerQueues are the batches to be sent, by instance.
type peerQueues map[string]*peerQueue

// peerQueue is the batches to be sent to one instance, in order.
type peerQueue struct {
	batches []*batch
	next    time.Time     // not to be sent before
	since   time.Time     // when nobody received the first time; zero: somebody does
	pause   time.Duration // until the next retry
}

func (q peerQueues) add(batches []*batch) {
	for _, b := range batches {
		p := q[b.instance]
		if p == nil {
			p = new(peerQueue)
			q[b.instance] = p
		}
		p.batches = append(p.batches, b)
	}
}

// due returns the queues whose first batch is due, as many as fit into one flush.
func (q peerQueues) due(now time.Time) []*peerQueue {
	var due []*peerQueue
	for instance, p := range q {
		switch {
		case len(p.batches) == 0:
			delete(q, instance)
		case !p.next.After(now) && len(due) < publishBatch:
			due = append(due, p)
		}
	}
	return due
}

// next is when the next batch is due, if there is one.
func (q peerQueues) next() (at time.Time, waits bool) {
	for _, p := range q {
		if len(p.batches) > 0 && (!waits || p.next.Before(at)) {
			at, waits = p.next, true
		}
	}
	return at, waits
}

// resume sends the next batch at a time, as the instance may receive it.
func (p *peerQueue) resume(at time.Time) { p.next, p.since, p.pause = at, time.Time{}, publishEvery }

// undelivered schedules a retry of a batch that nobody received, and reports whether
// that has lasted too long.
func (p *peerQueue) undelivered(now time.Time) (tooLong bool) {
	if p.since.IsZero() {
		p.since, p.pause = now, publishEvery
	}
	p.next = now.Add(p.pause)
	p.pause = min(2*p.pause, longestPause)
	return now.Sub(p.since) > undeliveredFor
}
