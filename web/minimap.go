package web

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/geo"
)

// Size of the small map in CSS pixels, and how much of the ground it shows.
const (
	miniWidth, miniHeight = 440.0, 300.0
	miniMetres            = 0.42 // a pixel
	miniMetresCoarse      = 2.2
)

// minimap draws the streets around a place as an SVG, for pages without scripts. It is made of numbers and of
// escaped text only.
func (s *face) minimap(p titled) template.HTML {
	m := &mini{centre: p.Point(), perPixel: miniMetres}
	if p.Coarse {
		m.perPixel = miniMetresCoarse
	}
	fmt.Fprintf(&m.svg, `<svg class="mini" viewBox="0 0 %g %g" role="img" aria-label="%s">`, miniWidth, miniHeight,
		template.HTMLEscapeString(s.texts.T("place.map", "title", p.Title)))
	if n := s.network(); n != nil {
		m.ground(n)
		m.streets(n)
	}
	m.place(p)
	m.svg.WriteString(`</svg>`)
	return template.HTML(m.svg.String())
}

type mini struct {
	svg      strings.Builder
	centre   orb.Point
	perPixel float64 // metres
}

// at projects a position to pixels.
func (m *mini) at(p orb.Point) orb.Point {
	east := (p[0] - m.centre[0]) * metresPerDegree * math.Cos(m.centre[1]*math.Pi/180)
	north := (p[1] - m.centre[1]) * metresPerDegree
	return orb.Point{miniWidth/2 + east/m.perPixel, miniHeight/2 - north/m.perPixel}
}

func (m *mini) window() orb.Bound {
	return orb.Bound{Min: orb.Point{-40, -40}, Max: orb.Point{miniWidth + 40, miniHeight + 40}}
}

func (m *mini) path(lines orb.MultiLineString, closed bool) string {
	var b strings.Builder
	for _, l := range lines {
		for i, p := range l {
			verb := 'L'
			if i == 0 {
				verb = 'M'
			}
			fmt.Fprintf(&b, "%c%.1f %.1f", verb, p[0], p[1])
		}
		if closed {
			b.WriteByte('Z')
		}
	}
	return b.String()
}

// ground draws water, wood and rail, out of the tile that the place lies in.
func (m *mini) ground(n *geo.Network) { m.groundOf(n, maptile.At(m.centre, 14)) }

func (m *mini) groundOf(n *geo.Network, tile maptile.Tile) {
	body, err := n.Tile(geo.GroundLayer, 14, tile.X, tile.Y)
	if err != nil {
		return
	}
	layers, err := mvt.Unmarshal(body)
	if err != nil {
		return
	}
	layers.ProjectToWGS84(tile)
	for _, l := range layers {
		for _, f := range l.Features {
			kind, _ := f.Properties["kind"].(string)
			m.shape(f.Geometry, "m-"+kind)
		}
	}
}

func (m *mini) shape(g orb.Geometry, class string) {
	switch g := g.(type) {
	case orb.Polygon:
		var rings orb.MultiLineString
		for _, ring := range g {
			if cut := clip.Ring(m.window(), m.ring(ring)); len(cut) > 0 {
				rings = append(rings, orb.LineString(cut))
			}
		}
		if len(rings) > 0 {
			fmt.Fprintf(&m.svg, `<path class="%s" d="%s"/>`, class, m.path(rings, true))
		}
	case orb.MultiPolygon:
		for _, polygon := range g {
			m.shape(polygon, class)
		}
	case orb.LineString:
		if d := m.path(clip.LineString(m.window(), m.line(g)), false); d != "" {
			fmt.Fprintf(&m.svg, `<path class="%s line" d="%s"/>`, class, d)
		}
	case orb.MultiLineString:
		for _, line := range g {
			m.shape(line, class)
		}
	}
}

func (m *mini) line(l orb.LineString) orb.LineString {
	out := make(orb.LineString, len(l))
	for i, p := range l {
		out[i] = m.at(p)
	}
	return out
}

func (m *mini) ring(r orb.Ring) orb.Ring { return orb.Ring(m.line(orb.LineString(r))) }

// streetClass is how a class of street is drawn: its group, and its width in metres.
func streetClass(class string) (string, float64) {
	switch strings.TrimSuffix(class, "_link") {
	case "motorway", "trunk":
		return "trunk", 12
	case "primary", "secondary", "tertiary":
		return "major", 11
	case "service":
		return "minor", 3.4
	case "residential", "unclassified", "living_street", "road", "pedestrian":
		return "minor", 8
	case "track":
		return "track", 0
	}
	return "foot", 0
}

// drawn is one width of streets on the small map.
type drawn struct {
	group string
	width float64 // metres
	lines orb.MultiLineString
}

// streets draws every street in true width, casings first, and names those that are long enough.
func (m *mini) streets(n *geo.Network) {
	byWidth := map[string]*drawn{}
	names := map[string]orb.LineString{}
	reach := widen(orb.Bound{Min: m.centre, Max: m.centre}, m.perPixel*(miniWidth+80)/2)
	streets := n.Streets()
	for i := range streets {
		st := &streets[i]
		if !st.Line.Bound().Intersects(reach) {
			continue
		}
		cut := clip.LineString(m.window(), m.line(st.Line))
		if len(cut) == 0 {
			continue
		}
		group, width := streetClass(st.Class)
		if m.tooSmall(group, width) {
			continue
		}
		key := fmt.Sprintf("%s%05.1f", group, width)
		d, ok := byWidth[key]
		if !ok {
			d = &drawn{group: group, width: width}
			byWidth[key] = d
		}
		d.lines = append(d.lines, cut...)
		if st.Name != "" && width > 5 {
			names[st.Name] = longest(names[st.Name], clip.LineString(orb.Bound{Min: orb.Point{12, 12}, Max: orb.Point{miniWidth - 12, miniHeight - 12}}, m.line(st.Line)))
		}
	}
	order := make([]*drawn, 0, len(byWidth))
	for _, d := range byWidth {
		order = append(order, d)
	}
	slices.SortFunc(order, func(a, b *drawn) int {
		return cmp.Or(cmp.Compare(a.width, b.width), cmp.Compare(a.group, b.group))
	})
	for _, d := range order {
		if d.width == 0 {
			fmt.Fprintf(&m.svg, `<path class="m-%s line" d="%s"/>`, d.group, m.path(d.lines, false))
		} else {
			fmt.Fprintf(&m.svg, `<path class="m-%s-case line" stroke-width="%.1f" d="%s"/>`, d.group, d.width/m.perPixel+2, m.path(d.lines, false))
		}
	}
	for _, d := range order {
		if d.width > 0 {
			fmt.Fprintf(&m.svg, `<path class="m-%s line" stroke-width="%.1f" d="%s"/>`, d.group, d.width/m.perPixel, m.path(d.lines, false))
		}
	}
	if m.perPixel <= miniMetresCoarse {
		m.labels(names)
	}
}

// tooSmall says whether a street is left out of a map of this scale: it would take more room than it is worth.
func (m *mini) tooSmall(group string, width float64) bool {
	switch group {
	case "trunk", "major":
		return false
	case "minor":
		return m.perPixel > 12 || width < 5 && m.perPixel > 2.5
	}
	return m.perPixel > 2.5
}

// longest returns the longest of best and the parts of cut.
func longest(best orb.LineString, cut orb.MultiLineString) orb.LineString {
	for _, l := range cut {
		if lengthOf(l) > lengthOf(best) {
			best = l
		}
	}
	return best
}

func lengthOf(l orb.LineString) float64 {
	sum := 0.0
	for i := 1; i < len(l); i++ {
		sum += math.Hypot(l[i][0]-l[i-1][0], l[i][1]-l[i-1][1])
	}
	return sum
}

// labels writes the names of streets along them, left to right, where there is room beside the mark.
func (m *mini) labels(names map[string]orb.LineString) {
	const letter = 7.2 // pixels a letter takes
	keys := make([]string, 0, len(names))
	for name := range names {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	i := 0
	for _, name := range keys {
		line := slices.Clone(names[name])
		room := float64(len([]rune(name))) * letter
		length := lengthOf(line)
		if length < room+20 {
			continue
		}
		if line[0][0] > line[len(line)-1][0] {
			slices.Reverse(line)
		}
		middle := room/2/length + 0.04
		fmt.Fprintf(&m.svg, `<path id="n%d" class="none" d="%s"/><text class="lb" dy=".34em"><textPath href="#n%d" startOffset="%.0f%%">%s</textPath></text>`,
			i, m.path(orb.MultiLineString{line}, false), i, middle*100, template.HTMLEscapeString(name))
		i++
	}
}

// place draws the place itself: what is known of where it is, its direction, and its mark.
func (m *mini) place(p titled) {
	colour := p.Mark().Colour()
	if ring := area(p.sight); ring != nil {
		fmt.Fprintf(&m.svg, `<path class="unsure c-%s" d="%s"/>`, colour, m.path(orb.MultiLineString{orb.LineString(m.ring(ring))}, true))
	} else {
		fmt.Fprintf(&m.svg, `<circle class="unsure c-%s" cx="%g" cy="%g" r="%.1f"/>`, colour, miniWidth/2, miniHeight/2,
			max(20, 2*p.UncertaintyM/m.perPixel))
	}
	if p.HeadingDeg != nil {
		reach := max(20, 2*p.UncertaintyM/m.perPixel) + 6
		fmt.Fprintf(&m.svg, `<path class="arrow" transform="rotate(%.0f %g %g)" d="M%.1f %gh26m-8-6 8 6-8 6"/>`, *p.HeadingDeg-90,
			miniWidth/2, miniHeight/2, miniWidth/2+reach, miniHeight/2)
	}
	fmt.Fprintf(&m.svg, `<use class="c-%s" href="#s-%s" x="%g" y="%g" width="28" height="28"/>`, colour, p.Mark(), miniWidth/2-14, miniHeight/2-14)
}

// pinMap draws the streets around a position with a pin on it.
func (s *face) pinMap(at orb.Point) template.HTML {
	m := &mini{centre: at, perPixel: miniMetres}
	fmt.Fprintf(&m.svg, `<svg class="mini" viewBox="0 0 %g %g" role="img" aria-label="%s">`, miniWidth, miniHeight,
		template.HTMLEscapeString(s.texts.T("report.map.label")))
	if n := s.network(); n != nil {
		m.ground(n)
		m.streets(n)
	}
	fmt.Fprintf(&m.svg, `<use href="#i-pin" x="%g" y="%g" width="30" height="38"/></svg>`, miniWidth/2-15, miniHeight/2-38)
	return template.HTML(m.svg.String())
}
