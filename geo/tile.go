package geo

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"
	"github.com/paulmach/orb/simplify"
)

// Layers of tiles.
const (
	StreetsLayer = "streets" // properties name, class, oneway
	GroundLayer  = "ground"  // properties kind, name
)

const (
	deepestZoom = 24
	bufferUnits = 256 // around a tile, of its 4,096: room for casings and labels that cross the edge
	detailUnits = 3   // what simplifying may move a line by: under half a pixel at 512 a tile
)

// shape is what a layer draws, with what decides whether it does.
type shape struct {
	bound      orb.Bound
	geometry   orb.Geometry
	properties geojson.Properties
	from       uint32 // the first zoom that shows it
}

// Tile returns a tile of a layer as a Mapbox vector tile, not compressed; an empty one where nothing is.
// An unknown layer, or a tile that is not on the globe, is an error.
func (n *Network) Tile(layer string, z, x, y uint32) ([]byte, error) {
	if layer != StreetsLayer && layer != GroundLayer {
		return nil, fmt.Errorf("no layer %q: there are %s and %s", layer, StreetsLayer, GroundLayer)
	}
	tile := maptile.New(x, y, maptile.Zoom(z))
	if z > deepestZoom || !tile.Valid() {
		return nil, fmt.Errorf("no tile %d/%d/%d", z, x, y)
	}
	window := tile.Bound(float64(bufferUnits) / mvt.DefaultExtent)
	drawn := &mvt.Layer{Name: layer, Version: 2, Extent: mvt.DefaultExtent}
	for i := range n.layers[layer] {
		s := &n.layers[layer][i]
		if z < s.from || !s.bound.Intersects(window) {
			continue
		}
		drawn.Features = append(drawn.Features, &geojson.Feature{Geometry: orb.Clone(s.geometry), Properties: s.properties})
	}
	drawn.ProjectToTile(tile)
	drawn.Clip(orb.Bound{Min: orb.Point{-bufferUnits, -bufferUnits}, Max: orb.Point{mvt.DefaultExtent + bufferUnits, mvt.DefaultExtent + bufferUnits}})
	drawn.Simplify(simplify.DouglasPeucker(detailUnits))
	drawn.RemoveEmpty(detailUnits, detailUnits*detailUnits)
	if len(drawn.Features) == 0 {
		return []byte{}, nil
	}
	encoded, err := mvt.Marshal(mvt.Layers{drawn})
	if err != nil {
		return nil, fmt.Errorf("tile %s/%d/%d/%d: %w", layer, z, x, y, err)
	}
	return encoded, nil
}

// shapesOf makes the layers' shapes, in the order in which they are drawn: paths under streets, streets
// under main roads; areas under lines.
func shapesOf(streets []Street, ground []Ground) map[string][]shape {
	var lines []shape
	for _, chain := range chains(streets) {
		street := chain.street
		properties := geojson.Properties{"class": street.Class, "oneway": street.Oneway}
		if street.Name != "" {
			properties["name"] = street.Name
		}
		lines = append(lines, shape{chain.line.Bound(), chain.line, properties, firstZoom(street.Class)})
	}
	slices.SortStableFunc(lines, func(a, b shape) int {
		rankA, _ := rankOf(a.properties["class"].(string))
		rankB, _ := rankOf(b.properties["class"].(string))
		return cmp.Compare(rankB, rankA)
	})
	var grounds []shape
	for _, g := range ground {
		properties := geojson.Properties{"kind": g.Kind}
		if g.Name != "" {
			properties["name"] = g.Name
		}
		grounds = append(grounds, shape{g.Shape.Bound(), turned(g.Shape), properties, 0})
	}
	slices.SortStableFunc(grounds, func(a, b shape) int {
		return cmp.Compare(b.geometry.Dimensions(), a.geometry.Dimensions())
	})
	return map[string][]shape{StreetsLayer: lines, GroundLayer: grounds}
}

// firstZoom returns the first zoom that shows a class.
func firstZoom(class string) uint32 {
	rank, ok := rankOf(class)
	switch {
	case !ok:
		return deepestZoom + 1
	case rank <= rankTertiary:
		return 0
	case rank == rankResidential:
		return 12
	default:
		return 14
	}
}

// turned returns an area with its outer rings clockwise and its holes the other way, as vector tiles
// have them (Mapbox Vector Tile Specification 2.1, 4.3.3.3) and GeoJSON does not.
func turned(geometry orb.Geometry) orb.Geometry {
	switch area := geometry.(type) {
	case orb.Polygon:
		rings := make(orb.Polygon, len(area))
		for i, ring := range area {
			order := orb.CCW
			if i == 0 {
				order = orb.CW
			}
			rings[i] = wound(ring, order)
		}
		return rings
	case orb.MultiPolygon:
		polygons := make(orb.MultiPolygon, len(area))
		for i, polygon := range area {
			polygons[i] = turned(polygon).(orb.Polygon)
		}
		return polygons
	default:
		return geometry
	}
}
