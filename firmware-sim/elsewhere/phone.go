package elsewhere

import (
	"math"
	"math/rand/v2"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// rule is how an app's detector triggers.
type rule int

const (
	level  rule = iota // the magnitude exceeds a threshold
	change             // samples a fortieth of a second apart differ by more than one
	burst              // the magnitude exceeds both a threshold and what was usual in the last second
	rules
)

// app is a kind of program on phones.
type app struct {
	rateHz    float64
	rule      rule
	threshold float64 // g
	highpass  float64 // Hz
	lowpass   float64 // share of the rate
	dead      float64 // s without a second trigger
	ageS      float64 // of positions
	modesty   float64 // stated accuracy over the true one
	silent    bool    // sends no waveform
	headless  bool    // sends no heading
	answers   float64 // share of smooth passes that it tells
	ulid      bool    // how it names events
	digits    int     // decimals of positions
}

func newApp(ch *character, slow, silent bool, r *rand.Rand) app {
	rates := []float64{80, 100, 100, 125, 200}
	if slow {
		rates = []float64{20, 25, 40, 50, 50}
	}
	a := app{rateHz: rates[r.IntN(5)], rule: rule(r.IntN(int(rules))), threshold: 0.14 + 0.13*r.Float64(), highpass: 0.15 + 0.5*r.Float64(),
		lowpass: 0.25 + 0.15*r.Float64(), dead: 1 + 1.5*r.Float64(), ageS: 0.1 + 0.7*r.Float64(), modesty: math.Exp(0.35 * r.NormFloat64()),
		silent: silent, headless: r.IntN(8) == 0, answers: ch.answers * (0.5 + r.Float64()), ulid: r.IntN(2) == 0, digits: 5 + r.IntN(3)}
	if r.IntN(4) == 0 {
		a.answers = 0
	}
	return a
}

// resonance is a vibration of one degree of freedom, from below to above, as a digital filter.
type resonance struct{ b0, b1, b2, a1, a2 float64 }

// newResonance is the transmissibility of a mass on a spring and a damper of a share of the critical damping (bilinear transform).
func newResonance(hz, damping float64) resonance {
	w := 2 * math.Tan(math.Pi*hz*dt)
	d := 4 + 4*damping*w + w*w
	return resonance{(w*w + 4*damping*w) / d, 2 * w * w / d, (w*w - 4*damping*w) / d, (2*w*w - 8) / d, (4 - 4*damping*w + w*w) / d}
}

// phone is a phone where it lies in a car.
type phone struct {
	id      string
	kind    string
	app     *app
	place   float64 // from the front axle, 0, to the rear one, 1
	lateral float64 // how much better it hears the right wheels than the left
	gain    float64
	noise   float64 // g
	engine  float64 // Hz
	hum     float64 // g
	mount   resonance
	shell   resonance
	flex    float64 // share of the body's bending in what it feels
	clock   float64 // s fast
	knocks  float64 // a trip
	bad     float64 // errors of its positions, times the usual
	r       *rand.Rand
	buffer  []float64
}

func (c *City) newPhone(kind string, v *car, r *rand.Rand) *phone {
	p := &phone{kind: kind, app: &c.apps[r.IntN(len(c.apps))], place: 0.15 + 0.5*r.Float64(), lateral: 0.3 * r.NormFloat64(),
		gain: 0.85 + 0.3*r.Float64(), noise: 0.007 + 0.015*r.Float64(), engine: 22 + 14*r.Float64(), hum: 0.018 * r.Float64(),
		shell: newResonance(v.shell, 0.08+0.06*r.Float64()), flex: 0.1 + 0.25*r.Float64(), knocks: c.ch.knocks * math.Exp(0.7*r.NormFloat64()-0.25),
		bad: math.Exp(0.25 * r.NormFloat64()), r: rand.New(rand.NewPCG(r.Uint64(), 5))}
	switch r.IntN(4) {
	case 0: // a clamp at the vents
		p.mount = newResonance(13+9*r.Float64(), 0.12+0.12*r.Float64())
	case 1: // an arm at the windscreen
		p.mount = newResonance(8+6*r.Float64(), 0.1+0.1*r.Float64())
	case 2: // a seat or a pocket
		p.mount = newResonance(5+3*r.Float64(), 0.3+0.2*r.Float64())
	default: // a tray or a cup holder
		p.mount = newResonance(28+14*r.Float64(), 0.2+0.2*r.Float64())
	}
	if r.Float64() < 0.02 {
		p.clock = 3600 * r.NormFloat64()
	} else {
		p.clock = 0.4 * r.NormFloat64()
	}
	p.id = c.deviceName(r)
	c.devices[p.id] = kind
	return p
}

// jolt is what an app makes of what its phone felt.
type jolt struct {
	at       float64 // s since the shaking began
	peak     float64 // g
	duration float64 // s
	wave     []float32
}

// listen samples what shakes the phone and returns its app's jolt, if it finds one. One side's wheels are heard by their share.
func (p *phone) listen(s *shaking, side float64) (jolt, bool) {
	heard := 1.0
	if side != 0 {
		heard = oneSided * max(0.6, min(1.4, 1+p.lateral*side))
	}
	m, f := p.mount.runner(), p.shell.runner()
	raw := p.buffer[:0]
	per := 1 / (p.app.rateHz * dt)
	next := per * p.r.Float64()
	hum := 2 * math.Pi * p.r.Float64()
	anti := 1 - math.Exp(-2*math.Pi*p.app.lowpass*p.app.rateHz*dt)
	kept, base := 0.0, 0.0
	drift := 1 - math.Exp(-2*math.Pi*p.app.highpass/p.app.rateHz)
	for i := range s.front {
		a := (1-p.place)*s.front[i] + p.place*s.rear[i]
		a = heard*p.gain*m.next((1-p.flex)*a+p.flex*f.next(a)+s.wheels[i]) + g*p.hum*math.Sin(hum+2*math.Pi*p.engine*dt*float64(i))
		kept += anti * (a - kept)
		if float64(i) >= next {
			next += per
			x := kept/g + p.noise*p.r.NormFloat64() + p.hum*math.Sin(hum+2*math.Pi*p.engine*dt*float64(i))
			base += drift * (x - base)
			raw = append(raw, x-base)
		}
	}
	p.buffer = raw
	return p.app.detect(raw)
}

// detect looks for the first jolt of which the whole window is there.
func (a *app) detect(raw []float64) (jolt, bool) {
	before, after := int(0.6*a.rateHz), int(1.4*a.rateHz)
	lag := max(1, int(math.Round(a.rateHz/40)))
	usual := 0.0
	for i, x := range raw {
		size := math.Abs(x)
		if i >= before && i+after <= len(raw) {
			hit := size > a.threshold
			switch a.rule {
			case change:
				hit = math.Abs(x-raw[i-lag]) > 1.1*a.threshold
			case burst:
				hit = size > 0.85*a.threshold && size > 3.2*usual
			default:
			}
			if hit {
				return a.cut(raw[i-before:i+after], float64(i)/a.rateHz), true
			}
		}
		usual += (size - usual) / a.rateHz
	}
	return jolt{}, false
}

// cut measures a window.
func (a *app) cut(window []float64, at float64) jolt {
	j := jolt{at: at}
	for _, x := range window {
		j.peak = max(j.peak, math.Abs(x))
	}
	for _, x := range window {
		if math.Abs(x) > 0.3*j.peak {
			j.duration += 1 / a.rateHz
		}
	}
	if !a.silent {
		j.wave = make([]float32, min(len(window), wire.MaxWaveSamples))
		for i := range j.wave {
			j.wave[i] = float32(rounded(window[i], 3))
		}
	}
	return j
}

func (f resonance) runner() *filter { return &filter{resonance: f} }

// filter is a resonance with what it remembers.
type filter struct {
	resonance
	s1, s2 float64
}

func (f *filter) next(x float64) float64 {
	y := f.b0*x + f.s1
	f.s1 = f.b1*x - f.a1*y + f.s2
	f.s2 = f.b2*x - f.a2*y
	return y
}

// oneSided is by how much less the body moves when the wheels of one side only meet something.
const oneSided = 0.62

func rounded(x float64, digits int) float64 {
	s := math.Pow10(digits)
	return math.Round(x*s) / s
}
