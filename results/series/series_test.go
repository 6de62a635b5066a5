package series

import (
	"bytes"
	"encoding/gob"
	"reflect"
	"slices"
	"testing"
	"time"
)

// buckets are the values and counts of a histogram.
func buckets(h *Histogram) (all [][2]int64) {
	h.ForEachBucket(func(value, count int64) bool {
		all = append(all, [2]int64{value, count})
		return true
	})
	return all
}

func TestASecondIsTheSameInAnotherProcess(t *testing.T) {
	times := NewTimes()
	for i, h := range times.Histograms() {
		for v := int64(0); v < Highest.Microseconds(); v = 2*v + 1 {
			if err := h.RecordValues(v, v+int64(i)+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	times.Failures["timeout"] = Failures{3, time.Minute, time.Second}
	times.Retries = 5
	sent := []Second{
		{Second: 7, Phase: "p", Warmup: true, Arrived: 1, Done: 2, Live: 3, Messages: 4, Operations: map[string]*Times{"ack": times}, Unrecorded: map[string]*Times{"create": NewTimes()}},
		{Second: 8},
	}
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(sent); err != nil {
		t.Fatal(err)
	}
	var got []Second
	if err := gob.NewDecoder(&wire).Decode(&got); err != nil {
		t.Fatal(err)
	}
	ack := got[0].Operations["ack"]
	for i, h := range ack.Histograms() {
		if !slices.Equal(buckets(h), buckets(times.Histograms()[i])) {
			t.Errorf("histogram %d differs", i)
		}
	}
	if !reflect.DeepEqual(ack.Failures, times.Failures) || ack.Retries != 5 || !got[0].Same(sent[0]) || !got[1].Same(sent[1]) || got[0].Unrecorded["create"].Count() != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAddAndCloneLeaveTheirArgument(t *testing.T) {
	a, b := NewTimes(), NewTimes()
	b.Response.RecordValue(5)
	b.Failures["closed"] = Failures{1, 2, 2}
	all := map[string]*Times{"create": a}
	AddAll(&all, map[string]*Times{"create": b, "fetch": b})
	AddAll(&all, map[string]*Times{"fetch": b.Clone()})
	if a.Count() != 1 || all["fetch"].Count() != 2 || b.Count() != 1 || all["fetch"].Failures["closed"] != (Failures{2, 4, 2}) || b.Failed() != 1 {
		t.Errorf("%+v, %+v", all, b)
	}
}

func FuzzTimesOfAnotherProcess(f *testing.F) {
	times := NewTimes()
	times.Response.RecordValues(1000, 3)
	times.Failures["timeout"] = Failures{3, time.Minute, time.Second}
	whole, err := times.GobEncode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte{5, 1, 0xe8, 7, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, again Times
		if got.GobDecode(b) != nil {
			return
		}
		whole, err := got.GobEncode()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.GobDecode(whole); err != nil || !reflect.DeepEqual(buckets(got.Lag), buckets(again.Lag)) || got.Retries != again.Retries {
			t.Errorf("%x: %v", b, err)
		}
	})
}
