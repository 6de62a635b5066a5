package scenarios

import "testing"

// A range from a value to itself is that value; one that goes down is an error.
func TestRangesOfOneValue(t *testing.T) {
	for _, c := range []struct {
		quantity quantity
		text     string
		want     Draw
		wrong    bool
	}{
		{messageCount, "1..1", Draw{A: 1, Whole: true, Min: 1}, false},
		{messageLength, "1000..1000", Draw{A: 1000, Whole: true, Min: 1, Max: maxLength}, false},
		{thinkTime, "1s..1s", Draw{A: 1}, false},
		{thinkTime, "0s..0s", Draw{}, false},
		{thinkTime, "1s..1000ms", Draw{A: 1}, false},
		{messageCount, "2..1", Draw{}, true},
		{thinkTime, "2s..1s", Draw{}, true},
		{idleTime, "0s..0s", Draw{}, true},
	} {
		got, err := c.quantity.parseDraw(c.text)
		if c.wrong {
			if err == nil {
				t.Errorf("%q: no error", c.text)
			}
			continue
		}
		if err != nil || got.Form != Constant || got.A != c.want.A || got.B != 0 || got.Whole != c.want.Whole || got.Min != c.want.Min || got.Max != c.want.Max {
			t.Errorf("%q: %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
}
