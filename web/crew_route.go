package web

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
	"github.com/paulmach/orb/maptile/tilecover"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// wayed is the graph of the streets, made once for each map of streets.
type wayed struct {
	of   *geo.Network
	ways *geo.Ways
}

// streetWays returns the ways over the streets as they are now, nil where there are none.
func (s *Server) streetWays() *geo.Ways {
	n := s.network()
	if n == nil {
		return nil
	}
	if w := s.ways.Load(); w != nil && w.of == n {
		return w.ways
	}
	w := &wayed{n, geo.NewWays(n)} // two at once would make the same
	s.ways.Store(w)
	return w.ways
}

// bandOf says how urgent a stop is: what is begun, then what is overdue or due soon, then the rest.
func bandOf(o dispatch.Order, d consoleDesk) int {
	switch due := d.works.Due(o, d.now); {
	case o.State == dispatch.InProgress:
		return 0
	case due == dispatch.Overdue || due == dispatch.DueSoon:
		return 1
	}
	return 2
}

// fillRoute puts the open orders in driving order, from a position; nil: from whichever stop is best to begin with.
func (s *face) fillRoute(out *crewDay, open []dispatch.Order, from *orb.Point, d consoleDesk) {
	at, band := []orb.Point{{}}, []int{0}
	for _, o := range open {
		at, band = append(at, orb.Point{o.Lon, o.Lat}), append(band, bandOf(o, d))
	}
	if from != nil {
		at[0] = *from
	}
	legs := s.legs(at)
	if from == nil {
		clear(legs.Metres[0])
	}
	last := 0
	route := &routeMap{from: from}
	for n, i := range dispatch.Tour(legs.Metres, band) {
		stop := s.crewStop(open[i-1], d)
		stop.N = n + 1
		if last != 0 || from != nil {
			stop.Leg = s.way(legs.Metres[last][i])
			route.lines = append(route.lines, legs.Lines[last][i])
		}
		out.Metres += legs.Metres[last][i]
		out.Open = append(out.Open, stop)
		last = i
	}
	out.Lead = s.texts.N("crew.stops", len(out.Open))
	if out.Metres > 0 {
		out.Lead = s.texts.T("crew.lead", "stops", out.Lead, "way", s.way(out.Metres))
	}
	route.open, route.done = out.Open, out.Done
	if len(out.Open)+len(out.Done) > 0 {
		out.Map = s.draw(route)
	}
}

// legs finds the ways between positions: over streets, or where there are none as the crow flies.
func (s *Server) legs(at []orb.Point) geo.Legs {
	if w := s.streetWays(); w != nil {
		return w.Between(at)
	}
	return geo.Crow(at)
}

// way is a length in words.
func (s *face) way(metres float64) string {
	if metres < 995 {
		return s.texts.T("crew.m", "n", int(math.Round(metres/10)*10))
	}
	return s.texts.T("crew.km", "n", s.texts.Decimal(metres/1000, 1))
}

// routeMap is the map of a day.
type routeMap struct {
	from       *orb.Point
	lines      []orb.LineString
	open, done []*crewStop
}

// draw draws a day's way over the streets, with its stops by number, as an SVG.
func (s *face) draw(r *routeMap) template.HTML {
	bound := orb.Bound{Min: orb.Point{math.Inf(1), math.Inf(1)}, Max: orb.Point{math.Inf(-1), math.Inf(-1)}}
	for _, stop := range append(append([]*crewStop{}, r.open...), r.done...) {
		bound = bound.Extend(orb.Point{stop.Lon, stop.Lat})
	}
	for _, l := range r.lines {
		bound = bound.Union(l.Bound())
	}
	m := &mini{centre: bound.Center(), perPixel: 1}
	low, high := m.at(bound.Min), m.at(bound.Max)
	m.perPixel = max(0.8, (high[0]-low[0])/(miniWidth-70), (low[1]-high[1])/(miniHeight-70))
	fmt.Fprintf(&m.svg, `<svg class="mini" viewBox="0 0 %g %g" role="img" aria-label="%s">`, miniWidth, miniHeight,
		template.HTMLEscapeString(s.texts.N("crew.map", len(r.open))))
	if n := s.network(); n != nil {
		m.groundAround(n)
		m.streets(n)
	}
	for i, l := range r.lines {
		class := "way"
		if i > 0 {
			class = "way on"
		}
		d := m.path(clip.LineString(m.window(), m.line(l)), false)
		fmt.Fprintf(&m.svg, `<path class="line way-case" d="%s"/><path class="line %s" d="%s"/>`, d, class, d)
	}
	for _, stop := range r.done {
		p := m.at(orb.Point{stop.Lon, stop.Lat})
		fmt.Fprintf(&m.svg, `<circle class="was" cx="%.1f" cy="%.1f" r="5"/>`, p[0], p[1])
	}
	for i := len(r.open) - 1; i >= 0; i-- { // the next stop lies above the others
		stop := r.open[i]
		p := m.at(orb.Point{stop.Lon, stop.Lat})
		if i == 0 {
			fmt.Fprintf(&m.svg, `<circle class="next" cx="%.1f" cy="%.1f" r="14"/>`, p[0], p[1])
		} else {
			fmt.Fprintf(&m.svg, `<rect class="stop" x="%.1f" y="%.1f" width="20" height="20"/>`, p[0]-10, p[1]-10)
		}
		fmt.Fprintf(&m.svg, `<text class="n%s" x="%.1f" y="%.1f">%d</text>`, strings.Repeat(" now", 1-min(i, 1)), p[0], p[1]+4.5, stop.N)
	}
	if r.from != nil {
		p := m.at(*r.from)
		fmt.Fprintf(&m.svg, `<circle class="begin" cx="%.1f" cy="%.1f" r="6"/>`, p[0], p[1])
	}
	m.svg.WriteString(`</svg>`)
	return template.HTML(m.svg.String())
}

// mostTiles of ground are drawn: a wider map does without water and woods.
const mostTiles = 16

// groundAround draws water, wood and rail of all that is in sight.
func (m *mini) groundAround(n *geo.Network) {
	seen := widen(orb.Bound{Min: m.centre, Max: m.centre}, m.perPixel*miniWidth/2)
	tiles := tilecover.Bound(seen, 14)
	if len(tiles) > mostTiles {
		return
	}
	for tile := range tiles {
		m.groundOf(n, tile)
	}
}
