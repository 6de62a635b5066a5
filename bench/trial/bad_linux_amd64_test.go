package trial

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"guestload/bench/ab"
	"guestload/bench/ab/abtest"
	"guestload/bench/count"
	"guestload/bench/gate"
)

// What cannot be counted is named with the reason, and the rest is judged.
func TestWhatCannotBeCountedIsNamedAndTheRestIsJudged(t *testing.T) {
	const good = `package main

import "testing"

var sink uint64

func BenchmarkGood(b *testing.B) {
	for b.Loop() {
		for range 1000 {
			sink += sink >> 3
		}
	}
}

func BenchmarkForever(b *testing.B) {
	for {
		sink++
	}
}
`
	const new, base, head = "\nfunc BenchmarkNew(b *testing.B) {}\n",
		"\nfunc BenchmarkBase(b *testing.B) { panic(\"only in the base\") }\n\nfunc BenchmarkHead(b *testing.B) {}\n",
		"\nfunc BenchmarkBase(b *testing.B) {}\n\nfunc BenchmarkHead(b *testing.B) { panic(\"only in the head\") }\n"
	repo := abtest.Repository(t, map[string]string{"bench/x_test.go": good + base})
	abtest.Commit(t, repo, map[string]string{"bench/x_test.go": good + head + new})
	w, err := ab.Open(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	var progress bytes.Buffer
	var builds [2]*ab.Build
	for i, ref := range []string{"HEAD~1", "HEAD"} {
		if builds[i], err = w.Make(t.Context(), ref, ref, nil, &progress); err != nil {
			t.Fatal(err)
		}
	}
	counter, err := count.Find(t.Context(), w.Dir())
	if err != nil {
		t.Fatal(err)
	}
	counter.Timeout = 15 * time.Second
	p := gate.Default()
	for _, name := range []string{"New", "Base", "Head", "Forever", "Nowhere", "Good"} {
		p.Counts = append(p.Counts, gate.Metric{Name: name, Unit: "instructions/op", Tolerance: 0.01, Spread: 0.002, Operations: 5000, Reason: "tested"})
	}
	trial := New(p, builds, w, rand.New(rand.NewPCG(1, 2)))
	defer trial.Close()
	trial.UseCounter(counter)
	report, err := trial.Run(t.Context(), &progress)
	if err != nil {
		t.Fatal(err, progress.String())
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	got := map[string]gate.Verdict{}
	for _, m := range report.Counts {
		got[m.Name] = m.Verdict
	}
	want := map[string]gate.Verdict{"Head": gate.Invalid, "Forever": gate.Invalid, "Nowhere": gate.Invalid, "Good": gate.Pass}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s is %q, want %s", name, got[name], v)
		}
	}
	if report.Verdict != gate.Invalid || len(got) != len(want) {
		t.Errorf("%s of %v", report.Verdict, got)
	}
	for _, says := range []string{
		"counts of New are left out: base lacks it", "counts of Base are left out: ", "panic: only in the base",
		"panic: only in the head", "Forever of HEAD", "more than 15s", "Nowhere of HEAD", "no such benchmark",
	} {
		if !strings.Contains(text.String(), says) {
			t.Errorf("no %q in\n%s", says, text.String())
		}
	}
}
