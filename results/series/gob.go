package series

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
)

// encoded is the form in which Times go from process to process: of each histogram the
// values and their counts, as varints.
type encoded struct {
	Histograms [3][]byte
	Failures   map[string]Failures
	Retries    int64
}

// GobEncode returns what GobDecode reads: encoding/gob sees no field of a histogram.
func (t *Times) GobEncode() ([]byte, error) {
	e := encoded{Failures: t.Failures, Retries: t.Retries}
	for i, h := range t.Histograms() {
		h.ForEachBucket(func(value, count int64) bool {
			e.Histograms[i] = binary.AppendUvarint(binary.AppendUvarint(e.Histograms[i], uint64(value)), uint64(count))
			return true
		})
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(e)
	return b.Bytes(), err
}

// GobDecode reads what GobEncode has returned, and an error of anything else.
func (t *Times) GobDecode(b []byte) error {
	var e encoded
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&e); err != nil {
		return fmt.Errorf("times of an operation: %w", err)
	}
	*t = *NewTimes()
	for i, h := range t.Histograms() {
		if err := decode(h, e.Histograms[i]); err != nil {
			return fmt.Errorf("times of an operation: %w", err)
		}
	}
	if e.Failures != nil {
		t.Failures = e.Failures
	}
	t.Retries = e.Retries
	return nil
}

var errHistogram = errors.New("a histogram that cannot be read")

// decode adds encoded values and counts to a histogram.
func decode(h *Histogram, b []byte) error {
	for len(b) > 0 {
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return errHistogram
		}
		count, m := binary.Uvarint(b[n:])
		if m <= 0 || count > 1<<48 {
			return errHistogram
		}
		if err := h.RecordValues(int64(value), int64(count)); err != nil {
			return err
		}
		b = b[n+m:]
	}
	return nil
}
