package main

import (
	"testing"

	"guestload/loadgen/flags"
)

func TestFewerGuestsAreAskedForAsBefore(t *testing.T) {
	for _, tt := range []struct {
		options options
		rate    float64
		want    string
	}{
		{options{flags.Options{Scale: 1}}, 0, "--scale 0.25"},
		{options{flags.Options{Scale: 4}}, 0, "--scale 1"},
		{options{flags.Options{Scale: 1, Guests: 10_000}}, 0, "--guests 2500"},
		{options{flags.Options{Scale: 1}}, 6000, "to: 1500/s in the scenario ends the search there"},
	} {
		if got := tt.options.fewer(0.25, tt.rate); got != tt.want {
			t.Errorf("a quarter of the guests: %q, want %q", got, tt.want)
		}
	}
}
