package crowd

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

// Number of features of a jolt without and with a waveform, the constant included.
const (
	plainFeatures = 7
	waveFeatures  = 17
)

//go:embed waveform.json
var waveformJSON []byte

// Classifier says how well a jolt fits each class: multinomial logistic regressions on a few named features of the
// waveform, with a smaller one for apps that send none. Its parameters are a versioned file, trained by
// `streetpulse evaluate --train` from simulated drives.
type Classifier struct {
	Version int        `json:"version"`
	Plain   Regression `json:"plain"`
	Wave    Regression `json:"wave"`
}

// Regression is one multinomial logistic regression over standardised features. Prior is the share of each class in
// its training set, so that a likelihood ratio can be had from its probabilities.
type Regression struct {
	Mean    []float64             `json:"mean"`
	Scale   []float64             `json:"scale"`
	Weights [NumClasses][]float64 `json:"weights"`
	Prior   [NumClasses]float64   `json:"prior"`
}

// StandardClassifier returns the classifier whose parameters are built in.
func StandardClassifier() (*Classifier, error) {
	var c Classifier
	if err := json.Unmarshal(waveformJSON, &c); err != nil {
		return nil, fmt.Errorf("built-in waveform parameters: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("built-in waveform parameters: %w", err)
	}
	return &c, nil
}

func (c *Classifier) check() error {
	for _, r := range []struct {
		Regression
		n int
	}{{c.Plain, plainFeatures}, {c.Wave, waveFeatures}} {
		if len(r.Mean) != r.n || len(r.Scale) != r.n {
			return fmt.Errorf("want %d features, have %d means and %d scales", r.n, len(r.Mean), len(r.Scale))
		}
		for _, w := range r.Weights {
			if len(w) != r.n {
				return fmt.Errorf("want %d weights a class, have %d", r.n, len(w))
			}
		}
	}
	return nil
}

// LogLikelihood returns, for each class, the log of how much likelier the jolt is there than on average, bounded
// so that no single jolt decides.
func (c *Classifier) LogLikelihood(j Jolt) [NumClasses]float64 {
	r := &c.Plain
	if len(j.features) == waveFeatures {
		r = &c.Wave
	}
	var score [NumClasses]float64
	for k := range score {
		for i, x := range j.features {
			score[k] += r.Weights[k][i] * clamp((x-r.Mean[i])/r.Scale[i], -4, 4)
		}
	}
	p := normalise(score)
	var l [NumClasses]float64
	for k := range l {
		l[k] = clamp(math.Log((p[k]+1e-3)/(r.Prior[k]+1e-3)), -4, 3)
	}
	return l
}

// Jolt is what one bump event says of its cause.
type Jolt struct {
	features  []float64
	dropFirst bool
}

// Features returns the jolt's features; their number tells whether there was a usable waveform.
func (j Jolt) Features() []float64 { return j.features }

// DropFirst says whether the waveform begins with a drop, as a hole's does. False without a waveform.
func (j Jolt) DropFirst() bool { return j.dropFirst }

// HasWave says whether the jolt came with a usable waveform.
func (j Jolt) HasWave() bool { return len(j.features) == waveFeatures }

// ReadJolt computes the features of a bump: peak in g, duration in s, speed in m/s, and the waveform in g at rate Hz,
// which may be empty.
func ReadJolt(peakG, durationS, speedMPS, rateHz float64, wave []float32) Jolt {
	v := clamp(speedMPS, 1, 50)
	lp, ld, lv := math.Log(clamp(peakG, 0.02, 20)), math.Log(clamp(durationS, 0.005, 3)), math.Log(v)
	plain := []float64{1, lp, ld, lv, lp * lv, ld * lv, lv * lv}
	if len(wave) < 8 || rateHz < 4 {
		return Jolt{features: plain}
	}
	w := readWave(wave, rateHz, v)
	return Jolt{
		dropFirst: w.first < 0,
		features: append(plain,
			w.first, w.balance, w.pitch, w.echo, math.Log(w.length*v+0.05), math.Log(w.crest),
			w.pitch*lv, w.pitch*w.pitch, w.tail, math.Log(w.length+0.01)),
	}
}

// waveShape holds what is measured on one waveform.
type waveShape struct {
	first   float64 // sign and size of the first excursion past 40 % of the peak: negative is a drop
	balance float64 // (largest upward - largest downward) / their sum
	pitch   float64 // log of the mean frequency, Hz
	echo    float64 // how strongly the jolt repeats one wheelbase (2.4 to 2.9 m) later, -1 to 1
	length  float64 // seconds that hold the middle 80 % of the energy
	crest   float64 // peak over root mean square
	tail    float64 // share of the energy more than 0.6 s after the peak
}

func readWave(wave []float32, rate, v float64) waveShape {
	var s waveShape
	mean := 0.0
	for _, x := range wave {
		mean += float64(x)
	}
	mean /= float64(len(wave))
	var up, down, energy, change, peak float64
	peakAt := 0
	for i, x := range wave {
		y := float64(x) - mean
		up, down = math.Max(up, y), math.Max(down, -y)
		energy += y * y
		if i > 0 {
			d := float64(x - wave[i-1])
			change += d * d
		}
		if math.Abs(y) > peak {
			peak, peakAt = math.Abs(y), i
		}
	}
	if energy < 1e-9 || peak < 1e-4 {
		return waveShape{crest: 1, pitch: 1}
	}
	for _, x := range wave {
		if y := float64(x) - mean; math.Abs(y) >= 0.4*peak {
			s.first = y / peak
			break
		}
	}
	s.balance = (up - down) / (up + down)
	s.pitch = math.Log(clamp(rate/(2*math.Pi)*math.Sqrt(change/energy), 0.3, 100))
	s.crest = peak / math.Sqrt(energy/float64(len(wave)))
	cumulated, from, to := 0.0, -1, -1
	late := peakAt + int(0.6*rate)
	for i, x := range wave {
		y := float64(x) - mean
		cumulated += y * y
		if i > late {
			s.tail += y * y / energy
		}
		if from < 0 && cumulated >= 0.1*energy {
			from = i
		}
		if to < 0 && cumulated >= 0.9*energy {
			to = i
		}
	}
	to = max(from, to)
	s.length = float64(to-from+1) / rate
	s.echo = echo(wave, mean, energy, rate, v)
	return s
}

// echo is the largest autocorrelation at the lags at which the rear axle follows the front one.
func echo(wave []float32, mean, energy, rate, v float64) float64 {
	from, to := int(math.Floor(2.4/v*rate)), int(math.Ceil(2.9/v*rate))
	if from < 2 || from >= len(wave) {
		return 0
	}
	best := -1.0
	for lag := from; lag <= min(to, len(wave)-2); lag++ {
		sum := 0.0
		for i := lag; i < len(wave); i++ {
			sum += (float64(wave[i]) - mean) * (float64(wave[i-lag]) - mean)
		}
		best = math.Max(best, sum/energy)
	}
	return best
}

func clamp(x, low, high float64) float64 { return math.Min(math.Max(x, low), high) }

// roughnessOf is a jolt's strength free of speed, for severity: a peak of 1 g at 10 m/s is 1. Above that a car takes a
// hole's edge faster, roughly in proportion to the root of its speed.
func roughnessOf(peakG, speedMPS float64) float64 {
	return peakG * math.Sqrt(10/clamp(speedMPS, 3, 40))
}
