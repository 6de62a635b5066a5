package executor_test

import (
	"testing"

	"guestload/loadgen/executor"
)

func TestSharesMakeUpTheWhole(t *testing.T) {
	for all := range 20 {
		for n := 1; n <= 5; n++ {
			sum := 0
			for k := range n {
				sum += executor.Share{K: k, N: n}.Of(all)
			}
			if sum != all {
				t.Errorf("%d parts of %d guests have %d", n, all, sum)
			}
		}
	}
}
