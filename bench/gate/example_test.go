package gate_test

import (
	"fmt"
	"os"

	"guestload/bench/gate"
)

// On a busy machine counts decide, and the report bounds what CPU time leaves open.
func ExampleReport_WriteText() {
	p := gate.Default()
	p.AfterCounts = 12
	p.Metrics = []gate.Metric{{Name: "relay time", Unit: "ns/op", Tolerance: 0.02, Reason: "the inner loop"}}
	p.Counts = []gate.Metric{{Name: "relay instructions", Unit: "instructions/op", Tolerance: 0.005, Spread: 0.001, Operations: 1000, Reason: "the inner loop"}}
	e := gate.Evidence{Pairs: map[string][]gate.Pair{}}
	for i := range 12 {
		e.Pairs["relay time"] = append(e.Pairs["relay time"], gate.Pair{Base: 800, Head: 740 + float64(i*10)})
	}
	for range 3 {
		e.Pairs["relay instructions"] = append(e.Pairs["relay instructions"], gate.Pair{Base: 9770, Head: 9772})
	}
	report, err := gate.Judge(p, e)
	if err == nil {
		err = report.WriteText(os.Stdout)
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Pass by counts: instructions and system calls are within their tolerances, CPU time is undecided
	//   decided by counts; CPU time is undecided for relay time (up to +2.49 %): a slowdown of up to that in the kernel or in caches may have been missed
	//   spread: pairs of the same code differ too much here; a quieter machine would help, or a wider tolerance in the policy
	//
	// metric              base                  head                  change   95 % interval      pairs  verdict       why
	// relay instructions  9770 instructions/op  9772 instructions/op  +0.02 %  -0.09 % … +0.14 %  3      pass          within 0.5 %
	// relay time          800 ns/op             795 ns/op             -0.70 %  -3.78 % … +2.49 %  12     inconclusive  after 12 pairs it may lie within 2 % or beyond: left to counts
}

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
