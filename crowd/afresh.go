package crowd

// learnAfresh learns as if nothing had been learned before: what is known then follows from what the devices have said and from
// nothing else, not from the order in which it was delivered, nor from what was believed on the way. Where a place seems made up, its
// devices seem to make things up, and the other way round, so a start from the last opinion can keep an error for ever.
func (m *mind) learnAfresh(nodes []*node) {
	before := *m.trust
	*m.trust = *newTrust(m.reader)
	m.trust.epoch = before.epoch
	for _, n := range nodes {
		n.lie = 0
	}
	m.learn(nodes)
	for _, n := range nodes {
		n.lie = m.madeUp(n)
	}
	m.learn(nodes)
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
	clear(m.trust.opinions)
}

// madeUp is the probability that a place is made up, going by what is known of its devices.
func (m *mind) madeUp(n *node) float64 {
	var t tally
	for i := range n.voices {
		v := &n.voices[i]
		m.model.add(&t, v.hits, v.misses, v.alone, n.lie, m.trust.of(v.device))
	}
	fixed := m.fixed(&n.structure, &n.looks)
	causes := normalise(m.model.weigh(&t, &fixed))
	return causes[invented]
}
