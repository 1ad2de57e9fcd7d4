package elsewhere

import (
	"math"
	"math/rand/v2"
)

// receiver is how wrong a phone's positions are on a trip: an error that stays, one that wanders within a minute or two, and a little
// of its own each time.
type receiver struct {
	sigma        float64 // m
	stays, walks point
	at           float64 // s, of the last position
	r            *rand.Rand
}

func newReceiver(metres float64, r *rand.Rand) receiver {
	s := metres * math.Exp(0.35*r.NormFloat64())
	f := receiver{sigma: s, at: -1e9, r: r}
	f.stays = point{0.55 * s * r.NormFloat64(), 0.55 * s * r.NormFloat64()}
	return f
}

// error is by how much a position is wrong at a time, and of what size such errors are.
func (f *receiver) error(at float64, canyon bool) (point, float64) {
	const remembers = 50 // s
	keep := math.Exp(-math.Abs(at-f.at) / remembers)
	fresh := 0.55 * f.sigma * math.Sqrt(1-keep*keep)
	f.walks = point{keep*f.walks.x + fresh*f.r.NormFloat64(), keep*f.walks.y + fresh*f.r.NormFloat64()}
	f.at = at
	times := 1.0
	if canyon {
		times = 1.8
	}
	own := 0.3 * f.sigma
	return point{times * (f.stays.x + f.walks.x + own*f.r.NormFloat64()), times * (f.stays.y + f.walks.y + own*f.r.NormFloat64())}, times * f.sigma
}
