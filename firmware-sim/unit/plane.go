package unit

import (
	"math"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

const degreeM = 6371e3 * math.Pi / 180 // metres in a degree of latitude

// offset is where b lies as seen from a, on a plane: good enough for some hundred metres.
func offset(a, b detector.Fix) (east, north float64) {
	lon := math.Remainder(b.Lon-a.Lon, 360)
	return lon * degreeM * math.Cos(a.Lat*math.Pi/180), (b.Lat - a.Lat) * degreeM
}

// distance is how near the way from a to b comes to a watched place, m, and at which share of it.
func distance(x *Watched, a, b detector.Fix) (metres, share float64) {
	if math.Abs(x.Lat-a.Lat) > 0.1 { // most are far away
		return math.Inf(1), 0
	}
	east, north := offset(a, b)
	px, py := offset(a, detector.Fix{Lat: x.Lat, Lon: x.Lon})
	if square := east*east + north*north; square > 0 {
		share = math.Min(math.Max((px*east+py*north)/square, 0), 1)
	}
	return math.Hypot(px-share*east, py-share*north), share
}

// direction is the heading at b as the fix has it, or that of the way there from a; NaN where neither is known.
func direction(a, b detector.Fix) float64 {
	if !math.IsNaN(b.Heading) {
		return b.Heading
	}
	east, north := offset(a, b)
	if math.Hypot(east, north) < stepM {
		return math.NaN()
	}
	return math.Mod(math.Atan2(east, north)*180/math.Pi+360, 360)
}

// turned is the angle between two headings, degrees; infinite where one is not known.
func turned(a, b float64) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.Inf(1)
	}
	return math.Abs(math.Remainder(a-b, 360))
}
