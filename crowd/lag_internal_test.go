package crowd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/paulmach/orb"
)

// Things across the road that both directions feel tell how late positions are; holes and lone joints tell nothing.
func TestPositionsLag(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	felt := func(nodes []*node, at orb.Point, heading, lag, wide float64) []*node {
		n := &node{id: fmt.Sprint(len(nodes)), anchor: shift(at, 3*r.NormFloat64(), 3*r.NormFloat64()), wide: wide}
		sin, cos := math.Sincos(heading)
		for range 5 {
			east, north := offset(n.anchor, at)
			n.voices = append(n.voices, voice{felt: true, spot: spot{east - lag*sin + 3*r.NormFloat64(), north - lag*cos + 3*r.NormFloat64(), 4, sin, cos}})
		}
		return append(nodes, n)
	}
	for _, test := range []struct{ lag, wide, want, within float64 }{{5, 1, 5, 0.7}, {-1, 1, -1, 0.5}, {0, 1, 0, 0.5}, {5, 0.5, 0, 0}} {
		var nodes []*node
		for i := range 150 {
			at, heading := orb.Point{15.6 + float64(i%30)/200, 48.4 + float64(i/30)/200}, 2*math.Pi*r.Float64()
			nodes = felt(nodes, at, heading, test.lag, test.wide)
			nodes = felt(nodes, at, heading+math.Pi, test.lag, test.wide)
			nodes = felt(nodes, shift(at, 100, 100), heading, test.lag, test.wide)
		}
		if got := lag(nodes); math.Abs(got-test.want) > test.within {
			t.Errorf("positions %.0f m late, things across the road with a probability of %.1f: %.2f m, want %.1f", test.lag, test.wide, got, test.want)
		}
	}
	if got := lag(nil); got != 0 {
		t.Errorf("without places %.2f m, want 0", got)
	}
}

// A place stands where the wheels were, and jolts are still its own by where they are felt.
func TestPlacesStandWhereTheWheelsWere(t *testing.T) {
	t.Parallel()
	east := 90.0
	e := &arrival{}
	e.Device, e.ID, e.Lat, e.Lon, e.AccuracyM, e.HeadingDeg = "d", "e", 48.4, 15.6, 5, &east
	s := newSite(e)
	s.hit(e)
	s.locate(6)
	if moved, north := offset(orb.Point{15.6, 48.4}, s.point()); math.Abs(moved-6) > 0.1 || math.Abs(north) > 0.1 {
		t.Errorf("moved by %.1f, %.1f m, want 6, 0", moved, north)
	}
	if d, ok := s.distance(e, 6); !ok || d > 0.1 {
		t.Errorf("the jolt lies %.1f m from its own place (%t)", d, ok)
	}
}
