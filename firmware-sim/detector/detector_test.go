package detector_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// drive is a stream of samples: when, and what the phone feels along its own axes, m/s².
type drive struct {
	rate, jitter, seconds float64 // Hz, share of an interval, s
	speed                 float64 // m/s
	quiet                 bool    // the sensor has no noise
	feel                  func(t float64) (x, y, z float64)
}

// jolts runs the drive and ends it with Flush. Waveforms are copied.
func (v drive) jolts(p detector.Parameters) []detector.Jolt {
	r := rand.New(rand.NewPCG(7, uint64(v.rate)))
	var found []detector.Jolt
	d := detector.New(p, func(j detector.Jolt) {
		j.Wave = append([]float32(nil), j.Wave...)
		found = append(found, j)
	})
	for i := range int(math.Round(v.seconds * v.rate)) {
		t := (float64(i) + v.jitter*(r.Float64()-0.5)) / v.rate
		x, y, z := v.feel(t)
		noise := func() float64 {
			if v.quiet {
				return 0
			}
			return 0.015 * detector.Gravity * r.NormFloat64()
		}
		d.Add(detector.Sample{T: t, Acc: [3]float64{x + noise(), y + noise(), z + noise()}, Turn: math.NaN(), Speed: v.speed})
	}
	d.Flush()
	return found
}

// hit is a jolt of size g that begins at t 0: down first, then up.
func hit(t, size float64) float64 {
	if t < 0 || t > 0.25 {
		return 0
	}
	return -size * math.Sin(2*math.Pi*t/0.25) * detector.Gravity
}

// lying is a phone that lies flat and feels up besides gravity.
func lying(up func(t float64) float64) func(t float64) (x, y, z float64) {
	return func(t float64) (x, y, z float64) { return 0, 0, detector.Gravity + up(t) }
}

func TestAJoltIsFoundOnceAtAnyRateAndOrientation(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{5, 6, 10, 20, 33, 50, 60, 100, 200, 300, 500} {
		for _, jitter := range []float64{0, 0.6} {
			for _, up := range [][3]float64{{0, 0, 1}, {1, 0, 0}, {0, -1, 0}, {0.6, 0.48, 0.64}} {
				// A jolt of 0.25 s has one sample at 5 Hz: there it takes a longer one.
				stretch := math.Max(1, 15/rate)
				v := drive{rate: rate, jitter: jitter, seconds: 10, speed: 10, feel: func(t float64) (x, y, z float64) {
					a := detector.Gravity + hit((t-6)/stretch, 0.6)
					return a * up[0], a * up[1], a * up[2]
				}}
				name := fmt.Sprintf("%g Hz, jitter %g, up %v", rate, jitter, up)
				found := v.jolts(detector.Standard())
				if len(found) != 1 {
					t.Errorf("%s: %d jolts, want one", name, len(found))
					continue
				}
				j := found[0]
				if want := math.Min(rate, 200); math.Abs(j.RateHz-want) > want/10 {
					t.Errorf("%s: waveform at %g Hz", name, j.RateHz)
				}
				if seconds := float64(len(j.Wave)-1) / j.RateHz; math.Abs(seconds-2) > 1/j.RateHz+0.02 || len(j.Wave) > 512 {
					t.Errorf("%s: waveform of %d samples, %.2f s", name, len(j.Wave), seconds)
				}
				if rate >= 33 && (math.Abs(j.PeakG-0.6) > 0.15 || math.Abs(j.At-6) > 0.1) {
					t.Errorf("%s: at %.2f s, peak %.2f g, want 6 s, 0.6 g", name, j.At, j.PeakG)
				}
				// The jolt begins with the drop, 0.6 s into the waveform.
				if at := trough(j); rate >= 50 && math.Abs(at-0.6-(6.06-j.At)) > 0.03 {
					t.Errorf("%s: drop %.2f s into a waveform triggered at %.2f s", name, at, j.At)
				}
			}
		}
	}
}

// trough is when in its waveform a jolt is lowest, s.
func trough(j detector.Jolt) float64 {
	at := 0
	for i, x := range j.Wave {
		if x < j.Wave[at] {
			at = i
		}
	}
	return float64(at) / j.RateHz
}

// TestAShortRecordingOfOneAxis is what published data sets look like: little more than a second around the jolt, its other
// axes 0, gravity in it, out of it or half out of it, the speed not known.
func TestAShortRecordingOfOneAxis(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{20, 50, 100} {
		for _, gravity := range []float64{detector.Gravity, -detector.Gravity, 0, 4, 0.3} {
			for axis := range 3 {
				for _, at := range []float64{0.05, 0.3, 0.7} {
					sign := 1.0
					if gravity < 0 {
						sign = -1
					}
					v := drive{rate: rate, seconds: 1.2, quiet: true, speed: math.NaN(), feel: func(t float64) (x, y, z float64) {
						var a [3]float64
						a[axis] = gravity + sign*(hit(t-at, 0.8)+0.3*math.Sin(40*t))
						return a[0], a[1], a[2]
					}}
					name := fmt.Sprintf("%g Hz, gravity %g, axis %d, jolt at %g s", rate, gravity, axis, at)
					found := v.jolts(detector.Standard())
					if len(found) != 1 {
						t.Errorf("%s: %d jolts, want one", name, len(found))
						continue
					}
					j := found[0]
					if j.PeakG < 0.6 || j.PeakG > 1 || j.DurationS < 0.1 || j.DurationS > 0.5 {
						t.Errorf("%s: peak %.2f g for %.2f s", name, j.PeakG, j.DurationS)
					}
					if got := j.At - 0.6 + trough(j); math.Abs(got-at-0.0625) > 0.06 {
						t.Errorf("%s: drop at %.2f s: upside down?", name, got)
					}
				}
			}
		}
	}
}

func TestAQuietShortRecordingHasNone(t *testing.T) {
	t.Parallel()
	for _, gravity := range []float64{detector.Gravity, 0} {
		v := drive{rate: 50, seconds: 1.5, speed: math.NaN(), feel: func(t float64) (x, y, z float64) { return 0, gravity + 0.6*math.Sin(60*t), 0 }}
		if found := v.jolts(detector.Standard()); len(found) != 0 {
			t.Errorf("gravity %g: %d jolts, want none", gravity, len(found))
		}
	}
}

func TestAJoltAtTheVeryBeginningAndTheVeryEnd(t *testing.T) {
	t.Parallel()
	for _, at := range []float64{0.1, 19.7} {
		v := drive{rate: 100, seconds: 20, speed: 10, feel: lying(func(t float64) float64 { return hit(t-at, 0.8) })}
		if found := v.jolts(detector.Standard()); len(found) != 1 || math.Abs(found[0].At-at) > 0.1 {
			t.Errorf("at %g s: found %+v", at, found)
		}
	}
}

func TestBothAxlesAreOneJolt(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{1.6, 2.5, 4, 10, 20, math.NaN()} {
		known := speed
		if math.IsNaN(speed) {
			known = 4
		}
		v := drive{rate: 100, seconds: 12, speed: speed, feel: lying(func(t float64) float64 {
			return hit(t-6, 0.9) + hit(t-6-2.6/known, 0.8)
		})}
		if found := v.jolts(detector.Standard()); len(found) != 1 {
			t.Errorf("%g m/s: %d jolts, want one", speed, len(found))
		}
	}
}

func TestTwoHolesAreTwoJolts(t *testing.T) {
	t.Parallel()
	v := drive{rate: 100, seconds: 12, speed: 10, feel: lying(func(t float64) float64 { return hit(t-5, 0.9) + hit(t-7.5, 0.5) })}
	if found := v.jolts(detector.Standard()); len(found) != 2 {
		t.Errorf("%d jolts, want two", len(found))
	}
}

func TestWhatIsNoRoad(t *testing.T) {
	t.Parallel()
	g := detector.Gravity
	for name, v := range map[string]drive{
		"braking": {speed: 10, feel: func(t float64) (x, y, z float64) {
			return 4 * math.Max(0, math.Min(1, math.Min(t-5, 8-t))), 0, g
		}},
		"a bend": {speed: 10, feel: func(t float64) (x, y, z float64) {
			return 0, 4 * math.Max(0, math.Min(1, math.Min(t-4, 9-t))), g
		}},
		"a hill": {speed: 10, feel: lying(func(t float64) float64 { return 0.1 * g * math.Sin(2*math.Pi*t/9) })},
		"music":  {speed: 10, feel: lying(func(t float64) float64 { return 0.05 * g * math.Sin(2*math.Pi*47*t) })},
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
		"slipping in its holder": {speed: 10, feel: func(t float64) (x, y, z float64) {
			turn := t / 12 * math.Pi / 3
			return 0, g * math.Sin(turn), g * math.Cos(turn)
		}},
		"standing, a door": {speed: 0, feel: lying(func(t float64) float64 { return hit(t-6, 1) })},
		"rough road": {speed: 10, feel: lying(func(t float64) float64 {
			return 0.09 * g * (math.Sin(2*math.Pi*11*t) + math.Sin(2*math.Pi*1.7*t) + math.Sin(2*math.Pi*4.3*t))
		})},
	} {
		v.rate, v.seconds = 100, 12
		if found := v.jolts(detector.Standard()); len(found) != 0 {
			t.Errorf("%s: %d jolts, want none; the first of %.2f g at %.2f s", name, len(found), found[0].PeakG, found[0].At)
		}
	}
}

func TestAGyroscopeTellsHandsFromRoads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		turn float64
		want int
	}{{0.3, 1}, {4, 0}} {
		felt := 0
		d := detector.New(detector.Standard(), func(detector.Jolt) { felt++ })
		for i := range 1000 {
			at, turn := float64(i)/100, 0.02
			if at > 5.9 && at < 6.6 {
				turn = c.turn
			}
			d.Add(detector.Sample{T: at, Acc: [3]float64{0, 0, detector.Gravity + hit(at-6, 0.9)}, Turn: turn, Speed: 10})
		}
		d.Flush()
		if felt != c.want {
			t.Errorf("%g rad/s: %d jolts, want %d", c.turn, felt, c.want)
		}
	}
}

func TestSeverityIsFreeOfSpeed(t *testing.T) {
	t.Parallel()
	slow, fast := detector.Severity(0.5, 5), detector.Severity(1, 20)
	if math.Abs(slow-fast) > 1e-9 || detector.Severity(0.7, math.NaN()) != 0.7 || math.Abs(detector.Severity(0.7, 10)-0.7) > 1e-9 {
		t.Errorf("severities %g and %g", slow, fast)
	}
}

func TestPausesAndNonsense(t *testing.T) {
	t.Parallel()
	felt := 0
	d := detector.New(detector.Standard(), func(detector.Jolt) { felt++ })
	one := func(t, z float64) {
		d.Add(detector.Sample{T: t, Acc: [3]float64{0, 0, z}, Turn: math.NaN(), Speed: 10})
	}
	add := func(t, up float64) {
		one(t, detector.Gravity+up)
		one(t, 1e3)               // repeated
		one(t-0.005, 1e3)         // out of order
		one(t+0.004, math.NaN())  // not a number
		one(t+0.004, math.Inf(1)) // not finite
		one(math.Inf(-1), 9)
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
	d.Flush()
	if felt != 1 {
		t.Errorf("%d jolts, want the one before the pause", felt)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, rate := range []float64{5, 100, 500} {
		felt := 0
		d := detector.New(detector.Standard(), func(detector.Jolt) { felt++ })
		at := 0.0
		var k detector.Track
		if n := testing.AllocsPerRun(20_000, func() {
			at += 1 / rate
			z := detector.Gravity + hit(math.Mod(at, 7)-3, 0.9)
			d.Add(detector.Sample{T: at, Acc: [3]float64{0, 0, z}, Turn: 0.1, Speed: 11})
			k.Add(detector.Fix{T: at, Lat: 51, Lon: 3 + at*1e-5, Speed: 11, Heading: math.NaN()})
			k.Place(at - 1)
		}); n != 0 || felt < 4 {
			t.Errorf("%g Hz: %g allocations a sample over %d jolts", rate, n, felt)
		}
	}
}

// FuzzAnySamples holds what no stream of samples may break.
func FuzzAnySamples(f *testing.F) {
	f.Add([]byte{10, 200, 10, 3, 10, 255, 255, 0, 0, 128, 10, 10}, 50.0)
	f.Fuzz(func(t *testing.T, steps []byte, scale float64) {
		last := math.Inf(-1)
		d := detector.New(detector.Standard(), func(j detector.Jolt) {
			if len(j.Wave) > 512 || !(j.PeakG >= 0) || !(j.RateHz > 0 && j.RateHz <= 256) || !(j.DurationS >= 0) || math.IsInf(j.PeakG, 0) {
				t.Fatalf("%+v", j)
			}
			if j.At <= last {
				t.Fatalf("jolt at %g after one at %g", j.At, last)
			}
			last = j.At
		})
		at := 0.0
		for i, b := range steps {
			at += float64(b) / 2000
			d.Add(detector.Sample{T: at, Acc: [3]float64{scale * float64(steps[len(steps)-1-i]), scale, float64(b) - 9}, Turn: float64(b % 5), Speed: float64(b % 30)})
		}
		d.Flush()
	})
}

func BenchmarkAdd(b *testing.B) {
	d := detector.New(detector.Standard(), func(detector.Jolt) {})
	b.ReportAllocs()
	for i := range b.N {
		at := float64(i) / 100
		d.Add(detector.Sample{T: at, Acc: [3]float64{0, 0, detector.Gravity*(1+0.02*math.Sin(at*40)) + hit(math.Mod(at, 9)-3, 0.9)}, Turn: math.NaN(), Speed: 11})
	}
}

func TestTheTriggerStandsAtTheHoleAndNotBeforeIt(t *testing.T) {
	t.Parallel()
	v := drive{rate: 100, seconds: 12, speed: 10, feel: lying(func(t float64) float64 { return hit(t-5.4, 0.25) + hit(t-6, 1.2) })}
	if found := v.jolts(detector.Standard()); len(found) != 1 || math.Abs(found[0].At-6) > 0.05 || len(found[0].Wave) < 195 {
		t.Errorf("%d jolts, want one at 6 s: %+v", len(found), found)
	}
}

func TestTheThresholdGrowsWithSpeed(t *testing.T) {
	t.Parallel()
	felt := func(speed float64) int {
		return len(drive{rate: 100, seconds: 12, speed: speed, feel: lying(func(t float64) float64 { return hit(t-9, 0.16) })}.jolts(detector.Standard()))
	}
	if slow, fast := felt(6), felt(30); slow != 1 || fast != 0 {
		t.Errorf("the same small jolt is felt %d times at 6 m/s and %d at 30 m/s, want 1 and 0", slow, fast)
	}
}
