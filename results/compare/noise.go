package compare

import (
	"math"
	"math/rand/v2"
	"slices"

	"guestload/results/series"
	"guestload/results/student"
)

// How noise is estimated.
const (
	replicates   = 500
	confidence   = 0.99
	blocksAtMost = 120 // of one phase; longer phases have longer blocks
	blocksLeast  = 4   // in all: with fewer nothing can be said
	beyondLeast  = 10  // samples beyond a percentile: with fewer it is chance
)

// noise is by how much percentiles vary by themselves.
type noise struct {
	variance [len(compared)]float64 // of the natural logarithm of each percentile
	blocks   int                    // that were drawn from
}

// bootstrap estimates noise by a circular block bootstrap over the recorded
// seconds of a run (Politis and Romano, A circular block-resampling procedure
// for stationary data, 1992): runs of neighbouring seconds are drawn with
// replacement and their histograms added, many times over; how the percentiles
// of those sums vary is how those of the run do. Blocks, not single seconds,
// because a slow second is seldom alone. A block of n seconds is 2 n^(1/3) long
// (of that order after Hall, Horowitz and Jing, On blocking rules for the
// bootstrap with dependent data, 1995), but a quarter of them at most. Each phase
// is drawn for itself, so that what was planned to change is not taken for noise.
func bootstrap(seconds []series.Second, name string, kind int) noise {
	strata, values := cut(seconds, name, kind)
	var n noise
	for _, s := range strata {
		n.blocks += s.draws()
	}
	if n.blocks < blocksLeast {
		return n
	}
	random := rand.New(rand.NewPCG(1, 2))
	counts := make([]int64, len(values))
	var drawn [len(compared)][]float64
	for range replicates {
		clear(counts)
		for _, s := range strata {
			s.draw(random, counts)
		}
		for i, v := range percentiles(values, counts) {
			drawn[i] = append(drawn[i], v)
		}
	}
	// A few blocks vary less among themselves than they do in truth.
	correct := float64(n.blocks) / float64(n.blocks-1)
	for i := range drawn {
		n.variance[i] = correct * variance(drawn[i])
	}
	return n
}

// bucket is how many samples one second, or a few, have of one value.
type bucket struct {
	value int // index among all values
	count int64
}

// stratum is one phase: its units of time, each a second or a few, and how
// many of them make a block.
type stratum struct {
	units [][]bucket
	block int
}

// draws is how many blocks one replicate takes.
func (s stratum) draws() int { return (len(s.units) + s.block - 1) / s.block }

// draw adds as many units as there are, in blocks that begin anywhere and go
// round at the end.
func (s stratum) draw(random *rand.Rand, counts []int64) {
	for left := len(s.units); left > 0; left -= s.block {
		at := random.IntN(len(s.units))
		for i := range min(s.block, left) {
			for _, b := range s.units[(at+i)%len(s.units)] {
				counts[b.value] += b.count
			}
		}
	}
}

// cut makes strata of the recorded seconds, and lists all values that occur, in
// µs and in order. Phases in which the operation did not happen are left out.
func cut(seconds []series.Second, name string, kind int) (strata []stratum, values []int64) {
	place := map[int64]int{}
	each := func(s series.Second, see func(us, count int64)) {
		if t := s.Operations[name]; t != nil && !s.Warmup {
			for us, count := range t.Histograms()[kind].ForEachBucket {
				see(us, count)
			}
		}
	}
	for _, s := range seconds {
		each(s, func(us, _ int64) { place[us] = 0 })
	}
	for us := range place {
		values = append(values, us)
	}
	slices.Sort(values)
	for i, us := range values {
		place[us] = i
	}
	sums := map[int]int64{}
	for from := 0; from < len(seconds); {
		to := from + 1
		for to < len(seconds) && seconds[to].Phase == seconds[from].Phase && seconds[to].Warmup == seconds[from].Warmup {
			to++
		}
		phase := seconds[from:to]
		from = to
		long := (len(phase) + blocksAtMost - 1) / blocksAtMost
		s := stratum{block: blockOf(len(phase), long)}
		happened := false
		for unit := range slices.Chunk(phase, long) {
			clear(sums)
			for _, second := range unit {
				each(second, func(us, count int64) { sums[place[us]] += count })
			}
			buckets := make([]bucket, 0, len(sums))
			for value, count := range sums {
				buckets = append(buckets, bucket{value, count})
			}
			happened = happened || len(buckets) > 0
			s.units = append(s.units, buckets)
		}
		if happened {
			strata = append(strata, s)
		}
	}
	return strata, values
}

// blockOf is how many units, of so many seconds each, a block of a phase has.
func blockOf(seconds, unit int) int {
	block := math.Ceil(2 * math.Cbrt(float64(seconds)) / float64(unit))
	return max(1, min(int(block), seconds/unit/blocksLeast))
}

// percentiles are the natural logarithms of the compared percentiles.
func percentiles(values, counts []int64) (logs [len(compared)]float64) {
	var total, seen int64
	for _, n := range counts {
		total += n
	}
	at := 0
	for i, us := range values {
		seen += counts[i]
		for at < len(compared) && counts[i] > 0 && float64(seen) >= compared[at].share*float64(total) {
			logs[at] = math.Log(max(float64(us), 0.5))
			at++
		}
	}
	return logs
}

// change compares one percentile: the difference of its logarithms is held
// against Student's distribution, with degrees of freedom after Welch.
func change(a, b sampled, percentile int) Change {
	was, is := a.millis[percentile], b.millis[percentile]
	c := Change{Ratio: is / was, Low: math.NaN(), High: math.NaN(), Finding: Unclear}
	if math.IsNaN(was) || math.IsNaN(is) || was == 0 {
		c.Ratio = math.NaN()
		return c
	}
	beyond := (1 - compared[percentile].share) * float64(min(a.samples, b.samples))
	if is == 0 || beyond < beyondLeast || min(a.noise.blocks, b.noise.blocks) < blocksLeast {
		return c
	}
	va, vb := a.noise.variance[percentile], b.noise.variance[percentile]
	margin := 0.0
	if v := va + vb; v > 0 {
		freedom := v * v / (va*va/float64(a.noise.blocks-1) + vb*vb/float64(b.noise.blocks-1))
		margin = student.T(freedom).Quantile(1-(1-confidence)/2) * math.Sqrt(v)
	}
	middle := math.Log(c.Ratio)
	c.Low, c.High = math.Exp(middle-margin), math.Exp(middle+margin)
	// A bucket is a µs wide, or a thousandth: what is less is how it was rounded.
	rounded := math.Abs(is-was) <= 0.001+0.001*(is+was)
	switch {
	case c.Low > 1 && !rounded:
		c.Finding = Slower
	case c.High < 1 && !rounded:
		c.Finding = Faster
	default:
		c.Finding = Noise
	}
	return c
}

// variance is that of a population of which values, two at least, are a sample.
func variance(values []float64) float64 {
	n := float64(len(values))
	mean, sum := 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return sum / (n - 1)
}
