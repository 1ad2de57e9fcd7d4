package recording

import (
	"math"
	"slices"
)

// look notes what is odd about the rows, and puts right what can be.
func (rec *Recording) look() {
	back := 0
	for i := 1; i < len(rec.Rows); i++ {
		if rec.Rows[i].T < rec.Rows[i-1].T {
			back++
		}
	}
	if back > 0 {
		rec.note("time goes back %d times; samples that are older than those before them are passed over", back)
	}
	if n := rec.spread(); n > 0 {
		rec.note("%d samples come in bursts: their times are spread evenly over the time since the burst before", n)
	}
	rec.weigh()
}

// spread gives samples that were stamped when a burst of them was delivered the times at which they were taken: evenly from the end of
// the burst before to the end of theirs. It returns how many. Phones batch their sensors to save power, and coarse clocks stamp many
// samples alike; both show in a median interval far below the mean one.
func (rec *Recording) spread() int {
	var steps []float64
	sum := 0.0
	for i := 1; i < len(rec.Rows); i++ {
		if step := rec.Rows[i].T - rec.Rows[i-1].T; step >= 0 && step <= longestS {
			steps = append(steps, step)
			sum += step
		}
	}
	if len(steps) < 20 {
		return 0
	}
	mean := sum / float64(len(steps))
	slices.Sort(steps)
	if steps[len(steps)/2] >= 0.5*mean {
		return 0
	}
	moved := 0
	end := math.NaN() // of the burst before
	for i := 0; i < len(rec.Rows); {
		j := i + 1
		for j < len(rec.Rows) && rec.Rows[j].T-rec.Rows[j-1].T < 0.5*mean && rec.Rows[j].T >= rec.Rows[j-1].T {
			j++
		}
		last := rec.Rows[j-1].T
		from := last - mean*float64(j-i)
		if last-end > 0 && last-end <= longestS {
			from = end
		}
		for k := i; k < j; k++ {
			rec.Rows[k].T = from + (last-from)*float64(k-i+1)/float64(j-i)
		}
		moved += j - i
		end, i = last, j
	}
	return moved
}

// longestS is the longest time between samples that is no pause, s.
const longestS = 1.0

// weigh notes a unit that is not what the columns say: gravity is 9.8 m/s², not 1.
func (rec *Recording) weigh() {
	var sizes []float64
	still := true
	for _, r := range rec.Rows {
		if size := math.Sqrt(r.Acc[0]*r.Acc[0] + r.Acc[1]*r.Acc[1] + r.Acc[2]*r.Acc[2]); !math.IsNaN(size) {
			sizes = append(sizes, size)
			still = still && size == sizes[0]
		}
	}
	if len(sizes) < 20 || still {
		return
	}
	slices.Sort(sizes)
	low, middle, high := sizes[len(sizes)/10], sizes[len(sizes)/2], sizes[len(sizes)*9/10]
	if middle > 0.9 && middle < 1.1 && low > 0.6 && high < 1.4 {
		rec.note("accelerations are about 1 throughout: if they are in g, say so with --columns ax_mps2=…:g,ay_mps2=…:g,az_mps2=…:g")
	}
}
