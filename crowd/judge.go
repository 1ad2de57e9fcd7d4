package crowd

import (
	"math"
	"slices"
	"time"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// line is where a place becomes work.
type line struct {
	probability float64 // of its class
	support     float64 // sum of the weights of the devices that felt it
	devices     int     // independent devices that felt it: one never confirms
	severe      float64 // severity from which the other actionable classes go to the review list
	verified    int     // devices that pass a repaired place smoothly, nobody feeling it
	reopened    int     // devices that feel a repaired place
}

func standardLine() line {
	return line{probability: 0.90, support: 1.0, devices: 3, severe: Severe, verified: 5, reopened: 3}
}

// outcome gathers what one turn has to write.
type outcome struct {
	touched  map[string]*site // by id
	dead     []string
	marks    map[string]standing
	coverage map[coverageKey]int
	confirms []Confirmation
	reviews  []Place
	checks   []check
	regions  map[int64]int64 // events judged that touch the region
}

// check is what traffic said of a repair.
type check struct {
	place    string
	at       time.Time
	devices  int
	verified bool
}

type coverageKey struct {
	cell geo.Cell
	day  time.Time
}

func newOutcome() *outcome {
	return &outcome{touched: map[string]*site{}, marks: map[string]standing{}, coverage: map[coverageKey]int{}, regions: map[int64]int64{}}
}

// judge weighs one event.
func (e *Engine) judge(a *arrival, out *outcome) {
	for _, r := range a.regions {
		out.regions[int64(r)]++
	}
	out.coverage[coverageKey{geo.CoverageCell(a.Cell), a.Time.UTC().Truncate(24 * time.Hour)}]++
	if a.Kind == wire.Pass {
		for _, s := range e.cache.near(a.around) {
			if d, ok := s.distance(a); ok && (d <= missGateM || s.ID == a.Place && d <= 2*missGateM) && s.counts(a) {
				s.miss(a)
				e.assess(s, a, out)
			}
		}
		return
	}
	a.jolt = ReadJolt(a.PeakG, a.DurationS, a.SpeedMPS, a.RateHz, a.WaveG)
	a.like = e.reader.LogLikelihood(a.jolt)
	s := e.nearest(a)
	if s == nil {
		s = newSite(a)
		s.story(a.Received, StepFirstJolt, StepWords{Devices: 1})
		e.cache.put(s)
	} else if !s.counts(a) {
		return
	}
	s.hit(a)
	e.relocate(s, a)
	if o := e.twin(s, a.around); o != nil {
		s = e.join(s, o, a, out)
	}
	e.assess(s, a, out)
}

// counts says whether the event bears on the place as it is now: what happened before a repair does not.
func (s *site) counts(a *arrival) bool { return s.repairedAt.IsZero() || a.Time.After(s.repairedAt) }

// nearest returns the place that the jolt belongs to, or nil.
func (e *Engine) nearest(a *arrival) *site {
	var best *site
	nearest := gateM
	for _, s := range e.cache.near(a.around) {
		if d, ok := s.distance(a); ok && d < nearest {
			best, nearest = s, d
		}
	}
	return best
}

// relocate estimates the place's position again and files it under its new cell, unless that lies in a region that is
// not leased: then it stays filed where it was until another event moves it.
func (e *Engine) relocate(s *site, a *arrival) {
	e.cache.remove(s)
	cell, region := s.Cell, s.Region
	s.locate()
	if !slices.Contains(a.regions, s.Region) {
		s.Cell, s.Region = cell, region
	}
	e.cache.put(s)
}

// twin returns another place that the estimate has come so close to that the two are one.
func (e *Engine) twin(s *site, around []geo.Cell) *site {
	for _, o := range e.cache.near(around) {
		if o == s || o.Ordered && s.Ordered || !o.repairedAt.IsZero() || !s.repairedAt.IsZero() {
			continue
		}
		if o.HeadingDeg != nil && s.HeadingDeg != nil && geo.HeadingDiff(*o.HeadingDeg, *s.HeadingDeg) > headingGate {
			continue
		}
		east, north := offset(o.point(), s.point())
		if math.Hypot(east, north) < mergeM {
			return o
		}
	}
	return nil
}

// join makes two places one and returns it: one with an order keeps its name, else the older does.
func (e *Engine) join(s, o *site, a *arrival, out *outcome) *site {
	keep, gone := s, o
	if o.Ordered || !s.Ordered && (o.FirstAt.Before(s.FirstAt) || o.FirstAt.Equal(s.FirstAt) && o.ID < s.ID) {
		keep, gone = o, s
	}
	keep.merge(gone)
	e.cache.remove(gone)
	delete(out.touched, gone.ID)
	if gone.stored {
		out.dead = append(out.dead, gone.ID)
	}
	e.relocate(keep, a)
	return keep
}

// assess computes the belief in a place anew after an event and draws the conclusions.
func (e *Engine) assess(s *site, a *arrival, out *outcome) {
	out.touched[s.ID] = s
	if !s.repairedAt.IsZero() { // what it was before the repair stays as it was
		e.checkRepair(s, a, out)
		return
	}
	total := e.model.logPrior()
	var rough, weights, support float64
	s.Devices, s.Passes = 0, 0
	for _, d := range s.order {
		acc := s.accounts[d]
		w := e.trust.weight(d)
		e.model.weigh(acc, w)
		for c := range total {
			total[c] += acc.term[c]
		}
		s.Passes += acc.misses
		if acc.hits > 0 && !acc.shadow {
			s.Devices++
			support += w
			rough += w * acc.roughness / float64(acc.hits)
			weights += w
		}
	}
	s.Belief = normalise(total)
	s.Class = s.Belief.Top()
	if weights > 0 {
		s.Severity = severity(rough / weights)
	}
	e.credit(s, total, out)
	e.conclude(s, a, support, out)
}

// severity maps a jolt's strength free of speed (see roughnessOf) to 0 to 1: 0.5 g at 10 m/s is a third, 2 g nine
// tenths.
func severity(roughness float64) float64 { return 1 - math.Exp(-roughness/0.9) }

// credit tells the devices' trust what the others at a place have settled, once per device and place. Each account is
// held against the belief of all the others.
func (e *Engine) credit(s *site, total [NumClasses]float64, out *outcome) {
	const (
		settled = 0.97
		others  = 3
	)
	if len(s.order) <= others {
		return
	}
	for _, d := range s.order {
		acc := s.accounts[d]
		if acc.credited || acc.shadow {
			continue
		}
		rest := total
		for c := range rest {
			rest[c] -= acc.term[c]
		}
		b := normalise(rest)
		nothing := b.Of(Nothing)
		wide := b.Of(Joint) + b.Of(Rail) + b.Of(SpeedBump)
		m := out.marks[d]
		switch {
		case nothing > settled && acc.hits > 0:
			m.contradicted++
		case nothing > settled:
			m.agreed += 0.5
		case nothing < 1-settled && acc.hits > 0:
			m.agreed++
		case wide > settled && acc.misses > 1 && acc.hits == 0:
			m.contradicted++
		default:
			continue
		}
		acc.credited = true
		s.changed[d] = true
		out.marks[d] = m
	}
}

// conclude moves the place along its life.
func (e *Engine) conclude(s *site, a *arrival, support float64, out *outcome) {
	words := StepWords{Class: s.Class, Probability: s.Belief.Of(s.Class), Devices: s.Devices, Passes: s.Passes}
	if s.State == Faded && a.Kind == wire.Bump {
		s.enter(Suspected, a.Received)
		s.story(a.Received, StepRevived, words)
	}
	if s.State != Suspected {
		return
	}
	if s.Devices >= 2 && !s.shown {
		s.shown = true
		s.StateAt = a.Received
		s.story(a.Received, StepSuspected, words)
	}
	if s.Devices < e.line.devices || support < e.line.support || words.Probability < e.line.probability {
		return
	}
	switch s.Class {
	case Pothole:
		s.enter(Confirmed, a.Received)
		s.Ordered = true
		s.story(a.Received, StepConfirmed, words)
		out.confirms = append(out.confirms, Confirmation{Place: s.Place, Probability: words.Probability, At: a.Received})
	case Casting, Joint, Rail:
		if s.Severity >= e.line.severe && !s.reviewed {
			s.reviewed = true
			s.story(a.Received, StepReview, words)
			out.reviews = append(out.reviews, s.Place)
		}
	case SpeedBump, Nothing: // asks nothing of anybody
	}
}

// checkRepair asks the accounts since the repair whether it holds.
func (e *Engine) checkRepair(s *site, a *arrival, out *outcome) {
	felt, smooth := 0, 0
	for _, d := range s.order {
		acc := s.accounts[d]
		switch {
		case acc.shadow || e.trust.weight(d) < 0.2:
		case acc.hits > 0:
			felt++
		case acc.misses > 0:
			smooth++
		}
	}
	switch {
	case felt >= e.line.reopened:
		s.repairedAt = time.Time{}
		s.enter(Confirmed, a.Received)
		out.checks = append(out.checks, check{s.ID, a.Received, felt, false})
	case felt == 0 && smooth >= e.line.verified && s.State == Confirmed:
		s.enter(Faded, a.Received)
		out.checks = append(out.checks, check{s.ID, a.Received, smooth, true})
	}
}

// enter changes the place's state.
func (s *site) enter(state State, at time.Time) {
	s.State, s.StateAt, s.dirty, s.moved = state, at, true, true
}
