package dispatch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/paulmach/orb"
	orbgeo "github.com/paulmach/orb/geo"
	"github.com/paulmach/orb/geojson"
)

// MostPositions is how many positions a boundary may have: those of countries have fewer.
const MostPositions = 20_000

// mostAreaM2 is how large a boundary may be: the largest part of any country, Sakha, has 3.1 million km².
const mostAreaM2 = 4e12

// ReadBoundary reads the boundary of one body: a GeoJSON Polygon or MultiPolygon, alone, as a Feature, or as the only feature of a
// collection. It returns a *Fault where that is not what it is.
func ReadBoundary(text []byte) (orb.MultiPolygon, error) {
	var file struct {
		Type     string            `json:"type"`
		Features []json.RawMessage `json:"features"`
		Geometry json.RawMessage   `json:"geometry"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fault("shape", "shape.json", "this is no GeoJSON: {why}", "why", err.Error())
	}
	switch file.Type {
	case "FeatureCollection":
		if len(file.Features) != 1 {
			return nil, fault("shape", "shape.features", "the file holds {n} features; one is needed", "n", len(file.Features))
		}
		return ReadBoundary(file.Features[0])
	case "Feature":
		text = file.Geometry
	}
	return readGeometry(text)
}

// readGeometry reads a checked Polygon or MultiPolygon, its rings wound as RFC 7946 asks for.
func readGeometry(raw json.RawMessage) (orb.MultiPolygon, error) {
	g, err := geojson.UnmarshalGeometry(raw)
	if err != nil {
		return nil, fault("shape", "shape.geometry", "its geometry cannot be read: {why}", "why", err.Error())
	}
	var given struct {
		Coordinates any `json:"coordinates"`
	}
	if err := json.Unmarshal(raw, &given); err != nil || !paired(given.Coordinates) {
		return nil, fault("shape", "shape.pairs", "a position is not two numbers, longitude and latitude")
	}
	var shape orb.MultiPolygon
	switch s := g.Geometry().(type) {
	case orb.Polygon:
		shape = orb.MultiPolygon{s}
	case orb.MultiPolygon:
		shape = s
	case nil:
		return nil, fault("shape", "shape.empty", "its geometry is empty")
	default:
		return nil, fault("shape", "shape.type", "its geometry is a {type}; a Polygon or MultiPolygon is needed", "type", s.GeoJSONType())
	}
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	for _, polygon := range shape {
		for i, ring := range polygon {
			if want := orb.CCW; (i == 0) != (ring.Orientation() == want) {
				ring.Reverse()
			}
		}
	}
	return shape, nil
}

// paired says whether all positions within coordinates have a longitude and a latitude: orb takes what is missing for zero.
func paired(coordinates any) bool {
	list, ok := coordinates.([]any)
	if !ok {
		return coordinates == nil
	}
	for i, c := range list {
		if _, ok := c.(float64); ok {
			if i == 0 && len(list) < 2 {
				return false
			}
		} else if !paired(c) || c == nil {
			return false
		}
	}
	return true
}

func checkShape(shape orb.MultiPolygon) error {
	if len(shape) == 0 {
		return fault("shape", "shape.empty", "its geometry is empty")
	}
	positions := 0
	for _, polygon := range shape {
		if len(polygon) == 0 {
			return fault("shape", "shape.ringless", "a polygon has no ring")
		}
		for _, ring := range polygon {
			positions += len(ring)
			if err := checkRing(ring); err != nil {
				return err
			}
		}
	}
	if positions > MostPositions {
		return fault("shape", "shape.large", "the boundary has {n} positions; {most} are taken: simplify it", "n", positions, "most", MostPositions)
	}
	if at, ok := crossing(shape); ok {
		return fault("shape", "shape.crosses", "the boundary crosses itself near {lat}, {lon}", "lat", fmt.Sprintf("%.5f", at.Lat()), "lon", fmt.Sprintf("%.5f", at.Lon()))
	}
	if area := orbgeo.Area(shape); area > mostAreaM2 {
		return fault("shape", "shape.wide", "the boundary encloses {n} million km²; {most} million are taken", "n", fmt.Sprintf("%.1f", area/1e12), "most", mostAreaM2/1e12)
	}
	return nil
}

func checkRing(ring orb.Ring) error {
	for _, p := range ring {
		if !(p.Lat() >= -90 && p.Lat() <= 90 && p.Lon() >= -180 && p.Lon() <= 180) {
			return fault("shape", "shape.globe", "the position {x}, {y} is off the globe: longitude, latitude in degrees are needed", "x", p.Lon(), "y", p.Lat())
		}
	}
	switch {
	case len(ring) < 4:
		return fault("shape", "shape.short", "a ring has {n} positions; 4 at least are needed", "n", len(ring))
	case !ring.Closed():
		last := ring[len(ring)-1]
		return fault("shape", "shape.open", "a ring is not closed: it begins at {from} and ends at {to}", "from", fmt.Sprintf("%g, %g", ring[0][0], ring[0][1]), "to", fmt.Sprintf("%g, %g", last[0], last[1]))
	case orbgeo.Area(ring) == 0:
		return fault("shape", "shape.flat", "a ring encloses nothing")
	}
	return nil
}

// edge is one side of a ring.
type edge struct {
	a, b orb.Point
	west float64
	east float64
}

// crossing returns where two sides of a boundary's rings cross. Sides that only touch are no crossing: that harms nobody. Sides are looked
// at from west to east, each beside those that reach as far: of boundaries as they are these are few.
func crossing(shape orb.MultiPolygon) (orb.Point, bool) {
	var edges []edge
	for _, polygon := range shape {
		for _, ring := range polygon {
			for i := 1; i < len(ring); i++ {
				a, b := ring[i-1], ring[i]
				edges = append(edges, edge{a, b, min(a[0], b[0]), max(a[0], b[0])})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.west, b.west) })
	var open []edge
	for _, e := range edges {
		kept := open[:0]
		for _, o := range open {
			if o.east < e.west {
				continue
			}
			kept = append(kept, o)
			if at, ok := o.crosses(e); ok {
				return at, true
			}
		}
		kept = append(kept, e)
		open = kept
	}
	return orb.Point{}, false
}

// crosses returns where two sides cross: each one's ends lie on different sides of the other.
func (e edge) crosses(o edge) (orb.Point, bool) {
	side := func(e edge, p orb.Point) float64 {
		return (e.b[0]-e.a[0])*(p[1]-e.a[1]) - (e.b[1]-e.a[1])*(p[0]-e.a[0])
	}
	from, to := side(e, o.a), side(e, o.b)
	if from*to >= 0 || side(o, e.a)*side(o, e.b) >= 0 {
		return orb.Point{}, false
	}
	f := from / (from - to)
	return orb.Point{o.a[0] + f*(o.b[0]-o.a[0]), o.a[1] + f*(o.b[1]-o.a[1])}, true
}
