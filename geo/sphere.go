package geo

import (
	"math"

	"github.com/paulmach/orb"
)

// earthRadius is the mean radius of the Earth in metres (IUGG). A sphere is at most 0.6 % off, far less
// than GPS is over any distance that matters here.
const earthRadius = 6371008.8

func radians(deg float64) float64 { return deg * math.Pi / 180 }
func degrees(rad float64) float64 { return rad * 180 / math.Pi }

// Distance returns the metres between two points (haversine).
func Distance(a, b orb.Point) float64 {
	lat := math.Sin(radians(b.Lat()-a.Lat()) / 2)
	lon := math.Sin(radians(b.Lon()-a.Lon()) / 2)
	h := lat*lat + math.Cos(radians(a.Lat()))*math.Cos(radians(b.Lat()))*lon*lon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// Bearing returns the heading at a of the shortest way to b, in [0, 360).
func Bearing(a, b orb.Point) float64 {
	latA, latB, lon := radians(a.Lat()), radians(b.Lat()), radians(b.Lon()-a.Lon())
	return NormalHeading(degrees(math.Atan2(
		math.Sin(lon)*math.Cos(latB),
		math.Cos(latA)*math.Sin(latB)-math.Sin(latA)*math.Cos(latB)*math.Cos(lon))))
}

// Destination returns the point that is reached from p after metres on the heading.
func Destination(p orb.Point, headingDeg, metres float64) orb.Point {
	lat, lon, heading, arc := radians(p.Lat()), radians(p.Lon()), radians(headingDeg), metres/earthRadius
	endLat := math.Asin(math.Sin(lat)*math.Cos(arc) + math.Cos(lat)*math.Sin(arc)*math.Cos(heading))
	endLon := lon + math.Atan2(math.Sin(heading)*math.Sin(arc)*math.Cos(lat), math.Cos(arc)-math.Sin(lat)*math.Sin(endLat))
	return orb.Point{math.Mod(degrees(endLon)+540, 360) - 180, degrees(endLat)}
}

// HeadingDiff returns the angle between two headings, 0 to 180.
func HeadingDiff(a, b float64) float64 {
	diff := NormalHeading(a - b)
	return min(diff, 360-diff)
}

// NormalHeading returns the heading as an angle in [0, 360).
func NormalHeading(deg float64) float64 {
	normal := math.Mod(deg, 360)
	if normal < 0 {
		normal += 360
	}
	if normal >= 360 { // a tiny negative angle rounds up
		return 0
	}
	return normal
}

// plane is a flat map around a point, in metres east and north: exact enough over a few kilometres.
type plane struct {
	origin      orb.Point
	east, north float64 // metres a degree
}

func planeAt(p orb.Point) plane {
	north := earthRadius * math.Pi / 180
	return plane{origin: p, east: north * math.Cos(radians(p.Lat())), north: north}
}

func (f plane) to(p orb.Point) (x, y float64) {
	return (p.Lon() - f.origin.Lon()) * f.east, (p.Lat() - f.origin.Lat()) * f.north
}
