package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/crowd"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Sample is one jolt whose cause is known.
type Sample struct {
	X      []float64
	Class  int
	Object string // what caused it, with its city; jolts without an object are each their own
	Device string
}

// Train drives the cities of the given seeds, our own and elsewhere, fits the waveform classifier to the jolts of known cause, and writes
// its parameters. The same seeds give the same parameters.
func Train(w io.Writer, seeds []uint64, progress func(string)) error {
	simulators := []Simulator{Own, Elsewhere}
	plains, waves := make([][]Sample, len(seeds)*len(simulators)), make([][]Sample, len(seeds)*len(simulators))
	var driving errgroup.Group
	driving.SetLimit(runtime.GOMAXPROCS(0))
	for i := range plains {
		simulator, seed := simulators[i%len(simulators)], seeds[i/len(simulators)]
		driving.Go(func() error {
			d, err := NewDriveIn(simulator, seed)
			if err != nil {
				return err
			}
			plains[i], waves[i] = Samples(d.Sent, fmt.Sprint(simulator, " ", seed))
			return nil
		})
	}
	if err := driving.Wait(); err != nil {
		return err
	}
	plain, wave := slices.Concat(plains...), slices.Concat(waves...)
	progress(fmt.Sprintf("%d cities driven: %d jolts, %d with a waveform", len(plains), len(plain), len(wave)))
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(Fit(plain, wave, progress))
}

// Samples are the jolts of known cause: all of them as jolts without a waveform are read, and those that have one.
func Samples(sent []firmwaresim.Sent, city string) (plain, wave []Sample) {
	for n, s := range sent {
		class := classIndex(s.Cause.Class)
		if s.Kind != wire.Bump || class < 0 || s.Cause.Cause == "invention" {
			continue
		}
		object := city + " " + s.Cause.Cause
		if class == crowd.NumClasses-1 {
			object = fmt.Sprintf("%s %d", object, n)
		}
		with := crowd.ReadJolt(s.PeakG, s.DurationS, s.SpeedMPS, s.RateHz, s.WaveG)
		without := crowd.ReadJolt(s.PeakG, s.DurationS, s.SpeedMPS, s.RateHz, nil)
		plain = append(plain, Sample{without.Features(), class, object, s.Device})
		if with.HasWave() {
			wave = append(wave, Sample{with.Features(), class, object, s.Device})
		}
	}
	return plain, wave
}

// Fit fits both readers.
func Fit(plain, wave []Sample, progress func(string)) crowd.Classifier {
	c := crowd.Classifier{Version: 3}
	var fitting sync.WaitGroup
	fitting.Go(func() { c.Plain = fitReader(plain, 0, 12) })
	fitting.Go(func() { c.Wave = fitReader(wave, 1, 40) })
	fitting.Wait()
	progress(fmt.Sprintf("of the jolts it was fitted to %.1f %% without and %.1f %% with a waveform are put into their class",
		100*accuracy(&c.Plain.Network, plain), 100*accuracy(&c.Wave.Network, wave)))
	return c
}

func fitReader(samples []Sample, kind, units int) crowd.Reader {
	n := fitNetwork(samples, units)
	places := read(&n, samples)
	speakPlainly(places)
	return crowd.Reader{Network: n, Spread: fitSpread(places, kind), Likeness: fitLikeness(places, len(n.Mean)+crowd.NumClasses-1)}
}

// training is a place whose class is known, as a network reads the jolts there.
type training struct {
	class   int
	devices map[string]*heard
}

// heard is what one device's jolts at a place are like, on average.
type heard struct {
	shape crowd.Shape
	n     float64
}

// read gathers samples by object and device. Jolts without an object are each a place.
func read(n *crowd.Network, samples []Sample) map[string]*training {
	places := map[string]*training{}
	for _, s := range samples {
		p := places[s.Object]
		if p == nil {
			p = &training{s.Class, map[string]*heard{}}
			places[s.Object] = p
		}
		d := p.devices[s.Device]
		if d == nil {
			d = &heard{}
			p.devices[s.Device] = d
		}
		d.n++
		scores, standard := n.Score(s.X), n.Standard(s.X)
		for i, v := range crowd.ShapeOf(standard[:len(s.X)], &scores) {
			d.shape[i] += (v - d.shape[i]) / d.n
		}
	}
	return places
}

// speakPlainly takes the devices' accents out of what they say, as judging does.
func speakPlainly(places map[string]*training) {
	numbers := map[string]int{}
	var said [][]crowd.Impression
	for _, id := range slices.Sorted(maps.Keys(places)) {
		var here []crowd.Impression
		for _, d := range slices.Sorted(maps.Keys(places[id].devices)) {
			if _, known := numbers[d]; !known {
				numbers[d] = len(numbers)
			}
			here = append(here, crowd.Impression{Device: numbers[d], Shape: &places[id].devices[d].shape})
		}
		said = append(said, here)
	}
	accents := crowd.Accents(said, len(numbers))
	for _, p := range places {
		for d, h := range p.devices {
			for i, x := range accents[numbers[d]] {
				h.shape[i] -= x
			}
		}
	}
}

func classIndex(name string) int {
	for i, c := range crowd.Classes() {
		if string(c) == name {
			return i
		}
	}
	return -1
}

// fitSpread measures how the scores of a class's places lie around the class's mean, and those of devices around their
// place's.
func fitSpread(places map[string]*training, kind int) crowd.Spread {
	const dims = crowd.NumClasses - 1
	var spread crowd.Spread
	for class := range crowd.NumClasses {
		var means [][dims]float64
		var within, between [dims][dims]float64
		var inverse, freedom, all float64
		for _, id := range slices.Sorted(maps.Keys(places)) {
			o := places[id]
			if o.class != class {
				continue
			}
			var mean [dims]float64
			var own [][dims]float64
			for _, d := range slices.Sorted(maps.Keys(o.devices)) {
				var x [dims]float64
				scores := o.devices[d].shape.Scores(kind)
				for i := range x {
					x[i] = scores[i]
					mean[i] += x[i] / float64(len(o.devices))
				}
				own = append(own, x)
			}
			if len(own) > 1 {
				for _, x := range own {
					for i := range x {
						for j := range x {
							within[i][j] += (x[i] - mean[i]) * (x[j] - mean[j])
						}
					}
				}
				freedom += float64(len(own) - 1)
			}
			inverse += 1 / float64(len(own))
			all++
			means = append(means, mean)
			for i := range mean {
				spread.Mean[class][i] += mean[i]
			}
		}
		for i := range dims {
			spread.Mean[class][i] /= math.Max(1, all)
		}
		for _, m := range means {
			for i := range m {
				for j := range m {
					between[i][j] += (m[i] - spread.Mean[class][i]) * (m[j] - spread.Mean[class][j]) / all
				}
			}
		}
		for i := range dims {
			for j := range dims {
				if freedom > 50 {
					within[i][j] /= freedom
					between[i][j] -= within[i][j] * inverse / all
				} else { // one jolt a place: nobody knows which part is which
					within[i][j], between[i][j] = between[i][j]/2, between[i][j]/2
				}
			}
			between[i][i] = math.Max(between[i][i], 0.05)
		}
		for i := range dims {
			spread.Mean[class][i] = rounded(spread.Mean[class][i])
			for j := range dims {
				spread.Within[class][i][j], spread.Between[class][i][j] = rounded(within[i][j]), rounded(between[i][j])
			}
		}
	}
	return spread
}

func accuracy(n *crowd.Network, samples []Sample) float64 {
	right := 0
	for _, s := range samples {
		p := n.Score(s.X)
		best := 0
		for k := range p {
			if p[k] > p[best] {
				best = k
			}
		}
		if best == s.Class {
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
