package schedule_test

import (
	"fmt"
	"time"

	"guestload/loadgen/schedule"
)

// A rate that rises from 0 to 4 guests a second, and then three guests at once.
func ExampleArrivals() {
	phases := []schedule.Phase{
		{From: 0, To: 4, For: 2 * time.Second},
		{Guests: 3, For: 0},
	}
	if err := schedule.Validate(phases); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schedule.Planned(phases, 1), "guests")
	for a := range schedule.Arrivals(phases, 1) {
		fmt.Printf("guest %d, phase %d: %v\n", a.Index, a.Phase, a.At.Round(time.Millisecond))
	}
	// Output:
	// 7 guests
	// guest 0, phase 0: 0s
	// guest 1, phase 0: 1s
	// guest 2, phase 0: 1.414s
	// guest 3, phase 0: 1.732s
	// guest 4, phase 1: 2s
	// guest 5, phase 1: 2s
	// guest 6, phase 1: 2s
}
