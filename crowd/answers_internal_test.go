package crowd

import (
	"math"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

func TestWhatAnAnswerTells(t *testing.T) {
	t.Parallel()
	here := orb.Point{15.6, 48.41}
	now := time.Date(2026, 3, 20, 7, 0, 0, 0, time.UTC)
	began := now.AddDate(0, 0, -10)
	heading := 90.0
	control := &watchPoint{id: "c", at: here, headingDeg: 90, radiusM: 20}
	place := &watchPoint{id: "p", place: "place", at: here, headingDeg: 90, radiusM: 20}
	gone := func(before time.Duration) *watchPoint { p := *control; p.until = now.Add(-before); return &p }
	pass := func(metres float64) *arrival {
		p := shift(here, metres, 0)
		return &arrival{Event: wire.Event{Kind: wire.Pass, Time: now, Lat: p[1], Lon: p[0], AccuracyM: 5, HeadingDeg: &heading}}
	}
	for name, test := range map[string]struct {
		said  *saidOf
		near  *watchPoint
		began time.Time
		at    float64
		want  verdict
	}{
		"names nothing, is nowhere":         {nil, nil, began, 0, sayNothing},
		"names nothing, falls on one":       {nil, control, began, 0, saysPassed},
		"names a control point":             {&saidOf{point: control}, nil, began, 45, saysPassed},
		"names one that it is not at":       {&saidOf{point: control}, nil, began, 300, sayNothing},
		"names a watched place":             {&saidOf{point: place}, nil, began, 0, sayNothing},
		"names a place by its own name":     {&saidOf{place: true}, nil, began, 0, sayNothing},
		"names what was never published":    {&saidOf{}, nil, began, 0, cannotBe},
		"so too, but no list was ever made": {&saidOf{}, nil, time.Time{}, 0, sayNothing},
		"so too, before the first list":     {&saidOf{}, nil, now.Add(time.Hour), 0, sayNothing},
		"by yesterday's list":               {&saidOf{point: gone(24 * time.Hour)}, nil, began, 0, saysPassed},
		"by last week's list":               {&saidOf{point: gone(73 * time.Hour)}, nil, began, 0, cannotBe},
	} {
		if got, p := weighAnswer(test.said, test.near, test.began, pass(test.at)); got != test.want || (got == saysPassed) != (p != nil) {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	back := 270.0
	for name, test := range map[string]struct {
		p       watchPoint
		metres  float64
		heading *float64
		want    bool
	}{
		"on it": {*control, 19, &heading, true}, "without a heading": {*control, 0, nil, true}, "past it": {*control, 22, &heading, false},
		"the other way": {*control, 0, &back, false}, "a place": {*place, 0, &heading, false}, "not listed": {*gone(time.Hour), 0, &heading, false},
		"a stretch": {watchPoint{stretch: true, at: here, radiusM: 75}, 0, nil, false},
	} {
		e := pass(test.metres)
		e.HeadingDeg = test.heading
		if got := test.p.fallsOn(e); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A car that keeps below the limit is never too fast, in whatever order its answers come; one that jumps is.
func TestImpossibleWays(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 20, 7, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		var way []answered
		at := orb.Point{rapid.Float64Range(-179, 179).Draw(t, "lon"), rapid.Float64Range(-60, 60).Draw(t, "lat")}
		now := start
		for range rapid.IntRange(1, 20).Draw(t, "answers") {
			seconds := rapid.Float64Range(0, 600).Draw(t, "seconds")
			speed := rapid.Float64Range(0, 69).Draw(t, "speed")
			angle := rapid.Float64Range(0, 2*math.Pi).Draw(t, "angle")
			sin, cos := math.Sincos(angle)
			at = shift(at, sin*speed*seconds, cos*speed*seconds)
			now = now.Add(time.Duration(seconds * float64(time.Second)))
			way = append(way, answered{at, 20, now})
		}
		last := way[len(way)-1]
		if n, newest := impossibleWays(nil, rapid.Permutation(way).Draw(t, "order")); n != 0 || newest.time != last.time {
			t.Fatalf("%d ways of a car cannot be; its newest answer is of %s, not %s", n, newest.time, last.time)
		}
		jump := answered{shift(last.at, 0, 5000), 20, last.time.Add(30 * time.Second)}
		if n, _ := impossibleWays(&last, []answered{jump}); n != 1 {
			t.Fatal("5 km in 30 s can be")
		}
	})
}
