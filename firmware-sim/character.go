package firmwaresim

import (
	"math"
	"math/rand/v2"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
)

// character is what makes one city unlike another beyond its options: its apps, its vehicles, its roads, its habits.
type character struct {
	apps     []app
	vehicles [vehicleKinds]float64 // shares
	mounts   [mountKinds]float64   // shares
	pavement [3]float64            // shares of good, fair and poor roads

	brakes, doors float64 // jolts of braking and of doors or hands, a trip
	learns        float64 // how much less often a driver meets a pothole each time that it was met
	late, lost    float64 // shares of trips delivered hours late, and of events never delivered
	repeated      float64 // share of events delivered twice
	vandals, odd  float64 // shares of drivers
	companions    float64 // share of cars with two phones
	pulse         pulseStyle
	habits        habits
	plot          plotStyle
}

// app is a program on phones, or a unit's firmware.
type app struct {
	share      float64
	silent     float64 // share of its versions that send no waveform
	slow       float64 // share of its phones that sample at 20 to 50 Hz
	headless   bool    // it sends no heading
	passes     bool    // it answers for watched places
	accuracy   float64 // what it says of its own accuracy, times the truth
	quantumG   float64 // resolution of its samples; 0: as the sensor has it
	lowPassHz  float64 // it smooths its samples; 0: it does not
	carelessly bool    // it reports jolts of a standing car as well
	tilt       float64 // rad, typical error about which way is up
	lagS       float64 // age of its positions, s
	detector   zpeak.Parameters
}

// newCharacter draws a city's character.
func newCharacter(o CityOptions) character {
	r := o.stream(purposeCharacter, 0)
	c := character{
		brakes: o.Knocks * (0.3 + r.Float64()), doors: o.Knocks * (0.2 + 0.6*r.Float64()),
		learns: 0.02 + 0.13*r.Float64(), late: 0.03 + 0.12*r.Float64(), lost: 0.002 + 0.018*r.Float64(), repeated: 0.005 + 0.025*r.Float64(),
		vandals: 0.01 + 0.025*r.Float64(), odd: 0.005 + 0.015*r.Float64(), companions: 0.03 + 0.06*r.Float64(),
	}
	c.vehicles = [vehicleKinds]float64{0.36, 0.36, 0.13, 0.08, 0.07}
	c.mounts = [mountKinds]float64{0.42, 0.27, 0.12, 0.1, 0.06}
	c.pavement = [3]float64{0.3, 0.45, 0.25}
	for _, shares := range [][]float64{c.vehicles[:], c.mounts[:], c.pavement[:]} {
		total := 0.0
		for i := range shares {
			shares[i] *= math.Exp(0.5 * r.NormFloat64())
			total += shares[i]
		}
		for i := range shares {
			shares[i] /= total
		}
	}
	c.apps = newApps(r, o)
	c.pulse = newPulseStyle(r)
	c.habits = newHabits(r)
	c.plot = newPlotStyle(r)
	return c
}

// newApps draws three to seven apps. The first ones are silent or slow until the city's share is reached.
func newApps(r *rand.Rand, o CityOptions) []app {
	apps := make([]app, 3+r.IntN(5))
	total := 0.0
	for i := range apps {
		a := &apps[i]
		*a = app{share: math.Exp(0.7 * r.NormFloat64()), headless: r.Float64() < 0.12, passes: r.Float64() < 0.8,
			accuracy: math.Exp(0.15 * r.NormFloat64()), carelessly: r.Float64() < 0.3,
			tilt: (2 + 10*r.Float64()) * math.Pi / 180, lagS: 0.5 * r.Float64() * r.Float64(), detector: zpeak.Standard()}
		a.detector.LeastG, a.detector.OverNoise = 0.18+0.18*r.Float64(), 3.2+1.4*r.Float64()
		switch u := r.Float64(); {
		case u < 0.25:
			a.accuracy *= 0.35 + 0.3*r.Float64()
		case u < 0.5:
			a.accuracy *= 1.5 + 1.2*r.Float64()
		}
		if r.Float64() < 0.3 {
			a.quantumG = []float64{0.004, 0.016, 0.04}[r.IntN(3)]
		}
		if r.Float64() < 0.3 {
			a.lowPassHz = 8 + 17*r.Float64()
		}
		total += a.share
	}
	apps[r.IntN(len(apps))].passes = true
	spread := func(target float64, of func(a *app) *float64) {
		left := target
		for _, i := range r.Perm(len(apps)) {
			apps[i].share /= total
			*of(&apps[i]) = math.Min(1, left/apps[i].share)
			left = math.Max(0, left-apps[i].share)
			apps[i].share *= total
		}
	}
	spread(o.Silent, func(a *app) *float64 { return &a.silent })
	spread(o.Slow, func(a *app) *float64 { return &a.slow })
	for i := range apps {
		apps[i].share /= total
	}
	return apps
}

// draw picks an index in proportion to shares that add up to one.
func draw(r *rand.Rand, n int, share func(i int) float64) int {
	u := r.Float64()
	for i := range n - 1 {
		if u -= share(i); u < 0 {
			return i
		}
	}
	return n - 1
}
