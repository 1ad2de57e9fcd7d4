package zpeak_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
)

// drive is a stream of samples: when, and what the phone feels along its own axes, m/s².
type drive struct {
	rate, jitter, seconds float64 // Hz, share of an interval, s
	speed                 float64 // m/s
	feel                  func(t float64) (x, y, z float64)
}

// jolts runs the drive and ends it with Flush. Waveforms are copied.
func (v drive) jolts(d *zpeak.Detector) []zpeak.Jolt {
	r := rand.New(rand.NewPCG(7, uint64(v.rate)))
	var found []zpeak.Jolt
	keep := func(j zpeak.Jolt, ok bool) {
		if ok {
			j.Wave = append([]float32(nil), j.Wave...)
			found = append(found, j)
		}
	}
	for i := range int(v.seconds * v.rate) {
		t := (float64(i) + v.jitter*(r.Float64()-0.5)) / v.rate
		x, y, z := v.feel(t)
		noise := func() float64 { return 0.015 * zpeak.Gravity * r.NormFloat64() }
		keep(d.Add(t, x+noise(), y+noise(), z+noise(), v.speed))
	}
	keep(d.Flush())
	return found
}

// hit is a jolt of size g that begins at t 0: down first, then up.
func hit(t, size float64) float64 {
	if t < 0 || t > 0.35 {
		return 0
	}
	return -size * math.Sin(2*math.Pi*t/0.35) * zpeak.Gravity
}

// lying is a phone that lies flat and feels up besides gravity.
func lying(up func(t float64) float64) func(t float64) (x, y, z float64) {
	return func(t float64) (x, y, z float64) { return 0, 0, zpeak.Gravity + up(t) }
}

func TestSampleRatesFromPoorToFast(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{5, 10, 33, 60, 100, 200, 300, 500} {
		for _, jitter := range []float64{0, 0.6} {
			// A jolt of 0.35 s has two samples at 5 Hz: there it takes a longer one.
			stretch := math.Max(1, 15/rate)
			v := drive{rate: rate, jitter: jitter, seconds: 10, speed: 10, feel: lying(func(t float64) float64 { return hit((t-6)/stretch, 0.6) })}
			found := v.jolts(zpeak.New(zpeak.Standard()))
			if len(found) != 1 {
				t.Errorf("%g Hz, jitter %g: %d jolts, want one", rate, jitter, len(found))
				continue
			}
			j := found[0]
			if want := math.Min(rate, 200); math.Abs(j.RateHz-want) > want/10 {
				t.Errorf("%g Hz: waveform at %g Hz", rate, j.RateHz)
			}
			if seconds := float64(len(j.Wave)-1) / j.RateHz; math.Abs(seconds-2) > 1/j.RateHz+0.02 || len(j.Wave) > 512 {
				t.Errorf("%g Hz: waveform of %d samples, %.2f s", rate, len(j.Wave), seconds)
			}
			if rate >= 30 && math.Abs(j.PeakG-0.6) > 0.15 {
				t.Errorf("%g Hz: peak %.2f g, want 0.6", rate, j.PeakG)
			}
			if rate >= 30 && math.Abs(j.At-6) > 0.1 {
				t.Errorf("%g Hz: at %.2f s, want 6", rate, j.At)
			}
		}
	}
}

// TestAShortRecordingOfOneAxis is what published data sets look like: little more than a second around the jolt, its
// other axes 0, the speed not known.
func TestAShortRecordingOfOneAxis(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{20, 50, 100} {
		v := drive{rate: rate, seconds: 1.2, speed: math.NaN(), feel: func(t float64) (x, y, z float64) {
			return 0, zpeak.Gravity + hit(t-0.3, 0.8), 0
		}}
		d := zpeak.New(zpeak.Standard())
		d.Settle(0, zpeak.Gravity, 0, 0)
		found := v.jolts(d)
		if len(found) != 1 {
			t.Errorf("%g Hz: %d jolts, want one", rate, len(found))
			continue
		}
		j := found[0]
		if j.PeakG < 0.6 || j.PeakG > 1 || j.DurationS < 0.1 || j.DurationS > 0.5 {
			t.Errorf("%g Hz: peak %.2f g for %.2f s", rate, j.PeakG, j.DurationS)
		}
		if seconds := float64(len(j.Wave)) / rate; seconds < 1.2 || seconds > 1.65 {
			t.Errorf("%g Hz: waveform of %.2f s, want it to end with the recording", rate, seconds)
		}
	}
}

func TestBothAxlesAreOneJolt(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{4, 10, 20} {
		v := drive{rate: 100, seconds: 10, speed: speed, feel: lying(func(t float64) float64 {
			return hit(t-6, 0.9) + hit(t-6-2.6/speed, 0.5)
		})}
		if found := v.jolts(zpeak.New(zpeak.Standard())); len(found) != 1 {
			t.Errorf("%g m/s: %d jolts, want one", speed, len(found))
		}
	}
}

func TestWhatIsNoRoad(t *testing.T) {
	t.Parallel()
	g := zpeak.Gravity
	for name, v := range map[string]drive{
		"braking": {speed: 10, feel: func(t float64) (x, y, z float64) {
			return 4 * math.Max(0, math.Min(1, math.Min(t-5, 8-t))), 0, g
		}},
		"a hill": {speed: 10, feel: lying(func(t float64) float64 { return 0.1 * g * math.Sin(2*math.Pi*t/9) })},
		"dropped": {speed: 10, feel: func(t float64) (x, y, z float64) {
			switch {
			case t > 5 && t < 5.3:
				return 0, 0, 0
			case t > 5.3 && t < 5.33:
				return 20, 10, 60
			}
			return 0, 0, g
		}},
		"picked up": {speed: 10, feel: func(t float64) (x, y, z float64) {
			turn := math.Max(0, math.Min(1, (t-5)/0.6)) * math.Pi / 2
			return 0, 1.15 * g * math.Sin(turn), 1.15 * g * math.Cos(turn)
		}},
		"standing": {speed: 0, feel: lying(func(t float64) float64 { return hit(t-6, 1) })},
		"rough road": {speed: 10, feel: lying(func(t float64) float64 {
			return 0.09 * g * (math.Sin(2*math.Pi*11*t) + math.Sin(2*math.Pi*1.7*t) + math.Sin(2*math.Pi*4.3*t))
		})},
	} {
		v.rate, v.seconds = 100, 12
		if found := v.jolts(zpeak.New(zpeak.Standard())); len(found) != 0 {
			t.Errorf("%s: %d jolts, want none; the first of %.2f g", name, len(found), found[0].PeakG)
		}
	}
}

func TestPausesAndNonsense(t *testing.T) {
	t.Parallel()
	d := zpeak.New(zpeak.Standard())
	felt := 0
	add := func(t, up float64) {
		if _, ok := d.Add(t, 0, 0, zpeak.Gravity+up, 10); ok {
			felt++
		}
		d.Add(t, 0, 0, 1e3, 10)                // repeated
		d.Add(t-0.005, 0, 0, 1e3, 10)          // out of order
		d.Add(t+0.004, math.NaN(), 0, 0, 10)   // not a number
		d.Add(t+0.004, 0, math.Inf(-1), 0, 10) // not finite
	}
	for i := range 300 {
		add(float64(i)/100, 0)
	}
	// Recording pauses in the middle of a jolt and goes on a minute later, as phones do that fall asleep.
	for i := range 30 {
		add(3+float64(i)/100, hit(float64(i)/100, 1))
	}
	for i := range 300 {
		add(63+float64(i)/100, 0)
	}
	if felt != 1 {
		t.Errorf("%d jolts, want the one before the pause", felt)
	}
}

func TestNothingIsAllocatedForJoltsEither(t *testing.T) {
	d := zpeak.New(zpeak.Standard())
	at, felt := 0.0, 0
	if n := testing.AllocsPerRun(20_000, func() {
		at += 0.01
		if _, ok := d.Add(at, 0, 0, zpeak.Gravity+hit(math.Mod(at, 7)-3, 0.9), 11); ok {
			felt++
		}
	}); n != 0 || felt < 20 {
		t.Errorf("%g allocations a sample over %d jolts", n, felt)
	}
}

// FuzzAnySamples holds what no stream of samples may break.
func FuzzAnySamples(f *testing.F) {
	f.Add([]byte{10, 200, 10, 3, 10, 255, 255, 0, 0, 128, 10, 10}, 50.0)
	f.Fuzz(func(t *testing.T, steps []byte, scale float64) {
		d := zpeak.New(zpeak.Standard())
		at := 0.0
		check := func(j zpeak.Jolt, ok bool) {
			if !ok {
				return
			}
			if len(j.Wave) > 512 || !(j.PeakG >= 0) || !(j.RateHz > 0 && j.RateHz <= 256) || !(j.DurationS >= 0) || math.IsInf(j.PeakG, 0) {
				t.Fatalf("%+v", j)
			}
		}
		for i, b := range steps {
			at += float64(b) / 2000
			check(d.Add(at, scale*float64(steps[len(steps)-1-i]), scale, float64(b)-9, float64(b%30)))
		}
		check(d.Flush())
	})
}

func BenchmarkAdd(b *testing.B) {
	d := zpeak.New(zpeak.Standard())
	b.ReportAllocs()
	for i := range b.N {
		at := float64(i) / 100
		d.Add(at, 0, 0, zpeak.Gravity*(1+0.02*math.Sin(at*40))+hit(math.Mod(at, 9)-3, 0.9), 11)
	}
}
