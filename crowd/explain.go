package crowd

import (
	"math"

	"github.com/streetpulse/streetpulse/geo"
)

// Explanation says why a place is believed to be what it is, and what would change that. It holds counts only: no device and no
// time can be recognised in it. The one that stands with a promotion never changes.
type Explanation struct {
	Class       Class    `json:"class"`
	Probability float64  `json:"probability"` // of Class
	Line        float64  `json:"line"`        // the probability from which a place becomes work
	Belief      Belief   `json:"belief"`
	Devices     int      `json:"devices"` // independent ones that felt it
	Passes      int      `json:"passes"`  // smooth ones
	Reasons     []Reason `json:"reasons"`
	Changes     []Change `json:"changes"`
}

// Reason is one thing the belief in a place rests on, for people to read: "7 of 11 passes felt it".
type Reason struct {
	Kind ReasonKind `json:"kind"`
	N    int        `json:"n"`
	Of   int        `json:"of,omitempty"`
}

// ReasonKind names a Reason.
type ReasonKind string

const (
	ReasonFelt      ReasonKind = "felt"          // N independent devices felt a jolt, Of that passed in all
	ReasonDrop      ReasonKind = "drop_first"    // N of Of waveforms begin with a drop, as a hole's do
	ReasonOneWay    ReasonKind = "one_way"       // N of Of jolts in one direction of travel
	ReasonBothWays  ReasonKind = "both_ways"     // devices that drive the other way feel something there too
	ReasonCame      ReasonKind = "came"          // cars drove past for a while before anybody felt it
	ReasonSlow      ReasonKind = "slow"          // N of Of jolts at walking pace: people slow down for it
	ReasonNoSlow    ReasonKind = "no_slow_down"  // none of Of jolts was at walking pace
	ReasonRecent    ReasonKind = "smooth_since"  // N devices passed smoothly since the last jolt
	ReasonSameCar   ReasonKind = "same_car"      // N of Of devices always came together with another and do not count
	ReasonUntrusted ReasonKind = "untrusted"     // N of Of devices are new or doubted and weigh little
	ReasonKnown     ReasonKind = "known_thing"   // N things that shake cars and belong there are on record beside it
	ReasonCase      ReasonKind = "reported_case" // N pothole cases of a 311 system were open beside it
)

// evident is from how many nats on people are told that a place has come.
const evident = 2.0

// fewJolts is how many places a device has felt while it still counts as new.
const fewJolts = 3

// explain says why the place is believed, and what would change it. The place stays as it is. around are the cells
// that hold what lies about it.
func (m *mind) explain(s *site, around []geo.Cell) Explanation {
	e := Explanation{Class: s.Class, Probability: round(s.Belief.Of(s.Class), 4), Line: round(m.line.probability, 4),
		Devices: s.Devices, Passes: s.Passes, Reasons: m.reasons(s, around), Changes: m.changes(s, around)}
	for c, p := range s.Belief {
		e.Belief[c] = round(p, 4)
	}
	return e
}

// said sums up what a place's devices have said, for people.
type said struct {
	passed, felt, same, doubted, since int // devices
	jolts, waves, drops, slow          int
	sin, cos                           float64
}

func (m *mind) said(s *site) said {
	var t said
	for _, d := range s.order {
		a := s.accounts[d]
		if a.shadow {
			if a.hits > 0 {
				t.same++
			}
			continue
		}
		t.passed++
		if a.hits > 0 {
			t.felt++
		} else if a.last.After(s.LastAt) {
			t.since++
		}
		t.jolts, t.waves, t.drops, t.slow = t.jolts+a.hits, t.waves+a.waves, t.drops+a.drops, t.slow+a.slow
		t.sin, t.cos = t.sin+a.sin, t.cos+a.cos
		if o := m.trust.of(d); !isSealed(d) && (o.liar > 0.5 || o.jolts < fewJolts) {
			t.doubted++
		}
	}
	return t
}

// reasons lists what the belief rests on.
func (m *mind) reasons(s *site, around []geo.Cell) []Reason {
	t := m.said(s)
	reasons := []Reason{{ReasonFelt, t.felt, t.passed}}
	add := func(holds bool, kind ReasonKind, n, of int) {
		if holds {
			reasons = append(reasons, Reason{kind, n, of})
		}
	}
	opposite := s.HeadingDeg != nil && m.feltOpposite(s, around)
	add(t.waves > 0, ReasonDrop, t.drops, t.waves)
	add(opposite, ReasonBothWays, 1, 0)
	add(!opposite && t.jolts > 2 && math.Hypot(t.sin, t.cos) > 0.8*float64(t.jolts), ReasonOneWay, t.oneWay(), t.jolts)
	add(s.came > evident, ReasonCame, 1, 0)
	add(t.jolts > 2 && t.slow*2 > t.jolts, ReasonSlow, t.slow, t.jolts)
	add(t.jolts > 2 && t.slow == 0, ReasonNoSlow, 0, t.jolts)
	add(t.since > 0, ReasonRecent, t.since, 0)
	furniture, cases := m.beside(s, around)
	add(furniture > 0, ReasonKnown, furniture, 0)
	add(cases > 0, ReasonCase, cases, 0)
	add(t.same > 0, ReasonSameCar, t.same, t.felt+t.same)
	add(t.doubted > 0, ReasonUntrusted, t.doubted, t.passed)
	return reasons
}

// oneWay is how many of the jolts were in the direction of most. The headings are kept as the sum of their vectors alone, in which each jolt
// the other way takes one away.
func (t said) oneWay() int {
	return int(math.Round((float64(t.jolts) + math.Hypot(t.sin, t.cos)) / 2))
}

// beside counts the things and cases on record that bear on the place.
func (m *mind) beside(s *site, around []geo.Cell) (furniture, cases int) {
	things, reports := m.cache.known.around(around)
	for _, f := range things {
		if knownWeight(s.point(), f.point) > 0 {
			furniture++
		}
	}
	for _, c := range reports {
		if knownPrior(s.point(), s.HeadingDeg, s.LastAt, nil, []knownCase{c})[0] > 0 {
			cases++
		}
	}
	return furniture, cases
}
