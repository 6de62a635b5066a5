package httpd

import (
	"math"
	"reflect"
	"runtime/metrics"
	"testing"
)

func TestAHistogramIsSummedUpByTheCeilingsOfItsBuckets(t *testing.T) {
	bounds := []float64{math.Inf(-1), 1, 2, 4, math.Inf(1)}
	for _, tt := range []struct {
		counts []uint64
		sum    float64
		want   map[float64]float64
	}{
		{[]uint64{0, 0, 0, 0}, 0, map[float64]float64{0.5: 0, 0.99: 0, 1: 0}},
		{[]uint64{2, 1, 0, 0}, 4, map[float64]float64{0.5: 1, 0.99: 2, 1: 2}},
		{[]uint64{0, 98, 1, 1}, 204, map[float64]float64{0.5: 2, 0.99: 4, 1: 4}},
	} {
		count, sum, got := summary(&metrics.Float64Histogram{Counts: tt.counts, Buckets: bounds}, stopShares)
		var all uint64
		for _, n := range tt.counts {
			all += n
		}
		if count != all || sum != tt.sum || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %d, %v, %v: want %v, %v", tt.counts, count, sum, got, tt.sum, tt.want)
		}
	}
}
