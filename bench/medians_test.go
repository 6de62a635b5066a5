package main

import "testing"

func TestAShortPointCountsByItsMedian(t *testing.T) {
	run := func(a, b float64) []row {
		return []row{atMost("a", a, 2, "%.1fx", " (more)"), atMost("b", b, 0, "%.0f", "")}
	}
	rows := medians([][]row{run(1, 0), run(9, 0), run(3, 0), run(2, 0), run(1.5, 0)})
	if len(rows) != 2 || rows[0].measured != "2.0x (more); of 5: 1.0x to 9.0x" || !rows[0].met || rows[1].measured != "0" || !rows[1].met {
		t.Errorf("%+v", rows)
	}
	if rows := medians([][]row{run(1, 0), run(3, 1)}); rows[0].met || rows[1].met {
		t.Errorf("of two the worse counts: %+v", rows)
	}
	if rows := medians([][]row{run(1, 0)}); rows[0].measured != "1.0x (more)" {
		t.Errorf("%+v", rows)
	}
}
