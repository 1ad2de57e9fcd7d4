package crowd

import "math"

// slowMPS is the speed below which a jolt counts as felt at walking pace: people slow down for speed bumps.
const slowMPS = 5.0

// model holds the numbers of the belief. They are guesses of the field, not fitted to one city: how often an honest
// phone that passes a place of each class feels it, and how common each class is where somebody felt a jolt.
type model struct {
	felt    [NumClasses]float64 // probability that a pass is felt
	prior   [NumClasses]float64 // of a place that one jolt has founded
	junkHit float64             // how often a device that reports regardless of the road reports a jolt
	temper  float64             // exponent on waveform likelihoods of one device's jolts, which share its bias
}

// standard is the model that every engine uses.
func standard() model {
	return model{
		//        pothole casting joint rail  bump  nothing
		felt:    [NumClasses]float64{0.50, 0.50, 0.85, 0.90, 0.95, 0.03},
		prior:   [NumClasses]float64{0.14, 0.20, 0.13, 0.08, 0.12, 0.33},
		junkHit: 0.3,
		temper:  0.8,
	}
}

// effective is what n answers of one device at one place count: they are not independent of each other.
func effective(n int) float64 { return math.Pow(float64(n), 0.6) }

// weigh computes the account's term: its log likelihood under each class, mixed with the chance 1-weight that the device
// reports regardless of what is there. The mixture bounds what any one device can say.
func (m model) weigh(a *account, weight float64) {
	if a.weighed && a.weight == weight {
		return
	}
	a.weighed, a.weight = true, weight
	if a.shadow {
		a.term = [NumClasses]float64{}
		return
	}
	h, n := effective(a.hits), effective(a.misses)
	var like [NumClasses]float64
	if a.hits > 0 {
		// The first jolt says the most; more of the same device add with the same tempering as the counts.
		for c := range like {
			like[c] = a.like[c] / float64(a.hits) * math.Pow(h, 0.5) * m.temper
		}
	}
	junk := h*math.Log(m.junkHit) + n*math.Log(1-m.junkHit) + math.Max(0, math.Max(like[0], like[NumClasses-1]))
	for c := range a.term {
		honest := h*math.Log(m.felt[c]) + n*math.Log(1-m.felt[c]) + like[c]
		a.term[c] = logAdd(math.Log(weight)+honest, math.Log(1-weight)+junk)
	}
}

// logPrior returns the log prior of a place that one jolt has founded.
func (m model) logPrior() [NumClasses]float64 {
	var l [NumClasses]float64
	for c := range l {
		l[c] = math.Log(m.prior[c])
	}
	return l
}

// normalise turns log weights into a Belief.
func normalise(l [NumClasses]float64) Belief {
	top := l[0]
	for _, x := range l {
		top = math.Max(top, x)
	}
	var b Belief
	sum := 0.0
	for i, x := range l {
		b[i] = math.Exp(x - top)
		sum += b[i]
	}
	for i := range b {
		b[i] /= sum
	}
	return b
}

func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a + math.Log1p(math.Exp(b-a))
}
