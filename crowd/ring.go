package crowd

import (
	"cmp"
	"math"
	"slices"
)

// noRing is the log odds of belonging to a ring where none is known.
const noRing = -10

// A ring is a group of devices that make things up together. Its members may tell the truth as often as anybody and drive more than most, so
// that no share of what they say gives them away; but where they lie they say the same, and those who pass and do not belong to
// them feel nothing. Of one place that is chance; the same devices at several are found out.
const (
	ringPrior = 0.1 // a device belongs to it, before anything is known
	ringTells = 0.8 // a member says so where the ring has made something up
	ringLies  = 2.5 // log odds that a place is made up where there is a ring, against any city
	ringFelt  = 3   // devices that a place is felt by at least, to become an order
	ringMost  = 20  // and by so many at most, to be where the search begins
	ringLeads = 3   // suspicions that are followed
	ringProof = 8.0 // by how much, in nats, it must explain better what is said than chance does
)

// asRing is the log likelihood of h effective jolts and n smooth passes of the device where a ring has made the place up,
// which seems made up with the probability lie; other is that of a device that does not belong to it.
func (o *opinion) asRing(h, n, other, lie float64) float64 {
	if o.ring <= noRing {
		return other
	}
	member := asMember(h, n)
	odds := o.ring - lie*(member-other) // no place is held against those who felt it
	return logAdd(odds+member, other) - logAdd(odds, 0)
}

func asMember(h, n float64) float64 { return h*math.Log(ringTells) + n*math.Log(1-ringTells) }

// rumour is a place as it looks to whoever looks for a ring.
type rumour struct {
	words      []word
	real, made float64 // log weights: that it is real, and that a ring has made it up and no member has spoken
	felt       int     // devices
}

// word is what one device says of a rumour.
type word struct {
	number int
	odds   float64 // log odds that a member says so, against another, where the ring has made it up
	ratio  float64 // their exponential
}

// suspicion is how likely each device belongs to a ring.
type suspicion []float64

func newSuspicion(devices int) suspicion {
	s := make(suspicion, devices)
	for i := range s {
		s[i] = ringPrior
	}
	return s
}

// findRing looks for a ring and notes who belongs to it.
func (m *mind) findRing(nodes []*node, speakers []string) {
	rumours := m.rumours(nodes, speakers)
	nobody := newSuspicion(len(speakers))
	chance := nobody.explains(rumours)
	gain := ringProof
	var found []float64
	for _, s := range leads(rumours, nobody) {
		var odds []float64
		for range 6 {
			odds = s.learn(rumours)
		}
		if g := s.explains(rumours) - chance; g > gain {
			found, gain = odds, g
		}
	}
	if found == nil {
		return
	}
	m.trust.stranger = math.Log(ringPrior / (1 - ringPrior))
	for i, d := range speakers {
		s := m.trust.devices[d]
		s.ring = found[i]
		m.trust.devices[d] = s
	}
	clear(m.trust.opinions)
}

// leads are the suspicions worth following, best first: that those who felt one place, no more than a ring may have, made up this
// and whatever else two of them felt.
func leads(rumours []rumour, nobody suspicion) []suspicion {
	felt := make([][]int, len(nobody)) // by device
	for i := range rumours {
		for _, w := range rumours[i].words {
			if w.odds > 0 {
				felt[w.number] = append(felt[w.number], i)
			}
		}
	}
	type lead struct {
		seed int
		gain float64
	}
	var found []lead
	s := slices.Clone(nobody)
	shared := make([]int, len(rumours))
	var counted []int
	for seed := range rumours {
		if rumours[seed].felt > ringMost {
			continue
		}
		s.accuse(&rumours[seed], 0.9)
		gain := 0.0
		for _, w := range rumours[seed].words {
			if w.odds <= 0 {
				continue
			}
			for _, i := range felt[w.number] {
				counted = append(counted, i)
				if shared[i]++; shared[i] == 2 && i != seed {
					gain += logAdd(0, s.told(&rumours[i])-rumours[i].real)
				}
			}
		}
		for _, i := range counted {
			shared[i] = 0
		}
		counted = counted[:0]
		s.accuse(&rumours[seed], ringPrior)
		found = append(found, lead{seed, gain})
	}
	slices.SortStableFunc(found, func(a, b lead) int { return cmp.Compare(b.gain, a.gain) })
	var out []suspicion
	for _, l := range found[:min(ringLeads, len(found))] {
		s := slices.Clone(nobody)
		s.accuse(&rumours[l.seed], 0.9)
		out = append(out, s)
	}
	return out
}

// accuse suspects all who felt the rumour.
func (s suspicion) accuse(r *rumour, how float64) {
	for _, w := range r.words {
		if w.odds > 0 {
			s[w.number] = how
		}
	}
}

// rumours lists the places that could become orders.
func (m *mind) rumours(nodes []*node, speakers []string) []rumour {
	opinions := m.trust.all(speakers)
	var out []rumour
	for _, n := range nodes {
		if n.felt() >= ringFelt {
			out = append(out, m.rumour(n, opinions))
		}
	}
	return out
}

// felt is how many devices felt something there.
func (n *node) felt() (devices int) {
	for i := range n.voices {
		if n.voices[i].hits > 0 {
			devices++
		}
	}
	return devices
}

func (m *mind) rumour(n *node, opinions []*opinion) rumour {
	r := rumour{words: make([]word, 0, len(n.voices)), felt: n.felt()}
	t := m.tally(n, opinions)
	for i := range n.voices {
		v := &n.voices[i]
		h, k := m.model.effective(v.hits), m.model.effective(v.misses)
		odds := asMember(h, k) - (h*m.model.logNoise + k*m.model.logSmooth)
		r.words = append(r.words, word{v.number, odds, math.Exp(odds)})
	}
	fixed := n.read
	m.liken(&fixed, &n.looks)
	l := m.model.weigh(&t, &fixed)
	r.made, r.real = fixed[invented]+ringLies+t.noise+t.copying(), math.Inf(-1)
	for _, x := range l[:invented] {
		r.real = logAdd(r.real, x)
	}
	return r
}

// told is the log weight of the ring having made the rumour up.
func (s suspicion) told(r *rumour) float64 {
	l, product := r.made, 1.0
	for _, w := range r.words {
		product *= 1 + s[w.number]*(w.ratio-1)
		if product > 1e200 || product < 1e-200 {
			l, product = l+math.Log(product), 1
		}
	}
	return l + math.Log(product)
}

// learn works out anew who belongs to the ring, going by how likely it has made up each rumour, and returns the log odds.
func (s suspicion) learn(rumours []rumour) (odds []float64) {
	odds = make([]float64, len(s))
	for i := range odds {
		odds[i] = math.Log(ringPrior / (1 - ringPrior))
	}
	for i := range rumours {
		r := &rumours[i]
		made := 1 / (1 + math.Exp(r.real-s.told(r)))
		if made < 1e-3 {
			continue
		}
		for _, w := range r.words {
			odds[w.number] += made * w.odds
		}
	}
	for i, o := range odds {
		s[i] = clamp(1/(1+math.Exp(-o)), 1e-4, 0.99)
	}
	return odds
}

// explains says how well a ring explains what is said, in nats, less what it costs to suppose one.
func (s suspicion) explains(rumours []rumour) float64 {
	sum := 0.0
	for i := range rumours {
		sum += logAdd(rumours[i].real, s.told(&rumours[i]))
	}
	for _, q := range s {
		sum += q*math.Log(ringPrior/q) + (1-q)*math.Log((1-ringPrior)/(1-q))
	}
	return sum
}

// logAdd is the logarithm of the sum of two numbers whose logarithms are given.
func logAdd(a, b float64) float64 {
	top := max(a, b)
	if math.IsInf(top, -1) {
		return top
	}
	return top + math.Log1p(math.Exp(-math.Abs(a-b)))
}
