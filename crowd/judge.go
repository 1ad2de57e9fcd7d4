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
	uncertainty float64 // metres of standard error, at most: a crew must find it
	devices     int     // independent devices that felt it: one never confirms
	severe      float64 // severity from which the other actionable classes are work
	alone       []Class // those of them that need no review
	verified    int     // devices that pass a repaired place smoothly, nobody feeling it
	reopened    int     // devices that feel a repaired place
}

// Rules say what a city sends crews to unasked. The line at which a place becomes work follows from what mistakes cost, in any unit.
type Rules struct {
	FalseOrder float64 // a crew that finds no pothole; 0: 40
	MissedDay  float64 // a pothole that nobody is sent to, a day; 0: 1
	Alone      []Class // classes beside potholes that become orders by themselves where they are severe, and not by way of the review list
}

// With is what a city has set, over the rules that it was started with; nil and none are as they were.
func (c Rules) With(falseOrder, missedDay *float64, alone []string) Rules {
	if falseOrder != nil {
		c.FalseOrder = *falseOrder
	}
	if missedDay != nil {
		c.MissedDay = *missedDay
	}
	c.Alone = slices.Clone(c.Alone)
	for _, class := range alone {
		c.Alone = append(c.Alone, Class(class))
	}
	return c
}

// decisionDays is how long a place that is not sent to work waits until it is likely to be decided, days.
const decisionDays = 7

// Probability is that of a pothole from which an order is written.
func (c Rules) Probability() float64 { return c.probability() }

// probability is that of a pothole from which an order is expected to cost less than to wait.
func (c Rules) probability() float64 {
	if c.FalseOrder == 0 {
		c.FalseOrder = 40
	}
	if c.MissedDay == 0 {
		c.MissedDay = 1
	}
	return c.FalseOrder / (c.FalseOrder + decisionDays*c.MissedDay)
}

func newLine(c Rules) line {
	return line{probability: c.probability(), support: 1.0, devices: 3, uncertainty: 6, severe: Severe, alone: c.Alone, verified: 5, reopened: 3}
}

// outcome gathers what one turn has to write.
type outcome struct {
	touched  map[string]*site  // by id
	dead     map[string]string // places that turned out to be another one, and which
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
	return &outcome{touched: map[string]*site{}, dead: map[string]string{}, coverage: map[coverageKey]int{}, regions: map[int64]int64{}}
}

// judge weighs one event.
func (m *mind) judge(a *arrival, out *outcome) {
	for _, r := range a.regions {
		out.regions[int64(r)]++
	}
	out.coverage[coverageKey{geo.CoverageCell(a.Cell), a.Time.UTC().Truncate(24 * time.Hour)}]++
	if a.Kind == wire.Pass {
		for _, s := range m.cache.near(a.around) {
			if d, ok := s.distance(a, m.trust.lag); ok && (d <= missGateM || s.ID == a.about && d <= 2*missGateM) && s.counts(a) {
				s.miss(a)
				m.assess(s, a, out)
			}
		}
		return
	}
	a.jolt = ReadJolt(a.PeakG, a.DurationS, a.SpeedMPS, a.RateHz, a.WaveG)
	network := m.reader.network(a.jolt)
	a.standard = network.Standard(a.jolt.features)
	a.scores = network.read(&a.standard)
	s := m.nearest(a)
	if s == nil {
		s = newSite(a)
		s.story(a.Received, StepFirstJolt, StepWords{Devices: 1})
		m.cache.put(s)
	} else if !s.counts(a) {
		return
	}
	s.hit(a)
	m.relocate(s, a)
	if o := m.twin(s, a.around); o != nil {
		s = m.join(s, o, a, out)
	}
	m.assess(s, a, out)
}

// counts says whether the event bears on the place as it is now: what happened before a repair does not.
func (s *site) counts(a *arrival) bool { return s.repairedAt.IsZero() || a.Time.After(s.repairedAt) }

// nearest returns the place that the jolt belongs to, or nil.
func (m *mind) nearest(a *arrival) *site {
	var best *site
	nearest := gateM
	for _, s := range m.cache.near(a.around) {
		if d, ok := s.distance(a, m.trust.lag); ok && d < nearest {
			best, nearest = s, d
		}
	}
	if best != nil {
		return best
	}
	nearest = math.Min(reachSigmas*math.Max(a.AccuracyM, 3), farthestM)
	for _, s := range m.cache.near(a.around) {
		if d, ok := s.distance(a, m.trust.lag); ok && s.Devices >= 3 && d < nearest {
			best, nearest = s, d
		}
	}
	return best
}

// relocate estimates the place's position again and files it under its new cell, unless that lies in a region that is
// not leased: then it stays filed where it was until another event moves it.
func (m *mind) relocate(s *site, a *arrival) {
	m.cache.remove(s)
	cell, region := s.Cell, s.Region
	s.locate(m.trust.lag)
	if !slices.Contains(a.regions, s.Region) {
		s.Cell, s.Region = cell, region
	}
	m.cache.put(s)
}

// twin returns another place that the estimate has come so close to that the two are one.
func (m *mind) twin(s *site, around []geo.Cell) *site {
	for _, o := range m.cache.near(around) {
		if o == s || o.Ordered && s.Ordered || !o.repairedAt.IsZero() || !s.repairedAt.IsZero() {
			continue
		}
		if o.HeadingDeg != nil && s.HeadingDeg != nil && geo.HeadingDiff(*o.HeadingDeg, *s.HeadingDeg) > headingGate {
			continue
		}
		east, north := offset(o.point(), s.point())
		if math.Hypot(east, north) < math.Max(mergeM, math.Min(mergeSigmas*math.Hypot(s.UncertaintyM, o.UncertaintyM), farthestM)) {
			return o
		}
	}
	return nil
}

// join makes two places one and returns it: one with an order keeps its name, else the older does.
func (m *mind) join(s, o *site, a *arrival, out *outcome) *site {
	keep, gone := s, o
	if o.Ordered || !s.Ordered && (o.FirstAt.Before(s.FirstAt) || o.FirstAt.Equal(s.FirstAt) && o.ID < s.ID) {
		keep, gone = o, s
	}
	keep.merge(gone)
	m.cache.remove(gone)
	delete(out.touched, gone.ID)
	if gone.stored {
		out.dead[gone.ID] = keep.ID
	}
	m.relocate(keep, a)
	return keep
}

// assess computes the belief in a place anew after an event and draws the conclusions.
func (m *mind) assess(s *site, a *arrival, out *outcome) {
	out.touched[s.ID] = s
	if !s.repairedAt.IsZero() { // what it was before the repair stays as it was
		m.checkRepair(s, a, out)
	} else {
		m.conclude(s, a, m.weigh(s, a.around), out)
	}
	s.count(a)
}

// weigh computes the belief in a place from what its devices say, and returns the sum of their weights.
func (m *mind) weigh(s *site, around []geo.Cell) (support float64) {
	var t tally
	var rough, weights float64
	s.Devices, s.Passes = 0, 0
	spots := make([]spot, 0, len(s.order))
	for _, d := range s.order {
		acc := s.accounts[d]
		s.Passes += acc.misses
		if acc.shadow {
			continue
		}
		known := m.trust.of(d)
		m.model.add(&t, acc.hits, acc.misses, acc.alone, acc.copied, s.lie, known)
		if acc.hits > 0 {
			s.Devices++
			w := 1.02 - known.liar
			support += w
			rough += w * acc.roughness / float64(acc.hits)
			weights += w
			if p, ok := acc.spot(); ok {
				spots = append(spots, p)
			}
		}
	}
	t.scattered = scattered(spots, m.trust.blur)
	m.look(s, around)
	fixed := m.fixed(&s.structure, &s.looks)
	change{came: s.came}.lean(&fixed) // what has gone since is no work
	causes := normalise(m.model.weigh(&t, &fixed))
	s.lie = causes[invented]
	s.Belief = beliefIn(causes)
	s.Class = s.Belief.Top()
	if weights > 0 {
		s.Severity = severity(rough / weights)
	}
	return support
}

// looks is what a place's jolts are like, free of the devices' accents, and how many devices that is worth.
type looks struct {
	shape Shape
	count float64
}

// blend averages what devices say.
type blend struct {
	shape        Shape
	sum, squares float64
}

// add adds what a device says of its jolts of a kind there.
func (b *blend) add(said *Shape, kind int, o *opinion) {
	w := 1.02 - o.liar
	b.sum += w
	b.squares += w * w
	for i, x := range said {
		if o.accent != nil {
			x -= o.accent[kind][i]
		}
		b.shape[i] += w * x
	}
}

// looks is what was added up, free of the city's dialect.
func (b *blend) looks(city *Shape) looks {
	if b.sum == 0 {
		return looks{}
	}
	for i := range b.shape {
		b.shape[i] = b.shape[i]/b.sum - city[i]
	}
	return looks{b.shape, b.sum * b.sum / b.squares}
}

// look sums up what a place looks like: what its jolts' scores say, how common each cause is, and whether the other
// direction of travel feels it too.
func (m *mind) look(s *site, around []geo.Cell) {
	for kind := range s.looks {
		var all blend
		for _, d := range s.order {
			if acc := s.accounts[d]; !acc.shadow {
				if said, ok := acc.said(kind); ok {
					all.add(&said, kind, m.trust.of(d))
				}
			}
		}
		s.looks[kind] = all.looks(&m.trust.dialect[kind])
	}
	for c, p := range m.model.prior {
		s.structure[c] = math.Log(p)
	}
	furniture, cases := m.cache.known.around(around)
	if len(furniture)+len(cases) > 0 {
		for c, shift := range knownPrior(s.point(), s.HeadingDeg, s.LastAt, furniture, cases) {
			s.structure[c] += shift
		}
	}
	s.poll.weigh(&s.structure)
	if s.HeadingDeg == nil {
		return
	}
	across := -math.Min(m.model.opposite, 0.25*float64(max(0, s.Devices-1)))
	if m.feltOpposite(s, around) {
		across = m.model.opposite
	}
	for c := 2; c < numReal; c++ {
		s.structure[c] += across
	}
}

// fixed returns the log weight of each cause but for what hits and misses say.
func (m *mind) fixed(structure *[numCauses]float64, looks *[2]looks) [numCauses]float64 {
	l := m.read(structure, looks)
	m.liken(&l, looks)
	return l
}

// read returns the log weight of each cause by what training says of the scores. It does not change as the city teaches.
func (m *mind) read(structure *[numCauses]float64, looks *[2]looks) [numCauses]float64 {
	l := *structure
	const toHoles = 0.25 // of what is lent; the rest is taken from castings, or joints and rails would seem to be holes
	l[0] += m.trust.lent * toHoles
	l[1] -= m.trust.lent * (1 - toHoles)
	l[invented] += m.trust.lent * toHoles
	for kind, spread := range []*Spread{&m.reader.Plain.Spread, &m.reader.Wave.Spread} {
		if looks[kind].count == 0 {
			continue
		}
		scores := looks[kind].shape.Scores(kind)
		like := spread.LogLikelihood(&scores, looks[kind].count)
		for c := range like {
			like[c] *= m.model.temper * (1 + m.trust.likeness[kind].untaught())
		}
		suit(&l, &like)
	}
	return l
}

// liken adds what the city's own classes look like.
func (m *mind) liken(l *[numCauses]float64, looks *[2]looks) {
	for kind := range looks {
		if looks[kind].count > 0 {
			like := m.trust.likeness[kind].weigh(&looks[kind].shape, looks[kind].count)
			suit(l, &like)
		}
	}
}

// suit adds the log likelihood of what jolts look like, by class, to causes: what is made up is made up as a pothole.
func suit(l *[numCauses]float64, like *[NumClasses]float64) {
	for c := range numReal {
		l[c] += like[c]
	}
	l[noise] += like[NumClasses-1]
	l[invented] += like[0]
}

// feltOpposite says whether devices that drive the other way feel something at the same spot. The place has a heading.
func (m *mind) feltOpposite(s *site, around []geo.Cell) bool {
	const (
		across = 14.0 // metres between what the two directions say
		heard  = 2    // devices
	)
	for _, o := range m.cache.near(around) {
		if o.ID == s.ID || o.HeadingDeg == nil || o.Devices < heard || geo.HeadingDiff(*o.HeadingDeg, *s.HeadingDeg) < 120 {
			continue
		}
		east, north := offset(o.point(), s.point())
		if math.Hypot(east, north) < across {
			return true
		}
	}
	return false
}

// severity maps a jolt's strength free of speed (see Roughness) to 0 to 1: 0.5 g at 10 m/s is a third, 2 g nine
// tenths.
func severity(roughness float64) float64 { return 1 - math.Exp(-roughness/0.9) }

// conclude moves the place along its life.
func (m *mind) conclude(s *site, a *arrival, support float64, out *outcome) {
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
	if !m.line.crossed(s, support) {
		return
	}
	switch m.line.becomes(s) {
	case ChangeConfirm:
		if m.orderedBeside(s, a.around) {
			return
		}
		s.enter(Confirmed, a.Received)
		s.Ordered = true
		s.story(a.Received, StepConfirmed, words)
		out.confirms = append(out.confirms, Confirmation{Place: s.Place, Probability: words.Probability, At: a.Received, Explanation: m.explain(s, a.around)})
	case ChangeReview:
		if !s.reviewed {
			s.reviewed = true
			s.story(a.Received, StepReview, words)
			out.reviews = append(out.reviews, s.Place)
		}
	default: // it asks nothing of anybody
	}
}

// becomes is what happens to a place of this class and severity once it is certain enough, or nothing.
func (l line) becomes(s *site) ChangeKind {
	switch s.Class {
	case Pothole:
		return ChangeConfirm
	case Casting, Joint, Rail:
		if s.Severity < l.severe {
			return ""
		}
		if slices.Contains(l.alone, s.Class) {
			return ChangeConfirm
		}
		return ChangeReview
	case SpeedBump, Nothing:
	}
	return ""
}

// crossed says whether the place's most probable class is believed enough to act on it.
func (l line) crossed(s *site, support float64) bool {
	return s.UncertaintyM <= l.uncertainty && s.witnesses() >= l.devices && support >= l.support && s.Belief.Of(s.Class) >= l.probability
}

// orderedBeside says whether a work order stands for a place so near in the same direction that this one may well be the same
// defect: there is one order for one defect.
func (m *mind) orderedBeside(s *site, around []geo.Cell) bool {
	for _, o := range m.cache.near(around) {
		if o.ID == s.ID || !o.Ordered || o.HeadingDeg != nil && s.HeadingDeg != nil && geo.HeadingDiff(*o.HeadingDeg, *s.HeadingDeg) > headingGate {
			continue
		}
		if east, north := offset(o.point(), s.point()); math.Hypot(east, north) < besideM {
			return true
		}
	}
	return false
}

// checkRepair asks the accounts since the repair whether it holds.
func (m *mind) checkRepair(s *site, a *arrival, out *outcome) {
	felt, smooth := m.sinceRepair(s)
	switch {
	case m.breaks(s, felt):
		s.repairedAt = time.Time{}
		s.enter(Confirmed, a.Received)
		out.checks = append(out.checks, check{s.ID, a.Received, felt, false})
	case m.holds(s, felt, smooth) && s.State == Confirmed:
		s.enter(Faded, a.Received)
		out.checks = append(out.checks, check{s.ID, a.Received, smooth, true})
	}
}

// sinceRepair counts the devices that felt a repaired place, and those that only passed it smoothly.
func (m *mind) sinceRepair(s *site) (felt, smooth int) {
	for _, d := range s.order {
		acc := s.accounts[d]
		switch {
		case acc.shadow || m.trust.of(d).liar > 0.5:
		case acc.hits > 0:
			felt++
		case acc.misses > 0:
			smooth++
		}
	}
	return felt, smooth
}

// breaks says whether so many who felt a repaired place are enough to reopen it, holds whether a repair is verified.
func (m *mind) breaks(s *site, felt int) bool { return felt >= m.line.reopened-s.poll.back() }
func (m *mind) holds(s *site, felt, smooth int) bool {
	return felt == 0 && smooth >= m.line.verified-s.poll.holds()
}

// enter changes the place's state.
func (s *site) enter(state State, at time.Time) {
	s.State, s.StateAt, s.dirty, s.moved = state, at, true, true
}
