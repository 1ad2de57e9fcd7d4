package detector_test

import (
	"math"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// north is a drive due north at 10 m/s along 4° E, one fix a second handed over so many seconds late.
func north(from, to int, lateS float64) *detector.Track {
	k := &detector.Track{LatencyS: lateS}
	for i := from; i <= to; i++ {
		k.Add(detector.Fix{T: float64(i) + lateS, Lat: latOf(float64(i)), Lon: 4, Speed: 10, Heading: math.NaN(), AcM: 5})
	}
	return k
}

// latOf is the latitude at a time.
func latOf(t float64) float64 { return 50 + 10*t/111194.93 }

func off(p detector.Place, t float64) float64 { return math.Abs(p.Lat-latOf(t)) * 111194.93 }

func TestAPlaceStandsWhereTheWheelWas(t *testing.T) {
	t.Parallel()
	k := north(0, 20, 0.3)
	for _, at := range []float64{5, 11.4, 19.99, 20, 21.5} { // the last ones are after the newest fix
		p := k.Place(at)
		if off(p, at) > 0.1 || math.Abs(p.Lon-4) > 1e-9 || math.Abs(p.Heading) > 0.1 || math.Abs(p.Speed-10) > 1e-9 || p.AcM < 5 {
			t.Errorf("at %g s: %+v, %.2f m off", at, p, off(p, at))
		}
	}
	k.AheadM = 1.5
	if p := k.Place(11.4); off(p, 11.55) > 0.1 {
		t.Errorf("the axle is %.2f m from where it should be", off(p, 11.55))
	}
	if p := k.Place(40); !math.IsNaN(p.Lat) || !math.IsNaN(p.Speed) {
		t.Errorf("20 s after the last fix: %+v", p)
	}
}

func TestWithoutAFixThereIsNoPlace(t *testing.T) {
	t.Parallel()
	var k detector.Track
	k.Add(detector.Fix{T: 1})                           // 0,0
	k.Add(detector.Fix{T: 2, Lat: math.NaN(), Lon: 4})  // none
	k.Add(detector.Fix{T: math.NaN(), Lat: 50, Lon: 4}) // no time
	k.Add(detector.Fix{T: 3, Lat: 95, Lon: 4})          // off the globe
	if p := k.Place(2); !math.IsNaN(p.Lat) || !math.IsNaN(p.Lon) {
		t.Errorf("%+v", p)
	}
}

func TestSpeedAndHeadingAreDerived(t *testing.T) {
	t.Parallel()
	var k detector.Track
	for i := range 6 { // due west across the date line, 8 m/s
		lon := -179.9998 - float64(i)*8/111194.93
		if lon < -180 {
			lon += 360
		}
		k.Add(detector.Fix{T: float64(i), Lat: 0.0001, Lon: lon, Speed: math.NaN(), Heading: math.NaN()})
	}
	for _, at := range []float64{0.5, 2.5, 2.9, 3.1} {
		if p := k.Place(at); math.Abs(p.Speed-8) > 0.1 || math.Abs(p.Heading-270) > 0.5 || math.Abs(p.Lon) < 179.9 {
			t.Errorf("at %g: %+v", at, p)
		}
	}
}

func TestAStandingCarHasNoHeading(t *testing.T) {
	t.Parallel()
	var k detector.Track
	for i := range 10 {
		k.Add(detector.Fix{T: float64(i), Lat: 50 + 1e-6*float64(i%2), Lon: 4, Speed: 0, Heading: math.NaN()})
	}
	if p := k.Place(5.5); !math.IsNaN(p.Heading) || math.IsNaN(p.Lat) {
		t.Errorf("%+v", p)
	}
}
