package pairing

import (
	"container/heap"
	"math"
	"time"
)

// Timeouts and bounds; doc.go explains them.
const (
	resendEvery  = time.Second
	soon         = 200 * time.Millisecond
	arriveWithin = 500 * time.Millisecond
	silentTries  = 6
	lingerTries  = 10

	maxHeld   = 64
	maxEarly  = 64
	maxItems  = 1000
	maxBytes  = 16 << 20
	maxBurst  = 64 // items that are sent again at once
	maxMisses = 8
)

const never = time.Duration(math.MaxInt64)

// timer is one deadline, of whichever of its fields is set.
type timer struct {
	due      time.Duration
	sequence uint64
	pair     *pair
	owing    *pair
	claim    *claim
	handover *handover
	notice   *notice
	guest    *guest
	at       int64
}

// timers are the deadlines of a machine: the earliest first, equal ones in order.
type timers struct {
	heap     []timer
	sequence uint64
	woken    time.Duration
}

func (t *timers) add(due time.Duration, d timer) {
	t.sequence++
	d.due, d.sequence = due, t.sequence
	heap.Push(t, d)
}

func (t *timers) due() time.Duration {
	if len(t.heap) == 0 {
		return never
	}
	return t.heap[0].due
}

func (t *timers) Len() int      { return len(t.heap) }
func (t *timers) Swap(i, j int) { t.heap[i], t.heap[j] = t.heap[j], t.heap[i] }
func (t *timers) Push(d any)    { t.heap = append(t.heap, d.(timer)) }

func (t *timers) Less(i, j int) bool {
	a, b := &t.heap[i], &t.heap[j]
	return a.due < b.due || a.due == b.due && a.sequence < b.sequence
}

func (t *timers) Pop() any {
	last := len(t.heap) - 1
	d := t.heap[last]
	t.heap[last] = timer{}
	t.heap = t.heap[:last]
	return d
}

// expire acts on all deadlines that have passed.
func (m *Machine) expire() {
	m.timers.woken = never
	for m.timers.due() <= m.now {
		d := heap.Pop(&m.timers).(timer)
		switch {
		case d.pair != nil:
			d.pair.armed = false
			m.resend(d.pair)
		case d.owing != nil:
			m.owed(d.owing)
		case d.claim != nil:
			m.reclaim(d.claim)
		case d.handover != nil && d.at != 0:
			if to := d.handover.message.To; m.handed[to] == d.handover {
				delete(m.handed, to)
			}
		case d.handover != nil:
			m.handAgain(d.handover)
		case d.notice != nil:
			m.noticeAgain(d.notice)
		case d.guest != nil:
			if d.guest.arriving == d.at && m.guests[d.guest.id] == d.guest {
				m.arrived(d.guest, false)
			}
		}
	}
}
