package recording

import (
	"math"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// What is taken from a recording that repeats its positions line by line.
const (
	standsS   = 1.5 // a position repeated for so long is a new fix of a standing car
	crawlsMPS = 1.0
	speedS    = 5.0 // a speed is worth nothing later
	derivedS  = 2.5 // m/s: a car that has moved so fast from fix to fix does not stand, whatever the speed column says
)

// Detect runs the detector over the recording and hands over each jolt with its place. The jolt's waveform is valid until felt
// returns.
func (rec *Recording) Detect(p detector.Parameters, felt func(detector.Jolt, detector.Place)) {
	g := positions{speedAt: math.Inf(-1), speed: math.NaN(), derived: math.NaN()}
	g.track = detector.Track{LatencyS: p.FixLatencyS, AheadM: p.AheadM}
	d := detector.New(p, func(j detector.Jolt) {
		place := g.track.Place(j.At)
		if math.IsNaN(place.Speed) {
			place.Speed = j.Speed
		}
		felt(j, place)
	})
	for _, r := range rec.Rows {
		g.take(r)
		if !math.IsNaN(r.Acc[0]) {
			d.Add(detector.Sample{T: r.T, Acc: r.Acc, Turn: r.Turn, Speed: g.know(r.T)})
		}
	}
	d.Flush()
}

// positions tells new fixes from repeated ones.
type positions struct {
	track          detector.Track
	last           detector.Fix
	any            bool
	speed, speedAt float64
	derived        float64 // m/s from the last two fixes
}

func (g *positions) take(r Row) {
	if !math.IsNaN(r.Speed) {
		g.speed, g.speedAt = r.Speed, r.T
	}
	if math.IsNaN(r.Lat) {
		return
	}
	if g.any && r.T < g.last.T { // another drive
		g.track.Forget()
		g.any = false
	}
	same := g.any && r.Lat == g.last.Lat && r.Lon == g.last.Lon
	if same && (r.T-g.last.T < standsS || r.Speed > crawlsMPS) {
		return
	}
	f := detector.Fix{T: r.T, Lat: r.Lat, Lon: r.Lon, Speed: r.Speed, Heading: r.Heading, AcM: r.AccuracyM}
	g.derived = math.NaN()
	if g.any && r.T-g.last.T <= speedS && r.T > g.last.T {
		g.derived = detector.Metres(g.last, f) / (r.T - g.last.T)
	}
	g.track.Add(f)
	g.last, g.any = f, true
}

// know is the speed as known at a time, m/s.
func (g *positions) know(t float64) float64 {
	derived := math.NaN()
	if g.any && t-g.last.T <= speedS {
		derived = g.derived
	}
	if t-g.speedAt > speedS || t < g.speedAt {
		return derived
	}
	if g.speed < crawlsMPS && derived > derivedS {
		return derived
	}
	return g.speed
}
