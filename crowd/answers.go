package crowd

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// verdict is what an answer to a watch list says of the device that gave it.
type verdict int

const (
	sayNothing verdict = iota
	saysPassed         // it passed a control point: coverage, and the device's exposure
	cannotBe           // nobody who drives with the lists could have given it
)

const (
	listGrace      = 3 * 24 * time.Hour // a device may be offline for so long and answer by the list that it has
	answerSlackM   = 25.0               // an answer lies no farther than this beyond its point's circle and its own accuracy
	fastestMPS     = 70.0               // no car is faster; the contract refuses events that say so
	clockSlack     = 2 * time.Second    // devices give times of fixes, fixes come once a second
	positionSlackM = 50.0               // GPS at both ends
)

// saidOf is what an answer names: the id in its member place.
type saidOf struct {
	point *watchPoint // that was published under it; nil: none
	place bool        // it is a place's own name
}

// weighAnswer says what a pass tells of its device. said is nil where it names nothing; near is the control point that it
// fell on, if any; began is when lists were first published, zero: never.
func weighAnswer(said *saidOf, near *watchPoint, began time.Time, e *arrival) (verdict, *watchPoint) {
	if said == nil {
		if near != nil {
			return saysPassed, near
		}
		return sayNothing, nil
	}
	p := said.point
	switch {
	case began.IsZero() || e.Time.Before(began): // a replay, or another system's names: nothing was asked by us
		return sayNothing, nil
	case p == nil && said.place:
		return sayNothing, nil
	case p == nil:
		return cannotBe, nil
	case !p.until.IsZero() && e.Time.After(p.until.Add(listGrace)):
		return cannotBe, nil
	case p.place == "" && p.reaches(e):
		return saysPassed, p
	}
	return sayNothing, nil
}

// reaches says whether an answer may have been given at the point.
func (p *watchPoint) reaches(e *arrival) bool {
	return within(p.at, orb.Point{e.Lon, e.Lat}, p.radiusM+e.AccuracyM+answerSlackM)
}

// fallsOn says whether a pass that names nothing lies on the control point.
func (p *watchPoint) fallsOn(e *arrival) bool {
	return !p.stretch && p.place == "" && p.until.IsZero() && within(p.at, orb.Point{e.Lon, e.Lat}, p.radiusM) &&
		(e.HeadingDeg == nil || geo.HeadingDiff(*e.HeadingDeg, p.headingDeg) <= sameLanesDeg)
}

// answered is one answer for a control point.
type answered struct {
	at      orb.Point // of the control point
	radiusM float64
	time    time.Time
}

// tooFast says whether a car cannot have driven from one answer to the other in the time between.
func tooFast(a, b answered) bool {
	east, north := offset(a.at, b.at)
	metres := math.Hypot(east, north) - a.radiusM - b.radiusM - positionSlackM
	between := b.time.Sub(a.time).Abs() + clockSlack
	return metres > fastestMPS*between.Seconds()
}

// impossibleWays counts how often a device would have had to drive too fast from one of its answers to the next, and
// returns the newest answer. last is its newest before these, nil where none is known.
func impossibleWays(last *answered, answers []answered) (int, answered) {
	way := slices.Clone(answers)
	if last != nil {
		way = append(way, *last)
	}
	slices.SortFunc(way, func(a, b answered) int {
		return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.at[0], b.at[0]), cmp.Compare(a.at[1], b.at[1]))
	})
	n := 0
	for i := 1; i < len(way); i++ {
		if tooFast(way[i-1], way[i]) {
			n++
		}
	}
	return n, way[len(way)-1]
}
