package crowd

import "math"

// What learning holds of potholes and castings, the things that some wheels only meet and that are hardest to tell apart.
const (
	fewestHoles = 0.45 // share of the potholes among both, at least, as long as crews have not found otherwise
	foundBefore = 20.0 // places that this is worth, against those where crews have been
	mostHoles   = 4.0  // log odds that are lent to potholes at most
	evenBefore  = 20.0 // places, half of each, that are supposed before any is known
)

// balance counts potholes and castings while learning.
type balance struct{ holes, castings, foundHoles, foundCastings float64 }

// count adds a place that several devices' jolts tell of.
func (b *balance) count(causes *[numCauses]float64, found Class) {
	b.holes += causes[0]
	b.castings += causes[1]
	switch found {
	case Pothole:
		b.foundHoles++
	case Casting:
		b.foundCastings++
	default: // nobody has been there, or it is neither
	}
}

func (b *balance) add(o *balance) {
	b.holes += o.holes
	b.castings += o.castings
	b.foundHoles += o.foundHoles
	b.foundCastings += o.foundCastings
}

// hearBalance lends potholes so much that not nearly all of what is met by some wheels is taken for castings, or takes back what it
// has lent. Where cars and phones are other ones than in training, potholes and castings look different alike, and learning by turns would
// keep to whatever they seem to be first. Crews that find castings instead of potholes are heard.
func (l *lessons) hearBalance(b *balance) {
	odds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	fewest := fewestHoles * (foundBefore + b.foundHoles) / (foundBefore + b.foundHoles + b.foundCastings)
	missing := odds(fewest) - odds((b.holes+evenBefore/2)/(b.holes+b.castings+evenBefore))
	l.lent = clamp(l.lent+missing/2, 0, mostHoles)
}
