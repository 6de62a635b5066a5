package gate_test

import (
	"fmt"

	"guestload/bench/gate"
)

// Twelve pairs of CPU times, and three of instruction counts that are 2 % higher.
func Example() {
	p := gate.Default()
	p.Metrics = []gate.Metric{{Name: "relay time", Unit: "ns/op", Tolerance: 0.02, Reason: "the inner loop"}}
	p.Counts = []gate.Metric{{Name: "relay instructions", Unit: "instructions/op", Tolerance: 0.005, Spread: 0.001, Operations: 1000, Reason: "the inner loop"}}
	e := gate.Evidence{Pairs: map[string][]gate.Pair{}, Ended: true}
	for i := range 12 {
		e.Pairs["relay time"] = append(e.Pairs["relay time"], gate.Pair{Base: 800 + float64(i), Head: 801 + float64(i%5)})
	}
	for range 3 {
		e.Pairs["relay instructions"] = append(e.Pairs["relay instructions"], gate.Pair{Base: 9770, Head: 9965})
	}
	report, err := gate.Judge(p, e)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict, "–", report.Evidence)
	fmt.Println(report.Reasons)
	// Output:
	// regressed – decided by counts
	// [relay instructions: worse by more than 0.5 %]
}
