package zpeak_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
)

// ride feeds a detector with eight seconds of a steady drive at 11 m/s and a jolt of size g at second five, seen by a phone
// whose vertical axis points along up.
func ride(t *testing.T, rate, size float64, up [3]float64) []zpeak.Jolt {
	t.Helper()
	r := rand.New(rand.NewPCG(3, uint64(rate)))
	d := zpeak.New(zpeak.Standard())
	var jolts []zpeak.Jolt
	for i := range int(8 * rate) {
		at := float64(i) / rate
		a := zpeak.Gravity * (1 + 0.02*r.NormFloat64())
		if s := at - 5; s > 0 && s < 0.4 {
			a -= zpeak.Gravity * size * math.Sin(2*math.Pi*2.5*s)
		}
		if jolt, ok := d.Add(at, a*up[0], a*up[1], a*up[2], 11); ok {
			jolts = append(jolts, jolt)
		}
	}
	return jolts
}

func TestAJoltIsFoundOnceAtAnyRateAndOrientation(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{20, 50, 100, 200} {
		for _, up := range [][3]float64{{0, 0, 1}, {1, 0, 0}, {0, -1, 0}, {0.6, 0.48, 0.64}} {
			jolts := ride(t, rate, 0.9, up)
			if len(jolts) != 1 {
				t.Errorf("%g Hz, up %v: %d jolts, want one", rate, up, len(jolts))
				continue
			}
			j := jolts[0]
			if math.Abs(j.At-5) > 0.15 || math.Abs(j.PeakG-0.9) > 0.2 || math.Abs(j.RateHz-rate) > rate/20 {
				t.Errorf("%g Hz, up %v: at %.2f s, peak %.2f g, %.0f Hz", rate, up, j.At, j.PeakG, j.RateHz)
			}
			if want := int(2 * rate); len(j.Wave) < want*9/10 || len(j.Wave) > want*11/10 {
				t.Errorf("%g Hz: %d samples, want about %d", rate, len(j.Wave), want)
			}
		}
	}
}

func TestASmoothRoadIsQuiet(t *testing.T) {
	t.Parallel()
	if jolts := ride(t, 100, 0, [3]float64{0, 0, 1}); len(jolts) != 0 {
		t.Errorf("%d jolts on a smooth road", len(jolts))
	}
}

func TestNothingIsAllocated(t *testing.T) {
	d := zpeak.New(zpeak.Standard())
	at := 0.0
	if n := testing.AllocsPerRun(2000, func() {
		at += 0.01
		d.Add(at, 0, 0, zpeak.Gravity*(1+0.5*math.Sin(at*3)), 11)
	}); n != 0 {
		t.Errorf("%g allocations a sample", n)
	}
}
