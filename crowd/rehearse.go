package crowd

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Rehearsal judges events in memory, with no database: what an Engine would make of them. It is what rebuild compares
// with, and what the model is tried on.
type Rehearsal struct {
	*mind
	epoch     int64
	began     int64 // the first epoch; 0: none yet
	fresh     bool  // something was judged since learning last looked
	confirmed []Confirmation
	without   Defence
	copies    *copies
}

// NewRehearsal returns an empty one, with every defence but those given.
func NewRehearsal(rules Rules, without ...Defence) (*Rehearsal, error) {
	reader, err := StandardClassifier()
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{mind: newMind(reader, rules), copies: newCopies()}
	for _, d := range without {
		r.without |= d
	}
	return r, nil
}

// Judge judges one event. Events come in the order of judgement; received is the clock of decisions.
func (r *Rehearsal) Judge(device string, e wire.Event, received time.Time) error {
	e = asStored(e)
	cell, err := geo.FineCell(e.Lat, e.Lon)
	if err != nil {
		return fmt.Errorf("event %s of %s: %w", e.ID, device, err)
	}
	hour := epochOf(received)
	if r.began == 0 {
		r.began = hour
	}
	if r.epoch == 0 {
		r.epoch = hour
	} else if hour > r.epoch {
		r.pass(hour)
	}
	if start := epochStart(r.epoch); received.Before(start) {
		received = start
	}
	a := &arrival{Event: e, about: e.Place, Device: device, Received: received, Cell: cell, Region: geo.Region(cell),
		unpaired: r.without&SameCar != 0}
	a.survey()
	out := newOutcome()
	r.judge(a, out)
	r.confirmed = append(r.confirmed, out.confirms...)
	for _, s := range out.touched {
		s.stored = true
		r.fresh = true
		clear(s.changed)
	}
	return nil
}

// asStored is the event as the database gives it back: in single precision, and in thousandths of a g.
func asStored(e wire.Event) wire.Event {
	single := func(x float64) float64 { return float64(float32(x)) }
	e.AccuracyM, e.SpeedMPS, e.PeakG, e.DurationS, e.RateHz = single(e.AccuracyM), single(e.SpeedMPS), single(e.PeakG), single(e.DurationS), single(e.RateHz)
	if e.HeadingDeg != nil {
		h := single(*e.HeadingDeg)
		e.HeadingDeg = &h
	}
	e.Time = e.Time.Truncate(time.Microsecond)
	wave := make([]float32, len(e.WaveG))
	for i, g := range e.WaveG {
		wave[i] = float32(wire.MilliG(float64(g))) / 1000
	}
	e.WaveG = wave
	return e
}

// Verdict notes what a crew has found at a place. Where that is no pothole its order is dismissed.
func (r *Rehearsal) Verdict(place string, found Class, at time.Time) {
	d := decidedConfirmed
	if found != Pothole {
		d = decidedDismissed
	}
	r.decide(place, d, found, at)
}

// site returns a place, or nil.
func (r *Rehearsal) site(id string) *site {
	for _, shelf := range r.cache.regions {
		if s := shelf.sites[id]; s != nil {
			return s
		}
	}
	return nil
}

// fade is what the function of this name does in the database.
func (r *Rehearsal) fade(from, to time.Time) {
	const day = 24 * time.Hour
	for at := from.Truncate(day).Add(day); !at.After(to); at = at.Add(day) {
		for _, shelf := range r.cache.regions {
			for _, s := range shelf.sites {
				if s.State == Suspected && s.LastAt.Before(at.Add(-fadeAfter)) {
					s.enter(Faded, at)
					s.story(at, StepFaded, StepWords{})
					r.fresh = true
				}
			}
		}
	}
}

// pass moves to another epoch, as an Engine does.
func (r *Rehearsal) pass(hour int64) {
	defer r.fade(epochStart(r.epoch), epochStart(hour))
	if lesson(r.began, hour) != lesson(r.began, r.epoch) && r.fresh {
		var nodes []*node
		for _, shelf := range r.cache.regions {
			for _, s := range shelf.sites {
				if n := s.node(); n.teaches() {
					nodes = append(nodes, n)
				}
			}
		}
		slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.id, b.id) })
		if r.without&Drives == 0 {
			r.cache.note(drives(nodes))
		}
		if r.without&Copies == 0 {
			r.cache.note(r.copies.study(nodes))
		}
		r.cache.noteCame(r.learnAfresh(nodes))
		r.forget()
		r.fresh = false
	}
	r.epoch = hour
}

// node is the site as learning sees it.
func (s *site) node() *node {
	n := &node{id: s.ID, at: s.point(), anchor: s.anchor, structure: s.structure, lie: s.lie, came: s.came, verdict: s.verdict, repaired: !s.repairedAt.IsZero(),
		faded:  s.State == Faded && s.repairedAt.IsZero(),
		voices: make([]voice, 0, len(s.order))}
	for _, d := range s.order {
		if a := s.accounts[d]; !a.shadow {
			n.voices = append(n.voices, a.voice(d))
		}
	}
	return n
}

// Confirmed lists the places that crossed the line, in order.
func (r *Rehearsal) Confirmed() []Confirmation { return r.confirmed }

// Places lists every place as it stands, by name.
func (r *Rehearsal) Places() []Place {
	var out []Place
	for _, region := range slices.Sorted(maps.Keys(r.cache.regions)) {
		for _, s := range r.cache.regions[region].sites {
			out = append(out, s.Place)
		}
	}
	slices.SortFunc(out, func(a, b Place) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
