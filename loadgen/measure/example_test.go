package measure_test

import (
	"fmt"
	"time"

	"guestload/loadgen/measure"
	"guestload/scenarios/operation"
)

// One hundred requests are due every 10 ms. The server answers in 1 ms, but is stopped
// for the first half second: the service time hides that, the response time does not.
func ExampleBook() {
	book := measure.NewBook(1)
	recorder := book.Recorder(0)
	for i := range 100 {
		due := time.Duration(i) * 10 * time.Millisecond
		sent := max(due, 500*time.Millisecond)
		recorder.Success(measure.Sample{Op: operation.Create, Intended: due, Sent: sent, Done: sent + time.Millisecond})
	}
	recorder.Failure(operation.Create, "timeout", 10*time.Second, 990*time.Millisecond)
	book.Finish(time.Second)

	create := book.Totals().Operations[operation.Create]
	fmt.Println(create.Count(), "succeeded,", create.Failed(), "failed")
	for _, percent := range []float64{50, 90, 99} {
		fmt.Printf("p%v: response %d µs, service %d µs\n", percent,
			create.Response.ValueAtPercentile(percent), create.Service.ValueAtPercentile(percent))
	}
	// Output:
	// 100 succeeded, 1 failed
	// p50: response 1000 µs, service 1000 µs
	// p90: response 401151 µs, service 1000 µs
	// p99: response 491007 µs, service 1000 µs
}
