package crowd

import (
	"cmp"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// Positions are old when they are told: by how much, the two directions of what lies across a road tell. Each direction feels it too far
// back by the lag, so they lie apart by twice of it.
const (
	lagBefore  = 10.0 // pairs that no lag is worth
	lagMostM   = 15.0
	apartMostM = 40.0 // along the road, between the two directions of one thing
	asideMostM = 15.0 // across it
	surelyWide = 0.8  // that it is a joint or a rail; nobody slows down for these as they do for speed bumps
)

// side is what one direction says of something across the road.
type side struct {
	at       orb.Point // as it was felt
	sin, cos float64   // of the direction of travel
}

// side is false where the place is none, or where too few have felt it.
func (n *node) side() (side, bool) {
	spots := n.spots()
	if n.wide < surelyWide || len(spots) < fewSpots {
		return side{}, false
	}
	sin, cos, ok := direction(spots)
	if !ok {
		return side{}, false
	}
	east, north, _ := centre(spots)
	return side{shift(n.anchor, east, north), sin, cos}, true
}

// lag is how far behind the wheels positions are in this city, metres at the speed of most traffic.
func lag(nodes []*node) float64 {
	var sides []side
	for _, n := range nodes {
		if s, ok := n.side(); ok {
			sides = append(sides, s)
		}
	}
	slices.SortStableFunc(sides, func(a, b side) int { return cmp.Compare(a.at[1], b.at[1]) })
	var found []float64
	for i, a := range sides {
		for _, b := range sides[i+1:] {
			if (b.at[1]-a.at[1])*metresPerDegree > apartMostM {
				break
			}
			east, north := offset(a.at, b.at)
			along, aside := east*a.sin+north*a.cos, east*a.cos-north*a.sin
			if a.sin*b.sin+a.cos*b.cos < -0.9 && math.Abs(along) < apartMostM && math.Abs(aside) < asideMostM {
				found = append(found, along/2)
			}
		}
	}
	if len(found) == 0 {
		return 0
	}
	slices.Sort(found)
	pairs := float64(len(found))
	return clamp(found[len(found)/2]*pairs/(pairs+lagBefore), -lagMostM, lagMostM)
}
