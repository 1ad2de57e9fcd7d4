package geo_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/geo"
)

func anyPoint(t *rapid.T, name string) orb.Point {
	return orb.Point{rapid.Float64Range(-180, 180).Draw(t, name+" lon"), rapid.Float64Range(-80, 80).Draw(t, name+" lat")}
}

func TestDestinationIsAsFarAndThatWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := anyPoint(t, "from")
		heading := rapid.Float64Range(0, 360).Draw(t, "heading")
		metres := rapid.Float64Range(1, 20_000).Draw(t, "metres")
		to := geo.Destination(from, heading, metres)
		if got := geo.Distance(from, to); math.Abs(got-metres) > 1e-3 {
			t.Errorf("%g m away, want %g", got, metres)
		}
		if diff := geo.HeadingDiff(geo.Bearing(from, to), heading); diff > 1e-3 {
			t.Errorf("heading off by %g", diff)
		}
		if to.Lon() < -180 || to.Lon() > 180 {
			t.Errorf("longitude %g", to.Lon())
		}
	})
}

func TestDistanceIsAMetric(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyPoint(t, "a"), anyPoint(t, "b"), anyPoint(t, "c")
		if geo.Distance(a, a) != 0 || math.Abs(geo.Distance(a, b)-geo.Distance(b, a)) > 1e-6 {
			t.Error("not symmetric")
		}
		if geo.Distance(a, c) > geo.Distance(a, b)+geo.Distance(b, c)+1e-3 {
			t.Error("a detour is shorter")
		}
	})
}

func TestHeadingDiff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64Range(-720, 720).Draw(t, "a"), rapid.Float64Range(-720, 720).Draw(t, "b")
		diff := geo.HeadingDiff(a, b)
		if diff < 0 || diff > 180 {
			t.Errorf("%g", diff)
		}
		if math.Abs(diff-geo.HeadingDiff(b, a)) > 1e-9 || math.Abs(diff-geo.HeadingDiff(a+360, b)) > 1e-9 {
			t.Error("depends on order or turns")
		}
		if math.Abs(diff+geo.HeadingDiff(a+180, b)-180) > 1e-9 {
			t.Error("the opposite is not 180 less")
		}
		if n := geo.NormalHeading(a); n < 0 || n >= 360 {
			t.Errorf("%g is not normal", n)
		}
	})
}

func TestCellsOfAPositionNest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyPoint(t, "p")
		fine, err := geo.FineCell(p.Lat(), p.Lon())
		if err != nil {
			t.Fatal(err)
		}
		if fine.Resolution() != geo.FineRes || geo.Region(fine).Resolution() != geo.RegionRes || geo.CoverageCell(fine).Resolution() != geo.CoverageRes {
			t.Error("resolutions")
		}
		if above, err := geo.CoverageCell(fine).Parent(geo.RegionRes); err != nil || above != geo.Region(fine) {
			t.Error("the coverage cell is of another region")
		}
		if n := len(geo.Disk(fine, 1)); n != 7 && n != 6 {
			t.Errorf("%d cells within one step", n)
		}
	})
	if _, err := geo.FineCell(math.NaN(), 0); err == nil {
		t.Error("a cell of no position")
	}
	if got := geo.Region(0); got != 0 {
		t.Errorf("region of no cell: %v", got)
	}
	if got := geo.Disk(0, 1); len(got) != 0 {
		t.Errorf("disk of no cell: %v", got)
	}
}

func ExampleDistance() {
	stein, krems := orb.Point{15.583, 48.402}, orb.Point{15.603, 48.410}
	fmt.Printf("%.0f m, heading %.0f°\n", geo.Distance(stein, krems), geo.Bearing(stein, krems))
	// Output: 1724 m, heading 59°
}

func ExampleHeadingDiff() {
	fmt.Println(geo.HeadingDiff(350, 10))
	// Output: 20
}

func ExampleRegion() {
	fine, err := geo.FineCell(48.4106, 15.6030)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(fine, "in", geo.Region(fine))
	// Output: 8c1e332f26d91ff in 871e332f2ffffff
}

// Every fine cell lies in the range of its coverage cell, and the ends of the range are that cell's.
func TestFineCellsLieInARange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(q *rapid.T) {
		fine, err := geo.FineCell(rapid.Float64Range(-89, 89).Draw(q, "lat"), rapid.Float64Range(-180, 180).Draw(q, "lon"))
		if err != nil {
			q.Fatal(err)
		}
		for _, c := range []geo.Cell{geo.CoverageCell(fine), geo.Region(fine), fine} {
			low, high := geo.FineRange(c)
			if fine < low || fine > high || !low.IsValid() || !high.IsValid() {
				q.Fatalf("%s is not between %s and %s", fine, low, high)
			}
			if next := high + 1<<9; c != fine && next.IsValid() && geo.CoverageCell(next) == c {
				q.Fatalf("%s lies in %s beyond %s", next, c, high)
			}
			for _, end := range []geo.Cell{low, high} {
				if above, err := end.Parent(c.Resolution()); err != nil || above != c {
					q.Fatalf("%s is not within %s", end, c)
				}
			}
		}
	})
}
