package crowd

import (
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

const (
	clearOfPlacesM = 60.0 // a control point is an ordinary piece of street: no place is nearer
	clearOfOthersM = 40.0
	controlTries   = 8

	// Without streets a control point lies this far along the heading of a place: most streets go on straight that far.
	leastAlongM, mostAlongM = 60.0, 160.0
)

// addControls adds n control points to a region's list. Every day some of them are drawn anew; each stays 1, 2, 4, 8 or 16
// days, as suspected places come and go, so that staying tells nothing either. Each has its own hour to go: a list that is
// made anew because a place is new also has new control points, whose hours have passed since it was made last.
func (w *Watch) addControls(key watchKey, g *ground, list []watchPoint, n int, stretch bool, now time.Time) []watchPoint {
	const day = 24 // hours
	hour := epochOf(now)
	for slot := range n {
		life := day << int(5*key.share("life", int64(g.region), stretch, slot))
		phase := int(float64(life) * key.share("phase", int64(g.region), stretch, slot))
		term := (hour + int64(phase)) / int64(life)
		for try := range controlTries {
			words := []any{"control", int64(g.region), stretch, slot, term, try}
			p, ok := w.control(key, g, words, stretch)
			if !ok {
				continue
			}
			p.since = now
			if !p.settle(key, words...) || !g.clear(p) || !apart(p, list) {
				continue
			}
			list = append(list, p)
			break
		}
	}
	return list
}

// control draws a position on the region's streets or, where none are imported, near where several devices have been.
func (w *Watch) control(key watchKey, g *ground, words []any, stretch bool) (watchPoint, bool) {
	share := func(what string) float64 { return key.share(append([]any{what}, words...)...) }
	p := watchPoint{region: g.region, stretch: stretch, radiusM: exactRadiusM}
	if stretch {
		p.radiusM = key.stretchRadius(words...)
	}
	if spot, ok := w.roads.At(g.region, share("where")); ok {
		p.at, p.headingDeg, p.street = spot.Point, spot.HeadingDeg, spot.Street
		if !spot.Oneway && share("way") < 0.5 {
			p.headingDeg = geo.NormalHeading(p.headingDeg + 180)
		}
		return p, true
	}
	if len(g.anchors) == 0 {
		return p, false
	}
	anchor := g.anchors[int(share("anchor")*float64(len(g.anchors)))]
	along := leastAlongM + share("where")*(mostAlongM-leastAlongM)
	if share("way") < 0.5 {
		along = -along
	}
	p.at, p.headingDeg = geo.Destination(anchor.at, *anchor.headingDeg, along), *anchor.headingDeg
	return p, true
}

// clear says whether no place is near the point.
func (g *ground) clear(p watchPoint) bool {
	near := clearOfPlacesM
	if p.stretch {
		near += p.radiusM
	}
	for i := range g.candidates {
		if within(p.at, g.candidates[i].at, near) {
			return false
		}
	}
	return true
}

// apart says whether no other point of the list is near the point.
func apart(p watchPoint, list []watchPoint) bool {
	for i := range list {
		if within(p.at, list[i].at, clearOfOthersM) {
			return false
		}
	}
	return true
}

// within says whether two points are at most so many metres apart.
func within(a, b orb.Point, metres float64) bool {
	east, north := offset(a, b)
	return east*east+north*north <= metres*metres
}
