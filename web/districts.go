package web

import (
	"cmp"
	"context"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// territory is what figures are told by: a district on record, or an H3 cell where none has a boundary. Neither: all that lies in no district.
type territory struct {
	District string // its name
	Cell     geo.Cell
}

// division divides the city into areas.
type division struct {
	resolution int // of cells, where there are no districts
	districts  []district
	names      map[geo.Cell]string
}

type district struct {
	name  string
	bound orb.Bound
	shape orb.MultiPolygon
}

// division returns how the city is divided now.
func (s *Server) division(ctx context.Context) (*division, error) {
	bodies, err := dispatch.Bodies(ctx, s.config.Pool, false)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(bodies, func(a, b dispatch.Responsible) int { return cmp.Compare(a.AreaM2, b.AreaM2) })
	out := &division{resolution: s.areaResolution()}
	for _, b := range bodies {
		if b.Level == dispatch.District && b.Shape != nil {
			out.districts = append(out.districts, district{b.Name, b.Shape.Bound(), b.Shape})
		}
	}
	if len(out.districts) == 0 {
		out.names = s.areaNames(out.resolution)
	}
	return out, nil
}

// of returns the area that a cell's middle lies in, of several districts the smallest.
func (d *division) of(cell geo.Cell) (territory, bool) {
	if len(d.districts) == 0 {
		above, err := cell.Parent(min(d.resolution, cell.Resolution()))
		return territory{Cell: above}, err == nil
	}
	middle, err := cell.LatLng()
	if err != nil {
		return territory{}, false
	}
	at := orb.Point{middle.Lng, middle.Lat}
	for _, one := range d.districts {
		if one.bound.Contains(at) && planar.MultiPolygonContains(one.shape, at) {
			return territory{District: one.name}, true
		}
	}
	return territory{}, true
}

// name is what an area is called, empty for what lies in no district.
func (d *division) name(a territory) string {
	if a.Cell == 0 {
		return a.District
	}
	return cmp.Or(d.names[a.Cell], a.Cell.String())
}
