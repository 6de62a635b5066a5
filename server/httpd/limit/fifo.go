package limit

// ending is a key and when its window ends.
type ending[K comparable] struct {
	key  K
	ends int64
}

// fifo is a queue in a ring that grows and shrinks with what it holds.
type fifo[K comparable] struct {
	ring  []ending[K]
	first int
	held  int
}

const smallestRing = 16

func (q *fifo[K]) push(e ending[K]) {
	if q.held == len(q.ring) {
		q.resize(max(smallestRing, 2*q.held))
	}
	q.ring[(q.first+q.held)%len(q.ring)] = e
	q.held++
}

func (q *fifo[K]) front() (ending[K], bool) {
	if q.held == 0 {
		return ending[K]{}, false
	}
	return q.ring[q.first], true
}

func (q *fifo[K]) pop() {
	q.ring[q.first] = ending[K]{}
	q.first = (q.first + 1) % len(q.ring)
	q.held--
	if len(q.ring) > smallestRing && q.held < len(q.ring)/8 {
		q.resize(len(q.ring) / 2)
	}
}

func (q *fifo[K]) resize(size int) {
	ring := make([]ending[K], size)
	for i := range q.held {
		ring[i] = q.ring[(q.first+i)%len(q.ring)]
	}
	q.ring, q.first = ring, 0
}
