package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

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
)

// roomFor is how many marks have room in a coverage cell at a zoom: one for each twenty pixels of its width and height.
// Where there are more, they are drawn as one plate. False: all have.
func roomFor(z maptile.Zoom) (int, bool) {
	switch z {
	case 14:
		return 8, true
	case 15:
		return 32, true
	case 16:
		return 128, true
	}
	return 0, false
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
	found, err := s.spots(ctx, t, show, orders)
	if err != nil {
		return nil, err
	}
	return drawSpots(t, name, found)
}

// drawSpots draws those of the places around a tile that belong into it. The later ones are drawn over the earlier ones.
func drawSpots(t maptile.Tile, name string, found []spot) ([]byte, error) {
	points, circles := geojson.NewFeatureCollection(), geojson.NewFeatureCollection()
	room, limited := roomFor(t.Z)
	groups := map[geo.Cell]*plate{}
	if limited {
		for _, p := range found {
			groups[p.group] = groups[p.group].with(p)
		}
		for _, cell := range sortedCells(groups) {
			if g := groups[cell]; g.n > room && maptile.At(g.middle(), t.Z) == t {
				points.Append(g.feature())
			}
		}
	}
	coarse := map[geo.Cell]*geojson.Feature{}
	for _, p := range found {
		if limited && groups[p.group].n > room {
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

// spots returns the public places of a tile and around it: where marks are grouped those of whole groups, else those whose
// circles reach into it. What was dismissed comes first, then the mildest, so that the worst are drawn over them.
func (s *Server) spots(ctx context.Context, t maptile.Tile, show filter, orders bool) ([]spot, error) {
	around, most := 0., mostMarks
	if _, limited := roomFor(t.Z); limited {
		around, most = cellWidth(geo.CoverageRes), math.MaxInt32
	} else if t.Z >= circleZoom {
		around = mostRadius
	}
	if s.suspected() == crowd.Coarse {
		around = max(around, coarseShift)
	}
	b := widen(t.Bound(), around)
	rows, err := s.config.Pool.Query(ctx, spotsSQL, s.showsSuspected(), b.Min[0], b.Max[0], b.Min[1], b.Max[1], show.Class, orders, most)
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
from ` + fromFew + `
where ` + publicSQL + ` and ` + within + ` and ($6 = '' or ` + calledSQL + ` = $6) and (o.id is not null or not $7)
order by p.severity desc, p.id limit $8`

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

// parentSQL is the H3 cell of p at a resolution, by the layout of H3 indexes: 4 bits of resolution from bit 52, and
// three bits for each finer digit, all set.
func parentSQL(resolution int) string {
	return fmt.Sprintf("((p.cell & ~(15::bigint << 52)) | (%d::bigint << 52) | ((1::bigint << %d) - 1))", resolution, 3*(15-resolution))
}

// cellSum is how many public places of one kind lie in a coverage cell.
type cellSum struct {
	cell     geo.Cell
	mark     mark
	class    crowd.Class
	ordered  bool
	n        int
	lat, lon float64 // sums
	id       string  // of the first
	severity float64 // the greatest
}

// gathered remembers the sums of the whole city and the plates made of them until something changes: one view far out
// asks for many tiles, and each would read every place.
type gathered struct {
	mu      sync.Mutex // held while they are read, so that they are read once
	changes int
	at      time.Time
	sums    []cellSum
	plates  map[plateKey]map[geo.Cell]*plate
}

type plateKey struct {
	resolution int
	show       filter
	orders     bool
}

// freshPlates is how old plates may be where changes are heard of.
const freshPlates = time.Minute

// plates gathers the public places within b by cells of a resolution. What it returns is not to be changed.
func (s *Server) plates(ctx context.Context, b orb.Bound, resolution int, show filter, orders bool) (map[geo.Cell]*plate, error) {
	g := &s.gathered
	g.mu.Lock()
	defer g.mu.Unlock()
	changes, now := s.tally.heard(), s.config.Now()
	age := now.Sub(g.at).Abs()
	if g.plates == nil || g.changes != changes || age >= freshPlates || !s.hub.listening.Load() {
		sums, err := s.sumCells(ctx)
		if err != nil {
			return nil, err
		}
		g.changes, g.at, g.sums, g.plates = changes, now, sums, map[plateKey]map[geo.Cell]*plate{}
	}
	key := plateKey{resolution, show, orders}
	if g.plates[key] == nil {
		g.plates[key] = gather(g.sums, key)
	}
	out := map[geo.Cell]*plate{}
	for cell, p := range g.plates[key] {
		if b.Contains(p.middle()) {
			out[cell] = p
		}
	}
	return out, nil
}

func gather(sums []cellSum, key plateKey) map[geo.Cell]*plate {
	out := map[geo.Cell]*plate{}
	for _, c := range sums {
		if !key.show.wants(c.mark, c.class) || key.orders && !c.ordered {
			continue
		}
		above, err := c.cell.Parent(min(key.resolution, geo.CoverageRes))
		if err != nil {
			continue
		}
		p, ok := out[above]
		if !ok {
			p = &plate{mix: map[mark]int{}, id: c.id}
			out[above] = p
		}
		p.n += c.n
		p.lat += c.lat
		p.lon += c.lon
		p.mix[c.mark] += c.n
		p.size = max(p.size, gradeOf(c.severity).Pixels())
	}
	return out
}

// sumCells sums the public places by coverage cell. A coarse place counts at the middle of its cell, or the middle of a
// group would give it away.
func (s *Server) sumCells(ctx context.Context) ([]cellSum, error) {
	rows, err := s.config.Pool.Query(ctx, `select `+parentSQL(geo.CoverageRes)+`, o.id is not null, p.state, coalesce(o.state, ''), `+calledSQL+`,
			count(*), sum(p.lat), sum(p.lon), min(p.id), max(p.severity), `+wholeSQL+` as whole
		from `+fromSights+` where `+publicSQL+` group by 1, 2, 3, 4, 5, whole`, s.showsSuspected())
	if err != nil {
		return nil, fmt.Errorf("gather places: %w", err)
	}
	defer rows.Close()
	var out []cellSum
	for rows.Next() {
		var c cellSum
		var cell int64
		var state crowd.State
		var order dispatch.State
		var whole bool
		if err := rows.Scan(&cell, &c.ordered, &state, &order, &c.class, &c.n, &c.lat, &c.lon, &c.id, &c.severity, &whole); err != nil {
			return nil, fmt.Errorf("gather places: %w", err)
		}
		c.cell, c.mark = geo.Cell(cell), markOf(state, order)
		if !whole && s.suspected() == crowd.Coarse {
			middle, err := c.cell.LatLng()
			if err != nil {
				continue
			}
			c.lat, c.lon = middle.Lat*float64(c.n), middle.Lng*float64(c.n)
		}
		out = append(out, c)
	}
	return out, rows.Err()
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
