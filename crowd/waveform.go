package crowd

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

// Number of features of a jolt without and with a waveform.
const (
	plainFeatures = 3
	waveFeatures  = 18
)

//go:embed waveform.json
var waveformJSON []byte

// Classifier says what jolts speak for: a small neural network gives each jolt a score per class, and from the scores of
// several devices' jolts at one place follows how likely they are under each class. There are two of each, for jolts
// with and without a waveform. The parameters are a versioned file, trained by `streetpulse evaluate --train` on
// simulated drives.
type Classifier struct {
	Version int    `json:"version"`
	Plain   Reader `json:"plain"`
	Wave    Reader `json:"wave"`
}

// Reader reads jolts of one kind.
type Reader struct {
	Network  Network  `json:"network"`
	Spread   Spread   `json:"spread"`
	Likeness Likeness `json:"likeness"`
}

// Network is a neural network with one hidden layer of tanh units over standardised features; its outputs are
// centred logits.
type Network struct {
	Mean   []float64             `json:"mean"`
	Scale  []float64             `json:"scale"`
	Hidden [][]float64           `json:"hidden"` // by unit: the bias, then a weight a feature
	Out    [NumClasses][]float64 `json:"out"`    // by class: the bias, then a weight a unit
}

// Scores are a jolt's scores for each class; they sum to 0.
type Scores [NumClasses]float64

// StandardClassifier returns the classifier whose parameters are built in.
func StandardClassifier() (*Classifier, error) {
	var c Classifier
	if err := json.Unmarshal(waveformJSON, &c); err != nil {
		return nil, fmt.Errorf("built-in waveform parameters: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("built-in waveform parameters: %w", err)
	}
	c.Plain.Spread.prepare()
	c.Wave.Spread.prepare()
	return &c, nil
}

func (c *Classifier) check() error {
	for _, r := range []struct {
		*Reader
		features int
	}{{&c.Plain, plainFeatures}, {&c.Wave, waveFeatures}} {
		n := &r.Network
		if len(n.Mean) != r.features || len(n.Scale) != r.features {
			return fmt.Errorf("want %d features, have %d means and %d scales", r.features, len(n.Mean), len(n.Scale))
		}
		for _, h := range n.Hidden {
			if len(h) != r.features+1 {
				return fmt.Errorf("want %d weights a unit, have %d", r.features+1, len(h))
			}
		}
		for _, w := range n.Out {
			if len(w) != len(n.Hidden)+1 {
				return fmt.Errorf("want %d weights a class, have %d", len(n.Hidden)+1, len(w))
			}
		}
		size := r.features + dims
		for _, row := range append(r.Likeness.Mean[:], r.Likeness.Spread...) {
			if len(row) != size || len(r.Likeness.Spread) != size {
				return fmt.Errorf("want %d numbers of a shape, have %d", size, len(row))
			}
		}
	}
	return nil
}

// network returns the network that reads a jolt.
func (c *Classifier) network(j Jolt) *Network {
	if j.HasWave() {
		return &c.Wave.Network
	}
	return &c.Plain.Network
}

// Standard returns a jolt's features in standard deviations from their mean.
func (n *Network) Standard(features []float64) [waveFeatures]float64 {
	var x [waveFeatures]float64
	for i, f := range features {
		x[i] = clamp((f-n.Mean[i])/n.Scale[i], -4, 4)
	}
	return x
}

// Score returns the scores of a jolt's features.
func (n *Network) Score(features []float64) Scores {
	x := n.Standard(features)
	return n.read(&x)
}

func (n *Network) read(x *[waveFeatures]float64) Scores {
	var s Scores
	for k := range s {
		s[k] = n.Out[k][0]
	}
	for u, w := range n.Hidden {
		sum := w[0]
		for i, v := range x[:len(n.Mean)] {
			sum += w[i+1] * v
		}
		t := math.Tanh(sum)
		for k := range s {
			s[k] += n.Out[k][u+1] * t
		}
	}
	mean := 0.0
	for _, v := range s {
		mean += v / NumClasses
	}
	for k := range s {
		s[k] = clamp(s[k]-mean, -6, 6)
	}
	return s
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
	plain := []float64{lp, ld, lv}
	if len(wave) < 8 || rateHz < 4 {
		return Jolt{features: plain}
	}
	w := readWave(wave, rateHz, v)
	return Jolt{
		dropFirst: w.first < 0,
		features: append(plain,
			w.first, w.balance, w.pitch, w.echo, math.Log(w.length*v+0.05), math.Log(w.crest), w.tail, math.Log(w.length+0.01),
			w.low, w.high, w.lead, w.turns, w.lean, w.second, math.Log(clamp(rateHz, 4, 500))),
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
	low     float64 // log share of the energy that a moving average over 0.2 s leaves: the body's motion, below some 3 Hz
	high    float64 // log share of the energy above what one over 0.05 s leaves: above some 10 Hz
	lead    float64 // share of the energy before the peak
	turns   float64 // changes of sign above a fifth of the peak, log
	lean    float64 // third moment: whether few large excursions point up or down
	second  float64 // the largest excursion against the first large one, over the peak
}

func readWave(wave []float32, rate, v float64) waveShape {
	s := waveShape{crest: 1, pitch: 1, length: 0.02}
	mean := 0.0
	for _, x := range wave {
		mean += float64(x)
	}
	mean /= float64(len(wave))
	var up, down, energy, change, peak, cube float64
	peakAt := 0
	for i, x := range wave {
		y := float64(x) - mean
		up, down = math.Max(up, y), math.Max(down, -y)
		energy += y * y
		cube += y * y * y
		if i > 0 {
			d := float64(x - wave[i-1])
			change += d * d
		}
		if math.Abs(y) > peak {
			peak, peakAt = math.Abs(y), i
		}
	}
	if energy < 1e-9 || peak < 1e-4 {
		return s
	}
	n := float64(len(wave))
	s.balance = (up - down) / (up + down)
	s.pitch = math.Log(clamp(rate/(2*math.Pi)*math.Sqrt(change/energy), 0.3, 100))
	s.crest = peak / math.Sqrt(energy/n)
	s.lean = clamp(cube/n/math.Pow(energy/n, 1.5), -5, 5)
	cumulated, from, to, sign, turns := 0.0, -1, -1, 0.0, 0
	late := peakAt + int(0.6*rate)
	for i, x := range wave {
		y := float64(x) - mean
		cumulated += y * y
		if i > late {
			s.tail += y * y / energy
		}
		if i < peakAt {
			s.lead += y * y / energy
		}
		if from < 0 && cumulated >= 0.1*energy {
			from = i
		}
		if to < 0 && cumulated >= 0.9*energy {
			to = i
		}
		if s.first == 0 && math.Abs(y) >= 0.4*peak {
			s.first = y / peak
		}
		if s.first != 0 && y*s.first < 0 {
			s.second = math.Max(s.second, math.Abs(y)/peak)
		}
		if math.Abs(y) > 0.2*peak && y*sign <= 0 {
			sign = y
			turns++
		}
	}
	to = max(from, to)
	s.turns = math.Log(float64(turns))
	s.length = float64(to-from+1) / rate
	s.low = math.Log(0.003 + slowShare(wave, mean, energy, 0.2*rate))
	s.high = math.Log(0.003 + math.Max(0, 1-slowShare(wave, mean, energy, 0.05*rate)))
	s.echo = echo(wave, mean, energy, rate, v)
	return s
}

// slowShare is the share of the energy that a moving average over some samples leaves.
func slowShare(wave []float32, mean, energy, samples float64) float64 {
	half := int(samples / 2)
	if half < 1 {
		return 1
	}
	sum, left := 0.0, 0.0
	for i := -half; i < len(wave); i++ {
		if in := i + half; in < len(wave) {
			sum += float64(wave[in]) - mean
		}
		if out := i - half - 1; out >= 0 {
			sum -= float64(wave[out]) - mean
		}
		if i >= 0 {
			y := sum / float64(2*half+1)
			left += y * y
		}
	}
	return left / energy
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

func clamp(x, low, high float64) float64 { return min(max(x, low), high) }

// Roughness is a jolt's strength free of speed, for severity: a peak of 1 g at 10 m/s is 1. Above that a car takes a
// hole's edge faster, roughly in proportion to the root of its speed.
func Roughness(peakG, speedMPS float64) float64 {
	return peakG * math.Sqrt(10/clamp(speedMPS, 3, 40))
}
