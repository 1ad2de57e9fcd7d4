package crowd

import (
	"maps"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// standing is what is known of a device, beside what is known of all.
type standing struct {
	sensitivity float64 // how often it feels what others feel; 1 is usual
	jolts       float64 // places that it felt
	invented    float64 // of them places that seem made up
	agreed      float64 // of them places that others felt too
	ring        float64 // log odds that it belongs to those who make things up together
	accent      *accent // nil: none is known
}

// lessons are what a city has taught of all its devices and places.
type lessons struct {
	usual    float64         // share of all jolts that seem made up
	alone    float64         // share of honest jolts that are on no drive of their device
	typical  float64         // places where the device agreed that felt a jolt somewhere
	stranger float64         // log odds that a device of which nothing is known belongs to those who make things up together
	dialect  accent          // how jolts differ here from those that training knows
	likeness [2]discriminant // what the classes look like here, without and with a waveform
	lent     float64         // log odds for a pothole against a casting, so that there are enough of them: see hearBalance
	blur     float64         // how far positions err, as a share of what phones say
	lag      float64         // how far they are behind the wheels, metres
	copies   copyLessons     // how often waveforms are alike here
	earning  bool            // devices can have earned trust; it is known while lessons are worked out, typical says so afterwards
}

// repute is what is known of one device, with what it is measured by.
type repute struct {
	standing
	*lessons
}

// Opinions before anything is known.
const (
	usualInvented = 0.03
	usualAlone    = 0.1
)

// Opinions of all devices or cities count for so much when it comes to one.
const (
	weightOfUsual = 6.0 // jolts, of how many a device makes up
	weightOfFelt  = 6.0 // answers, of how sensitive it is
)

// falseShare is the share of the device's jolts that are made up, going by all places but one where it seems to be so with
// the probability lie.
func (r repute) falseShare(lie float64) float64 {
	others := math.Max(0, r.jolts-1)
	return (r.usual*weightOfUsual + clamp(r.invented-lie, 0, others)) / (weightOfUsual + others)
}

// caution is the log odds that a place is made up where devices can have earned trust, against a city that knows nobody yet: there, those
// who have earned none are suspect.
func (l *lessons) caution() float64 {
	if l.earning || l.typical > acquainted {
		return 3
	}
	return 0
}

// acquainted is how many places a device has spoken of with others, typically, in a city where devices can have earned trust.
const acquainted = 2.0

// opinion is what follows from what is known of a device for the weight of its word.
type opinion struct {
	repute
	sense            int     // its sensitivity in steps
	liar             float64 // from 0 to 1: how much more of its jolts seem made up than is usual
	candour          float64 // log odds that a smooth pass comes from a device that makes things up, against any device's
	rare             float64 // log odds that a jolt is made up, for how little it drives
	usualOdds        float64 // log odds of what is usual
	driven, undriven float64 // log odds that a jolt on a drive, or on none, is made up
	copied           copyOdds
}

func newOpinion(r repute) *opinion {
	const lieAlone = 0.6 // share of what is made up that is on no drive: a guess
	share := r.falseShare(0)
	return &opinion{
		repute: r, sense: sense(r.sensitivity), liar: math.Max(clamp((share-r.usual)/0.2, 0, 1), 1/(1+math.Exp(-r.ring))),
		candour:   math.Log(1-clamp(share, 0, 0.9)) - math.Log(1-r.usual),
		rare:      clamp(math.Log((r.typical+3)/(r.agreed+3)), -0.7, 1.2),
		usualOdds: math.Log(r.usual / (1 - r.usual)),
		driven:    math.Log((1 - lieAlone) / (1 - r.alone)), undriven: math.Log(lieAlone / r.alone),
		copied: r.copies.odds(),
	}
}

// collusion is the log odds that a jolt of the device is made up, against that of any device, at a place that seems so with
// the probability lie: no place is held against those who felt it. Whoever drives little and yet felt this place is
// likelier to have been sent there.
func (o *opinion) collusion(lie float64) float64 {
	f := clamp(o.falseShare(lie), 0.003, 0.95)
	return clamp(math.Log(f/(1-f))-o.usualOdds+o.rare, -3, 3)
}

// trust is what the last epoch knew.
type trust struct {
	epoch   int64
	devices map[string]standing
	lessons
	opinions map[string]*opinion // of devices, as long as nothing new is known
	accents  map[string]*accent  // while learning
}

func newTrust(c *Classifier) *trust {
	t := &trust{devices: map[string]standing{}, opinions: map[string]*opinion{}, lessons: lessons{usual: usualInvented, alone: usualAlone, stranger: noRing, blur: usualBlur, copies: usualCopies()}}
	for kind, r := range []*Reader{&c.Plain, &c.Wave} {
		t.likeness[kind] = r.Likeness.learnt(&gathered{})
	}
	return t
}

// of returns the opinion of a device.
func (t *trust) of(device string) *opinion {
	if o := t.opinions[device]; o != nil {
		return o
	}
	s, ok := t.devices[device]
	if !ok {
		s.sensitivity, s.ring, s.accent = 1, t.stranger, t.accents[device]
	}
	o := newOpinion(repute{s, &t.lessons})
	t.opinions[device] = o
	return o
}

// all returns the opinions of the devices.
func (t *trust) all(devices []string) []*opinion {
	opinions := make([]*opinion, len(devices))
	for i, d := range devices {
		opinions[i] = t.of(d)
	}
	return opinions
}

// node is a place as learning sees it.
type node struct {
	id        string
	at        orb.Point
	anchor    orb.Point // from which spots count
	wide      float64   // probability that it is a joint or a rail, while learning
	structure [numCauses]float64
	looks     [2]looks
	lie       float64            // probability that it is made up, when it was last judged
	read      [numCauses]float64 // log weight of each cause, by training and structure, while learning
	voices    []voice            // by device
	change    change             // whether it came or went, by when it was felt, while learning
	came      float64            // what is stored of that
	verdict   Class              // what a crew has found there; empty: none has been
	repaired  bool               // what it was is settled, and what it is now is another question
	faded     bool               // nobody has felt it for long: learning costs what is there, and not what ever was
}

// teaches says whether learning looks at the place: what was repaired is another question now, unless a crew has said what it was.
func (n *node) teaches() bool { return !n.faded && (!n.repaired || n.verdict != "") }

// voice is what one device said at a place.
type voice struct {
	device       string
	number       int // of the device, while learning
	hits, misses int
	alone        lonely
	copied       copied
	imprints     []imprint
	first, last  int64     // when it spoke, Unix milliseconds
	times        [4]int64  // of its newest jolts
	firstJolt    int64     // 0: none
	spot         spot      // where it felt them
	felt         bool      // any
	said         [2]*Shape // what they are like, without and with a waveform; nil: there are none
}

// voice is what the account says, as learning hears it.
func (a *account) voice(device string) voice {
	v := voice{device: device, hits: a.hits, misses: a.misses, alone: a.alone, copied: a.copied, imprints: a.imprints, times: a.lastHits, firstJolt: a.firstHit, first: a.first.UnixMilli(), last: a.last.UnixMilli()}
	v.spot, v.felt = a.spot()
	for kind := range v.said {
		if s, ok := a.said(kind); ok {
			v.said[kind] = &s
		}
	}
	return v
}

// heardWell is how many devices' mean shape is near the place's own.
const heardWell = 2.5

// heardWell says whether enough devices have told what is felt there.
func (n *node) heardWell() bool {
	return n.looks[0].count >= heardWell || n.looks[1].count >= heardWell
}

// sums is what learning adds up of one device.
type sums struct {
	jolts, invented, expected, felt, agreed float64
	heard                                   bool
}

// learning adds up what all places say.
type learning struct {
	devices []sums  // by number
	alone   float64 // jolts on things across the road that are on no drive
	heard   float64 // and all of them
	shapes  [2]gathered
	balance balance
	apart   float64 // squares of how far devices feel things apart, in standard errors by what phones say
	spots   float64 // and how many those are worth
	made    copying // imprints of what is made up
	there   copying // and of what is there
}

func (s *sums) merge(o *sums) {
	s.jolts += o.jolts
	s.invented += o.invented
	s.expected += o.expected
	s.felt += o.felt
	s.agreed += o.agreed
	s.heard = s.heard || o.heard
}

func (l *learning) merge(o *learning) {
	for i := range l.devices {
		l.devices[i].merge(&o.devices[i])
	}
	l.alone += o.alone
	l.heard += o.heard
	for kind := range l.shapes {
		l.shapes[kind].merge(&o.shapes[kind])
	}
	l.balance.add(&o.balance)
	l.apart += o.apart
	l.spots += o.spots
	l.made.merge(&o.made)
	l.there.merge(&o.there)
}

// learn works out anew what is known of devices and of what the classes look like from all places: how likely each place
// is real, given what was known so far, and what follows for the devices that speak there, in turn (expectation and
// maximisation). The places come in the order of their names.
// speakers has numbered the devices.
func (m *mind) learn(nodes []*node, speakers []string) {
	const sweeps = 2
	for range sweeps {
		opinions := m.trust.all(speakers)
		var heard [parts]learning
		inParts(nodes, func(part, _ int, nodes []*node) {
			l := &heard[part]
			l.devices = make([]sums, len(speakers))
			for _, n := range nodes {
				m.hear(n, opinions, l)
			}
		})
		all := &heard[0]
		for part := range heard[1:] {
			all.merge(&heard[part+1])
		}
		m.conclusions(speakers, all)
	}
}

// speakers lists the devices that say anything anywhere, by name, and notes each one's number.
func speakers(nodes []*node) []string {
	numbers := map[string]int{}
	for _, n := range nodes {
		for i := range n.voices {
			numbers[n.voices[i].device] = 0
		}
	}
	names := slices.Sorted(maps.Keys(numbers))
	for i, d := range names {
		numbers[d] = i
	}
	for _, n := range nodes {
		for i := range n.voices {
			n.voices[i].number = numbers[n.voices[i].device]
		}
	}
	return names
}

// tally sums what the devices at a place say.
func (m *mind) tally(n *node, opinions []*opinion) tally {
	var t tally
	for i := range n.voices {
		v := &n.voices[i]
		m.model.add(&t, v.hits, v.misses, v.alone, v.copied, n.lie, opinions[v.number])
	}
	t.scattered = scattered(n.spots(), m.trust.blur)
	return t
}

// spots is where devices feel the place.
func (n *node) spots() []spot {
	spots := make([]spot, 0, len(n.voices))
	for i := range n.voices {
		if v := &n.voices[i]; v.felt {
			spots = append(spots, v.spot)
		}
	}
	return spots
}

// causes returns how likely each cause of a place is, going by what is known of its devices and classes.
func (m *mind) causes(n *node, opinions []*opinion) (tally, [numCauses]float64) {
	t := m.tally(n, opinions)
	fixed := n.read
	m.liken(&fixed, &n.looks)
	return t, normalise(m.model.weigh(&t, &fixed))
}

// hear adds up what one place says.
func (m *mind) hear(n *node, opinions []*opinion, l *learning) {
	t, causes := m.causes(n, opinions)
	weight := 1.0
	if n.verdict != "" {
		causes, weight = settle(causes, n.verdict), verdictWeight
	}
	var looksLike [NumClasses]float64 // nobody knows what is made up to look like
	copy(looksLike[:], causes[:numReal])
	looksLike[NumClasses-1] = causes[noise]
	for c := range looksLike {
		looksLike[c] *= weight
	}
	if n.heardWell() {
		l.balance.count(&causes, n.verdict)
	}
	for kind := range n.looks {
		if n.looks[kind].count >= heardWell {
			l.shapes[kind].add(&n.looks[kind].shape, features(kind)+dims, &looksLike)
		}
	}
	if n.repaired { // what is said there now is said of the repair
		return
	}
	if spots := n.spots(); causes[noise] < 0.1 && len(spots) >= fewSpots {
		const farthest = 4.0 // standard errors
		if deviations(spots, 1, func(z, _ float64) { l.apart += math.Min(z*z, farthest*farthest) }) {
			l.spots += float64(len(spots) - 1)
		}
	}
	rate := m.model.rate(&t, &causes)
	real := math.Max(0, 1-causes[noise]-causes[invented])
	wide := causes[2] + causes[3] + causes[4]
	for i := range n.voices {
		v := &n.voices[i]
		s := &l.devices[v.number]
		s.heard = true
		if v.copied.imprints > 0 {
			l.made.add(v.copied, causes[invented])
			l.there.add(v.copied, real)
		}
		if v.hits > 0 && v.alone != notKnown && wide > 0.9 {
			l.heard++
			if v.alone == onNoDrive {
				l.alone++
			}
		}
		if v.hits > 0 && len(n.voices) > 1 {
			s.jolts++
			s.invented += causes[invented]
			s.agreed += real
		}
		if real > 0.5 && len(n.voices) > 3 {
			h, k := m.model.effective(v.hits), m.model.effective(v.misses)
			s.expected += real * rate * (h + k)
			s.felt += real * h
		}
	}
}

// conclusions makes what was added up into what is known.
func (m *mind) conclusions(speakers []string, l *learning) {
	const (
		before      = 100 // jolts that the opinion before anything is known is worth
		aloneBefore = 20  // and that on those that are on no drive
	)
	jolts, lies, agreed, logs := float64(before), before*usualInvented, 1.0, math.Log(3)
	for i, d := range speakers {
		s := &l.devices[i]
		if !s.heard {
			continue
		}
		jolts += s.jolts
		lies += s.invented
		agreed += s.agreed
		logs += s.agreed * math.Log(s.agreed+3)
		m.trust.devices[d] = standing{
			sensitivity: clamp((s.felt+weightOfFelt)/(s.expected+weightOfFelt), 0.1, 1.4),
			jolts:       s.jolts, invented: s.invented, agreed: s.agreed, ring: m.trust.of(d).ring, accent: m.trust.of(d).accent,
		}
	}
	m.trust.hearBalance(&l.balance)
	clear(m.trust.opinions)
	m.trust.usual = clamp(lies/jolts, 0.01, 0.9)
	m.trust.typical = math.Exp(logs/agreed) - 3
	m.trust.alone = clamp((aloneBefore*usualAlone+l.alone)/(aloneBefore+l.heard), 0.01, 0.6)
	m.trust.blur = clamp(math.Sqrt((blurBefore*usualBlur*usualBlur+l.apart)/(blurBefore+l.spots)), 0.3, 2)
	m.trust.copies = l.copyLessons()
	for kind, reader := range []*Reader{&m.reader.Plain, &m.reader.Wave} {
		m.trust.likeness[kind] = reader.Likeness.learnt(&l.shapes[kind])
	}
}
