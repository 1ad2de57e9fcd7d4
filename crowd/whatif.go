package crowd

import (
	"fmt"
	"maps"
	"slices"

	"github.com/streetpulse/streetpulse/geo"
)

// Change is one thing that would change what is believed of a place.
type Change struct {
	Kind ChangeKind `json:"kind"`
	N    int        `json:"n,omitempty"`    // of what the kind says; about, as the next drivers may be other than those before
	Of   int        `json:"of,omitempty"`   // of how many
	More bool       `json:"more,omitempty"` // N would not be enough, and more were not tried
}

// ChangeKind names a Change.
type ChangeKind string

const (
	ChangeBelow    ChangeKind = "smooth_passes"     // N more devices that pass smoothly bring it below the line
	ChangeIsBelow  ChangeKind = "below_line"        // it is below the line by now; its order stands until a crew has looked
	ChangeNotThere ChangeKind = "crew_not_there"    // a crew that finds nothing settles it at once
	ChangeConfirm  ChangeKind = "jolts"             // N more independent devices that feel what the others felt confirm it
	ChangeReview   ChangeKind = "jolts_to_review"   // or put it before a dispatcher
	ChangeNever    ChangeKind = "not_by_jolts"      // more jolts like these do not make it work: it is of another kind
	ChangeDevices  ChangeKind = "missing_devices"   // N of the Of independent devices that are needed are missing
	ChangePosition ChangeKind = "missing_position"  // its position is known to N metres, Of are needed
	ChangeCertain  ChangeKind = "missing_certainty" // it is probable to N per cent, Of are needed
	ChangeBeside   ChangeKind = "order_beside"      // an order stands for something beside it that may be the same
	ChangeVerify   ChangeKind = "verify"            // N more devices that pass smoothly verify the repair
	ChangeReopen   ChangeKind = "reopen"            // N more devices that feel it reopen it
	ChangeSettled  ChangeKind = "settled"           // a person has settled it, and only a person changes that
)

// trials lists how many further devices are tried, and no more: what is said is "about" so many anyway.
func trials() []int {
	return []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 50, 60}
}

// changes says what would change what is believed of the place, by judging what further devices might say on a copy.
func (m *mind) changes(s *site, around []geo.Cell) []Change {
	switch {
	case s.State == Dismissed:
		return []Change{{Kind: ChangeSettled}}
	case !s.repairedAt.IsZero():
		return m.repairChanges(s)
	case s.State == Confirmed:
		return m.confirmedChanges(s, around)
	}
	return m.suspectedChanges(s, around)
}

// confirmedChanges says what would bring a place that is work below the line.
func (m *mind) confirmedChanges(s *site, around []geo.Cell) []Change {
	below := func(c *site) bool {
		return c.Class != s.Class || c.Belief.Of(s.Class) < m.line.probability
	}
	notThere := Change{Kind: ChangeNotThere, N: 1}
	if below(s) {
		return []Change{{Kind: ChangeIsBelow}, notThere}
	}
	t := m.imagine(s)
	defer t.forget()
	n, found := t.until(func() { t.miss() }, func() bool {
		m.weigh(t.site, around)
		return below(t.site)
	})
	return []Change{{Kind: ChangeBelow, N: n, More: !found}, notThere}
}

// suspectedChanges says what a place lacks until it is work.
func (m *mind) suspectedChanges(s *site, around []geo.Cell) []Change {
	var out []Change
	t := m.imagine(s)
	defer t.forget()
	crossed := false
	n, found := t.until(func() { t.hit() }, func() bool {
		t.site.locate(m.trust.lag)
		crossed = m.line.crossed(t.site, m.weigh(t.site, around))
		return crossed && m.line.becomes(t.site) != ""
	})
	switch {
	case found && m.line.becomes(t.site) == ChangeConfirm && m.orderedBeside(t.site, around):
		out = append(out, Change{Kind: ChangeBeside})
	case found:
		out = append(out, Change{Kind: m.line.becomes(t.site), N: n})
	case crossed:
		out = append(out, Change{Kind: ChangeNever})
	default:
		out = append(out, Change{Kind: ChangeConfirm, N: n, More: true})
	}
	if missing := m.line.devices - s.witnesses(); missing > 0 {
		out = append(out, Change{Kind: ChangeDevices, N: missing, Of: m.line.devices})
	}
	if s.UncertaintyM > m.line.uncertainty {
		out = append(out, Change{Kind: ChangePosition, N: int(s.UncertaintyM + 0.999), Of: int(m.line.uncertainty)})
	}
	if p := s.Belief.Of(s.Class); p < m.line.probability {
		out = append(out, Change{Kind: ChangeCertain, N: int(p * 100), Of: int(m.line.probability*100 + 0.5)})
	}
	return out
}

// repairChanges says what traffic would have to say of a repaired place.
func (m *mind) repairChanges(s *site) []Change {
	var out []Change
	if felt, _ := m.sinceRepair(s); felt == 0 && s.State == Confirmed {
		t := m.imagine(s)
		n, found := t.until(func() { t.miss() }, func() bool {
			felt, smooth := m.sinceRepair(t.site)
			return m.holds(t.site, felt, smooth)
		})
		t.forget()
		out = append(out, Change{Kind: ChangeVerify, N: n, More: !found})
	}
	t := m.imagine(s)
	defer t.forget()
	n, found := t.until(func() { t.hit() }, func() bool {
		felt, _ := m.sinceRepair(t.site)
		return m.breaks(t.site, felt)
	})
	return append(out, Change{Kind: ChangeReopen, N: n, More: !found})
}

// trial is a copy of a place at which devices that do not exist say more.
type trial struct {
	mind *mind
	site *site
	like account  // what a device that feels the place says
	done []string // the devices
}

// imagine copies the place. Those who come are neither new nor doubted: they know as many places as is usual here.
func (m *mind) imagine(s *site) *trial {
	c := *s
	c.accounts, c.order, c.changed, c.steps = maps.Clone(s.accounts), slices.Clone(s.order), map[string]bool{}, nil
	return &trial{mind: m, site: &c, like: m.likeness(s)}
}

// likeness is the account of one jolt that is as those at the place are on average, without an accent.
func (m *mind) likeness(s *site) account {
	var sum account
	for _, d := range s.order {
		if a := *s.accounts[d]; a.hits > 0 && !a.shadow {
			a.speakPlainly(m.trust.of(d).accent)
			sum.join(&a)
		}
	}
	one := account{hits: 1, alone: notKnown, precision: 1.0 / 25}
	if sum.hits > 0 {
		n := float64(sum.hits)
		one.precision, one.roughness = sum.precision/n, sum.roughness/n
		one.sin, one.cos = sum.sin/n, sum.cos/n
		if sum.waves*2 >= sum.hits {
			one.waves = 1
			for i, v := range sum.wave {
				one.wave[i] = v / float64(sum.waves)
			}
			for i, v := range sum.waveShape {
				one.waveShape[i] = v / float32(sum.waves)
			}
		} else {
			for i, v := range sum.plain {
				one.plain[i] = v / float64(sum.hits-sum.waves)
			}
			for i, v := range sum.plainShape {
				one.plainShape[i] = v / float32(sum.hits-sum.waves)
			}
		}
	}
	east, north := offset(s.anchor, s.point())
	one.east, one.north = east*one.precision, north*one.precision
	return one
}

// until adds devices, one or some at a time, until what is asked holds, and returns how many that took; not found where
// all that are tried are too few.
func (t *trial) until(add func(), holds func() bool) (n int, found bool) {
	for _, goal := range trials() {
		for ; n < goal; n++ {
			add()
		}
		if holds() {
			return n, true
		}
	}
	return n, false
}

func (t *trial) hit()  { *t.voice() = t.like }
func (t *trial) miss() { *t.voice() = account{misses: 1, alone: notKnown} }

// voice returns the account of another device. No real one can have its name.
func (t *trial) voice() *account {
	name := fmt.Sprintf("?%03d", len(t.done))
	t.done = append(t.done, name)
	typical := t.mind.trust.typical
	t.mind.trust.opinions[name] = newOpinion(repute{standing{
		sensitivity: 1, jolts: typical, agreed: typical, invented: typical * t.mind.trust.usual, ring: noRing}, &t.mind.trust.lessons})
	return t.site.account(name)
}

// forget takes the devices out of what is known.
func (t *trial) forget() {
	for _, name := range t.done {
		delete(t.mind.trust.opinions, name)
	}
}
