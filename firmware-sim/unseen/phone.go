package unseen

import (
	"math"
	"time"
)

// app is a program that many phones run.
type app struct {
	rateHz    float64
	jitter    float64 // of a sample's time, share of the period
	cutoffHz  float64 // of its low-pass filter of second order
	highHz    float64 // of its high-pass filter, 0: none
	threshold float64 // g
	quantum   float64 // g, of a reported sample
	ageS      float64 // of the fix that it attaches
	honesty   float64 // reported accuracy, times the true one
	headless  bool    // sends no heading
	silent    bool    // sends no waveform
	passes    bool    // sends smooth passes
	deadS     float64 // after a jolt, in which it sends no other
}

// mount is how a phone hangs in the car: a resonator, tilted.
type mount struct {
	kind           mountKind
	omega, damping float64 // rad/s, share of critical
	ahead, left    float64 // of the centre of gravity, metres
	tilt           float64 // share of the longitudinal acceleration that leaks into the vertical
	rattle         float64 // noise in proportion to the shaking
}

type mountKind int

const (
	holder mountKind = iota
	loose
	pocket
)

// phone is one device.
type phone struct {
	id       string
	app      *app
	mount    mount
	gain     float64
	noise    float64 // of its sensor, g
	limit    float64 // g, at which it saturates
	drift    time.Duration
	lateness float64 // share of trips whose events are uploaded much later
	repeats  float64 // share of deliveries that are made again
	silent   bool
	fixes    float64 // GPS error, times the city's
	busyTill time.Time
}

func newApps(d dice) []*app {
	rates := []float64{20, 25, 50, 50, 62.5, 100, 100, 200}
	d.Shuffle(len(rates), func(i, j int) { rates[i], rates[j] = rates[j], rates[i] })
	apps := make([]*app, d.count(4, 7))
	for i := range apps {
		a := &app{
			rateHz: rates[i], jitter: d.between(0, 0.15), cutoffHz: d.between(0.25, 0.6) * rates[i], threshold: d.between(0.14, 0.23),
			quantum: []float64{0.001, 0.004, 0.01}[d.IntN(3)], ageS: d.between(0, 0.7), honesty: d.around(1, 0.3),
			headless: d.chance(0.15), passes: i == 0 || d.chance(0.65), deadS: d.between(0.6, 2),
		}
		a.cutoffHz = min(a.cutoffHz, d.between(20, 60))
		if d.chance(0.4) {
			a.highHz = d.between(0.2, 0.8)
		}
		apps[i] = a
	}
	return apps
}

func (c *City) newPhone(id string, a *app) *phone {
	d := c.dice
	p := &phone{
		id: id, app: a, gain: d.around(1, 0.04), noise: d.between(0.004, 0.02), limit: []float64{2, 4, 8}[d.heavier([]float64{0.25, 0.45, 0.3})],
		fixes: d.around(1, 0.2), silent: a.silent,
	}
	p.mount = mount{kind: mountKind(d.heavier([]float64{0.68, 0.16, 0.16})), ahead: d.between(0.3, 0.9), left: d.between(-0.4, 0.4), tilt: d.between(-0.2, 0.35)}
	m := &p.mount
	switch m.kind {
	case holder:
		m.omega, m.damping, m.rattle = 2*math.Pi*d.between(14, 40), d.between(0.08, 0.35), d.between(0, 0.06)
	case loose:
		m.omega, m.damping, m.rattle = 2*math.Pi*d.between(22, 45), d.between(0.25, 0.5), d.between(0.1, 0.3)
	case pocket:
		m.omega, m.damping, m.rattle = 2*math.Pi*d.between(4.5, 8), d.between(0.25, 0.5), d.between(0, 0.06)
		m.ahead, m.tilt = d.between(-0.1, 0.3), d.between(-0.5, 0.5)
	}
	if d.chance(0.04) {
		p.drift = time.Duration(d.around(20, 1) * d.sign() * float64(time.Second))
		p.drift = max(min(p.drift, 3*time.Minute), -2*time.Hour)
	}
	if d.chance(0.12) {
		p.lateness = d.between(0.1, 0.8)
	}
	if d.chance(0.15) {
		p.repeats = d.between(0.01, 0.1)
	}
	return p
}

// jolt is what an app reports of a shaking.
type jolt struct {
	wave     []float32
	peak     float64 // g
	duration float64 // seconds
	rate     float64 // Hz
	after    float64 // seconds from the shaking's beginning to the trigger
}

// Window of a reported waveform around its trigger, seconds.
const (
	beforeS = 0.6
	afterS  = 1.4
)

// shaking is the acceleration at the mount from the moment when something begins, g at every tick, and what goes with it.
type shaking struct {
	felt    []float64
	speed   float64 // m/s
	coarse  float64 // of the pavement, times the usual
	braking float64 // longitudinal acceleration, m/s²
}

// bench holds the buffers in which shakings are made and sampled.
type bench struct{ felt, sampled []float64 }

// notice samples a shaking as the phone and its app do, and returns the jolt if the threshold is passed.
func (c *City) notice(p *phone, s shaking) (jolt, bool) {
	hard := s.filter(p.app.cutoffHz)
	if hum := s.coarse * (0.006 + 0.0022*s.speed); 1.3*hard+4*hum+4*p.noise+0.15 < p.app.threshold || len(s.felt) == 0 {
		return jolt{}, false
	}
	signal, lead := c.sample(p, s)
	trigger := -1
	for k := lead; k < len(signal); k++ {
		if math.Abs(signal[k]) > p.app.threshold {
			trigger = k
			break
		}
	}
	if trigger < 0 {
		return jolt{}, false
	}
	rate := p.app.rateHz
	from, to := trigger-int(beforeS*rate), min(trigger+int(afterS*rate), len(signal))
	j := jolt{rate: rate, after: float64(trigger-lead) / rate}
	for _, a := range signal[from:to] {
		j.peak = max(j.peak, math.Abs(a))
	}
	for _, a := range signal[from:to] {
		if math.Abs(a) > 0.3*j.peak {
			j.duration += 1 / rate
		}
	}
	j.peak, j.duration = round(j.peak, 3), round(j.duration, 3)
	if !p.silent {
		j.wave = make([]float32, to-from)
		for i, a := range signal[from:to] {
			j.wave[i] = float32(round(a, 4))
		}
	}
	return j, true
}

// filter is the app's low-pass, two poles at the tick; it returns the largest magnitude that is left.
func (s *shaking) filter(cutoffHz float64) (hard float64) {
	k := 1 - math.Exp(-2*math.Pi*cutoffHz*tick)
	var a, b float64
	for i, x := range s.felt {
		a += k * (x - a)
		b += k * (a - b)
		s.felt[i], hard = b, max(hard, math.Abs(b))
	}
	return hard
}

// sample reads the shaking at the app's instants, with the road's noise under it, and returns the signal and how many samples
// precede the shaking's beginning.
func (c *City) sample(p *phone, s shaking) (signal []float64, lead int) {
	d, a, m := c.dice, p.app, &p.mount
	rate := a.rateHz
	lead = int(beforeS*rate) + 2
	n := lead + int(float64(len(s.felt))*tick*rate) + int(afterS*rate)
	signal = c.bench.sampled[:0]
	hum := s.coarse * (0.006 + 0.0022*s.speed)
	body, wheel := resonance{}, resonance{}
	body.tune(1.4, 0.25, rate)
	wheel.tune(min(12, rate/2.5), 0.15, rate)
	phase, dc, slow := d.Float64(), 0.0, 1-math.Exp(-2*math.Pi*a.highHz/rate)
	lean := m.tilt * s.braking / gravity
	sway := lean * d.between(-0.4, 0.4)
	for k := range n {
		at := (float64(k-lead) + phase + a.jitter*d.NormFloat64()) / rate
		x := 0.0
		if i := int(at / tick); at > 0 && i < len(s.felt) {
			x = s.felt[i]
		}
		x *= 1 + m.rattle*d.NormFloat64()
		x += hum*(0.5*body.next(d.NormFloat64())+0.6*wheel.next(d.NormFloat64())+0.5*d.NormFloat64()) + p.noise*d.NormFloat64()
		x += lean + sway*math.Sin(2.5*at)
		if a.highHz > 0 {
			if k == 0 {
				dc = x
			}
			dc += slow * (x - dc)
			x -= dc
		}
		x = clamp(p.gain*x, -p.limit, p.limit)
		signal = append(signal, math.Round(x/a.quantum)*a.quantum)
	}
	c.bench.sampled = signal
	return signal, lead
}

// resonance shapes white noise of unit variance into noise of unit variance around a frequency.
type resonance struct{ a, b, scale, x, y float64 }

func (r *resonance) tune(hz, damping, rate float64) {
	decay, w := math.Exp(-2*math.Pi*hz*damping/rate), 2*math.Pi*hz/rate
	r.a, r.b = 2*decay*math.Cos(w), -decay*decay
	r.scale = math.Sqrt((1 + r.b) * ((1-r.b)*(1-r.b) - r.a*r.a) / (1 - r.b))
}

func (r *resonance) next(white float64) float64 {
	r.x, r.y = r.a*r.x+r.b*r.y+r.scale*white, r.x
	return r.x
}
