package verify

import (
	"slices"
	"testing"
	"time"
)

func TestDiaryKeepsTheLatest(t *testing.T) {
	var d eventLog
	for n := range 300 {
		d.add(logEntry{at: time.Duration(n), kind: didSearch, times: 1})
		var got, want []int
		for _, h := range d.ring {
			got = append(got, int(h.at))
		}
		for i := max(0, n-logSize+1); i <= n; i++ {
			want = append(want, i)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("after %d: %v, want %v", n, got, want)
		}
	}
}

func TestDiaryCountsMessagesOfTheSameKind(t *testing.T) {
	var d eventLog
	for n := range 20 {
		d.add(logEntry{at: time.Duration(n), kind: didSend, times: 1})
		d.add(logEntry{at: time.Duration(n), kind: heardAck, times: 1})
	}
	want := []logEntry{{at: 19, kind: didSend, times: 20}, {at: 19, kind: heardAck, times: 20}}
	if !slices.Equal(d.ring, want) {
		t.Errorf("%v, want %v", d.ring, want)
	}
}
