package firmwaresim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// testCar is the International Roughness Index's golden car (Sayers 1995) and testPhone one that adds nothing of its own.
func testCar(wheelbase, front float64) *vehicle {
	return &vehicle{tyre: 653, spring: 63.3, damper: 6, unsprung: 0.15, wheelbase: wheelbase, contact: 0.13, front: front}
}

func testPhone() *mount {
	return &mount{hz: 60, damping: 0.7, gain: 1, rate: 200, axis: [3]float64{0.6, 0, 0.8}}
}

// passing drives over one object on an otherwise perfect road.
func passing(t *testing.T, o *Object, speed float64, v *vehicle) detector.Jolt {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	profile := make([]float64, int((speed*(leadS+tailS)+8)/stepM))
	o.stamp(profile, int((speed*leadS+v.wheelbase)/stepM), r, 1)
	jolt, felt := ride(profile, speed, v, testPhone(), 0, r)
	if !felt {
		t.Fatalf("a %s of %g m at %g m/s is not felt", o.Class, o.SizeM, speed)
	}
	jolt.Wave = slices.Clone(jolt.Wave)
	return jolt
}

// firstMotion is the sign of the first excursion past 40 % of the peak.
func firstMotion(j detector.Jolt) float64 {
	for _, g := range j.Wave {
		if math.Abs(float64(g)) >= 0.4*j.PeakG {
			return math.Copysign(1, float64(g))
		}
	}
	return 0
}

// middle is the time that holds the middle 80 % of a waveform's energy, s.
func middle(j detector.Jolt) float64 {
	total, sum := 0.0, 0.0
	for _, g := range j.Wave {
		total += float64(g) * float64(g)
	}
	n := 0
	for _, g := range j.Wave {
		sum += float64(g) * float64(g)
		if sum >= 0.1*total && sum < 0.9*total {
			n++
		}
	}
	return float64(n) / j.RateHz
}

func TestTheRearAxleFollowsAWheelbaseLater(t *testing.T) {
	t.Parallel()
	hole := &Object{Class: "pothole", SizeM: 0.06, LengthM: 0.6}
	for _, wheelbase := range []float64{2.4, 2.9} {
		for _, speed := range []float64{5, 10, 16} {
			front, rear := passing(t, hole, speed, testCar(wheelbase, 1)), passing(t, hole, speed, testCar(wheelbase, 0))
			if lag, want := rear.At-front.At, wheelbase/speed; math.Abs(lag-want) > 0.02 {
				t.Errorf("wheelbase %g m at %g m/s: the rear axle is hit %.3f s after the front one, want %.3f", wheelbase, speed, lag, want)
			}
			// A phone between the axles feels both: its jolt is the sum.
			both := passing(t, hole, speed, testCar(wheelbase, 0.6))
			shift := int(math.Round((both.At - front.At) * both.RateHz))
			lag := int(math.Round(wheelbase / speed * both.RateHz))
			var off, size float64
			for k := range both.Wave {
				want := 0.6*at(front.Wave, k+shift) + 0.4*at(front.Wave, k+shift-lag)
				off += math.Pow(float64(both.Wave[k])-want, 2)
				size += want * want
			}
			if off > 0.1*size {
				t.Errorf("wheelbase %g m at %g m/s: %.0f %% of the jolt is not its two hits", wheelbase, speed, 100*off/size)
			}
		}
	}
}

func at(wave []float32, k int) float64 {
	if k < 0 || k >= len(wave) {
		return 0
	}
	return float64(wave[k])
}

func TestAHoleBeginsWithADropAndABumpWithARise(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{5, 8, 12} {
		for _, length := range []float64{0.4, 0.7, 1} {
			hole := passing(t, &Object{Class: "pothole", SizeM: 0.06, LengthM: length}, speed, testCar(2.6, 0.7))
			if firstMotion(hole) >= 0 {
				t.Errorf("a hole of %g m at %g m/s begins with a rise", length, speed)
			}
		}
		if bump := passing(t, &Object{Class: "speed_bump", SizeM: 0.08, LengthM: 2}, speed, testCar(2.6, 0.7)); firstMotion(bump) <= 0 {
			t.Errorf("a speed bump at %g m/s begins with a drop", speed)
		}
		if lid := passing(t, &Object{Class: "casting", SizeM: -0.03, LengthM: 0.6}, speed, testCar(2.6, 0.7)); firstMotion(lid) >= 0 {
			t.Errorf("a sunken casting at %g m/s begins with a rise", speed)
		}
	}
}

func TestASpeedBumpIsLongerThanAHole(t *testing.T) {
	t.Parallel()
	hole := passing(t, &Object{Class: "pothole", SizeM: 0.06, LengthM: 0.6}, 9, testCar(2.6, 0.7))
	bump := passing(t, &Object{Class: "speed_bump", SizeM: 0.08, LengthM: 3}, 5, testCar(2.6, 0.7))
	if middle(bump) < 1.3*middle(hole) {
		t.Errorf("a speed bump takes %.2f s, a hole %.2f s", middle(bump), middle(hole))
	}
}

func TestDeeperAndFasterIsHarder(t *testing.T) {
	t.Parallel()
	peak := func(depth, speed float64) float64 {
		return passing(t, &Object{Class: "pothole", SizeM: depth, LengthM: 0.6}, speed, testCar(2.6, 0.7)).PeakG
	}
	if peak(0.08, 8) < 1.5*peak(0.04, 8) {
		t.Errorf("twice as deep: %.2f g after %.2f g", peak(0.08, 8), peak(0.04, 8))
	}
}

// TestRoughnessHasTheSpectrumOfItsClass compares the variance of heights over the waves that are simulated with the
// integral of ISO 8608's spectrum over them: Gd(n0) n0² (1/n1 - 1/n2).
func TestRoughnessHasTheSpectrumOfItsClass(t *testing.T) {
	t.Parallel()
	for _, gd := range []float64{16, 64, 256} { // classes A, B and C, 1e-6 m³
		sum, n := 0.0, 0
		for seed := range uint64(10) {
			for _, h := range roughness(rand.New(rand.NewPCG(seed, 1)), gd, 400) {
				sum += h * h
				n++
			}
		}
		want := gd * 1e-6 * 0.01 * (1/0.045 - 1/4.2)
		if got := sum / float64(n); got < 0.75*want || got > 1.35*want {
			t.Errorf("class of %g: variance %.3g m², want %.3g", gd, got, want)
		}
	}
}
