package geo

import (
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
	"github.com/paulmach/orb/planar"
)

// assemble joins the ways of a multipolygon into polygons with holes. Rings that the extract's edge has
// opened are closed outside of it.
func assemble(outer, inner []orb.LineString, covered orb.Bound) orb.MultiPolygon {
	var shape orb.MultiPolygon
	for _, ring := range rings(outer, covered) {
		shape = append(shape, orb.Polygon{wound(ring, orb.CCW)})
	}
	for _, hole := range rings(inner, covered) {
		for i := range shape {
			if planar.RingContains(shape[i][0], hole[0]) {
				shape[i] = append(shape[i], wound(hole, orb.CW))
				break
			}
		}
	}
	return shape
}

// rings joins lines end to end into closed rings and leaves out what does not close.
func rings(lines []orb.LineString, covered orb.Bound) []orb.Ring {
	open := slices.Clone(lines)
	var closed []orb.Ring
	for len(open) > 0 {
		line := open[0]
		open = open[1:]
		for !isClosed(line) {
			next, reversed := follower(line[len(line)-1], open, covered)
			if next < 0 {
				break
			}
			piece := slices.Clone(open[next])
			if reversed {
				slices.Reverse(piece)
			}
			open = slices.Delete(open, next, next+1)
			if piece[0] == line[len(line)-1] {
				piece = piece[1:]
			}
			line = append(slices.Clone(line), piece...)
		}
		if !isClosed(line) && !crosses(line[len(line)-1], line[0], covered) {
			line = append(slices.Clone(line), line[0])
		}
		if isClosed(line) && len(line) >= 4 {
			closed = append(closed, orb.Ring(line))
		}
	}
	return closed
}

func isClosed(line orb.LineString) bool { return line[0] == line[len(line)-1] }

// follower finds the line that goes on at end: one that begins or ends there, else the nearest one that
// can be reached without crossing what the map covers.
func follower(end orb.Point, open []orb.LineString, covered orb.Bound) (index int, reversed bool) {
	index = -1
	nearest := 0.0
	for i, line := range open {
		first, last := line[0], line[len(line)-1]
		switch {
		case first == end:
			return i, false
		case last == end:
			return i, true
		case first == last:
			continue
		}
		for _, candidate := range []struct {
			at       orb.Point
			reversed bool
		}{{first, false}, {last, true}} {
			distance := Distance(end, candidate.at)
			if (index < 0 || distance < nearest) && !crosses(end, candidate.at, covered) {
				index, reversed, nearest = i, candidate.reversed, distance
			}
		}
	}
	return index, reversed
}

// crosses says whether the straight line between two points touches what the map covers.
func crosses(a, b orb.Point, covered orb.Bound) bool {
	return len(clip.LineString(covered, orb.LineString{a, b})) > 0
}
