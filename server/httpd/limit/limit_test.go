package limit

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Len is how many keys are remembered.
func (w *Windows[K]) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.mu.byKey)
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestWindowAllowsMaxThenRefusesUntilItEnds(t *testing.T) {
	w := NewWindows[string](Rule{Max: 3, Per: time.Minute}, 10)
	for i, step := range []struct {
		after     time.Duration
		key       string
		allowed   bool
		remaining int
		reset     time.Duration
	}{
		{0, "a", true, 2, time.Minute},
		{10 * time.Second, "a", true, 1, 50 * time.Second},
		{20 * time.Second, "b", true, 2, time.Minute},
		{59 * time.Second, "a", true, 0, time.Second},
		{59 * time.Second, "a", false, 0, time.Second},
		{60 * time.Second, "a", true, 2, time.Minute},
		{61 * time.Second, "b", true, 1, 19 * time.Second},
	} {
		got := w.Take(step.key, start.Add(step.after))
		if want := (Result{step.allowed, step.remaining, step.reset}); got != want {
			t.Errorf("step %d: got %+v, want %+v", i, got, want)
		}
	}
}

func TestZeroRuleAllowsEverythingAndRemembersNothing(t *testing.T) {
	w := NewWindows[string](Rule{}, 10)
	for i := range 1000 {
		if !w.Take(strconv.Itoa(i), start).Allowed {
			t.Fatal("refused")
		}
	}
	if w.Len() != 0 {
		t.Fatalf("remembers %d keys", w.Len())
	}
}

func TestWindowsForgetEndedKeysWithoutAPause(t *testing.T) {
	w := NewWindows[int](Rule{Max: 1, Per: time.Second}, 1_000_000)
	for i := range 10_000 {
		w.Take(i, start)
	}
	for i := range 10_000 / (expiriesPerTake - 1) {
		w.Take(1_000_000, start.Add(2*time.Second).Add(time.Duration(i)))
	}
	if n := w.Len(); n > 1 {
		t.Fatalf("%d keys are left", n)
	}
}

func TestWindowsNeverHoldMoreKeysThanTheirCapacity(t *testing.T) {
	w := NewWindows[int](Rule{Max: 1, Per: time.Hour}, 100)
	for i := range 1000 {
		if !w.Take(i, start.Add(time.Duration(i))).Allowed {
			t.Fatalf("key %d is refused its first", i)
		}
		if w.Len() > 100 {
			t.Fatalf("holds %d keys", w.Len())
		}
	}
	if w.Take(999, start.Add(time.Minute)).Allowed {
		t.Error("the newest key was forgotten")
	}
	if !w.Take(0, start.Add(time.Minute)).Allowed {
		t.Error("the oldest key is still held")
	}
}

// A key never gets more than Max within one window of its own, whatever
// others do, as long as there is room for all keys.
func TestWindowsAgreeWithAModel(t *testing.T) {
	rule := Rule{Max: 5, Per: 100 * time.Millisecond}
	w := NewWindows[int](rule, 50)
	model := map[int]window{}
	rnd := rand.New(rand.NewPCG(1, 2))
	at := start
	for range 200_000 {
		at = at.Add(time.Duration(rnd.IntN(int(4 * time.Millisecond))))
		key := rnd.IntN(50)
		m := model[key]
		if m.ends <= at.UnixNano() {
			m = window{ends: at.Add(rule.Per).UnixNano()}
		}
		want := m.taken < rule.Max
		if want {
			m.taken++
		}
		model[key] = m
		if got := w.Take(key, at); got.Allowed != want || got.Remaining != rule.Max-m.taken {
			t.Fatalf("key %d at %v: got %+v, want allowed %v with %d taken", key, at, got, want, m.taken)
		}
		if held := w.mu.queue.held; held > 200 {
			t.Fatalf("the queue holds %d for 50 keys", held)
		}
	}
}

func TestBucketAllowsABurstThenTheRate(t *testing.T) {
	rate := RateOf(Rule{Max: 10, Per: time.Second})
	var b Bucket
	take := func(after time.Duration, n int) (allowed int) {
		for range n {
			if b.Take(rate, start.Add(after)) {
				allowed++
			}
		}
		return allowed
	}
	for i, step := range []struct {
		after       time.Duration
		asked, want int
	}{
		{0, 50, 10}, {50 * time.Millisecond, 5, 0}, {100 * time.Millisecond, 5, 1},
		{600 * time.Millisecond, 50, 5}, {time.Hour, 50, 10},
	} {
		if got := take(step.after, step.asked); got != step.want {
			t.Errorf("step %d: %d allowed, want %d", i, got, step.want)
		}
	}
	for range 1000 {
		if !b.Take(Rate{}, start) {
			t.Fatal("the zero rate refuses")
		}
	}
}

func TestSlotsHoldBothLimitsAndComeBack(t *testing.T) {
	s := NewSlots[string](2, 3)
	want := func(got, want Verdict) {
		t.Helper()
		if got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	want(s.Acquire("a"), Granted)
	want(s.Acquire("a"), Granted)
	want(s.Acquire("a"), KeyFull)
	want(s.Room("a"), KeyFull)
	want(s.Room("b"), Granted)
	want(s.Acquire("b"), Granted)
	want(s.Acquire("c"), TotalFull)
	s.Release("c")
	want(s.Acquire("c"), TotalFull)
	s.Release("a")
	want(s.Acquire("c"), Granted)
	s.Release("a")
	s.Release("b")
	s.Release("c")
	if s.Held() != 0 || len(s.mu.held) != 0 {
		t.Fatalf("%d held, %d keys", s.Held(), len(s.mu.held))
	}
}

func TestSlotsAreNeverOverdrawnByMany(t *testing.T) {
	s := NewSlots[int](0, 8)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 1000 {
				if s.Acquire(i) != Granted {
					continue
				}
				if held := s.Held(); held > 8 {
					t.Errorf("%d held", held)
				}
				s.Release(i)
			}
		})
	}
	wg.Wait()
	if s.Held() != 0 {
		t.Fatalf("%d held at the end", s.Held())
	}
}

func TestParseRule(t *testing.T) {
	for in, want := range map[string]Rule{
		"100/15m": {100, 15 * time.Minute}, "off": {}, "0": {}, "1/1ms": {1, time.Millisecond}, "20/1h": {20, time.Hour},
	} {
		got, err := ParseRule(in)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
		if in != "0" && got.String() != in {
			t.Errorf("%s prints as %s", in, got)
		}
	}
	for _, in := range []string{"", "100", "100/", "/15m", "-1/15m", "1.5/1s", "100/15", "100/0s", "100/-1s", "x/1s", "100/1ns", "9999999999/1s", "5/99999h"} {
		if got, err := ParseRule(in); err == nil {
			t.Errorf("%q is read as %v", in, got)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"100/15m", "off", "1/1h1m1s", "/", "5/1.5h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRule(s)
		if err != nil {
			return
		}
		again, err := ParseRule(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is %v, which reads back as %v, %v", s, r, again, err)
		}
	})
}

func BenchmarkWindowsTake(b *testing.B) {
	w := NewWindows[int](Rule{Max: 1 << 40, Per: time.Minute}, 100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		w.Take(i%10_000, start.Add(time.Duration(i)*10*time.Microsecond))
	}
}
