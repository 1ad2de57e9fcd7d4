package dispatch

import (
	"math"
	"slices"
)

// Tour puts stops in a good order for driving. metres[i][j] is the way from i to j; index 0 is where the tour begins, every other a stop.
// band[i] says how urgent a stop is: all of a lower band come before any of a higher one. It returns the stops in order, without 0.
//
// Two first orders are made, nearest first and by cheapest insertion. Each is improved until nothing helps: by taking up to three
// neighbouring stops elsewhere (or-opt) and by driving a part of the tour the other way round (2-opt; ways differ by direction, so its
// length is summed anew). The shorter of the two is taken. The tour does not lead back: where a crew ends the day is not known.
func Tour(metres [][]float64, band []int) []int {
	t := tour{metres, band}
	best := t.improved(NearestFirst(metres, band))
	if other := t.improved(t.inserted()); t.length(other) < t.length(best) {
		best = other
	}
	return best
}

// NearestFirst is the order in which somebody drives who always takes the nearest of the most urgent stops next.
func NearestFirst(metres [][]float64, band []int) []int {
	var left, out []int
	for i := 1; i < len(metres); i++ {
		left = append(left, i)
	}
	for at := 0; len(left) > 0; {
		next := 0
		for k, i := range left {
			if j := left[next]; band[i] < band[j] || band[i] == band[j] && metres[at][i] < metres[at][j] {
				next = k
			}
		}
		at = left[next]
		out = append(out, at)
		left = slices.Delete(left, next, next+1)
	}
	return out
}

// TourLength is how long a tour is, from its beginning, metres.
func TourLength(metres [][]float64, order []int) float64 {
	return tour{metres: metres}.length(order)
}

type tour struct {
	metres [][]float64
	band   []int
}

func (t tour) length(order []int) float64 {
	sum, at := 0.0, 0
	for _, i := range order {
		sum += t.metres[at][i]
		at = i
	}
	return sum
}

// fits says whether more urgent stops come before less urgent ones.
func (t tour) fits(order []int) bool {
	return slices.IsSortedFunc(order, func(a, b int) int { return t.band[a] - t.band[b] })
}

// inserted adds stop after stop, band after band, each where it costs least; the farthest from the beginning comes first, as it is there
// anyhow.
func (t tour) inserted() []int {
	var left, out []int
	for i := 1; i < len(t.metres); i++ {
		left = append(left, i)
	}
	slices.SortStableFunc(left, func(a, b int) int {
		if t.band[a] != t.band[b] {
			return t.band[a] - t.band[b]
		}
		return int(math.Copysign(1, t.metres[0][b]-t.metres[0][a]))
	})
	for _, i := range left {
		best, where := math.Inf(1), len(out)
		for at := range len(out) + 1 {
			try := slices.Insert(slices.Clone(out), at, i)
			if d := t.length(try); d < best && t.fits(try) {
				best, where = d, at
			}
		}
		out = slices.Insert(out, where, i)
	}
	return out
}

// worthM is how much shorter a tour must be to be better: less is rounding, and would have no end.
const worthM = 0.01

// improved changes an order as long as that makes it shorter.
func (t tour) improved(order []int) []int {
	length := t.length(order)
	for {
		next, d := t.better(order, length)
		if next == nil {
			return order
		}
		order, length = next, d
	}
}

// better returns the shortest order that one change makes, nil where none is shorter than length.
func (t tour) better(order []int, length float64) ([]int, float64) {
	var found []int
	best := length - worthM
	try := make([]int, 0, len(order))
	consider := func() {
		if d := t.length(try); d < best && t.fits(try) {
			found, best = append(found[:0], try...), d
		}
	}
	for i := range order {
		for j := i + 2; j <= len(order); j++ {
			try = append(try[:0], order...)
			slices.Reverse(try[i:j])
			consider()
		}
		for size := 1; size <= 3 && i+size <= len(order); size++ {
			part := order[i : i+size]
			for to := 0; to+size <= len(order); to++ {
				if to == i {
					continue
				}
				try = append(append(try[:0], order[:i]...), order[i+size:]...)
				try = slices.Insert(try, to, part...)
				consider()
			}
		}
	}
	return found, best
}
