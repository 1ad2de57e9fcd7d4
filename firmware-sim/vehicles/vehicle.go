package vehicles

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/queue"
	"github.com/streetpulse/streetpulse/firmware-sim/unit"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/ingest/wire/pb"
)

// What differs from one unit to the next.
const (
	biasM       = 2.5                    // of its satellites, on a drive, m (standard deviation, each way)
	coldFixS    = 12.0                   // from the ignition to the first position, s; up to three times that
	driftPPM    = 25.0                   // of its clock
	rtcOffset   = 800 * time.Millisecond // of its clock, before the satellites have set it
	longestRest = 90 * time.Second       // between two drives
	noiseMPS2   = 0.03
	metresADeg  = 111_195.0
)

// Fault is what is wrong with a unit's sensors.
type Fault string

// What can be wrong.
const (
	Sound Fault = ""
	Stuck Fault = "stuck" // the accelerometer says the same for ever
	Loose Fault = "loose" // the unit swings in its holder
)

// vehicle is a unit's sensors, its detector and its queue. The fields below mu are used by the fleet's drive and by the unit's link.
type vehicle struct {
	fleet   *Fleet
	n       int
	fault   Fault
	r       *rand.Rand
	gain    float64
	tilt    float64 // rad: how it sits
	flash   queue.Flash
	wake    chan struct{} // something is queued
	entropy *ulid.MonotonicEntropy

	at   time.Time // up to when its time has passed
	ride *ride
	next time.Time // when it drives again

	mu         sync.Mutex
	queue      *queue.Queue
	parameters detector.Parameters // from its next drive on
	revision   int64
	region     string // where it is
	lists      map[string][]unit.Watched
	mount      unit.Mount
}

// ride is a drive under way.
type ride struct {
	recording   *recording
	began       time.Time
	drive       *unit.Drive
	sample, fix int
	fixFrom     float64 // s: no position before
	north, east float64 // degrees
	offset      time.Duration
	drift       float64
}

func newVehicle(f *Fleet, n int) (*vehicle, error) {
	r := rand.New(rand.NewPCG(f.Seed, uint64(n)+1))
	v := &vehicle{fleet: f, n: n, r: r, gain: 0.9 + 0.2*r.Float64(), tilt: 0.5 * r.NormFloat64(), wake: make(chan struct{}, 1),
		entropy: ulid.Monotonic(rand.NewChaCha8(seedOf(f.Seed, n, f.begin)), 0), parameters: detector.Standard(), lists: map[string][]unit.Watched{}}
	switch u := r.Float64(); {
	case u < f.Faulty/2:
		v.fault = Stuck
	case u < f.Faulty:
		v.fault = Loose
	}
	v.at = f.begin
	v.next = f.begin.Add(time.Duration(r.Float64() * float64(longestRest)))
	var err error
	if v.flash, err = f.openFlash(n); err != nil {
		return nil, err
	}
	v.queue, err = queue.Open(v.flash)
	return v, err
}

// seedOf is another one for each run, or ids would come again.
func seedOf(seed uint64, n int, begin time.Time) (b [32]byte) {
	copy(b[:], fmt.Sprintf("%x/%x/%x", seed, n, begin.UnixNano()))
	return b
}

// step lets the vehicle's time pass up to now.
func (v *vehicle) step(now time.Time) {
	for {
		if v.ride == nil {
			if now.Before(v.next) {
				break
			}
			v.start(v.next)
		}
		if !v.roll(now.Sub(v.ride.began).Seconds()) {
			break
		}
		v.stop()
	}
	v.at = now
}

// start turns the ignition on.
func (v *vehicle) start(at time.Time) {
	r := v.r
	ride := &ride{recording: &v.fleet.recordings[r.IntN(len(v.fleet.recordings))], began: at, fixFrom: coldFixS * (1 + 2*r.Float64()*r.Float64()),
		north: biasM * r.NormFloat64() / metresADeg, offset: time.Duration(r.NormFloat64() * float64(rtcOffset)), drift: driftPPM * 1e-6 * r.NormFloat64()}
	ride.east = biasM * r.NormFloat64() / metresADeg / 0.63 // cosine of the drives' latitude
	v.mu.Lock()
	defer v.mu.Unlock()
	ride.drive = unit.New(unit.Options{Detector: v.parameters, Out: v.out})
	for region, places := range v.lists {
		ride.drive.Watch(region, places)
	}
	v.ride = ride
}

// stop turns it off: the power goes, and what is in the queue's memory with it.
func (v *vehicle) stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ride.drive.End()
	v.next = v.ride.began.Add(time.Duration(driveS*float64(time.Second)) + time.Duration(v.r.Float64()*float64(longestRest)))
	v.ride = nil
	if q, err := queue.Open(v.flash); err == nil {
		v.queue = q
	} else {
		v.fleet.Log.Warn("a unit's queue cannot be opened again", "unit", v.n, "error", err)
	}
}

// roll feeds what the sensors gave up to so many seconds into the drive. It returns true when the drive is over.
func (v *vehicle) roll(to float64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	d, rec := v.ride, v.ride.recording
	from := d.sample
	for ; d.sample < len(rec.t) && float64(rec.t[d.sample]) <= to; d.sample++ {
		t := float64(rec.t[d.sample])
		for d.fix < len(rec.fixes) && rec.fixes[d.fix].T <= t {
			v.locate(rec.fixes[d.fix])
			d.fix++
		}
		d.drive.Sample(detector.Sample{T: t * (1 + d.drift), Acc: v.felt(t, &rec.acc[d.sample]), Turn: math.NaN()})
	}
	v.fleet.count.samples.Add(int64(d.sample - from))
	v.mount = d.drive.State().Mount
	return d.sample == len(rec.t)
}

// locate hands over a position, as soon as there are satellites; they set the clock as well.
func (v *vehicle) locate(f detector.Fix) {
	d := v.ride
	since := f.T - d.fixFrom
	if since < 0 {
		return
	}
	d.offset = 0
	f.T *= 1 + d.drift
	f.Lat, f.Lon = f.Lat+d.north, f.Lon+d.east
	if f.AcM = 3 + biasM; since < 5 { // few satellites yet
		f.AcM += 40 * (1 - since/5)
		f.Lat += 10 * (1 - since/5) / metresADeg
	}
	d.drive.Fix(f)
	if d.fix%10 == 0 {
		if cell, err := geo.FineCell(f.Lat, f.Lon); err == nil {
			v.region = strconv.FormatInt(int64(geo.Region(cell)), 16)
		}
	}
}

// felt is what the unit's own accelerometer says.
func (v *vehicle) felt(t float64, a *[3]float32) [3]float64 {
	if v.fault == Stuck {
		return [3]float64{0.1, 0.2, 9.7}
	}
	tilt := v.tilt
	if v.fault == Loose {
		tilt += 0.9 * math.Sin(2*math.Pi*t/3)
	}
	sin, cos := math.Sincos(tilt)
	x, y, z := float64(a[0]), float64(a[1]), float64(a[2])
	noise := noiseMPS2 * (2*v.r.Float64() - 1)
	return [3]float64{v.gain * (x*cos - z*sin), v.gain * y, v.gain*(x*sin+z*cos) + noise}
}

// out stores an event of the drive; the lock is held.
func (v *vehicle) out(e unit.Event) {
	at := v.ride.began.Add(time.Duration(e.At*float64(time.Second)) + v.ride.offset)
	id, err := ulid.New(ulid.Timestamp(at), v.entropy)
	if err != nil {
		v.fleet.count.lost.Add(1)
		return
	}
	w := wire.Event{ID: id.String(), Kind: wire.Pass, Time: at, Lat: e.Where.Lat, Lon: e.Where.Lon, AccuracyM: e.Where.AcM, SpeedMPS: e.Where.Speed, Place: e.Watch}
	if e.Where.Heading >= 0 { // false for NaN
		w.HeadingDeg = &e.Where.Heading
	}
	if e.Jolt != nil {
		w.Kind, w.PeakG, w.DurationS, w.RateHz, w.WaveG = wire.Bump, e.Jolt.PeakG, e.Jolt.DurationS, e.Jolt.RateHz, e.Jolt.Wave
	}
	content, err := pb.Encode(wire.Batch{V: wire.Version, Events: []wire.Event{w}})
	if err == nil {
		err = v.queue.Append(content)
	}
	if err != nil {
		v.fleet.count.lost.Add(1)
		v.fleet.Log.Debug("a unit cannot keep an event", "unit", v.n, "error", err)
		return
	}
	v.fleet.count.felt.Add(1)
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// batch returns the oldest events as one message, and the number of the last of them. Messages of Protobuf one after the other are the
// message with all that they repeat.
func (v *vehicle) batch() (payload []byte, last uint64, events int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.queue.Read(0, func(number uint64, content []byte) bool {
		if events == mostEvents || len(payload)+len(content) > mostBytes {
			return false
		}
		payload, last, events = append(payload, content...), number, events+1
		return true
	})
	if err != nil {
		v.fleet.Log.Warn("a unit cannot read its queue", "unit", v.n, "error", err)
	}
	return payload, last, events
}

func (v *vehicle) acknowledge(last uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.queue.Acknowledge(last); err != nil {
		v.fleet.Log.Debug("a unit cannot note an acknowledgement", "unit", v.n, "error", err)
	}
}

// status is what the unit says of itself.
func (v *vehicle) status(online bool) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.queue.State()
	said := map[string]any{"online": online, "app": app, "firmware": firmware, "queued": s.Queued, "dropped": s.Dropped, "detector": v.revision}
	if v.mount == unit.Loose {
		said["mount"] = "loose"
	}
	text, _ := json.Marshal(said) // it cannot fail
	return text
}

// configure takes parameters for the next drive.
func (v *vehicle) configure(p detector.Parameters, revision int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.parameters, v.revision = p, revision
}

// watch takes a watch list.
func (v *vehicle) watch(region string, places []unit.Watched) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lists[region] = places
	if v.ride != nil {
		v.ride.drive.Watch(region, places)
	}
}

func (v *vehicle) where() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.region
}

func (v *vehicle) queued() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.queue.State().Queued
}
