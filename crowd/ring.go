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
	ringPrior = 0.1  // a device belongs to it, before anything is known
	ringTells = 0.8  // a member says so where the ring has made something up
	ringLies  = 2.5  // log odds that a place is made up where there is a ring, against any city
	ringFelt  = 3    // devices that a place is felt by at least, to become an order
	ringMost  = 20   // and by so many at most, to be where the search begins
	ringLeads = 8    // suspicions that are followed
	ringShare = 0.2  // of all devices that may belong to it
	ringsMost = 2    // groups that are looked for, one after the other
	ringTurns = 10   // how often each is thought over at most
	ringProof = 20.0 // by how much, in nats, it must explain better what is said than chance does
	ringMore  = 70.0 // and the next one
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
	odds   float64 // log odds that a member says so where the ring has made it up, were there no other member, against anybody
	felt   bool
	picked float64 // how much it counts that members are picked to feel it, from 0 to 1
}

// mention is where a device speaks: at which rumour, and which word it is.
type mention struct{ rumour, word int }

// gossip is all rumours, and who speaks of them.
type gossip struct {
	rumours  []rumour
	mentions [][]mention // by device
	known    []bool      // those that are not looked at: they belong to a ring already, or are sealed
	devices  float64     // those that are not sealed
}

// ring is a set of devices that may make things up together.
type ring struct {
	*gossip
	member []bool
	size   int
	each   float64   // log of how many members a word may come from
	told   []float64 // what members' words add, by rumour
	felt   []int     // how many of them felt it
	picked []float64 // and how much that counts
	made   []float64 // how likely the ring has made the rumour up
	mass   float64   // members that felt what it has made up, as far as it has
}

// findRings looks for groups and notes who belongs to one. A fleet whose phones err alike is one as well.
func (m *mind) findRings(nodes []*node, speakers []string, where *haunts) {
	g := m.rumours(nodes, speakers, where)
	proof := ringProof
	for range ringsMost {
		chance, gain := newRing(g).explains(), proof
		var found *ring
		leads := g.leads()
		rings, gains := make([]*ring, len(leads)), make([]float64, len(leads))
		sideBySide(len(leads), func(i int) {
			rings[i] = newRing(g)
			rings[i].accuse(leads[i])
			gains[i] = rings[i].settle() - chance
		})
		for i, r := range rings {
			if gains[i] > gain {
				found, gain = r, gains[i]
			}
		}
		if found == nil {
			return
		}
		m.trust.stranger = math.Log(ringPrior / (1 - ringPrior))
		for i, d := range speakers {
			if s, heard := m.trust.devices[d]; heard {
				s.ring = max(s.ring, found.odds(i))
				m.trust.devices[d] = s
			}
		}
		clear(m.trust.opinions)
		found.dismiss()
		proof = ringMore
	}
}

// dismiss takes what the ring explains for explained, and its members out of the search.
func (r *ring) dismiss() {
	for i := range r.rumours {
		r.rumours[i].real = r.score(i, r.told[i], r.picked[i])
	}
	for device, in := range r.member {
		if in {
			r.known[device] = true
		}
	}
}

// leads are the rumours where the search begins, the most promising first: those who felt one, no more than a ring may have, would have
// made up this and whatever else two of them felt.
func (g *gossip) leads() []int {
	type lead struct {
		seed int
		gain float64
	}
	var found []lead
	r, looked := newRing(g), make([]int, len(g.rumours))
	for seed := range g.rumours {
		if g.rumours[seed].felt > ringMost {
			continue
		}
		for _, w := range g.rumours[seed].words {
			if w.felt && !g.known[w.number] {
				r.move(w.number)
			}
		}
		gain := 0.0
		for _, w := range g.rumours[seed].words {
			if !r.member[w.number] {
				continue
			}
			for _, at := range g.mentions[w.number] {
				i := at.rumour
				if r.felt[i] > 1 && i != seed && looked[i] != seed+1 {
					looked[i] = seed + 1
					gain += math.Max(0, r.score(i, r.told[i], r.picked[i])-g.rumours[i].real)
				}
			}
		}
		for _, w := range g.rumours[seed].words {
			if r.member[w.number] {
				r.move(w.number)
			}
		}
		found = append(found, lead{seed, gain})
	}
	slices.SortStableFunc(found, func(a, b lead) int { return cmp.Compare(b.gain, a.gain) })
	var seeds []int
	for _, l := range found[:min(ringLeads, len(found))] {
		seeds = append(seeds, l.seed)
	}
	return seeds
}

func newRing(g *gossip) *ring {
	return &ring{gossip: g, member: make([]bool, len(g.mentions)), told: make([]float64, len(g.rumours)), felt: make([]int, len(g.rumours)), picked: make([]float64, len(g.rumours)), made: make([]float64, len(g.rumours))}
}

// accuse takes in all who felt the rumour.
func (r *ring) accuse(seed int) {
	for _, w := range r.rumours[seed].words {
		if w.felt && !r.member[w.number] && !r.known[w.number] {
			r.toggle(w.number)
		}
	}
}

// toggle takes a device in, or out.
func (r *ring) toggle(device int) {
	for _, at := range r.mentions[device] {
		r.mass -= r.made[at.rumour] * r.picked[at.rumour]
	}
	r.move(device)
	for _, at := range r.mentions[device] {
		i := at.rumour
		r.made[i] = math.Exp(r.rumours[i].made + r.told[i] - r.picked[i]*r.each - r.score(i, r.told[i], r.picked[i]))
		r.mass += r.made[i] * r.picked[i]
	}
}

// move does so, but for what the ring seems to have made up then.
func (r *ring) move(device int) {
	sign := 1
	if r.member[device] {
		sign = -1
	}
	r.member[device] = !r.member[device]
	r.size += sign
	r.each = math.Log(math.Max(1, float64(r.size)))
	for _, at := range r.mentions[device] {
		w := &r.rumours[at.rumour].words[at.word]
		r.told[at.rumour] += float64(sign) * w.odds
		r.picked[at.rumour] += float64(sign) * w.picked
		if w.felt {
			r.felt[at.rumour] += sign
		}
	}
}

// score is the log weight of what is said of a rumour, where members' words add so much and so many were picked to feel it: each is one out of
// all.
func (r *ring) score(rumour int, told, picked float64) float64 {
	x := &r.rumours[rumour]
	return logAdd(x.real, x.made+told-picked*r.each)
}

// explains says how well the ring explains what is said, in nats, less what it costs to pick just these devices.
func (r *ring) explains() float64 {
	sum := 0.0
	for i := range r.rumours {
		sum += r.score(i, r.told[i], r.picked[i])
	}
	n, k := r.devices, float64(r.size)
	all, _ := math.Lgamma(n + 1)
	in, _ := math.Lgamma(k + 1)
	out, _ := math.Lgamma(n - k + 1)
	return sum - (all - in - out)
}

// odds is the log odds that the device belongs to the ring, given all others.
func (r *ring) odds(device int) float64 {
	others := float64(r.size)
	sign := 1.0
	if r.member[device] {
		others--
		sign = -1
	}
	odds := -math.Log((r.devices - others) / (others + 1))
	odds -= r.mass * math.Log((others+1)/math.Max(1, others))
	for _, at := range r.mentions[device] {
		w := &r.rumours[at.rumour].words[at.word]
		told, picked := r.told[at.rumour], r.picked[at.rumour]
		odds += sign * (r.score(at.rumour, told+sign*w.odds, picked+sign*w.picked) - r.score(at.rumour, told, picked))
	}
	return odds
}

// settle takes devices in and out as long as that explains better what is said, and returns how well it does in the end.
func (r *ring) settle() float64 {
	for range ringTurns {
		changed := false
		for device := range r.member {
			in := !r.known[device] && r.odds(device) > 0
			if in != r.member[device] && (!in || float64(r.size) < ringShare*r.devices) {
				r.toggle(device)
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	return r.explains()
}

// rumours lists the places that could become orders.
func (m *mind) rumours(nodes []*node, speakers []string, where *haunts) *gossip {
	opinions := m.trust.all(speakers)
	g := &gossip{mentions: make([][]mention, len(speakers)), known: make([]bool, len(speakers))}
	for i, d := range speakers {
		if g.known[i] = isSealed(d); !g.known[i] {
			g.devices++
		}
	}
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return n.felt() < ringFelt })
	g.rumours = make([]rumour, len(nodes))
	inParts(nodes, func(_, from int, nodes []*node) {
		for i, n := range nodes {
			g.rumours[from+i] = m.rumour(n, opinions, where)
		}
	})
	for of, r := range g.rumours {
		for i, w := range r.words {
			g.mentions[w.number] = append(g.mentions[w.number], mention{of, i})
		}
	}
	return g
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

func (m *mind) rumour(n *node, opinions []*opinion, where *haunts) rumour {
	r := rumour{words: make([]word, 0, len(n.voices)), felt: n.felt()}
	t := m.tally(n, opinions)
	for i := range n.voices {
		v := &n.voices[i]
		h, k := m.model.effective(v.hits), m.model.effective(v.misses)
		w := word{v.number, asMember(h, k) - (h*m.model.logNoise + k*m.model.logSmooth), v.hits > 0, 0}
		if w.felt && !isSealed(v.device) {
			likely, known := where.passes(n, v.number, v.seen())
			w.odds, w.picked = w.odds-known*math.Log(likely), known
		}
		r.words = append(r.words, w)
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

// logAdd is the logarithm of the sum of two numbers whose logarithms are given.
func logAdd(a, b float64) float64 {
	const negligible = 37 // less than what rounding loses
	top, below := a, a-b
	if b > a {
		top, below = b, b-a
	}
	if below > negligible || math.IsInf(top, -1) {
		return top
	}
	return top + math.Log1p(math.Exp(-below))
}
