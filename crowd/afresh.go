package crowd

import "math"

// learnAfresh learns as if nothing had been learned before: what is known then follows from what the devices have said and from
// nothing else, not from the order in which it was delivered, nor from what was believed on the way. Where a place seems made up, its
// devices seem to make things up, and the other way round, so a start from the last opinion can keep an error for ever.
// It returns the places where it is news whether they came.
func (m *mind) learnAfresh(nodes []*node) (news []*node) {
	before := *m.trust
	*m.trust = *newTrust(m.reader)
	m.trust.epoch = before.epoch
	names := speakers(nodes)
	where := newHaunts(nodes, len(names))
	news = where.changes(nodes)
	m.trust.earning = feltTogether(nodes, len(names)) > acquainted
	m.trust.accents = accents(nodes, names)
	opinions := m.trust.all(names)
	inParts(nodes, func(_, _ int, nodes []*node) {
		for _, n := range nodes {
			n.lie = 0
			m.see(n, opinions)
		}
	})
	m.hearCity(nodes, opinions)
	m.learn(nodes, names)
	m.findRings(nodes, names, where)
	opinions = m.trust.all(names)
	inParts(nodes, func(_, _ int, nodes []*node) {
		for _, n := range nodes {
			m.see(n, opinions)
			n.read = m.readNode(n)
			_, causes := m.causes(n, opinions)
			n.lie, n.wide = causes[invented], causes[2]+causes[3]
		}
	})
	m.learn(nodes, names)
	m.trust.lag = lag(nodes)
	for d, s := range before.devices { // what somebody said where a crew has been since is still known of them
		if _, heard := m.trust.devices[d]; !heard {
			m.trust.devices[d] = s
		}
	}
	for d := range m.trust.devices {
		if isSealed(d) { // each is heard at one place only: it stays a newcomer
			delete(m.trust.devices, d)
		}
	}
	m.trust.accents, m.trust.earning = nil, false
	clear(m.trust.opinions)
	return news
}

// feltTogether is at how many places a device has felt what another has passed, on average.
func feltTogether(nodes []*node, devices int) float64 {
	felt, who, jolts := make([]bool, devices), 0, 0
	for _, n := range nodes {
		for i := range n.voices {
			if v := &n.voices[i]; v.hits > 0 && len(n.voices) > 1 {
				if !felt[v.number] {
					felt[v.number] = true
					who++
				}
				jolts++
			}
		}
	}
	return float64(jolts) / math.Max(1, float64(who))
}

// see looks at a place anew, going by what is known of its devices.
func (m *mind) see(n *node, opinions []*opinion) {
	for kind := range n.looks {
		var all blend
		for i := range n.voices {
			if v := &n.voices[i]; v.said[kind] != nil {
				all.add(v.said[kind], kind, opinions[v.number])
			}
		}
		n.looks[kind] = all.looks(&m.trust.dialect[kind])
	}
}

// hearCity works out how jolts differ here from those that training knows: its cars, its roads and its phones shift what all classes look
// like, and far less how the classes differ from each other. Where the classes lie and which place is of which class are found by turns
// (expectation and maximisation).
func (m *mind) hearCity(nodes []*node, opinions []*opinion) {
	const (
		turns = 12
		none  = 5 // places that no shift at all is worth
	)
	before := make([][numCauses]float64, len(nodes)) // log weight of each cause, but for the looks
	inParts(nodes, func(_, from int, nodes []*node) {
		for i, n := range nodes {
			t := m.tally(n, opinions)
			leaning := n.structure
			n.change.lean(&leaning)
			before[from+i] = m.model.weigh(&t, &leaning)
		}
	})
	for range turns {
		var heard [parts]hearing
		inParts(nodes, func(part, from int, nodes []*node) {
			for i, n := range nodes {
				m.hearPlace(n, &before[from+i], &heard[part])
			}
		})
		all := hearing{weight: [2]float64{none, none}}
		for part := range heard {
			all.add(&heard[part])
		}
		m.trust.hearBalance(&all.balance)
		for kind := range all.apart {
			for d := range all.apart[kind] {
				all.apart[kind][d] /= all.weight[kind]
				m.trust.dialect[kind][d] += all.apart[kind][d]
			}
			for _, n := range nodes {
				if n.looks[kind].count > 0 {
					for d, x := range all.apart[kind] {
						n.looks[kind].shape[d] -= x
					}
				}
			}
		}
	}
	inParts(nodes, func(_, _ int, nodes []*node) {
		for _, n := range nodes {
			n.read = m.readNode(n)
		}
	})
}

// readNode is what training, structure and the times of jolts say of a place.
func (m *mind) readNode(n *node) [numCauses]float64 {
	l := m.read(&n.structure, &n.looks)
	n.change.lean(&l)
	return l
}

// hearing adds up how far places look apart from what training knows of their classes, without and with a waveform.
type hearing struct {
	apart   [2]Shape
	weight  [2]float64 // places
	balance balance
}

func (h *hearing) add(o *hearing) {
	for kind := range h.apart {
		for d, x := range o.apart[kind] {
			h.apart[kind][d] += x
		}
		h.weight[kind] += o.weight[kind]
	}
	h.balance.add(&o.balance)
}

// hearPlace adds one place, given the log weight of each cause but for the looks.
func (m *mind) hearPlace(n *node, before *[numCauses]float64, h *hearing) {
	if !n.heardWell() {
		return
	}
	causes := normalise(m.fixed(before, &n.looks))
	h.balance.count(&causes, n.verdict)
	for kind, trained := range []*Likeness{&m.reader.Plain.Likeness, &m.reader.Wave.Likeness} {
		if n.looks[kind].count < heardWell {
			continue
		}
		for c := range numReal {
			h.weight[kind] += causes[c]
			for d, x := range n.looks[kind].shape[:len(trained.Spread)] {
				h.apart[kind][d] += causes[c] * (x - trained.Mean[c][d])
			}
		}
	}
}
