package crowd

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"math"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// Distances of association, metres. GPS errs by 3 to 15 m, and most of it is shared by one trip, so a device's
// jolts at a place are averaged first and devices are averaged as equals.
const (
	gateM        = 26.0 // a jolt farther than this from a place is never its
	missGateM    = 18.0 // a smooth pass farther than this says nothing about a place
	mergeM       = 17.0 // two places of one direction nearer than this are one
	mergeSigmas  = 2.2  // standard errors: two places nearer than this are one
	reachSigmas  = 2.5  // of a jolt's own accuracy: a place that several have felt is reached from so far
	farthestM    = 35.0 // beyond that nothing is
	besideM      = 20.0 // a place nearer than this to one that has an order gets none of its own
	deviceSigmaM = 6.0  // how far one device's mean jolt lies from the truth
	headingGate  = 60.0 // degrees
	diskSteps    = 2    // rings of resolution 12 cells that cover gateM
)

// site is a place while it is judged, with every device's account.
type site struct {
	Place
	anchor     orb.Point // offsets in accounts count from here
	accounts   map[string]*account
	order      []string           // the devices, sorted: sums must not depend on map order
	structure  [numCauses]float64 // log weight of each cause, but for what the devices say
	lie        float64            // probability that it is made up
	came       float64            // how much its jolts are of something that came: see change
	looks      [2]looks           // what jolts without and with a waveform look like
	repairedAt time.Time
	verdict    Class // what a crew has found here; empty: none has been
	poll       Poll  // what passers-by say since the last repair
	aside      *aside
	stored     bool
	shown      bool            // the story has told that it is suspected
	reviewed   bool            // it has been put on the review list
	dirty      bool            // changed since it was stored
	moved      bool            // its state changed since it was stored: to be announced
	changed    map[string]bool // devices whose accounts are to be written
	steps      []Step
	stepCount  int
	days       []Day // what was felt since it was stored
	keptSteps  int   // steps that are from before the log begins: rebuild leaves them
}

// placeAlphabet spells a place's id: lower case, without padding.
const placeAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// placeID names a place after the event that founded it, so that judging the same events again gives the same
// names. Nothing can be read back from it.
func placeID(device, event string) string {
	h := sha256.Sum256([]byte("place\x00" + device + "\x00" + event))
	return base32.NewEncoding(placeAlphabet).WithPadding(base32.NoPadding).EncodeToString(h[:10])
}

func newSite(e *arrival) *site {
	return &site{
		Place: Place{
			ID: placeID(e.Device, e.ID), Region: e.Region, Cell: e.Cell, Lat: e.Lat, Lon: e.Lon,
			UncertaintyM: deviceSigmaM, State: Suspected, StateAt: e.Received, FirstAt: e.Time, LastAt: e.Time,
		},
		anchor:   orb.Point{e.Lon, e.Lat},
		accounts: map[string]*account{},
		changed:  map[string]bool{},
		dirty:    true,
	}
}

func (s *site) point() orb.Point { return orb.Point{s.Lon, s.Lat} }

// account returns the device's account, made where there was none.
func (s *site) account(device string) *account {
	a, ok := s.accounts[device]
	if !ok {
		a = &account{alone: notKnown}
		s.accounts[device] = a
		at, _ := slices.BinarySearch(s.order, device)
		s.order = slices.Insert(s.order, at, device)
	}
	s.changed[device] = true
	s.dirty = true
	return a
}

// hit adds a jolt to its device's account.
func (s *site) hit(e *arrival) {
	a := s.account(e.Device)
	a.touch(e.Time)
	a.hits++
	sigma := math.Max(e.AccuracyM, 3)
	w := 1 / (sigma * sigma)
	east, north := offset(s.anchor, orb.Point{e.Lon, e.Lat})
	a.east += east * w
	a.north += north * w
	a.precision += w
	if e.HeadingDeg != nil {
		sin, cos := math.Sincos(*e.HeadingDeg * math.Pi / 180)
		a.sin += sin
		a.cos += cos
	}
	sum, shape := &a.plain, a.plainShape[:]
	if e.jolt.HasWave() {
		sum, shape = &a.wave, a.waveShape[:]
		a.waves++
		if e.jolt.DropFirst() {
			a.drops++
		}
	}
	for i, v := range e.scores {
		sum[i] += v
	}
	for i := range shape {
		shape[i] += float32(e.standard[i])
	}
	if e.SpeedMPS < slowMPS {
		a.slow++
	}
	a.roughness += Roughness(e.PeakG, e.SpeedMPS)
	copy(a.lastHits[1:], a.lastHits[:3])
	a.lastHits[0] = e.Time.UnixMilli()
	a.firstHit = firstOf(a.firstHit, e.Time.UnixMilli())
	if len(a.imprints) < mostImprints {
		if i, ok := newImprint(&e.Event); ok {
			a.imprints = append(slices.Clip(a.imprints), i)
		}
	}
	a.shadow = !e.unpaired && s.ridesAlong(e.Device, a)
	if e.Time.Before(s.FirstAt) {
		s.FirstAt = e.Time
	}
	if e.Time.After(s.LastAt) {
		s.LastAt = e.Time
	}
}

// ridesAlong says whether the device has only ever felt this place together with another: the same car.
func (s *site) ridesAlong(device string, a *account) bool {
	for _, d := range s.order {
		if b := s.accounts[d]; d != device && b.hits > 0 && !b.shadow && a.rides(b) {
			return true
		}
	}
	return false
}

// miss adds a smooth pass to its device's account.
func (s *site) miss(e *arrival) {
	a := s.account(e.Device)
	a.touch(e.Time)
	a.misses++
}

func (a *account) touch(t time.Time) {
	if a.first.IsZero() || t.Before(a.first) {
		a.first = t
	}
	if t.After(a.last) {
		a.last = t
	}
}

// locate estimates position, heading and uncertainty anew from the accounts, where positions lag so many metres behind.
func (s *site) locate(lag float64) {
	spots := make([]spot, 0, len(s.order))
	for _, d := range s.order {
		if p, ok := s.accounts[d].spot(); ok {
			spots = append(spots, p)
		}
	}
	if len(spots) == 0 {
		return
	}
	east, north, weight := centre(spots)
	s.UncertaintyM = math.Sqrt(1 / weight)
	s.HeadingDeg = nil
	if sin, cos, ok := direction(spots); ok {
		h := math.Mod(math.Atan2(sin, cos)*180/math.Pi+360, 360)
		s.HeadingDeg = &h
		east, north = east+lag*sin, north+lag*cos
	}
	p := shift(s.anchor, east, north)
	s.Lon, s.Lat = p[0], p[1]
	if cell, err := geo.FineCell(s.Lat, s.Lon); err == nil {
		s.Cell, s.Region = cell, geo.Region(cell)
	}
}

// distance is how far the event lies from the place in metres, where positions lag so many behind, or false where its direction is another.
func (s *site) distance(e *arrival, lag float64) (float64, bool) {
	if e.HeadingDeg != nil && s.HeadingDeg != nil && geo.HeadingDiff(*e.HeadingDeg, *s.HeadingDeg) > headingGate {
		return 0, false
	}
	east, north := offset(orb.Point{e.Lon, e.Lat}, s.point())
	if s.HeadingDeg != nil { // else the place lies where it was felt
		sin, cos := math.Sincos(*s.HeadingDeg * math.Pi / 180)
		east, north = east-lag*sin, north-lag*cos
	}
	return math.Hypot(east, north), true
}

// merge takes over the accounts of another place that turned out to be the same.
func (s *site) merge(o *site) {
	east, north := offset(s.anchor, o.anchor)
	for _, d := range o.order {
		from := o.accounts[d]
		a := s.add(d, from)
		a.east += east * from.precision
		a.north += north * from.precision
	}
	if o.FirstAt.Before(s.FirstAt) {
		s.FirstAt = o.FirstAt
	}
	if o.LastAt.After(s.LastAt) {
		s.LastAt = o.LastAt
	}
	s.dirty = true
	s.shown = s.shown || o.shown
	s.poll.add(o.poll)
	s.came = math.Min(s.came, o.came)
	s.countAll(o.days)
}

// add takes over what a device has said, beside what it has said here.
func (s *site) add(device string, from *account) *account {
	a := s.account(device)
	if a.hits+a.misses == 0 {
		*a = *from
	} else {
		a.join(from)
	}
	return a
}

// join adds another account of the same device, whose offsets count from the same anchor.
func (a *account) join(b *account) {
	a.touch(b.first)
	a.touch(b.last)
	a.hits += b.hits
	a.misses += b.misses
	a.east += b.east
	a.north += b.north
	a.precision += b.precision
	a.sin += b.sin
	a.cos += b.cos
	for i := range a.plain {
		a.plain[i] += b.plain[i]
		a.wave[i] += b.wave[i]
	}
	for i, v := range b.plainShape {
		a.plainShape[i] += v
	}
	for i, v := range b.waveShape {
		a.waveShape[i] += v
	}
	a.waves += b.waves
	a.drops += b.drops
	a.slow += b.slow
	a.roughness += b.roughness
	a.shadow = a.shadow && b.shadow
	if b.alone != notKnown && a.alone != onDrive {
		a.alone = b.alone
	}
	a.copied = a.copied.join(b.copied)
	imprints := append(slices.Clone(a.imprints), b.imprints...)
	slices.SortFunc(imprints, func(x, y imprint) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.lat, y.lat), cmp.Compare(x.lon, y.lon))
	})
	a.imprints = imprints[:min(len(imprints), mostImprints)]
	a.firstHit = firstOf(a.firstHit, b.firstHit)
	times := append(slices.Clone(a.lastHits[:]), b.lastHits[:]...)
	slices.SortFunc(times, func(x, y int64) int { return cmp.Compare(y, x) })
	copy(a.lastHits[:], times)
}

// story adds a step.
func (s *site) story(at time.Time, kind StepKind, words StepWords) {
	s.stepCount++
	s.steps = append(s.steps, Step{N: s.stepCount, At: at, Kind: kind, Words: words})
	s.dirty = true
}

// estimate is the part of a site that has no column.
func (s *site) estimate() []byte {
	return doubles(s.estimated())
}

func (s *site) readEstimate(b []byte) error { return readDoubles(b, s.estimated()) }

func (s *site) estimated() []*float64 {
	fields := []*float64{&s.anchor[0], &s.anchor[1], &s.lie}
	for i := range s.structure {
		fields = append(fields, &s.structure[i])
	}
	return fields
}

const metresPerDegree = 111319.49 // of latitude, WGS 84 mean sphere

// offset returns how far b lies east and north of a, in metres; good over the few hundred metres of a place.
func offset(a, b orb.Point) (east, north float64) {
	return (b[0] - a[0]) * metresPerDegree * math.Cos(a[1]*math.Pi/180), (b[1] - a[1]) * metresPerDegree
}

// shift is the inverse of offset.
func shift(p orb.Point, east, north float64) orb.Point {
	return orb.Point{p[0] + east/(metresPerDegree*math.Cos(p[1]*math.Pi/180)), p[1] + north/metresPerDegree}
}
