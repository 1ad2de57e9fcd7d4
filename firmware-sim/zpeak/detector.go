package zpeak

import "math"

// Jolt is what was felt. Wave is valid until the next call of Add or Flush.
type Jolt struct {
	At        float64   // time of the trigger, s on the samples' clock
	PeakG     float64   // largest magnitude of the vertical acceleration without gravity, g
	DurationS float64   // time above 30 % of the peak, s
	RateHz    float64   // of Wave
	Wave      []float32 // vertical acceleration without gravity, g, up positive, from 0.6 s before the trigger to 1.4 s after
}

// vector is an acceleration in the phone's own axes, m/s².
type vector [3]float64

func (a vector) dot(b vector) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// towards moves a by a share of the way to b.
func (a *vector) towards(b vector, share float64) {
	for i := range a {
		a[i] += share * (b[i] - a[i])
	}
}

// Detector finds jolts. Make one with New. It is not safe for concurrent use.
type Detector struct {
	p       Parameters
	started bool
	at      float64 // time of the newest sample, s

	// Samples that come too densely are gathered here first.
	sum   vector
	sumT  float64
	count float64

	gravity vector  // slow mean
	quick   vector  // the same, quick
	learnt  float64 // seconds that the slow mean has been learnt
	noise   float64 // running mean square of the high-passed vertical acceleration, g²
	calm    float64 // seconds that it has been learnt
	high    float64 // high-passed vertical acceleration, g
	was     float64 // vertical acceleration of the sample before, g

	times    [ringSize]float64
	up, side [ringSize]float32 // vertical without gravity, horizontal; g
	kept     int               // samples kept since the start or the last gap
	interval float64           // running mean of the time between them, s

	recording     bool
	trigger       float64 // s
	upright       vector  // gravity at the trigger
	falling       bool
	fell, longest float64 // seconds of free fall now, and at most
	wave          [mostWave]float32
}

// New makes a detector.
func New(p Parameters) *Detector { return &Detector{p: p} }

// Settle tells the detector what it would have learnt while driving: the acceleration at rest along its axes, m/s², and
// the root mean square of the road's roughness, g (0: not known). Without it nothing triggers in the first 0.4 s; a
// recording of a second or two is best read after Settle with its own mean.
func (d *Detector) Settle(ax, ay, az, roughG float64) {
	d.gravity, d.learnt = vector{ax, ay, az}, d.p.GravityS
	d.quick = d.gravity
	if roughG > 0 {
		d.noise, d.calm = roughG*roughG, noiseS
	}
}

// RoughG returns the root mean square of the road's roughness as felt lately, g.
func (d *Detector) RoughG() float64 { return math.Sqrt(d.noise) }

// Recording says whether a jolt has begun that is not complete yet.
func (d *Detector) Recording() bool { return d.recording }

// Add takes a sample: its time in s, the acceleration along three axes of any fixed orientation with gravity in it in m/s²,
// and the speed in m/s (NaN: not known). It returns a jolt when one is complete, 1.4 s after its trigger, or when the
// samples pause. What is not finite, repeated or out of order is skipped.
func (d *Detector) Add(t, ax, ay, az, speed float64) (Jolt, bool) {
	if size := math.Abs(ax) + math.Abs(ay) + math.Abs(az) + math.Abs(t); !(size < math.MaxFloat64) {
		return Jolt{}, false
	}
	if d.started && t <= d.at && t > d.at-gapS {
		return Jolt{}, false
	}
	if d.started && math.Abs(t-d.at) > gapS {
		jolt, felt := d.Flush()
		d.restart()
		d.add(t, vector{ax, ay, az}, speed)
		return jolt, felt
	}
	return d.add(t, vector{ax, ay, az}, speed)
}

// Flush ends the samples. It returns the jolt under way, its waveform cut off at the last sample.
func (d *Detector) Flush() (Jolt, bool) {
	if !d.recording {
		return Jolt{}, false
	}
	d.recording = false
	if d.handled() {
		return Jolt{}, false
	}
	return d.cut(), true
}

// restart forgets the samples, but neither which way is up nor how rough the road is.
func (d *Detector) restart() {
	d.started, d.kept, d.interval, d.high = false, 0, 0, 0
	d.sum, d.sumT, d.count = vector{}, 0, 0
}

func (d *Detector) add(t float64, a vector, speed float64) (Jolt, bool) {
	d.started, d.at = true, t
	for i := range a {
		d.sum[i] += a[i]
	}
	d.sumT += t
	d.count++
	if d.kept > 0 && t-d.newest() < densestS {
		return Jolt{}, false
	}
	for i := range a {
		a[i] = d.sum[i] / d.count
	}
	t = d.sumT / d.count
	d.sum, d.sumT, d.count = vector{}, 0, 0
	dt := d.keep(t, a)
	switch {
	case d.recording:
		d.watch(a, dt)
		if t-d.trigger >= afterS {
			return d.Flush()
		}
	case d.learnt < settleS:
		d.hear(dt)
	case math.Abs(d.high) > d.level(speed) && !(speed < slowestMPS): // true for NaN
		d.recording, d.trigger, d.upright = true, t, d.gravity
		d.falling, d.fell, d.longest = false, 0, 0
	default:
		d.hear(dt)
	}
	return Jolt{}, false
}

// newest is the time of the newest kept sample.
func (d *Detector) newest() float64 { return d.times[(d.kept-1)%ringSize] }

// keep puts a sample into the ring and returns the seconds since the one before.
func (d *Detector) keep(t float64, a vector) float64 {
	dt := 0.0
	if d.kept > 0 {
		dt = t - d.newest()
		// A plain mean at first, so that uneven samples do not mislead it.
		d.interval += (dt - d.interval) / math.Min(float64(d.kept), 200)
	}
	d.weigh(a, dt)
	up, side := 0.0, 0.0
	if size := math.Sqrt(d.gravity.dot(d.gravity)); size > 1e-6 {
		along := a.dot(d.gravity) / size
		up = (along - size) / Gravity
		side = math.Sqrt(math.Max(0, a.dot(a)-along*along)) / Gravity
	}
	i := d.kept % ringSize
	d.times[i], d.up[i], d.side[i] = t, float32(up), float32(side)
	if d.kept++; d.kept > 1 {
		d.high = highPassS / (highPassS + dt) * (d.high + up - d.was)
	}
	d.was = up
	return dt
}

// weigh follows gravity: a plain mean at first, slowly later, and hardly during a jolt.
func (d *Detector) weigh(a vector, dt float64) {
	if d.learnt == 0 && d.kept == 0 {
		d.gravity, d.quick = a, a
		return
	}
	d.quick.towards(a, dt/(turnS+dt))
	d.learnt = math.Min(d.learnt+dt, d.p.GravityS)
	share := dt / (d.learnt + dt)
	if d.recording {
		share *= 0.3
	}
	d.gravity.towards(a, share)
}

// hear follows the road's roughness. One peak must not raise it much.
func (d *Detector) hear(dt float64) {
	if dt <= 0 {
		return // the first sample
	}
	bounded := math.Min(d.high*d.high, 9*d.noise+0.0025)
	d.calm = math.Min(d.calm+dt, noiseS)
	d.noise += dt / (d.calm + dt) * (bounded - d.noise)
}

// level is the least jolt that counts: the same edge is felt harder the faster one drives, as is the road's roughness,
// and slow sampling misses part of a peak.
func (d *Detector) level(speed float64) float64 {
	least := d.p.LeastG
	if speed >= 0 { // false for NaN
		least *= math.Sqrt(math.Min(math.Max(speed, 3), 30) / 10)
	}
	if d.interval > 0.04 {
		least *= math.Max(0.6, 1-4*(d.interval-0.04))
	}
	return math.Max(least, d.p.OverNoise*math.Sqrt(d.noise))
}

// watch looks for free fall during a jolt.
func (d *Detector) watch(a vector, dt float64) {
	falling := a.dot(a) < fallG*fallG*Gravity*Gravity
	if d.falling && falling { // one sample is an instant, however slow the sensor
		d.fell += dt
		d.longest = math.Max(d.longest, d.fell)
	} else {
		d.fell = 0
	}
	d.falling = falling
}

// handled says whether the phone was dropped, turned or pushed about during the jolt rather than shaken by the road.
func (d *Detector) handled() bool {
	if d.longest > fallS {
		return true
	}
	sizes := math.Sqrt(d.upright.dot(d.upright) * d.quick.dot(d.quick))
	if sizes > 1 && d.upright.dot(d.quick) < math.Cos(d.p.TurnedDeg*math.Pi/180)*sizes {
		return true
	}
	var up, side, lean, n float32 // lean: what the horizontal was before; braking is long, and no push
	for k := max(0, d.kept-ringSize); k < d.kept; k++ {
		i := k % ringSize
		switch since := d.times[i] - d.trigger; {
		case since >= -0.1:
			up, side = max(up, abs(d.up[i])), max(side, d.side[i])
		case since >= -beforeS:
			lean, n = lean+d.side[i], n+1
		}
	}
	if n > 0 {
		side -= lean / n
	}
	return side > sideways*up
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }
