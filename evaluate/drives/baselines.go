package drives

import (
	"math"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
)

// Felt is one event of a detector: when, s, and the waveform if it cuts one out.
type Felt struct {
	At                              float64
	PeakG, DurationS, RateHz, Speed float64
	Wave                            []float32
}

// Method is a way to detect jolts. Sensitivity is a factor on its thresholds.
type Method struct {
	Name, What string
	Hear       func(samples []firmwaresim.RawSample, sensitivity float64) []Felt
}

// once is how long nothing else is heard after an event, s: a published detector has no events but marks samples.
const once = 1.5

// Methods returns all of them, our own first.
func Methods() []Method {
	return []Method{
		{"Streetpulse", "ours", ours},
		{"app", "the simple detector of the simulated city's apps (package zpeak)", simple},
		{"Z-THRESH", "vertical acceleration more than 0.4 g from 1 g (Mednis 2011)", marks(0.4, func(v *view) float64 { return math.Abs(v.z) })},
		{"Z-DIFF", "vertical accelerations of two samples differ by more than 0.2 g (Mednis 2011)", marks(0.2, func(v *view) float64 { return math.Abs(v.z - v.before) })},
		{"STDEV(Z)", "standard deviation of the vertical acceleration over 0.2 s above 0.2 g (Mednis 2011, who names no window)", marks(0.2, (*view).deviation)},
		{"G-ZERO", "all three axes below 0.8 g (Mednis 2011)", marks(1/0.8, func(v *view) float64 { return 1 / math.Max(0.01, v.largest) })},
		{"Pothole Patrol", "speed, high-pass, z-peak and speed-to-z filters (Eriksson 2008)", marks(0.4, (*view).patrol)},
		{"3 m/s²", "vertical acceleration after a high-pass at 0.5 Hz above 3 m/s²", marks(3/detector.Gravity, func(v *view) float64 { return math.Abs(v.high) })},
	}
}

// view is what a published detector sees of a sample, in g: the phone is turned upright for it, as those papers do.
type view struct {
	z, before, high float64 // vertical without gravity, of the sample before, high-passed at 0.5 Hz
	largest         float64 // of the three upright axes, gravity included
	speed           float64 // m/s, NaN: not known
	recent          []float64
	times           []float64
}

// deviation is the standard deviation over the last 0.2 s, of two samples at least.
func (v *view) deviation() float64 {
	mean, square := 0.0, 0.0
	n := float64(len(v.recent))
	if n < 2 {
		return 0
	}
	for _, x := range v.recent {
		mean += x / n
	}
	for _, x := range v.recent {
		square += (x - mean) * (x - mean) / n
	}
	return math.Sqrt(square)
}

// patrol is Pothole Patrol's chain but for the ratio of sideways to vertical peaks: a simulated car sways sideways in bends only.
// At least 2 m/s, and peaks that grow with the speed: what is felt at high speed of small unevenness is no pothole.
func (v *view) patrol() float64 {
	if !(v.speed > 2) && !math.IsNaN(v.speed) {
		return 0
	}
	if math.Abs(v.high) < 0.016*v.speed { // false for NaN
		return 0
	}
	return math.Abs(v.high)
}

// marks is a detector that marks samples whose measure exceeds a threshold.
func marks(threshold float64, measure func(*view) float64) func([]firmwaresim.RawSample, float64) []Felt {
	const passS = 1 / (2 * math.Pi * 0.5)
	return func(samples []firmwaresim.RawSample, sensitivity float64) []Felt {
		var found []Felt
		var v view
		gravity := [3]float64{}
		first := min(len(samples), 100)
		for _, s := range samples[:first] {
			for i := range gravity {
				gravity[i] += s.Acc[i] / float64(first)
			}
		}
		was, last := math.NaN(), math.Inf(-1)
		for _, s := range samples {
			dt := s.T - was
			if math.IsNaN(dt) {
				dt = 0
			}
			share := dt / (2.5 + dt)
			size, along, all := 0.0, 0.0, 0.0
			for i, a := range s.Acc {
				gravity[i] += share * (a - gravity[i])
				size += gravity[i] * gravity[i]
				along += gravity[i] * a
				all += a * a
			}
			size = math.Sqrt(size)
			along /= size
			z := (along - size) / detector.Gravity
			if math.IsNaN(was) {
				v.before = z
			} else {
				v.before = v.z
				v.high = passS / (passS + dt) * (v.high + z - v.z)
			}
			v.z, v.speed = z, s.SpeedMPS
			v.largest = math.Max(math.Abs(along), math.Sqrt(math.Max(0, all-along*along))) / detector.Gravity
			v.recent, v.times = append(v.recent, z), append(v.times, s.T)
			for len(v.times) > 2 && v.times[0] < s.T-0.2 {
				v.recent, v.times = v.recent[1:], v.times[1:]
			}
			was = s.T
			if s.T-last > once && measure(&v) > threshold*sensitivity {
				found = append(found, Felt{At: s.T})
				last = s.T
			}
		}
		return found
	}
}

func ours(samples []firmwaresim.RawSample, sensitivity float64) []Felt {
	var found []Felt
	p := detector.Standard()
	p.LeastG, p.LeastSlowG = p.LeastG*sensitivity, p.LeastSlowG*sensitivity
	d := detector.New(p, func(j detector.Jolt) {
		found = append(found, Felt{j.At, j.PeakG, j.DurationS, j.RateHz, j.Speed, append([]float32(nil), j.Wave...)})
	})
	for _, s := range samples {
		d.Add(detector.Sample{T: s.T, Acc: s.Acc, Turn: math.NaN(), Speed: s.SpeedMPS})
	}
	d.Flush()
	return found
}

func simple(samples []firmwaresim.RawSample, sensitivity float64) []Felt {
	var found []Felt
	p := zpeak.Standard()
	p.LeastG, p.OverNoise = p.LeastG*sensitivity, p.OverNoise*sensitivity
	d := zpeak.New(p)
	keep := func(j zpeak.Jolt, ok bool) {
		if ok {
			found = append(found, Felt{At: j.At, PeakG: j.PeakG})
		}
	}
	for _, s := range samples {
		keep(d.Add(s.T, s.Acc[0], s.Acc[1], s.Acc[2], s.SpeedMPS))
	}
	keep(d.Flush())
	return found
}
