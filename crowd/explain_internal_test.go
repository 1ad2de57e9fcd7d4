package crowd

import "testing"

// Of jolts both ways, the sum of the headings tells how many were one way.
func TestJoltsOneWayAreCounted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		east, west int
		noise      float64 // what inexact headings take away, share
		want       int
	}{{9, 0, 0, 9}, {9, 0, .05, 9}, {19, 1, 0, 19}, {18, 2, 0, 18}, {0, 12, .02, 12}} {
		s := said{jolts: test.east + test.west, sin: float64(test.east-test.west) * (1 - test.noise)}
		if got := s.oneWay(); got != test.want {
			t.Errorf("%d eastbound and %d westbound: %d one way, want %d", test.east, test.west, got, test.want)
		}
	}
}
