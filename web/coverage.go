package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// level is how often ground was driven in the last four weeks.
type level int

const (
	never level = iota
	seldom
	often
)

func (l level) String() string { return [...]string{"never", "seldom", "often"}[l] }

func levelOf(events int) level {
	switch {
	case events >= oftenEvents:
		return often
	case events > 0:
		return seldom
	}
	return never
}

// lengths are metres of street by how often they were driven.
type lengths [3]float64

func (l lengths) total() float64 { return l[never] + l[seldom] + l[often] }

// Share returns the percentage of a level, of which the three add up to 100.
func (l lengths) Share(of level) int {
	all := l.total()
	if all == 0 {
		return 0
	}
	part := func(k level) int { return int(l[k]/all*100 + 0.5) }
	if of == often {
		return 100 - part(never) - part(seldom)
	}
	return part(of)
}

func (l lengths) Often() int  { return l.Share(often) }
func (l lengths) Seldom() int { return l.Share(seldom) }
func (l lengths) Never() int  { return l.Share(never) }

// drivenLengths sums the streets' lengths by how often their ground was driven: of the city, by area, and by street.
func (s *Server) drivenLengths(ctx context.Context, by *division) (city lengths, areas map[territory]lengths, streets map[string]lengths, err error) {
	ground := s.ground()
	if ground == nil {
		return city, nil, nil, nil
	}
	driven, err := s.driven(ctx)
	if err != nil {
		return city, nil, nil, err
	}
	areas, streets = map[territory]lengths{}, map[string]lengths{}
	for cell, names := range ground.metres {
		in, ok := by.of(cell)
		if !ok {
			continue
		}
		l := driven.levels[cell]
		for name, metres := range names {
			city[l] += metres
			a, street := areas[in], streets[name]
			a[l] += metres
			street[l] += metres
			areas[in] = a
			if name != "" {
				streets[name] = street
			}
		}
	}
	return city, areas, streets, nil
}

// areaNames names each area after the two streets that take up most of it.
func (s *Server) areaNames(resolution int) map[geo.Cell]string {
	ground := s.ground()
	if ground == nil {
		return nil
	}
	sums := map[geo.Cell]map[string]float64{}
	for cell, names := range ground.metres {
		area, err := cell.Parent(resolution)
		if err != nil {
			continue
		}
		if sums[area] == nil {
			sums[area] = map[string]float64{}
		}
		for name, metres := range names {
			if name != "" {
				sums[area][name] += metres
			}
		}
	}
	// No street names two areas: the one that holds more of it has it.
	type claim struct {
		area   geo.Cell
		name   string
		metres float64
	}
	var claims []claim
	for area, names := range sums {
		for name, metres := range names {
			claims = append(claims, claim{area, name, metres})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(-cmp.Compare(a.metres, b.metres), cmp.Compare(a.name, b.name), cmp.Compare(a.area, b.area))
	})
	out, taken, has := map[geo.Cell]string{}, map[string]bool{}, map[geo.Cell]int{}
	for _, c := range claims {
		if taken[c.name] || has[c.area] >= 2 {
			continue
		}
		taken[c.name] = true
		if has[c.area]++; has[c.area] == 1 {
			out[c.area] = c.name
		} else {
			out[c.area] += ", " + c.name
		}
	}
	longest := map[geo.Cell][]string{}
	for _, c := range claims {
		longest[c.area] = append(longest[c.area], c.name)
	}
	for _, c := range claims { // an area whose streets all name others shares the longest two of them, and has a number where others do too
		if out[c.area] != "" {
			continue
		}
		names := longest[c.area]
		name := strings.Join(names[:min(2, len(names))], ", ")
		out[c.area] = name
		for n := 2; taken[out[c.area]]; n++ {
			out[c.area] = fmt.Sprintf("%s %d", name, n)
		}
		taken[out[c.area]] = true
	}
	for _, area := range slices.Sorted(maps.Keys(sums)) { // what has no street with a name is called by the nearest, in brackets
		if out[area] != "" {
			continue
		}
		name := area.String()
		if middle, err := area.LatLng(); err == nil {
			name = cmp.Or(ground.of.NearestName(orb.Point{middle.Lng, middle.Lat}, areaReach), name)
		}
		out[area] = "(" + name + ")"
		for n := 2; taken[out[area]]; n++ {
			out[area] = fmt.Sprintf("(%s) %d", name, n)
		}
		taken[out[area]] = true
	}
	return out
}

// areaReach is how far away the street may be that an area without any name is called by, metres.
const areaReach = 20_000

// mostAreas is how many areas of resolution 8 a city may have before it is told by those of resolution 7.
const mostAreas = 60

// areaResolution is that of the areas that figures are told by.
func (s *Server) areaResolution() int {
	ground := s.ground()
	if ground == nil {
		return 8
	}
	areas := map[geo.Cell]bool{}
	for cell := range maps.Keys(ground.metres) {
		if a, err := cell.Parent(8); err == nil {
			areas[a] = true
		}
	}
	if len(areas) > mostAreas {
		return 7
	}
	return 8
}
