package detector

import "math"

// Gravity is the standard acceleration of free fall, m/s².
const Gravity = 9.80665

// Bounds of a detector's memory.
const (
	mostRate  = 200 // Hz; faster sensors are thinned
	ringSize  = 512 // samples kept: two seconds at the fastest rate
	beforeS   = 0.6 // seconds of waveform before the trigger
	afterS    = 1.4 // and after it
	settleS   = 0.4 // seconds in which gravity is first estimated
	slowestHz = 4.0 // below it no waveform is worth anything
)

// Parameters are what may differ between kinds of device.
type Parameters struct {
	LeastG    float64 // least jolt that triggers, at 10 m/s, g
	OverNoise float64 // how many times the running noise a jolt must be
	GravityS  float64 // time constant of the gravity estimate, s
	TurnedDeg float64 // a change of the gravity estimate beyond this within a second is handling, degrees
}

// Standard returns the parameters for a phone in a holder.
func Standard() Parameters {
	return Parameters{LeastG: 0.28, OverNoise: 4.5, GravityS: 2.5, TurnedDeg: 20}
}

// Jolt is what was felt. Wave is valid until the next call of Add.
type Jolt struct {
	At        float64   // time of the trigger, s on the samples' clock
	PeakG     float64   // largest magnitude of the vertical acceleration without gravity, g
	DurationS float64   // time above 30 % of the peak, s
	RateHz    float64   // of Wave
	Wave      []float32 // vertical acceleration without gravity, g, from 0.6 s before the trigger to 1.4 s after
}

// Detector finds jolts. Make one with New.
type Detector struct {
	p          Parameters
	started    bool
	first, at  float64 // s
	gravity    [3]float64
	settled    int
	noise      float64 // running mean square of the vertical acceleration, g²
	mean       float64 // its slow mean, g
	interval   float64 // running mean of the time between samples, s
	trigger    float64 // time of the trigger under way; 0: none
	quietUntil float64
	turned     [3]float64 // the gravity estimate about a second ago
	turnedAt   float64
	times      [ringSize]float64
	ring       [ringSize]float32
	head, n    int
	wave       [ringSize]float32
}

// New makes a detector.
func New(p Parameters) *Detector { return &Detector{p: p} }

// Add takes a sample: its time in s, the acceleration along three axes of any fixed orientation with gravity in it in m/s²,
// and the speed in m/s. It returns a jolt when one is complete, 1.4 s after its trigger.
func (d *Detector) Add(t, ax, ay, az, speed float64) (Jolt, bool) {
	if d.started && (t <= d.at || t-d.at < 0.8/mostRate) {
		return Jolt{}, false
	}
	if !d.started || t-d.at > 2 {
		*d = Detector{p: d.p, started: true, first: t, at: t, turnedAt: t}
	}
	dt := t - d.at
	d.at = t
	if dt > 0 {
		if d.interval == 0 {
			d.interval = dt
		}
		d.interval += 0.05 * (dt - d.interval)
	}
	a := [3]float64{ax, ay, az}
	if t-d.first < settleS || d.settled < 3 {
		d.settled++
		for i := range a {
			d.gravity[i] += (a[i] - d.gravity[i]) / float64(d.settled)
		}
		d.turned = d.gravity
		return Jolt{}, false
	}
	share := dt / (d.p.GravityS + dt)
	for i := range a {
		d.gravity[i] += share * (a[i] - d.gravity[i])
	}
	up := d.vertical(a)
	d.mean += dt / (1 + dt) * (up - d.mean)
	up -= d.mean
	d.push(t, float32(up))
	d.watchHandling(t)
	if d.trigger > 0 {
		if t-d.trigger < afterS {
			return Jolt{}, false
		}
		jolt := d.cut()
		d.trigger, d.quietUntil = 0, t+0.2
		return jolt, true
	}
	level := math.Max(d.least(speed), d.p.OverNoise*math.Sqrt(d.noise))
	if t > d.quietUntil && math.Abs(up) > level && speed > 1.5 {
		d.trigger = t
		return Jolt{}, false
	}
	bounded := math.Min(up*up, 9*d.noise+0.0025) // one peak must not raise the noise
	d.noise += dt / (3 + dt) * (bounded - d.noise)
	return Jolt{}, false
}

// least is the least jolt that counts: a hole is felt harder the faster one drives.
func (d *Detector) least(speed float64) float64 {
	return d.p.LeastG * math.Sqrt(math.Min(math.Max(speed, 3), 30)/10)
}

// vertical is the part of a along gravity, without gravity, in g.
func (d *Detector) vertical(a [3]float64) float64 {
	g := d.gravity
	size := math.Sqrt(g[0]*g[0] + g[1]*g[1] + g[2]*g[2])
	if size < 1 {
		return 0
	}
	return (a[0]*g[0]+a[1]*g[1]+a[2]*g[2])/size/Gravity - size/Gravity
}

// watchHandling drops a trigger when the device itself turns: someone picked it up.
func (d *Detector) watchHandling(t float64) {
	if t-d.turnedAt < 1 {
		return
	}
	g, o := d.gravity, d.turned
	dot := g[0]*o[0] + g[1]*o[1] + g[2]*o[2]
	size := math.Sqrt((g[0]*g[0] + g[1]*g[1] + g[2]*g[2]) * (o[0]*o[0] + o[1]*o[1] + o[2]*o[2]))
	if size > 0 && math.Acos(math.Min(1, math.Max(-1, dot/size)))*180/math.Pi > d.p.TurnedDeg {
		d.trigger, d.quietUntil = 0, t+3
	}
	d.turned, d.turnedAt = g, t
}

func (d *Detector) push(t float64, up float32) {
	d.times[d.head], d.ring[d.head] = t, up
	d.head = (d.head + 1) % ringSize
	d.n = min(d.n+1, ringSize)
}

// cut copies the waveform around the trigger out of the ring.
func (d *Detector) cut() Jolt {
	j := Jolt{At: d.trigger, RateHz: 1 / d.interval}
	n := 0
	for i := range d.n {
		k := (d.head - d.n + i + ringSize) % ringSize
		if d.times[k] >= d.trigger-beforeS && d.times[k] <= d.trigger+afterS {
			d.wave[n] = d.ring[k]
			n++
		}
	}
	j.Wave = d.wave[:n]
	for _, x := range j.Wave {
		j.PeakG = math.Max(j.PeakG, math.Abs(float64(x)))
	}
	over := 0
	for _, x := range j.Wave {
		if math.Abs(float64(x)) >= 0.3*j.PeakG {
			over++
		}
	}
	j.DurationS = float64(over) * d.interval
	if j.RateHz < slowestHz {
		j.Wave = nil
	}
	return j
}
