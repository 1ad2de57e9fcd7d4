package web

import (
	"math"

	"github.com/streetpulse/streetpulse/crowd"
)

// What each class typically feels like: the reference car of the International Roughness Index (Sayers, 1995: a quarter of a car with
// these constants per sprung mass) over the profile that such a thing has in a street.
const (
	tyreRate, springRate, damperRate, unsprungMass = 653.0, 63.3, 6.0, 0.15
	typicalStepS                                   = 0.001
	typicalLeadS                                   = 0.6 // before the car comes to it
	wheelbaseM                                     = 2.6
)

// heightOf is the height of what lies in the street, metres, x metres from where it begins.
func heightOf(c crowd.Class, x float64) float64 {
	bowl := func(length, depth float64) float64 {
		if x < 0 || x > length {
			return 0
		}
		return -depth * math.Pow(math.Sin(math.Pi*x/length), 0.6)
	}
	switch c {
	case crowd.Pothole:
		return bowl(0.6, 0.05)
	case crowd.Casting:
		if x < 0 || x > 0.7 {
			return 0
		}
		return -0.018
	case crowd.Joint:
		if x < 0 || x > 0.12 {
			return 0
		}
		return 0.012
	case crowd.Rail:
		return bowl(0.12, 0.012) + func() float64 { x -= 1.435; return bowl(0.12, 0.012) }()
	case crowd.SpeedBump:
		if x < 0 || x > 3.5 {
			return 0
		}
		return 0.08 * math.Pow(math.Sin(math.Pi*x/3.5), 2)
	case crowd.Nothing:
	}
	return 0
}

// typicalJolt is the body's vertical acceleration while a car drives over such a thing, g, in samples of waveRate.
func typicalJolt(c crowd.Class, speed float64) []float64 {
	type axle struct{ body, bodyV, wheel, wheelV float64 }
	var axles [2]axle
	out := make([]float64, int(waveS*waveRate))
	every := int(1 / (waveRate * typicalStepS))
	for i := range len(out) * every {
		x := (float64(i)*typicalStepS - typicalLeadS) * speed
		sum := 0.0
		for k := range axles {
			a := &axles[k]
			road := 0.0 // the tyre rests on a hand's breadth of it
			for _, d := range []float64{-0.06, 0, 0.06} {
				road += heightOf(c, x-float64(k)*wheelbaseM+d) / 3
			}
			force := springRate*(a.wheel-a.body) + damperRate*(a.wheelV-a.bodyV)
			a.bodyV += force * typicalStepS
			a.wheelV += (tyreRate*(road-a.wheel) - force) / unsprungMass * typicalStepS
			a.body += a.bodyV * typicalStepS
			a.wheel += a.wheelV * typicalStepS
			sum += force / 2
		}
		if i%every == 0 {
			out[i/every] = sum / 9.80665
		}
	}
	return out
}
