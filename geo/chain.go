package geo

import (
	"slices"

	"github.com/paulmach/orb"
)

// chain is ways drawn as one line: OpenStreetMap cuts a street at every bridge and bus lane, and a label
// needs room.
type chain struct {
	street *Street // the first of them
	line   orb.LineString
}

// kin is what the ways of a chain have in common.
type kin struct {
	name, class string
	oneway      bool
}

// chains joins ways of one kin whose ends meet, where no third one meets them.
func chains(streets []Street) []chain {
	type end struct {
		kin kin
		at  orb.Point
	}
	ends := map[end][]int{}
	kinOf := func(s *Street) kin { return kin{s.Name, s.Class, s.Oneway} }
	for i := range streets {
		line := streets[i].Line
		if len(line) < 2 {
			continue
		}
		for _, p := range []orb.Point{line[0], line[len(line)-1]} {
			at := end{kinOf(&streets[i]), p}
			ends[at] = append(ends[at], i)
		}
	}
	used := make([]bool, len(streets))
	// extended returns line with the ways that go on behind its end.
	extended := func(line orb.LineString, of kin) orb.LineString {
		for {
			p := line[len(line)-1]
			meeting := ends[end{of, p}]
			if len(meeting) != 2 {
				return line
			}
			next := meeting[0]
			if used[next] {
				next = meeting[1]
			}
			piece := streets[next].Line
			forwards := piece[0] == p
			if used[next] || of.oneway && !forwards {
				return line
			}
			used[next] = true
			piece = slices.Clone(piece)
			if !forwards {
				slices.Reverse(piece)
			}
			line = append(line, piece[1:]...)
		}
	}
	var all []chain
	for i := range streets {
		street := &streets[i]
		if used[i] || len(street.Line) < 2 {
			continue
		}
		used[i] = true
		line := extended(slices.Clone(street.Line), kinOf(street))
		if !street.Oneway { // a one-way chain whose first part comes later in the file stays in two parts
			slices.Reverse(line)
			line = extended(line, kinOf(street))
			slices.Reverse(line)
		}
		all = append(all, chain{street, line})
	}
	return all
}
