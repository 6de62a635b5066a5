package limit

import "time"

// Rate allows Burst takings at once and one more every Every. The zero Rate
// allows everything.
type Rate struct {
	Every time.Duration
	Burst int
}

// RateOf spreads a rule's Max over its Per, with all of Max as the burst.
func RateOf(r Rule) Rate {
	if r.Unlimited() {
		return Rate{}
	}
	return Rate{Every: max(r.Per/time.Duration(r.Max), 1), Burst: r.Max}
}

// Bucket is the state of one taker under a Rate: the moment at which its
// bucket is full again, as in the generic cell rate algorithm (ITU-T I.371),
// so that a socket pays 8 bytes for it. The zero Bucket is full. Not safe for
// concurrent use.
type Bucket struct{ fullAt int64 }

// Take takes one at now and reports whether the rate allows it. What is
// refused costs nothing.
func (b *Bucket) Take(r Rate, now time.Time) bool {
	if r.Every <= 0 || r.Burst <= 0 {
		return true
	}
	at := now.UnixNano()
	full := max(b.fullAt, at) + int64(r.Every)
	if full-at > int64(r.Every)*int64(r.Burst) {
		return false
	}
	b.fullAt = full
	return true
}
