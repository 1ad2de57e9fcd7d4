package dispatch_test

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// A tour visits every stop once, the urgent ones first, and is no longer than nearest first.
func TestTourVisitsEachStopOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 14).Draw(t, "n")
		metres, band := make([][]float64, n), make([]int, n)
		for i := range n {
			band[i] = rapid.IntRange(0, 2).Draw(t, "band")
			metres[i] = rapid.SliceOfN(rapid.Float64Range(0, 9000), n, n).Draw(t, "metres")
		}
		order := dispatch.Tour(metres, band)
		if !slices.IsSortedFunc(order, func(a, b int) int { return band[a] - band[b] }) {
			t.Fatalf("%v of the bands %v", order, band)
		}
		if got, nearest := dispatch.TourLength(metres, order), dispatch.TourLength(metres, dispatch.NearestFirst(metres, band)); got > nearest+.01 {
			t.Fatalf("%.0f m, nearest first has %.0f m", got, nearest)
		}
		slices.Sort(order)
		for i, stop := range order {
			if stop != i+1 {
				t.Fatalf("stops %v", order)
			}
		}
		if len(order) != n-1 {
			t.Fatalf("%d stops of %d", len(order), n-1)
		}
	})
}

// shortest is the length of the best tour there is (Held and Karp, 1962), without bands.
func shortest(metres [][]float64) float64 {
	n := len(metres) - 1
	best := make([][]float64, 1<<n)
	for set := 1; set < 1<<n; set++ {
		best[set] = make([]float64, n)
		for last := range n {
			best[set][last] = math.Inf(1)
			if set&(1<<last) == 0 {
				continue
			}
			before := set &^ (1 << last)
			if before == 0 {
				best[set][last] = metres[0][last+1]
			}
			for rest := before; rest != 0; rest &= rest - 1 {
				k := bits.TrailingZeros(uint(rest))
				best[set][last] = min(best[set][last], best[before][k]+metres[k+1][last+1])
			}
		}
	}
	return slices.Min(best[1<<n-1])
}

// days measures tours on the streets of a file: how much shorter they are than nearest first (by street, and as the crow flies), and how
// much longer than the best there is, where that can be known.
func days(t testing.TB, file string, stops, n int) (gain, gainOnCrow, excess float64) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := geo.ReadOSM(context.Background(), f, filepath.Base(file))
	if err != nil {
		t.Fatal(err)
	}
	network := geo.NewNetwork(m)
	ways, roads := geo.NewWays(network), geo.NewRoads(network)
	regions := roads.Regions()
	random := rand.New(rand.NewPCG(7, uint64(stops)))
	var tour, nearest, crow, best float64
	var took time.Duration
	for range n {
		var at []orb.Point
		for len(at) <= stops {
			if spot, ok := roads.At(regions[random.IntN(len(regions))], random.Float64()); ok {
				at = append(at, spot.Point)
			}
		}
		began := time.Now()
		legs, straight, band := ways.Between(at).Metres, make([][]float64, len(at)), make([]int, len(at))
		tour += dispatch.TourLength(legs, dispatch.Tour(legs, band))
		took += time.Since(began)
		for i := range at {
			straight[i] = make([]float64, len(at))
			for j := range at {
				straight[i][j] = geo.Distance(at[i], at[j])
			}
		}
		nearest += dispatch.TourLength(legs, dispatch.NearestFirst(legs, band))
		crow += dispatch.TourLength(legs, dispatch.NearestFirst(straight, band))
		if stops <= 12 {
			best += shortest(legs)
		}
	}
	gain, gainOnCrow = 1-tour/nearest, 1-tour/crow
	if best > 0 {
		excess = tour/best - 1
	}
	t.Logf("%s, %d days of %d stops: %.1f km a day; nearest first by street %.1f km (%.1f %% saved), as the crow flies %.1f km (%.1f %% saved); %.2f %% above the best there is; %v a day",
		filepath.Base(file), n, stops, tour/float64(n)/1000, nearest/float64(n)/1000, 100*gain, crow/float64(n)/1000, 100*gainOnCrow, 100*excess, took/time.Duration(n))
	return gain, gainOnCrow, excess
}

// On the streets of Krems a tour is clearly shorter than nearest first, and nearly the best there is. With STREETPULSE_STREETS it is measured on
// other extracts as well: a list of files.
func TestTourOnStreets(t *testing.T) {
	t.Parallel()
	gain, onCrow, excess := days(t, "../firmware-sim/town/krems.osm.gz", 10, 25)
	if gain < .04 || onCrow < .08 || excess > .02 {
		t.Errorf("%.1f %% shorter than nearest first, %.1f %% than as the crow flies, %.1f %% longer than the best", 100*gain, 100*onCrow, 100*excess)
	}
	for _, file := range filepath.SplitList(os.Getenv("STREETPULSE_STREETS")) {
		for _, stops := range []int{6, 12, 24, 40} {
			days(t, file, stops, 40)
		}
	}
}
