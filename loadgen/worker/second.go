package worker

import (
	"encoding/binary"
	"fmt"

	"guestload/results"
)

// Second is one second of a share in a form that can be sent.
type Second struct {
	Second                        int
	Phase                         string
	Warmup                        bool
	Arrived, Done, Live, Messages int64
	Operations, Unrecorded        map[string]Times
}

// Times are one operation's in a second: of each histogram the values and their counts.
type Times struct {
	Response, Service, Lag []byte
	Failures               map[string]results.Failures
	Retries                int64
}

// Encode makes a second one that can be sent.
func Encode(s results.Second) Second {
	return Second{s.Second, s.Phase, s.Warmup, s.Arrived, s.Done, s.Live, s.Messages, encodeTimes(s.Operations), encodeTimes(s.Unrecorded)}
}

func encodeTimes(operations map[string]*results.Times) map[string]Times {
	sent := make(map[string]Times, len(operations))
	for name, t := range operations {
		sent[name] = Times{encode(t.Response), encode(t.Service), encode(t.Lag), t.Failures, t.Retries}
	}
	return sent
}

// Decode returns the second that was encoded.
func (s Second) Decode() (second results.Second, err error) {
	second = results.Second{
		Second: s.Second, Phase: s.Phase, Warmup: s.Warmup, Arrived: s.Arrived, Done: s.Done, Live: s.Live, Messages: s.Messages,
	}
	if second.Operations, err = decodeTimes(s.Operations); err == nil {
		second.Unrecorded, err = decodeTimes(s.Unrecorded)
	}
	if err != nil {
		return second, fmt.Errorf("second %d, %w", s.Second, err)
	}
	return second, nil
}

func decodeTimes(operations map[string]Times) (map[string]*results.Times, error) {
	all := make(map[string]*results.Times, len(operations))
	for name, sent := range operations {
		t := results.NewTimes()
		for _, h := range []struct {
			to   *results.Histogram
			from []byte
		}{{t.Response, sent.Response}, {t.Service, sent.Service}, {t.Lag, sent.Lag}} {
			if err := decode(h.to, h.from); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		for kind, f := range sent.Failures {
			t.Failures[kind] = f
		}
		t.Retries = sent.Retries
		all[name] = t
	}
	return all, nil
}

// encode returns each value of a histogram and its count, as varints.
func encode(h *results.Histogram) (b []byte) {
	h.ForEachBucket(func(value, count int64) bool {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(value)), uint64(count))
		return true
	})
	return b
}

// decode adds what encode returned to a histogram.
func decode(h *results.Histogram, b []byte) error {
	for len(b) > 0 {
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return fmt.Errorf("a histogram that cannot be read")
		}
		times, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return fmt.Errorf("a histogram that cannot be read")
		}
		if err := h.RecordValues(int64(value), int64(times)); err != nil {
			return err
		}
		b = b[n+m:]
	}
	return nil
}
