package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/streetpulse/streetpulse/crowd"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// sample is one jolt whose cause is known.
type sample struct {
	x     []float64
	class int
}

// Train drives the cities of the given seeds, fits the waveform classifier to the jolts of known cause, and writes its
// parameters. The same seeds give the same parameters.
func Train(w io.Writer, seeds []uint64, progress func(string)) error {
	var plain, wave []sample
	for _, seed := range seeds {
		c, err := firmwaresim.NewCity(firmwaresim.CityOptions{Seed: seed})
		if err != nil {
			return err
		}
		for _, s := range c.All() {
			class := classIndex(s.Cause.Class)
			if s.Kind != wire.Bump || class < 0 || s.Cause.Cause == "invention" {
				continue
			}
			with := crowd.ReadJolt(s.PeakG, s.DurationS, s.SpeedMPS, s.RateHz, s.WaveG)
			without := crowd.ReadJolt(s.PeakG, s.DurationS, s.SpeedMPS, 0, nil)
			plain = append(plain, sample{without.Features(), class})
			if with.HasWave() {
				wave = append(wave, sample{with.Features(), class})
			}
		}
		progress(fmt.Sprintf("city %d driven: %d jolts, %d with a waveform", seed, len(plain), len(wave)))
	}
	c := crowd.Classifier{Version: 1, Plain: fit(plain), Wave: fit(wave)}
	progress(fmt.Sprintf("of the jolts it was fitted to %.1f %% without and %.1f %% with a waveform are put into their class",
		100*accuracy(&c.Plain, plain), 100*accuracy(&c.Wave, wave)))
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(c)
}

func classIndex(name string) int {
	for i, c := range crowd.Classes() {
		if string(c) == name {
			return i
		}
	}
	return -1
}

// fit fits a multinomial logistic regression by gradient descent with momentum; features are standardised but for the
// constant, weights shrunk a little.
func fit(samples []sample) crowd.Regression {
	n := len(samples[0].x)
	r := crowd.Regression{Mean: make([]float64, n), Scale: make([]float64, n)}
	for i := range n {
		sum, squares := 0.0, 0.0
		for _, s := range samples {
			sum += s.x[i]
			squares += s.x[i] * s.x[i]
		}
		mean := sum / float64(len(samples))
		if deviation := math.Sqrt(squares/float64(len(samples)) - mean*mean); deviation > 1e-9 {
			r.Mean[i], r.Scale[i] = rounded(mean), rounded(deviation)
		} else {
			r.Mean[i], r.Scale[i] = 0, 1
		}
	}
	for _, s := range samples {
		r.Prior[s.class]++
		for i := range s.x {
			s.x[i] = math.Max(-4, math.Min(4, (s.x[i]-r.Mean[i])/r.Scale[i]))
		}
	}
	for k := range r.Prior {
		r.Prior[k] = rounded(r.Prior[k] / float64(len(samples)))
		r.Weights[k] = make([]float64, n)
	}
	const (
		rounds = 300
		rate   = 0.6
		keep   = 0.9
		shrink = 1e-4
	)
	var velocity, gradient [crowd.NumClasses][]float64
	for k := range velocity {
		velocity[k], gradient[k] = make([]float64, n), make([]float64, n)
	}
	for range rounds {
		for k := range gradient {
			clear(gradient[k])
		}
		for _, s := range samples {
			p := softmax(&r, s.x)
			p[s.class]--
			for k := range p {
				for i, x := range s.x {
					gradient[k][i] += p[k] * x
				}
			}
		}
		for k := range gradient {
			for i := range gradient[k] {
				g := gradient[k][i]/float64(len(samples)) + shrink*r.Weights[k][i]
				velocity[k][i] = keep*velocity[k][i] - rate*g
				r.Weights[k][i] += velocity[k][i]
			}
		}
	}
	for k := range r.Weights {
		for i := range r.Weights[k] {
			r.Weights[k][i] = rounded(r.Weights[k][i])
		}
	}
	return r
}

func softmax(r *crowd.Regression, x []float64) [crowd.NumClasses]float64 {
	var p [crowd.NumClasses]float64
	top := math.Inf(-1)
	for k := range p {
		for i, v := range x {
			p[k] += r.Weights[k][i] * v
		}
		top = math.Max(top, p[k])
	}
	sum := 0.0
	for k := range p {
		p[k] = math.Exp(p[k] - top)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

func accuracy(r *crowd.Regression, samples []sample) float64 {
	right := 0
	for _, s := range samples {
		p := softmax(r, s.x)
		best := 0
		for k := range p {
			if p[k] > p[best] {
				best = k
			}
		}
		if best == s.class {
			right++
		}
	}
	return share(right, len(samples))
}

// rounded keeps five significant figures, so that the file is stable and readable.
func rounded(x float64) float64 {
	if x == 0 {
		return 0
	}
	s := math.Pow10(4 - int(math.Floor(math.Log10(math.Abs(x)))))
	return math.Round(x*s) / s
}
