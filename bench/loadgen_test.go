package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/schedule"
	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// BenchmarkArrival draws when the next guest comes. Goal: no allocation.
func BenchmarkArrival(b *testing.B) {
	for _, c := range []struct {
		name  string
		phase schedule.Phase
	}{
		{"rate", schedule.Phase{From: 1e5, To: 1e5, For: 2 * time.Hour, Poisson: true}},
		{"ramp", schedule.Phase{From: 1e5, To: 1.1e5, For: 2 * time.Hour, Poisson: true}},
		{"burst", schedule.Phase{Guests: 9e8, For: time.Hour, Poisson: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := start(b, nil)
			for range schedule.Arrivals([]schedule.Phase{c.phase}, 1) {
				if !b.Loop() {
					break
				}
				m.tick()
			}
			m.stop()
		})
	}
}

// BenchmarkRecord counts one sample, its three times in their histograms. Goal:
// no allocation.
func BenchmarkRecord(b *testing.B) {
	var samples [512]measure.Sample // few, so that the code is seen and not the cache
	for i := range samples {
		at := time.Duration(i) * time.Microsecond
		samples[i] = measure.Sample{Op: operation.Op(i % 3), Intended: at, Sent: at + time.Duration(i%7)*time.Microsecond, Done: at + time.Duration(10+i*7919%4_000_000)}
	}
	r := measure.NewBook(1).Recorder(0)
	i := 0
	loop(b, func() error {
		r.Success(samples[i%len(samples)])
		i++
		return nil
	})
}

// BenchmarkVerify is all that one message costs the generator for being
// verified: composed, sent, received, acknowledged, delivered. Goal: no allocation.
func BenchmarkVerify(b *testing.B) {
	const idA, idB = "guest_00000000-0000-4000-8000-00000000000a", "guest_00000000-0000-4000-8000-00000000000b"
	v := verify.New(verify.Contract())
	alice, bob := v.Witness(1), v.Witness(2)
	alice.Established(0, idA)
	bob.Established(0, idB)
	for _, w := range []*verify.Witness{alice, bob} {
		w.Searching(1)
		w.Heard(2, api.EventSearching, nil)
	}
	room := []byte(idA + "_" + idB)
	alice.Matched(3, []byte(idB), room)
	bob.Matched(4, []byte(idA), room)
	random := rand.New(rand.NewPCG(1, 2))
	text, id, sender := make([]byte, 0, 256), []byte("0123456789-00000000"), []byte(idA)
	k := 0
	loop(b, func() error {
		k++
		id = fmt.Appendf(id[:11], "%08d", k)
		at := time.Duration(k) * time.Microsecond
		text = alice.Compose(text[:0], at, k, 0, 110, random)
		alice.Sent(at)
		bob.Received(at, sender, text)
		alice.Acked(at, id)
		alice.Delivered(at, id)
		return nil
	})
	if n := v.Finish(time.Hour, nil).Total(); n != 0 {
		b.Fatalf("%d violations", n)
	}
}

// BenchmarkScenario parses the shipped burst.yaml.
func BenchmarkScenario(b *testing.B) {
	source, err := os.ReadFile("../scenarios/burst.yaml")
	if err != nil {
		b.Fatal(err)
	}
	loop(b, func() error {
		_, err := scenarios.Parse("burst.yaml", source)
		return err
	})
}
