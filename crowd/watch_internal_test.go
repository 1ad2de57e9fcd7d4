package crowd

import (
	"fmt"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// A stretch stays as it was published while one device's estimate moves as far as GPS makes it move, whatever the key.
func TestAStretchStaysWhileTheEstimateMoves(t *testing.T) {
	t.Parallel()
	origin := orb.Point{15.6, 48.41}
	street := orb.LineString{geo.Destination(origin, 180, 500), origin, geo.Destination(origin, 0, 500)}
	w := NewWatch(nil, geo.NewNetwork(&geo.Map{Streets: []geo.Street{{ID: 1, Class: "residential", Line: street}}}), WatchOptions{})
	now, north := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC), 0.0
	at := func(m float64) candidate {
		return candidate{ID: "one", at: geo.Destination(origin, 0, m), headingDeg: &north, devices: 1}
	}
	for i := range 500 {
		key := watchKey(fmt.Sprint("key ", i))
		first, ok := w.point(key, at(0), nil, true, now)
		if !ok || !first.stretch {
			t.Fatalf("%+v is no stretch", first)
		}
		for _, moved := range []float64{-12, -6, 6, 12} {
			if p, ok := w.point(key, at(moved), &first, true, now); !ok || p != first {
				t.Fatalf("key %d: an estimate %g m on is published %g m on", i, moved, geo.Distance(first.at, p.at))
			}
		}
	}
}
