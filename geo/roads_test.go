package geo_test

import (
	"math"
	"testing"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// Shares that are spread evenly give positions that are spread evenly over the streets of the region.
func TestPositionsAreDrawnFromStreets(t *testing.T) {
	t.Parallel()
	var streets []geo.Street
	add := func(class string, oneway bool, line ...orb.Point) {
		streets = append(streets, geo.Street{ID: int64(len(streets) + 1), Class: class, Oneway: oneway, Line: line})
	}
	add("residential", false, orb.Point{15.600, 48.41}, orb.Point{15.604, 48.41})                         // 295 m
	add("primary", true, orb.Point{15.600, 48.41}, orb.Point{15.600, 48.4102}, orb.Point{15.600, 48.411}) // 111 m
	add("footway", false, orb.Point{15.600, 48.41}, orb.Point{15.700, 48.41})
	add("service", false, orb.Point{15.600, 48.41}, orb.Point{15.600, 48.40}) // 1,112 m, a tenth
	n := geo.NewNetwork(&geo.Map{Streets: streets})
	roads := geo.NewRoads(n)
	km, count := 0.0, map[int64]int{}
	for _, region := range roads.Regions() {
		km += roads.KM(region)
		const draws = 400
		for i := range draws {
			spot, ok := roads.At(region, (float64(i)+0.5)/draws)
			if !ok {
				t.Fatal("no position")
			}
			count[spot.Street] += int(math.Round(roads.KM(region) * 1000))
			m, ok := n.Nearest(spot.Point, &spot.HeadingDeg, 5)
			if !ok || m.DistanceM > 0.1 || geo.HeadingDiff(m.HeadingDeg, spot.HeadingDeg) > 0.1 || spot.Oneway != (spot.Street == 2) {
				t.Errorf("%+v lies %.2f m from a street, error %v", spot, m.DistanceM, ok)
			}
		}
	}
	if math.Abs(km-0.517) > 0.005 || len(count) != 3 {
		t.Errorf("%.3f km, of streets %v", km, count)
	}
	if share := float64(count[1]) / float64(count[1]+count[2]); math.Abs(share-0.727) > 0.02 {
		t.Errorf("%.3f of the positions lie on the longer street", share)
	}
	if _, ok := roads.At(0, 0.5); ok {
		t.Error("a position in no region")
	}
	spot, ok := n.Snap(orb.Point{15.60005, 48.4105}, heading(350), 30)
	if want := (orb.Point{15.6, 48.4105}); !ok || geo.Distance(spot.Point, want) > 0.1 || spot.Street != 2 {
		t.Errorf("%+v %v", spot, ok)
	}
}
