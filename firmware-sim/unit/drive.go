package unit

import (
	"math"
	"slices"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// Event is a jolt, or a watched place that was passed smoothly. What is not known is NaN.
type Event struct {
	At    float64 // s on the samples' clock
	Where detector.Place
	Jolt  *detector.Jolt // nil: a smooth pass. Its waveform is the event's own
	Watch string         // the watched place that a pass answers for

	drivenM float64 // when it happened
}

// Options are what a Drive is made of.
type Options struct {
	Detector  detector.Parameters
	WithholdM float64     // events nearer than this to the drive's beginning or end are never handed out, m; 0: all are
	Out       func(Event) // is handed each event once it may be sent
}

// Limits of what is believed and of what is done.
const (
	speedS     = 5.0   // a speed is worth nothing later, s
	stepM      = 4.0   // fixes closer than this are one position: a standing phone's wander is no driving
	worstFixM  = 100.0 // the server takes no worse accuracy
	fenceFixM  = 50.0  // a worse fix says neither where a drive began nor how far it has come
	movesMPS   = 1.5   // slower, the car stands
	parkedS    = 240.0 // a car that is known to have stood for so long is parked
	blindS     = 600.0 // so is one that has had no position for so long and does not stir, or for
	stirs      = 3     // times as long and does: no tunnel is that long
	unseenS    = 10.0  // samples that pause for longer: nobody knows what the car did meanwhile
	setBackS   = 1.0   // a clock that goes back further was set
	mostHeld   = 500   // events that wait for the car to leave them behind
	mostMPS    = 70.0  // no car is faster; the server refuses it
	joltsKnown = 32    // latest jolts that a smooth pass is held against
)

// Drive is one drive, from Start to parking. Make one with New. It is not safe for concurrent use.
type Drive struct {
	options  Options
	detector *detector.Detector
	track    detector.Track
	mount    mount
	watch    watch

	last, step detector.Fix // the newest good fix, and the one that the way was measured to
	placed     bool         // there was a good fix
	origin     detector.Fix // the first good one
	derived    float64      // m/s from the last two fixes
	now        float64      // newest sample, s
	stood      float64      // since the car last moved, as far as its speed was known, s
	blind      float64      // since its speed was last known, s; a third of it while it stirs
	began      bool
	drivenM    float64
	jolts      []float64 // times of the latest
	held       []Event
	state      State
}

// State is what a driver may see.
type State struct {
	Jolts    int     // felt on this drive
	Ignored  int     // felt while the holder was loose, or where no position was known: of these nothing is sent
	Withheld int     // felt too near to the drive's beginning or end
	Held     int     // events that may be sent once the car has left them behind
	Passes   int     // answers
	Mount    Mount   //
	DrivenM  float64 //
	Speed    float64 // m/s; NaN: not known
	Parked   bool    // the car has stood for minutes, as far as that can be told
}

// New begins a drive.
func New(o Options) *Drive {
	d := &Drive{options: o, derived: math.NaN()}
	d.track = detector.Track{LatencyS: o.Detector.FixLatencyS, AheadM: o.Detector.AheadM}
	d.detector = detector.New(o.Detector, d.felt)
	d.watch = newWatch()
	return d
}

// Sample takes one reading of the sensors. Its speed is ignored: the fixes tell.
func (d *Drive) Sample(s detector.Sample) {
	if d.began && s.T < d.now-setBackS {
		d.began, d.origin.T = false, math.Inf(-1)
	}
	if !d.began {
		d.began, d.now = true, s.T
	}
	dt := s.T - d.now
	d.now = s.T
	s.Speed = d.speed(s.T)
	d.mount.take(s)
	d.stand(s.Speed, dt)
	d.detector.Add(s)
	d.answer()
}

// stand tells how long the car has stood. A pause of the samples, as of a page in the background, and a tunnel are no standing.
func (d *Drive) stand(speed, dt float64) {
	switch {
	case dt > unseenS || speed > movesMPS:
		d.stood, d.blind = 0, 0
	case speed <= movesMPS:
		d.stood, d.blind = d.stood+dt, 0
	case d.mount.still():
		d.blind += dt
	default: // not known
		d.blind += dt / stirs
	}
}

// Fix takes a position as it is handed over, at the time of its T. One of unknown accuracy is none: no event could stand on it. One that is
// coarse, as a cell tower gives it, may place an event and counts for nothing else.
func (d *Drive) Fix(f detector.Fix) {
	if !(math.Abs(f.Lat) <= 90 && math.Abs(f.Lon) <= 180) || f.Lat == 0 && f.Lon == 0 || !(f.AcM > 0 && f.AcM <= worstFixM) || // false for NaN
		d.placed && f.T <= d.last.T && f.T > d.last.T-setBackS {
		return
	}
	coarse := f.AcM > fenceFixM
	if d.placed && f.T <= d.last.T {
		if coarse {
			return
		}
		d.track.Forget()
		d.jolts, d.watch.passing, d.last = nil, nil, f
		d.last.T -= 2 * speedS
	}
	d.track.Add(f)
	if coarse {
		return
	}
	if !d.placed {
		d.origin, d.step, d.placed = f, f, true
	} else {
		if dt := f.T - d.last.T; dt <= speedS {
			d.derived = detector.Metres(d.last, f) / dt
		} else {
			d.derived = math.NaN()
		}
		d.watch.pass(d, d.last, f)
	}
	if m := detector.Metres(d.step, f); m >= math.Max(stepM, f.AcM) {
		d.drivenM += m
		d.step = f
	}
	d.last = f
	d.release()
}

// speed is the speed as known at a time, m/s.
func (d *Drive) speed(t float64) float64 {
	switch {
	case !d.placed || t-d.last.T > speedS:
		return math.NaN()
	case d.last.Speed >= 0: // false for NaN
		return d.last.Speed
	}
	return d.derived
}

// felt takes a jolt from the detector.
func (d *Drive) felt(j detector.Jolt) {
	d.jolts = append(d.jolts, j.At)
	if len(d.jolts) > joltsKnown {
		d.jolts = d.jolts[1:]
	}
	where := d.track.Place(j.At)
	if math.IsNaN(where.Speed) {
		where.Speed = j.Speed
	}
	if d.mount.loose(j.At) || !sendable(where) {
		d.state.Ignored++
		return
	}
	d.state.Jolts++
	j.Wave = slices.Clone(j.Wave)
	d.hold(Event{At: j.At, Where: where, Jolt: &j})
}

// sendable says whether the server would take an event of this place.
func sendable(p detector.Place) bool {
	return p.AcM <= worstFixM && p.Speed >= 0 && p.Speed <= mostMPS // false for NaN
}

// hold keeps an event until the car has left it behind. Near the beginning, or before it is known where that was, it is gone at once.
func (d *Drive) hold(e Event) {
	if d.options.WithholdM > 0 && (!d.placed || e.At < d.origin.T || d.nearer(e, d.origin)) {
		d.withhold(e)
		return
	}
	e.drivenM = d.drivenM
	if len(d.held) == mostHeld { // a car that goes in circles
		d.withhold(d.held[0])
		d.held = slices.Delete(d.held, 0, 1)
	}
	d.held = append(d.held, e)
	d.release()
}

func (d *Drive) withhold(e Event) {
	if e.Jolt != nil {
		d.state.Withheld++
	}
}

// nearer says whether an event may lie within the withheld distance of a fix, as inaccurate as both are.
func (d *Drive) nearer(e Event, f detector.Fix) bool {
	at := detector.Fix{Lat: e.Where.Lat, Lon: e.Where.Lon}
	return d.options.WithholdM > 0 && detector.Metres(at, f)-e.Where.AcM-f.AcM < d.options.WithholdM
}

// release hands out what the car has left behind: it has both driven the withheld distance since and is so far away.
func (d *Drive) release() {
	d.held = slices.DeleteFunc(d.held, func(e Event) bool {
		if d.nearer(e, d.last) || d.drivenM-e.drivenM < d.options.WithholdM {
			return false
		}
		if e.Jolt == nil {
			d.state.Passes++
		}
		d.options.Out(e)
		return true
	})
}

// End ends the drive. What is still held is withheld for good.
func (d *Drive) End() {
	d.detector.Flush()
	d.release()
	for _, e := range d.held {
		d.withhold(e)
	}
	d.held = nil
}

// Watch sets what is asked about in a region; an empty list asks nothing.
func (d *Drive) Watch(region string, places []Watched) { d.watch.set(region, places) }

// State returns what a driver may see now.
func (d *Drive) State() State {
	s := d.state
	s.Held, s.DrivenM, s.Speed = len(d.held), d.drivenM, d.speed(d.now)
	s.Mount = d.mount.state(d.now)
	s.Parked = d.stood > parkedS || d.blind > blindS
	return s
}
