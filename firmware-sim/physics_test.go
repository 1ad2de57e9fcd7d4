package firmwaresim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
)

// testCar is the International Roughness Index's golden car (Sayers 1995).
func testCar(wheelbase, front float64) *vehicle {
	v := &vehicle{tyre: 653, spring: 63.3, damper: 6, unsprung: 0.15, wheelbase: wheelbase, contact: 0.13, front: front,
		weight: 0.5, pitch: 1, track: 1.5, rebound: 1.6, travel: 0.08, ring: 0.15, firm: 1}
	v.hopHz, v.bodyHz = math.Sqrt((v.tyre+v.spring)/v.unsprung)/2/math.Pi, math.Sqrt(v.spring)/2/math.Pi
	return v
}

// testPhone adds nothing of its own.
func testPhone() *phone {
	return &phone{mount: mount{hz: 40, damping: 0.7, gain: 1, rate: 200, axis: [3]float64{0.6, 0, 0.8}}, app: app{detector: zpeak.Standard()}}
}

// testCity is a city of one smooth street, with nothing of chance in its templates.
func testCity(physics Physics) *City {
	c := &City{options: CityOptions{Physics: physics}, grid: &grid{edges: []edge{{length: 100, back: -1}}}}
	for k := range c.roads {
		c.roads[k] = []course{{0, make([]float64, int(pavedM/stepM))}}
	}
	c.pulse = newPulseStyle(rand.New(rand.NewPCG(1, 1)))
	c.pulse.spread, c.pulse.odd, c.pulse.road, c.pulse.faster = 0, 0, 0, 0.8
	return c
}

// allPhysics are the kinds of physics that a city may have.
func allPhysics() []Physics { return []Physics{PhysicsQuarter, PhysicsHalf, PhysicsPulse} }

// passing drives over one object on an otherwise perfect road.
func passing(t *testing.T, physics Physics, o *Object, speed float64, v *vehicle) zpeak.Jolt {
	t.Helper()
	o.begins = 1
	plain := plainHabits()
	o.built = plain.build(o.Class, rand.New(rand.NewPCG(2, 1)))
	jolt, felt := testCity(physics).feel(encounter{d: &driver{vehicle: *v}, speed: speed}, testPhone(), situation{object: o}, rand.New(rand.NewPCG(1, 1)))
	if !felt {
		t.Fatalf("%s: a %s of %g m at %g m/s is not felt", physics, o.Class, o.SizeM, speed)
	}
	jolt.Wave = slices.Clone(jolt.Wave)
	return jolt
}

// firstMotion is the sign of the first excursion past a tenth of the peak: a wheel falls no faster than its springs push it, so
// that a car drops less hard than it is hit.
func firstMotion(j zpeak.Jolt) float64 {
	for _, g := range j.Wave {
		if math.Abs(float64(g)) >= 0.1*j.PeakG {
			return math.Copysign(1, float64(g))
		}
	}
	return 0
}

// middle is the time that holds the middle 80 % of a waveform's energy, s.
func middle(j zpeak.Jolt) float64 {
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
	hole := &Object{Class: "pothole", SizeM: 0.06, LengthM: 0.6, side: -1}
	for _, wheelbase := range []float64{2.4, 2.9} {
		for _, speed := range []float64{5, 10, 16} {
			front, rear := passing(t, PhysicsQuarter, hole, speed, testCar(wheelbase, 1)), passing(t, PhysicsQuarter, hole, speed, testCar(wheelbase, 0))
			if lag, want := rear.At-front.At, wheelbase/speed; math.Abs(lag-want) > 0.02 {
				t.Errorf("wheelbase %g m at %g m/s: the rear axle is hit %.3f s after the front one, want %.3f", wheelbase, speed, lag, want)
			}
			// A phone between the axles feels both: its jolt is the sum.
			both := passing(t, PhysicsQuarter, hole, speed, testCar(wheelbase, 0.6))
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

// TestAnEchoInEveryPhysics looks for the rear axle's hit where the front axle's has died away: at low speed.
func TestAnEchoInEveryPhysics(t *testing.T) {
	t.Parallel()
	for _, physics := range allPhysics() {
		const speed, wheelbase = 4.0, 2.9
		hit := passing(t, physics, &Object{Class: "pothole", SizeM: 0.06, LengthM: 0.5, side: -1}, speed, testCar(wheelbase, 0.6))
		energy := func(from, to float64) float64 {
			sum := 0.0
			for k := int(from * hit.RateHz); k < int(to*hit.RateHz) && k < len(hit.Wave); k++ {
				sum += math.Pow(float64(hit.Wave[k]), 2)
			}
			return sum / (to - from)
		}
		echo := 0.6 + wheelbase/speed
		if before, after := energy(echo-0.25, echo-0.05), energy(echo-0.05, echo+0.25); after < 2*before {
			t.Errorf("%s: no second hit %.2f s after the first: energy %.4f, then %.4f", physics, wheelbase/speed, before, after)
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
	for _, physics := range allPhysics() {
		for _, speed := range []float64{5, 8, 12} {
			for _, length := range []float64{0.4, 0.7, 1} {
				hole := passing(t, physics, &Object{Class: "pothole", SizeM: 0.07, LengthM: length, side: -1}, speed, testCar(2.6, 0.7))
				if firstMotion(hole) >= 0 {
					t.Errorf("%s: a hole of %g m at %g m/s begins with a rise", physics, length, speed)
				}
			}
			if bump := passing(t, physics, &Object{Class: "speed_bump", SizeM: 0.09, LengthM: 2, side: -1}, speed, testCar(2.6, 0.7)); firstMotion(bump) <= 0 {
				t.Errorf("%s: a speed bump at %g m/s begins with a drop", physics, speed)
			}
			if lid := passing(t, physics, &Object{Class: "casting", SizeM: -0.04, LengthM: 0.6, side: -1}, speed, testCar(2.6, 0.7)); firstMotion(lid) >= 0 {
				t.Errorf("%s: a sunken casting at %g m/s begins with a rise", physics, speed)
			}
		}
	}
}

func TestASpeedBumpIsLongerThanAHole(t *testing.T) {
	t.Parallel()
	for _, physics := range allPhysics() {
		hole := passing(t, physics, &Object{Class: "pothole", SizeM: 0.06, LengthM: 0.6, side: -1}, 9, testCar(2.6, 0.7))
		bump := passing(t, physics, &Object{Class: "speed_bump", SizeM: 0.08, LengthM: 3, side: -1}, 5, testCar(2.6, 0.7))
		if middle(bump) < 1.2*middle(hole) {
			t.Errorf("%s: a speed bump takes %.2f s, a hole %.2f s", physics, middle(bump), middle(hole))
		}
	}
}

func TestDeeperIsHarder(t *testing.T) {
	t.Parallel()
	for _, physics := range allPhysics() {
		peak := func(depth float64) float64 {
			return passing(t, physics, &Object{Class: "pothole", SizeM: depth, LengthM: 0.6, side: -1}, 8, testCar(2.6, 0.7)).PeakG
		}
		if peak(0.08) < 1.5*peak(0.04) {
			t.Errorf("%s: twice as deep: %.2f g after %.2f g", physics, peak(0.08), peak(0.04))
		}
	}
}

// TestFasterIsHarder is about templates; in a car, a wheel that crosses a hole faster falls less deeply into it.
func TestFasterIsHarder(t *testing.T) {
	t.Parallel()
	peak := func(physics Physics, class string, speed float64) float64 {
		return passing(t, physics, &Object{Class: class, SizeM: 0.04, LengthM: 0.4, side: -1}, speed, testCar(2.6, 0.7)).PeakG
	}
	if slow, fast := peak(PhysicsPulse, "pothole", 6), peak(PhysicsPulse, "pothole", 12); fast < 1.3*slow {
		t.Errorf("pulse: %.2f g at 12 m/s after %.2f g at 6 m/s", fast, slow)
	}
	for _, physics := range []Physics{PhysicsQuarter, PhysicsHalf} {
		if slow, fast := peak(physics, "joint", 4), peak(physics, "joint", 9); fast < 1.05*slow {
			t.Errorf("%s: %.2f g at 9 m/s after %.2f g at 4 m/s", physics, fast, slow)
		}
	}
}

// TestOneSideIsFeltLess is about the half-car: what only one side's wheels meet moves the body less than what both do.
func TestOneSideIsFeltLess(t *testing.T) {
	t.Parallel()
	peak := func(side int) float64 {
		return passing(t, PhysicsHalf, &Object{Class: "pothole", SizeM: 0.1, LengthM: 0.7, side: side}, 8, testCar(2.6, 0.7)).PeakG
	}
	if one, both := peak(0), peak(-1); one > 0.8*both || one < 0.3*both {
		t.Errorf("one side %.2f g, both %.2f g", one, both)
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
