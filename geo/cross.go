package geo

import "github.com/paulmach/orb"

// crossReachM bounds the way to the next cross street; further on a name says little about where one is.
const crossReachM = 2000

// cross returns the name of the first street that crosses or joins the given one, from its point i on,
// along its line (step 1) or against it (-1), over the ways that carry its name on. Empty: none.
func (n *Network) cross(street int32, i, step int) string {
	own := n.streets[street].Name
	seen := map[segment]bool{}
	reach := 0.0
	for {
		line := n.streets[street].Line
		if name := n.crossing(line[i], own); name != "" {
			return name
		}
		next := i + step
		if next < 0 || next >= len(line) {
			var ok bool
			if street, i, step, ok = n.continuation(street, i, step); !ok {
				return ""
			}
			line = n.streets[street].Line
			next = i + step
		}
		at := segment{street, int32(min(i, next))}
		reach += Distance(line[i], line[next])
		if seen[at] || reach > crossReachM {
			return ""
		}
		seen[at] = true
		i = next
	}
}

// crossing returns the name of the most important other street at p; paths have no say, squares and
// pedestrian streets do.
func (n *Network) crossing(p orb.Point, own string) string {
	best, bestRank := "", rankPath+1
	for _, at := range n.junctions[p] {
		street := &n.streets[at]
		if street.Name == "" || street.Name == own || !street.Drivable() && street.Class != "pedestrian" {
			continue
		}
		rank, _ := rankOf(street.Class)
		if rank < bestRank || rank == bestRank && street.Name < best {
			best, bestRank = street.Name, rank
		}
	}
	return best
}

// continuation returns where the street goes on behind its end: the way of the same name that turns least.
func (n *Network) continuation(street int32, i, step int) (next int32, at, onward int, ok bool) {
	line, own := n.streets[street].Line, n.streets[street].Name
	p := line[i]
	heading := Bearing(line[i-step], p)
	least := 120.0 // a street does not turn back on itself
	for _, other := range n.junctions[p] {
		candidate := &n.streets[other]
		if other == street || candidate.Name != own || !candidate.Drivable() {
			continue
		}
		for j, q := range candidate.Line {
			if q != p {
				continue
			}
			for _, direction := range []int{1, -1} {
				if k := j + direction; k >= 0 && k < len(candidate.Line) {
					if turn := HeadingDiff(heading, Bearing(p, candidate.Line[k])); turn < least {
						next, at, onward, ok, least = other, j, direction, true, turn
					}
				}
			}
		}
	}
	return next, at, onward, ok
}
