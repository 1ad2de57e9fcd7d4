package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

const (
	mostMarks  = 500 // single marks in a tile nearest to the ground, the worst first
	circleZoom = 17  // from here on the uncertainty is drawn
	mostRadius = 60  // metres of uncertainty that are drawn; also how far beyond a tile its circles reach into it
	protrude   = 30  // metres that a coverage cell's fine cells reach beyond it, at most
)

// crowded says whether a coverage cell has more places than marks have room at a zoom: one for each twenty pixels of its width and height.
// They are drawn as one plate then.
func (p *plate) crowded(z maptile.Zoom) bool {
	if p == nil {
		return false
	}
	switch z {
	case 14:
		return p.n > 8
	case 15:
		return p.n > 32
	case 16:
		return p.n > 128
	}
	return false
}

// placesTile draws the marks of places, or of those with orders only: single ones, or one for each group where they have
// no room.
func (s *Server) placesTile(ctx context.Context, t maptile.Tile, show filter, orders bool) ([]byte, error) {
	name := "places"
	if orders {
		name = "orders"
	}
	if t.Z < singlesZoom {
		return s.platesTile(ctx, t, show, name)
	}
	groups, err := s.plates(ctx, widen(t.Bound(), cellWidth(geo.CoverageRes)), geo.CoverageRes, show, orders)
	if err != nil {
		return nil, err
	}
	found, err := s.spots(ctx, t, groups, show, orders)
	if err != nil {
		return nil, err
	}
	return drawSpots(t, name, groups, found)
}

// drawSpots draws those of the places around a tile that belong into it, where a group has more than there is room for the group. The later
// ones are drawn over the earlier ones.
func drawSpots(t maptile.Tile, name string, groups map[geo.Cell]*plate, found []spot) ([]byte, error) {
	points, circles := geojson.NewFeatureCollection(), geojson.NewFeatureCollection()
	for _, cell := range sortedCells(groups) {
		if g := groups[cell]; g.crowded(t.Z) && maptile.At(g.middle(), t.Z) == t {
			points.Append(g.feature())
		}
	}
	coarse := map[geo.Cell]*geojson.Feature{}
	for _, p := range found {
		if groups[p.group].crowded(t.Z) {
			continue
		}
		if t.Z >= circleZoom && !p.coarse {
			c := geojson.NewFeature(circle(p.at, min(mostRadius, 2*p.uncertainty)))
			c.Properties = geojson.Properties{"mark": string(p.mark)}
			circles.Append(c)
		}
		if maptile.At(p.at, t.Z) != t {
			continue
		}
		if same, ok := coarse[p.group]; ok && p.coarse {
			same.Properties["n"] = same.Properties["n"].(int) + 1
			same.Properties["ids"] = same.Properties["ids"].(string) + "," + p.id
			same.Properties["severity"] = round(max(p.severity, same.Properties.MustFloat64("severity")), 2)
			continue
		}
		f := p.feature()
		points.Append(f)
		if p.coarse {
			coarse[p.group] = f
		}
	}
	return encodeTile(t, map[string]*geojson.FeatureCollection{name: points, "uncertainty": circles})
}

// spot is as much of a public place, or of an order that has none, as a tile needs.
type spot struct {
	id, number            string // id of the place, or of an order that has none
	at                    orb.Point
	coarse, placeless     bool
	group                 geo.Cell // its coverage cell
	mark                  mark
	class                 crowd.Class
	severity, uncertainty float64
	heading               *float64
}

func (p spot) feature() *geojson.Feature {
	f := geojson.NewFeature(p.at)
	f.Properties = geojson.Properties{
		"id": p.id, "mark": string(p.mark), "class": string(p.class), "severity": round(p.severity, 2),
		"size": gradeOf(p.severity).Pixels(), "uncertainty_m": round(p.uncertainty, 1), "n": 1, "ids": p.id,
	}
	if p.heading != nil {
		f.Properties["heading_deg"] = round(*p.heading, 0)
	}
	if p.coarse {
		f.Properties["coarse"] = true
	}
	if p.placeless {
		f.Properties["placeless"] = true
	}
	if p.number != "" {
		f.Properties["number"] = p.number
	}
	return f
}

// spots returns the public places of a tile and around it, of groups that are not drawn as one; where uncertainty is drawn, those whose
// circles reach into it. The mildest come first, so that the worst are drawn over them.
func (s *Server) spots(ctx context.Context, t maptile.Tile, groups map[geo.Cell]*plate, show filter, orders bool) ([]spot, error) {
	around, most := 0., math.MaxInt32
	if t.Z >= circleZoom {
		around, most = mostRadius, mostMarks
	}
	if s.suspected() == crowd.Coarse {
		around = max(around, coarseShift)
	}
	b := widen(t.Bound(), around)
	reach := widen(b, protrude)
	var low, high []int64
	for _, cell := range sortedCells(groups) {
		if !groups[cell].crowded(t.Z) && outline(cell).Bound().Intersects(reach) {
			l, h := geo.FineRange(cell)
			low, high = append(low, int64(l)), append(high, int64(h))
		}
	}
	if len(low) == 0 {
		return nil, nil
	}
	rows, err := s.config.Pool.Query(ctx, spotsSQL, s.showsSuspected(), low, high, b.Min[0], b.Max[0], b.Min[1], b.Max[1], show.Class, orders, most)
	if err != nil {
		return nil, fmt.Errorf("read the places of a tile: %w", err)
	}
	defer rows.Close()
	var out []spot
	for rows.Next() {
		var p spot
		var cell int64
		var state crowd.State
		var whole bool
		var number, order *string
		if err := rows.Scan(&p.id, &cell, &p.at[1], &p.at[0], &p.heading, &p.uncertainty, &state, &p.class, &p.severity, &number, &order, &p.placeless, &whole); err != nil {
			return nil, fmt.Errorf("read the places of a tile: %w", err)
		}
		p.group, p.mark = geo.CoverageCell(geo.Cell(cell)), markOf(state, "")
		if order != nil {
			p.number, p.mark = *number, markOf(state, dispatch.State(*order))
		}
		if !show.wants(p.mark, p.class) {
			continue
		}
		if !whole && s.suspected() == crowd.Coarse {
			middle, err := p.group.LatLng()
			if err != nil {
				continue
			}
			p.at, p.coarse, p.heading, p.uncertainty = orb.Point{middle.Lng, middle.Lat}, true, nil, geo.CoverageEdgeM
		}
		out = append(out, p)
	}
	slices.Reverse(out)
	dismissed := func(p spot) int {
		if p.mark == markDismissed {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b spot) int { return cmp.Compare(dismissed(a), dismissed(b)) })
	return out, rows.Err()
}

const spotsSQL = `
select p.id, p.cell, p.lat, p.lon, p.heading_deg, p.uncertainty_m, p.state, ` + calledSQL + `, p.severity, o.number, o.state, o.id is not null and o.place is null, ` + wholeSQL + `
from ` + fromNear + `
where ` + publicSQL + ` and p.lon between $4 and $5 and p.lat between $6 and $7 and ($8 = '' or ` + calledSQL + ` = $8) and (o.id is not null or not $9)
order by p.severity desc, p.id limit $10`

// circle returns a circle in metres around p, clockwise as vector tiles have it.
func circle(p orb.Point, radius float64) orb.Polygon {
	const corners = 40
	ring := make(orb.Ring, 0, corners+1)
	for i := range corners {
		ring = append(ring, geo.Destination(p, float64(i)*360/corners, radius))
	}
	return orb.Polygon{append(ring, ring[0])}
}

// plateResolution is the resolution of the H3 cells that places are gathered in at a zoom, so that plates lie about
// a hundred pixels apart.
func plateResolution(z maptile.Zoom) int {
	switch {
	case z >= 13:
		return 8
	case z >= 11:
		return 7
	case z >= 10:
		return 6
	case z >= 8:
		return 5
	case z >= 6:
		return 4
	}
	return max(0, int(z)-2)
}

// plate is a group of places that is drawn as one.
type plate struct {
	n        int
	lat, lon float64 // sums
	mix      map[mark]int
	id       string // of its only place
	size     int
}

// platesTile draws one feature for each group of places. A group is drawn in the tile that its middle lies in, and
// only there, so that none is cut or doubled at the edges.
func (s *Server) platesTile(ctx context.Context, t maptile.Tile, show filter, name string) ([]byte, error) {
	resolution := plateResolution(t.Z)
	plates, err := s.plates(ctx, widen(t.Bound(), cellWidth(resolution)), resolution, show, name == "orders")
	if err != nil {
		return nil, err
	}
	return drawPlates(t, name, plates)
}

// drawPlates draws those of some groups that belong into a tile.
func drawPlates(t maptile.Tile, name string, plates map[geo.Cell]*plate) ([]byte, error) {
	fc := geojson.NewFeatureCollection()
	for _, cell := range sortedCells(plates) { // the same tile has the same tag
		if p := plates[cell]; maptile.At(p.middle(), t.Z) == t {
			fc.Append(p.feature())
		}
	}
	slices.SortStableFunc(fc.Features, func(a, b *geojson.Feature) int { // the largest is drawn over the others
		return cmp.Compare(a.Properties.MustInt("n"), b.Properties.MustInt("n"))
	})
	return encodeTile(t, map[string]*geojson.FeatureCollection{name: fc})
}

// cellWidth is the width of the largest H3 cells of a resolution in metres (each step is √7 narrower).
func cellWidth(resolution int) float64 {
	width := 3.2e6
	for range resolution {
		width /= 2.6457513
	}
	return width
}

func (p *plate) middle() orb.Point { return orb.Point{p.lon / float64(p.n), p.lat / float64(p.n)} }

func (p *plate) feature() *geojson.Feature {
	f := geojson.NewFeature(p.middle())
	f.Properties = geojson.Properties{"n": p.n, "mark": string(p.worst()), "mix": p.mixed(), "size": p.size}
	if p.n == 1 {
		f.Properties["id"], f.Properties["ids"] = p.id, p.id
	}
	return f
}

// with returns the group, a new one if it is nil, with one more place in it.
func (p *plate) with(one spot) *plate {
	if p == nil {
		p = &plate{mix: map[mark]int{}, id: one.id}
	}
	p.n++
	p.lat += one.at.Lat()
	p.lon += one.at.Lon()
	p.mix[one.mark]++
	p.size = max(p.size, gradeOf(one.severity).Pixels())
	return p
}

func (p *plate) worst() mark {
	for _, m := range urgency() {
		if p.mix[m] > 0 {
			return m
		}
	}
	return markSuspected
}

// mixed lists how many places stand under each mark, the worst first: "confirmed:3,repaired:1".
func (p *plate) mixed() string {
	var parts []string
	for _, m := range urgency() {
		if n := p.mix[m]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s:%d", m, n))
		}
	}
	return strings.Join(parts, ",")
}

// sortedCells returns the cells of a set in their order, so that tiles come out the same every time.
func sortedCells[V any](m map[geo.Cell]V) []geo.Cell {
	out := make([]geo.Cell, 0, len(m))
	for c := range m {
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}
