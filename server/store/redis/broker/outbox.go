package broker

import "time"

// outbox is what is to be sent, by instance.
type outbox map[string]*way

// way is what is to be sent to one instance, in its order.
type way struct {
	parcels []*parcel
	next    time.Time     // nothing goes before
	silence time.Time     // since when nobody hears; zero: somebody does, as far as is known
	pause   time.Duration // until the next attempt after the one that nobody hears
}

func (o outbox) add(parcels []*parcel) {
	for _, p := range parcels {
		w := o[p.instance]
		if w == nil {
			w = new(way)
			o[p.instance] = w
		}
		w.parcels = append(w.parcels, p)
	}
}

// trip returns ways on which a parcel is due, as many as go together.
func (o outbox) trip(now time.Time) []*way {
	var due []*way
	for instance, w := range o {
		switch {
		case len(w.parcels) == 0:
			delete(o, instance)
		case !w.next.After(now) && len(due) < publishBatch:
			due = append(due, w)
		}
	}
	return due
}

// next is when a parcel is due again, where one waits.
func (o outbox) next() (at time.Time, waits bool) {
	for _, w := range o {
		if len(w.parcels) > 0 && (!waits || w.next.Before(at)) {
			at, waits = w.next, true
		}
	}
	return at, waits
}

// resume notes that the instance may hear what goes from then on.
func (w *way) resume(from time.Time) { w.next, w.silence, w.pause = from, time.Time{}, publishEvery }

// silent notes that nobody has heard a parcel, which is to be sent again some time
// later, and reports whether it has been so for too long.
func (w *way) silent(now time.Time) (tooLong bool) {
	if w.silence.IsZero() {
		w.silence, w.pause = now, publishEvery
	}
	w.next = now.Add(w.pause)
	w.pause = min(2*w.pause, unheardPause)
	return now.Sub(w.silence) > unheardFor
}
