package crowd

import "math"

// slowMPS is the speed below which a jolt counts as felt at walking pace: people slow down for speed bumps.
const slowMPS = 5.0

// The causes that a place is weighed between: the five classes of things on the road, in the order of Classes, and two
// kinds of nothing.
const (
	noise    = int(iota) + numReal // jolts that nothing on the road explains: knocks, rough road
	invented                       // a pothole that somebody made up with several devices
	numCauses
)

const numReal = NumClasses - 1

// numRates is the number of hit rates that a thing on the road may have.
const numRates = 7

// model holds the numbers of the belief, guesses of the field and not fitted to any city: how common each cause is where
// one jolt has founded a place, and how often an honest phone that passes feels what is there.
type model struct {
	feelings            []feelings           // by sensitivity, in steps
	answers             [manyAnswers]float64 // what so many answers count: see effective
	logNoise, logSmooth float64
	logUntold, logTold  float64
	logRough            float64

	prior    [numCauses]float64
	rates    [numRates]float64
	share    [numReal + 1][numRates]float64 // of each class and of what is made up, by rate
	noise    float64                        // how often an honest phone jolts where nothing is
	untold   float64                        // and where it is not told when phones pass smoothly, as a share of what is told
	rough    float64                        // how often nothing is rough road, which shakes cars as often as it will
	temper   float64                        // exponent on what scores say where the city has taught what its classes look like; twice that before
	opposite float64                        // log odds for things across the whole road when it is felt in both directions
}

// standard is the model that every engine uses.
func standard() model {
	m := model{
		prior: [numCauses]float64{0.20, 0.20, 0.13, 0.08, 0.12, 0.6, 0.015},
		rates: [numRates]float64{0.10, 0.25, 0.40, 0.55, 0.70, 0.85, 0.97},
		share: [numReal + 1][numRates]float64{
			{0.06, 0.16, 0.22, 0.22, 0.20, 0.13, 0.01}, // pothole: drivers steer round it
			{0.10, 0.18, 0.21, 0.20, 0.17, 0.12, 0.02}, // casting
			{0.01, 0.02, 0.03, 0.06, 0.10, 0.26, 0.52}, // joint: every wheel meets it
			{0.01, 0.02, 0.03, 0.06, 0.10, 0.26, 0.52}, // rail
			{0.01, 0.01, 0.02, 0.04, 0.08, 0.26, 0.58}, // speed bump
			{0.10, 0.14, 0.16, 0.16, 0.15, 0.14, 0.15}, // made up: as many say so as somebody wants
		},
		noise: 0.04, untold: 0.15, rough: 0.2,
		opposite: 3, temper: 0.25,
	}
	m.feel()
	return m
}

// effective is what n answers of one device at one place count: they are not independent of each other.
func (m *model) effective(n int) float64 {
	if n < manyAnswers {
		return m.answers[n]
	}
	return math.Pow(float64(n), 0.6)
}

// manyAnswers is up to how many it is kept what they count.
const manyAnswers = 64

// steps of sensitivity for which logarithms are kept.
const sensitivitySteps = 32

// sense is a device's sensitivity in steps.
func sense(sensitivity float64) int { return int(math.Round(sensitivity * sensitivitySteps)) }

// feelings are the logarithms of how likely a device feels or misses what has a hit rate.
type feelings [numRates]struct{ felt, missed float64 }

// feel fills the tables.
func (m *model) feel() {
	for n := range m.answers {
		m.answers[n] = math.Pow(float64(n), 0.6)
	}
	for step := range 2*sensitivitySteps + 1 {
		var f feelings
		for i, rate := range m.rates {
			p := clamp(rate*float64(step)/sensitivitySteps, 0.01, 0.985)
			f[i].felt, f[i].missed = math.Log(p), math.Log(1-p)
		}
		m.feelings = append(m.feelings, f)
	}
	m.logNoise, m.logSmooth = math.Log(m.noise), math.Log(1-m.noise)
	m.logRough = math.Log(m.rough)
	m.logUntold, m.logTold = math.Log(m.untold), math.Log(1-m.untold)
}

// tally sums what the devices at a place say, by hit rate.
type tally struct {
	rates     [numRates]float64 // log likelihood at each rate
	noise     float64           // log likelihood where nothing is
	untold    float64           // and where of smooth passes few are told
	any       [numRates]float64 // log likelihood at each rate, were all devices alike
	driven    float64           // log odds of the same, for being on a drive
	caution   float64           // log odds that a place is made up, for what the city can know of its devices by now
	ring      float64           // log likelihood where those who make things up together have made it up
	ringed    bool              // such a ring is known
	felt      int               // devices that felt it
	collusion float64           // log odds that they are those who make things up
	candour   float64           // log odds that those who did not feel it are not
	copied    float64           // log odds of what waveforms are like, for being made up
	later     float64           // and of those that somebody else has sent later
	scattered float64           // log odds of where it was felt, for being nothing in one spot
}

// add adds a device's answers at a place that seems made up with the probability lie.
func (m *model) add(t *tally, hits, misses int, alone lonely, copied copied, lie float64, o *opinion) {
	h, n := m.effective(hits), m.effective(misses)
	own, any := &m.feelings[o.sense], &m.feelings[sensitivitySteps]
	for i := range t.rates {
		t.rates[i] += h*own[i].felt + n*own[i].missed
		t.any[i] += h*any[i].felt + n*any[i].missed
	}
	smooth := h*m.logNoise + n*m.logSmooth
	t.noise += smooth
	t.untold += h*m.logUntold + n*m.logTold
	t.ring += o.asRing(h, n, smooth, lie)
	t.ringed = t.ringed || o.ring > noRing
	t.caution = o.lessons.caution()
	if hits == 0 {
		t.candour += o.candour
		return
	}
	t.felt++
	t.collusion += o.collusion(lie)
	t.copies(copied, &o.copied)
	switch alone {
	case onDrive:
		t.driven += o.driven
	case onNoDrive:
		t.collusion += o.undriven
	case notKnown:
	}
}

// suspicion is the log odds, by what is known of each device, that the place is made up. What is usual is known roughly, and the same
// error is in every device's odds: beyond a few devices their mean counts and not their number.
func (t *tally) suspicion() float64 {
	const few = 8
	return t.collusion*few/math.Max(few, float64(t.felt)) + t.candour
}

// weigh returns the log weight of each cause, given the scores' part.
func (m *model) weigh(t *tally, fixed *[numCauses]float64) [numCauses]float64 {
	var l [numCauses]float64
	rates, any := relative(&t.rates), relative(&t.any)
	for c := range numReal { // what is deep or high enough is felt by all alike
		l[c] = fixed[c] + logAdd(m.overRates(c, &rates), m.overRates(c, &any)) - math.Ln2
	}
	atWill := m.overRates(numReal, &any)
	l[noise] = fixed[noise] + logAdd(logAdd(t.noise, t.untold)-math.Ln2, m.logRough+atWill) + t.scattered
	lies := atWill + t.suspicion() + t.caution + math.Max(t.driven, -4)
	if t.ringed {
		lies = logAdd(lies, t.ring+ringLies)
	}
	l[invented] = fixed[invented] + lies + t.copying()
	return l
}

// likelihoods are those at each hit rate, over the largest of them.
type likelihoods struct {
	top float64 // its logarithm
	of  [numRates]float64
}

func relative(logs *[numRates]float64) likelihoods {
	l := likelihoods{top: math.Inf(-1)}
	for _, x := range logs {
		l.top = max(l.top, x)
	}
	for k, x := range logs {
		l.of[k] = math.Exp(x - l.top)
	}
	return l
}

// overRates averages a likelihood over the hit rates that a class may have.
func (m *model) overRates(class int, rates *likelihoods) float64 {
	sum := 0.0
	for k, l := range rates.of {
		sum += m.share[class][k] * l
	}
	return rates.top + math.Log(sum)
}

// rate returns the hit rate that is expected of a place whose causes are weighed so.
func (m *model) rate(t *tally, causes *[numCauses]float64) float64 {
	rates := relative(&t.rates)
	sum, all := 0.0, 0.0
	for c := range numReal {
		for k, l := range rates.of {
			w := causes[c] * m.share[c][k] * l
			sum += w * m.rates[k]
			all += w
		}
	}
	if all == 0 {
		return 0
	}
	return sum / all
}

// normalise turns log weights of causes into probabilities.
func normalise(l [numCauses]float64) [numCauses]float64 {
	top := l[0]
	for _, x := range l {
		top = max(top, x)
	}
	sum := 0.0
	for i, x := range l {
		l[i] = math.Exp(x - top)
		sum += l[i]
	}
	for i := range l {
		l[i] /= sum
	}
	return l
}

// beliefIn sums up causes to what people are told: both kinds of nothing are nothing.
func beliefIn(causes [numCauses]float64) Belief {
	var b Belief
	copy(b[:], causes[:numReal])
	b[NumClasses-1] = causes[noise] + causes[invented]
	return b
}
