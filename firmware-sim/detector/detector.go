package detector

import "math"

// Bounds of a detector's memory.
const (
	ringSize = 768   // kept samples: two seconds at the densest
	densestS = 0.003 // least time between kept samples, s; faster ones are averaged
	mostRate = 200   // Hz, of a waveform; a faster recording is averaged down
	mostWave = 512   // samples in a waveform
	leastHz  = 4     // below it no waveform is worth anything
)

// Times of a jolt, s.
const (
	beforeS = 0.6 // of waveform before the trigger
	afterS  = 1.4 // and after it
	settleS = 1.9 // in which gravity is first learnt; then they are looked at
	gapS    = 1.0 // a longer gap between samples starts anew
)

// From one jolt to the next: both axles give one.
const (
	axlesM      = 3.2 // a wheelbase at most, m
	restS       = 1.6 // where the speed is not known
	longestRest = 2.4 // s
)

// What an edge is.
const (
	lowPassS = 0.012 // time constant of each of two low-passes before it is looked for, s
	edgeS    = 0.105 // how long it lasts at most, s
)

// Sample is one reading of the sensors. What is not finite is skipped.
type Sample struct {
	T     float64    // s, on any clock
	Acc   [3]float64 // acceleration along three axes of any orientation, gravity included, m/s²
	Turn  float64    // size of the rotation rate, rad/s; NaN: not known
	Speed float64    // m/s; NaN: not known
}

// Jolt is what was felt. Wave is valid until the function that was handed the jolt returns.
type Jolt struct {
	At        float64   // time of the trigger, s on the samples' clock
	PeakG     float64   // largest magnitude of the vertical acceleration without gravity, g
	DurationS float64   // time above 30 % of the peak, s
	RateHz    float64   // of Wave
	Wave      []float32 // vertical acceleration without gravity, g, up positive, from 0.6 s before the trigger to 1.4 s after
	Speed     float64   // at the trigger, m/s; NaN: not known
	Severity  float64   // the peak as it would have been at 10 m/s, g; at speeds not known, the peak
}

// Detector finds jolts. Make one with New. It is not safe for concurrent use.
type Detector struct {
	p    Parameters
	felt func(Jolt)

	started bool
	newest  float64 // time of the newest sample, s

	// Samples that come too densely are gathered here first.
	gather struct {
		acc     vector
		t, turn float64
		n       float64
	}
	ring struct {
		t, speed  [ringSize]float64
		acc       [ringSize]vector
		turn      [ringSize]float32
		up, side  [ringSize]float32 // vertical without gravity, horizontal; g
		high      [ringSize]float32 // vertical, high-passed, g
		low       [ringSize]float32 // vertical, low-passed, g
		score     [ringSize]float32 // how much of a jolt this is, g
		kept      int               // samples kept since the start or the last gap
		looked    int               // of them, those that have been looked at
		intervalS float64           // running mean of the time between them
	}
	settled bool
	pass    float32 // the low-pass's first stage
	up      upright
	rough   roughness

	waiting bool    // something exceeded the threshold
	trigger float64 // when it did, s
	first   int     // the sample that did
	before  vector  // mean acceleration then, m/s²
	restsTo float64 // no trigger before
	handled handling

	wave [mostWave]float32
}

// New makes a detector that hands each jolt to felt while Add or Flush runs. The parameters are taken as they are: see
// Parameters.Check.
func New(p Parameters, felt func(Jolt)) *Detector {
	d := &Detector{p: p, felt: felt}
	d.restsTo = math.Inf(-1)
	return d
}

// RoughG returns the root mean square of the road's roughness as felt lately, g.
func (d *Detector) RoughG() float64 { return d.rough.rms() }

// Waiting says whether a jolt may have begun that is not complete yet.
func (d *Detector) Waiting() bool { return d.waiting }

// Add takes a sample. A jolt is handed over 1.4 s after its trigger, or when the samples pause. What is not finite, repeated or out
// of order is skipped.
func (d *Detector) Add(s Sample) {
	size := math.Abs(s.T) + math.Abs(s.Acc[0]) + math.Abs(s.Acc[1]) + math.Abs(s.Acc[2])
	if !(size < 1e12) { // true for NaN as well
		return
	}
	if d.started {
		switch step := s.T - d.newest; {
		case step > gapS:
			d.Flush()
		case step < -gapS: // another drive, or the clock was set
			d.Flush()
			d.restsTo = math.Inf(-1)
		case step <= 0:
			return
		}
	}
	d.started, d.newest = true, s.T
	g := &d.gather
	for i := range g.acc {
		g.acc[i] += s.Acc[i]
	}
	g.t += s.T
	if s.Turn >= 0 { // false for NaN
		g.turn = math.Max(g.turn, s.Turn)
	}
	g.n++
	if d.ring.kept > 0 && s.T-d.ring.t[(d.ring.kept-1)%ringSize] < densestS {
		return
	}
	d.keep(s.Speed)
	if !d.settled {
		if d.ring.t[(d.ring.kept-1)%ringSize]-d.ring.t[0] < settleS && d.ring.kept < ringSize {
			return
		}
		d.settle()
	}
	d.look()
}

// Flush ends the samples: what was kept is looked at, and the jolt under way is handed over, its waveform cut off at the last
// sample. Samples that follow begin anew; only how rough the road is is not forgotten.
func (d *Detector) Flush() {
	if !d.settled && d.ring.kept > 0 {
		d.settle()
	}
	d.look()
	for d.waiting {
		d.judge(true)
	}
	d.gather.acc, d.gather.t, d.gather.turn, d.gather.n = vector{}, 0, 0, 0
	d.ring.kept, d.ring.looked, d.ring.intervalS = 0, 0, 0
	d.started, d.settled = false, false
}

// keep puts what was gathered into the ring.
func (d *Detector) keep(speed float64) {
	g, r := &d.gather, &d.ring
	i := r.kept % ringSize
	for k := range g.acc {
		r.acc[i][k] = g.acc[k] / g.n
	}
	r.t[i], r.turn[i], r.speed[i] = g.t/g.n, float32(g.turn), speed
	g.acc, g.t, g.turn, g.n = vector{}, 0, 0, 0
	if r.kept > 0 {
		dt := r.t[i] - r.t[(r.kept-1)%ringSize]
		// A plain mean at first, so that uneven samples do not mislead it.
		r.intervalS += (dt - r.intervalS) / math.Min(float64(r.kept), 200)
	}
	r.kept++
}

// settle learns which way is up from the first samples, all of which are in the ring.
func (d *Detector) settle() {
	r := &d.ring
	var mean, square vector
	n := float64(r.kept)
	for i := range r.kept {
		for k, x := range r.acc[i] {
			mean[k] += x / n
			square[k] += x * x / n
		}
	}
	d.up = upright{mean: mean, quick: mean}
	most := -1.0
	for k := range mean {
		if v := square[k] - mean[k]*mean[k]; v > most {
			most, d.up.axis = v, k
		}
	}
	d.settled = true
}

// look looks at all samples in the ring that it has not seen.
func (d *Detector) look() {
	for d.ring.looked < d.ring.kept {
		d.step(d.ring.looked)
		d.ring.looked++
	}
}

// step looks at one sample.
func (d *Detector) step(k int) {
	r := &d.ring
	i := k % ringSize
	t, dt := r.t[i], 0.0
	if k > 0 {
		dt = t - r.t[(k-1)%ringSize]
		d.follow(r.acc[i], dt)
	}
	up, side := d.up.split(r.acc[i])
	r.up[i], r.side[i] = float32(up), float32(side)
	high := up // at first against the mean of what follows
	if k > 0 {
		before := (k - 1) % ringSize
		high = d.p.HighPassS / (d.p.HighPassS + dt) * (float64(r.high[before]) + up - float64(r.up[before]))
		share := float32(1 - math.Exp(-dt/lowPassS))
		d.pass += share * (r.up[i] - d.pass)
		r.low[i] = r.low[before] + share*(d.pass-r.low[before])
	} else {
		d.pass, r.low[i] = r.up[i], r.up[i]
	}
	r.high[i] = float32(high)
	r.score[i] = d.score(k)
	d.rough.hear(t, high)
	if d.waiting {
		d.handled.watch(d, i, dt)
		if t-d.trigger >= afterS {
			d.judge(false)
		}
		return
	}
	if speed := r.speed[i]; t >= d.restsTo && float64(r.score[i]) > d.lowest(speed) && !(speed < d.p.SlowestMPS) { // true for NaN
		d.waiting, d.trigger, d.first, d.before = true, t, k, d.up.mean
		d.handled = handling{}
	}
}

// score is how much of a jolt the kept sample k is, g: half of how far the vertical acceleration, smoothed, has moved within the
// last tenth of a second, as a wheel's blow is quicker than a body's swaying; and a share of the vertical acceleration itself, all of it
// where samples are too few to tell.
func (d *Detector) score(k int) float32 {
	r := &d.ring
	i := k % ringSize
	edge := float32(0)
	for b := k - 1; b >= 0 && b > k-ringSize && r.t[i]-r.t[b%ringSize] < edgeS; b-- {
		edge = max(edge, float32(math.Abs(float64(r.low[i]-r.low[b%ringSize]))))
	}
	share := d.p.SlowShare + (1-d.p.SlowShare)*d.slowness()
	return max(edge/2, float32(share*math.Abs(float64(r.high[i]))))
}

// follow lets gravity follow, hardly during a jolt.
func (d *Detector) follow(a vector, dt float64) {
	slow := d.p.GravityS
	if d.waiting {
		slow *= 3
	}
	d.up.follow(a, dt, slow)
}
