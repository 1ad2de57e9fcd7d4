package unit_test

import (
	"math"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/unit"
)

const (
	speed  = 12.0 // m/s, due east along the 48th parallel
	lat    = 48.0
	degree = 6371e3 * math.Pi / 180
)

// at is the longitude so many metres down the road.
func at(metres float64) float64 { return 15 + metres/(degree*math.Cos(lat*math.Pi/180)) }

// metres is how far down the road a longitude is.
func metres(lon float64) float64 { return (lon - 15) * degree * math.Cos(lat*math.Pi/180) }

// road is a drive along the road with jolts of 0.8 g at so many metres.
type road struct {
	seconds  float64
	jolts    []float64
	watched  []unit.Watched
	withhold float64
	stands   float64                               // seconds at the end
	handle   func(t float64, s *detector.Sample)   // may change a sample
	position func(t float64, f *detector.Fix) bool // may change a fix, or say that there is none
	unseen   func(t float64) bool                  // nothing is sensed
	after    func(t float64, d *unit.Drive, n int) // called once a second
}

func (r road) drive() ([]unit.Event, unit.State) {
	var out []unit.Event
	p := detector.Standard()
	d := unit.New(unit.Options{Detector: p, WithholdM: r.withhold, Out: func(e unit.Event) { out = append(out, e) }})
	d.Watch("here", r.watched)
	const rate = 60
	where := func(t float64) float64 { return speed * math.Min(t, r.seconds) }
	for i := range int((r.seconds + r.stands) * rate) {
		t := float64(i) / rate
		if r.unseen != nil && r.unseen(t) {
			continue
		}
		if i%rate == 0 {
			v := speed
			if t > r.seconds {
				v = 0
			}
			f := detector.Fix{T: t, Lat: lat, Lon: at(where(t - p.FixLatencyS)), Speed: v, Heading: 90, AcM: 4}
			if r.position == nil || r.position(t, &f) {
				d.Fix(f)
			}
			if r.after != nil {
				r.after(t, d, i/rate)
			}
		}
		up := 0.02 * math.Sin(40*t)
		for _, m := range r.jolts {
			if since := t - m/speed; since > 0 && since < 0.2 {
				up -= 0.8 * math.Sin(2*math.Pi*since/0.2)
			}
		}
		s := detector.Sample{T: t, Acc: [3]float64{0, 0, detector.Gravity * (1 + up)}, Turn: 0.05}
		if r.handle != nil {
			r.handle(t, &s)
		}
		d.Sample(s)
	}
	d.End()
	return out, d.State()
}

func TestADriveKeepsItsEndsToItself(t *testing.T) {
	t.Parallel()
	out, state := road{seconds: 100, jolts: []float64{60, 150, 420, 700, 1080, 1180}, withhold: 200}.drive()
	if len(out) != 2 || state.Jolts != 6 || state.Withheld != 4 {
		t.Fatalf("%d events handed out, %+v", len(out), state)
	}
	for i, want := range []float64{420, 700} {
		e := out[i]
		if got := metres(e.Where.Lon); math.Abs(got-want) > 3 || e.Jolt == nil || math.Abs(e.At-want/speed) > 0.1 || len(e.Jolt.Wave) != 121 {
			t.Errorf("event %d is at %.1f m, %.2f s: %+v", i, got, e.At, e.Jolt)
		}
	}
	if out, state := (road{seconds: 100, jolts: []float64{60, 150, 420, 700, 1080, 1180}}).drive(); len(out) != 6 || state.Withheld != 0 {
		t.Errorf("with nothing withheld %d events are handed out", len(out))
	}
}

// A cell tower's position says neither where a drive began nor where it ended, and one of unknown accuracy says nothing.
func TestACoarsePositionOpensNoFence(t *testing.T) {
	t.Parallel()
	elsewhere := func(f *detector.Fix, accuracy float64) bool {
		f.Lat, f.AcM, f.Speed, f.Heading = f.Lat+900/degree, accuracy, math.NaN(), math.NaN()
		return true
	}
	for name, position := range map[string]func(float64, *detector.Fix) bool{
		"first":                          func(s float64, f *detector.Fix) bool { return s > 0 || elsewhere(f, 1500) },
		"last":                           func(s float64, f *detector.Fix) bool { return s < 103 || elsewhere(f, 1500) },
		"both, good enough for an event": func(s float64, f *detector.Fix) bool { return s > 0 && s < 103 || elsewhere(f, 90) },
		"unknown accuracy":               func(s float64, f *detector.Fix) bool { return s > 0 && s < 103 || elsewhere(f, math.NaN()) },
		"accuracy 0":                     func(s float64, f *detector.Fix) bool { return s > 0 && s < 103 || elsewhere(f, 0) },
		"good late": func(s float64, f *detector.Fix) bool {
			if s < 30 {
				f.AcM = 80
			}
			return true
		},
		"fair": func(_ float64, f *detector.Fix) bool { f.AcM = 30; return true },
	} {
		out, state := road{seconds: 100, jolts: []float64{40, 90, 150, 230, 700, 950, 1120, 1180}, withhold: 200, stands: 10, position: position}.drive()
		want := []float64{230, 700, 950}
		switch name {
		case "good late", "fair": // 360 m down the road; 230 m may be within 200 m
			want = []float64{700}
		}
		if name == "good late" {
			want = append(want, 950)
		}
		if len(out) != len(want) || state.Jolts != 8 || state.Withheld != 8-len(want) {
			t.Errorf("%s: %d events handed out, %+v", name, len(out), state)
		}
		for _, e := range out {
			if m := metres(e.Where.Lon); m < 200 || m > 1000 {
				t.Errorf("%s: a jolt at %.0f m is handed out", name, m)
			}
		}
	}
	out, state := road{seconds: 60, jolts: []float64{300}, withhold: 100, position: func(_ float64, f *detector.Fix) bool { f.AcM = 60; return true }}.drive()
	if len(out) != 0 || state.Withheld != 1 {
		t.Errorf("without a good position %d events are handed out, %+v", len(out), state)
	}
}

func TestAnEventWaitsUntilItIsLeftBehind(t *testing.T) {
	t.Parallel()
	heldAt := map[int]int{}
	road{seconds: 100, jolts: []float64{600}, withhold: 300, after: func(_ float64, d *unit.Drive, n int) { heldAt[n] = d.State().Held }}.drive()
	if heldAt[53] != 1 || heldAt[74] != 1 || heldAt[78] != 0 {
		t.Errorf("held after 53, 74 and 78 s: %d, %d, %d", heldAt[53], heldAt[74], heldAt[78])
	}
}

func TestWatchedPlacesAreAnsweredFor(t *testing.T) {
	t.Parallel()
	point := func(id string, m, heading float64) unit.Watched {
		return unit.Watched{ID: id, Lat: lat, Lon: at(m), HeadingDeg: heading, RadiusM: 20}
	}
	watched := []unit.Watched{
		point("smooth", 200, 90), point("soon", 300, 90), point("felt", 600, 90), point("back", 800, 270), point("after", 1000, 85),
		{ID: "aside", Lat: lat + 60/degree, Lon: at(1400), HeadingDeg: 90, RadiusM: 20},
		{ID: "stretch", Lat: lat, Lon: at(1600), HeadingDeg: 92, RadiusM: 60}, {ID: "felt stretch", Lat: lat, Lon: at(2000), HeadingDeg: 92, RadiusM: 60},
	}
	out, state := road{seconds: 200, jolts: []float64{600, 1960}, watched: watched}.drive()
	var passes []string
	for _, e := range out {
		if e.Jolt != nil {
			continue
		}
		passes = append(passes, e.Watch)
		if e.Where.Speed != speed || math.Abs(e.Where.Heading-90) > 1 || e.Where.AcM != 4 || math.Abs(metres(e.Where.Lon)-speed*e.At) > 1 {
			t.Errorf("%s is answered for at %.1f m, %.2f s: %+v", e.Watch, metres(e.Where.Lon), e.At, e.Where)
		}
	}
	if len(passes) != 3 || passes[0] != "smooth" || passes[1] != "after" || passes[2] != "stretch" || state.Passes != 3 {
		t.Errorf("answered for %v, %+v", passes, state)
	}
}

func TestNothingIsAnsweredForOnPoorGrounds(t *testing.T) {
	t.Parallel()
	watched := []unit.Watched{{ID: "place", Lat: lat, Lon: at(600), HeadingDeg: 90, RadiusM: 20}}
	for name, r := range map[string]road{
		"no fixes":   {position: func(float64, *detector.Fix) bool { return false }},
		"poor fixes": {position: func(_ float64, f *detector.Fix) bool { f.AcM = 40; return true }},
		"a tunnel":   {position: func(s float64, _ *detector.Fix) bool { return s < 46 || s > 54 }},
		"no sensor": {handle: func(s float64, x *detector.Sample) {
			if s > 49 && s < 51 {
				x.Acc[0] = math.NaN()
			}
		}},
		"a loose phone": {handle: func(s float64, x *detector.Sample) {
			if s > 49 && s < 51 {
				x.Turn = 4
			}
		}},
	} {
		r.seconds, r.watched = 100, watched
		if out, _ := r.drive(); len(out) != 0 {
			t.Errorf("%s: answered for %v", name, out[0].Watch)
		}
	}
}

func TestALoosePhoneFeelsNothingThatCounts(t *testing.T) {
	t.Parallel()
	var mounts []unit.Mount
	out, state := road{seconds: 100, jolts: []float64{300, 600, 900}, handle: func(s float64, x *detector.Sample) {
		if s > 49.2 { // it falls over
			x.Acc[0], x.Acc[2] = x.Acc[2], x.Acc[0]
		}
	}, after: func(_ float64, d *unit.Drive, _ int) { mounts = append(mounts, d.State().Mount) }}.drive()
	if len(out) != 2 || state.Jolts != 2 || state.Ignored > 1 {
		t.Errorf("%d events, %+v", len(out), state)
	}
	if mounts[0] != unit.Settling || mounts[40] != unit.Firm || mounts[53] != unit.Loose || mounts[80] != unit.Firm {
		t.Errorf("the mount was %v", mounts)
	}
}

func TestBrakingAndBendsAreNoLooseMount(t *testing.T) {
	t.Parallel()
	_, state := road{seconds: 60, handle: func(s float64, x *detector.Sample) {
		if s > 30 && s < 34 {
			x.Acc[0], x.Acc[1], x.Turn = 0.45*detector.Gravity, 0.3*detector.Gravity, 0.8
		}
	}}.drive()
	if state.Mount != unit.Firm {
		t.Error("a car that brakes is taken for a loose phone")
	}
}

func TestAStandingCarIsParkedAfterMinutes(t *testing.T) {
	t.Parallel()
	parked := map[int]bool{}
	road{seconds: 30, stands: 300, after: func(_ float64, d *unit.Drive, n int) { parked[n] = d.State().Parked }}.drive()
	if parked[29] || parked[200] || !parked[300] {
		t.Errorf("parked after 29, 200 and 300 s: %t %t %t", parked[29], parked[200], parked[300])
	}
}

// A page in the background gets no samples, a tunnel has no positions: neither is a parked car.
func TestACarThatCannotBeSeenIsNotParked(t *testing.T) {
	t.Parallel()
	seen := func(s float64) bool { return s < 60 || s > 360 }
	shakes := func(s float64, x *detector.Sample) { x.Acc[0] += 0.6 * math.Sin(97*s) }
	for name, c := range map[string]struct {
		road
		parked float64 // s; 0: never
	}{
		"in the background": {road: road{seconds: 600, unseen: func(s float64) bool { return !seen(s) }}},
		"background, no position afterwards": {road: road{seconds: 600, unseen: func(s float64) bool { return !seen(s) },
			position: func(s float64, _ *detector.Fix) bool { return seen(s) && s < 360 || s > 400 }}},
		"a tunnel of five minutes": {road: road{seconds: 600, handle: shakes, position: func(s float64, _ *detector.Fix) bool { return seen(s) }}},
		"a smooth tunnel":          {road: road{seconds: 600, position: func(s float64, _ *detector.Fix) bool { return seen(s) }}},
		"half an hour without a position": {road: road{seconds: 2000, handle: shakes, position: func(s float64, _ *detector.Fix) bool { return s < 60 }},
			parked: 1865},
		"a garage without one":    {road: road{seconds: 60, stands: 700, position: func(s float64, _ *detector.Fix) bool { return s < 60 }}, parked: 664},
		"a jam, then background":  {road: road{seconds: 60, stands: 600, unseen: func(s float64) bool { return s > 200 && s < 400 }}, parked: 645},
		"a standing car, hiccups": {road: road{seconds: 60, stands: 300, unseen: func(s float64) bool { return int(s)%20 < 3 }}, parked: 302},
	} {
		parked := 0.0
		c.after = func(s float64, d *unit.Drive, _ int) {
			if parked == 0 && d.State().Parked {
				parked = s
			}
		}
		c.drive()
		if math.Abs(parked-c.parked) > 5 {
			t.Errorf("%s: parked at %.0f s, want %.0f", name, parked, c.parked)
		}
	}
}

func TestAClockMayBeSet(t *testing.T) {
	t.Parallel()
	for _, by := range []float64{-3600, -3, 3600} {
		set := func(s float64) float64 {
			if s > 50 {
				return s + by
			}
			return s
		}
		watched := []unit.Watched{{ID: "place", Lat: lat, Lon: at(900), HeadingDeg: 90, RadiusM: 20}}
		out, state := road{seconds: 110, jolts: []float64{300, 780, 1150}, withhold: 100, watched: watched,
			handle:   func(s float64, x *detector.Sample) { x.T = set(s) },
			position: func(s float64, f *detector.Fix) bool { f.T = set(s); return true }}.drive()
		if len(out) != 4 || state.Jolts != 3 || state.Passes != 1 || state.Mount != unit.Firm || state.Parked {
			t.Errorf("by %g s: %d events, %+v", by, len(out), state)
		}
		for _, e := range out {
			if want := metres(e.Where.Lon) / speed; math.Abs(e.At-set(want)) > 0.2 {
				t.Errorf("by %g s: at %.1f s, want %.1f", by, e.At, set(want))
			}
		}
	}
}

func TestAJoltWithoutAPositionIsNotSent(t *testing.T) {
	t.Parallel()
	out, state := road{seconds: 60, jolts: []float64{300}, position: func(float64, *detector.Fix) bool { return false }}.drive()
	if len(out) != 0 || state.Ignored != 1 || state.Jolts != 0 {
		t.Errorf("%d events, %+v", len(out), state)
	}
}

func TestSpeedsThatABrowserDoesNotKnowAreDerived(t *testing.T) {
	t.Parallel()
	out, _ := road{seconds: 60, jolts: []float64{300}, position: func(_ float64, f *detector.Fix) bool {
		f.Speed, f.Heading = math.NaN(), math.NaN()
		return true
	}}.drive()
	if len(out) != 1 || math.Abs(out[0].Where.Speed-speed) > 0.5 || math.Abs(out[0].Where.Heading-90) > 2 {
		t.Errorf("events %+v", out)
	}
}
