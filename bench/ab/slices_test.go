package ab

import "testing"

func TestSlicesAreSummedUpByWhatDisturbsThem(t *testing.T) {
	var runs []Values
	for _, v := range []struct{ time, ratio, allocations float64 }{{130, 2, 3}, {101, 1, 3}, {900, 9, 3}, {103, 3, 4}, {120, 0, 3}, {150, 4, 3}} {
		runs = append(runs, Values{"cpu-ns/op": v.time, "x/floor": v.ratio, "allocs/op": v.allocations, iterations: 10})
	}
	got := summary(runs)
	for unit, want := range map[string]float64{"cpu-ns/op": 102, "x/floor": 3, "allocs/op": 3, iterations: 60} {
		if got[unit] != want {
			t.Errorf("%s is %v, want %v", unit, got[unit], want)
		}
	}
	if one := summary(runs[:1]); one["cpu-ns/op"] != 130 || one[iterations] != 10 {
		t.Errorf("a single slice is %v", one)
	}
}
