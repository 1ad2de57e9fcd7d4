package geo_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// Lange Gasse runs west to east, in two ways drawn towards each other; a one-way street leads south into it.
func TestWaysAlongStreets(t *testing.T) {
	t.Parallel()
	w := geo.NewWays(geo.NewNetwork(read(t, "testdata/crossing.osm")))
	west, east := orb.Point{15.007, 48.00495}, orb.Point{15.010, 48.00505}
	oneway := orb.Point{15.00798, 48.0065}
	far := orb.Point{15.3, 48.3}
	legs := w.Between([]orb.Point{west, east, oneway, far})
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 2 {
			t.Errorf("%s: %.1f m, not %.1f", what, got, want)
		}
	}
	near("along the street", legs.Metres[0][1], geo.Distance(west, east))
	near("and back", legs.Metres[1][0], geo.Distance(west, east))
	if into, out := legs.Metres[2][0], legs.Metres[0][2]; into > 400 || out < into+1 {
		t.Errorf("with the one-way street %.0f m, against it %.0f m", into, out)
	}
	near("where no street leads", legs.Metres[0][3], 1.5*geo.Distance(orb.Point{15.007, 48.005}, far))
}

// A way is as long as its line, no shorter than a crow's, and no longer than one over any other position.
func TestWaysAreShortest(t *testing.T) {
	t.Parallel()
	network := geo.NewNetwork(read(t, "../firmware-sim/town/krems.osm.gz"))
	w, roads := geo.NewWays(network), geo.NewRoads(network)
	random := rand.New(rand.NewPCG(1, 2))
	var positions []orb.Point
	for _, region := range roads.Regions() {
		for range 6 {
			if spot, ok := roads.At(region, random.Float64()); ok {
				positions = append(positions, spot.Point)
			}
		}
	}
	legs := w.Between(positions)
	island := func(i, j int) bool {
		return math.Abs(legs.Metres[i][j]-1.5*geo.Distance(legs.Lines[i][j][0], legs.Lines[i][j][len(legs.Lines[i][j])-1])) < 0.01
	}
	for i := range positions {
		for j := range positions {
			if i == j {
				continue
			}
			d, length := legs.Metres[i][j], 0.0
			for k := 1; k < len(legs.Lines[i][j]); k++ {
				length += geo.Distance(legs.Lines[i][j][k-1], legs.Lines[i][j][k])
			}
			crow := geo.Distance(positions[i], positions[j])
			if !island(i, j) && math.Abs(length-d) > 0.5 || d < crow-0.5 {
				t.Fatalf("from %v to %v: %.1f m by a line of %.1f m, a crow's %.1f m", positions[i], positions[j], d, length, crow)
			}
			for k := range positions {
				if k == i || k == j || island(i, j) || island(i, k) || island(k, j) {
					continue
				}
				if over := legs.Metres[i][k] + legs.Metres[k][j]; over < d-0.5 {
					t.Fatalf("%.1f m, and %.1f m over another position", d, over)
				}
			}
		}
	}
}
