package crowd

// learnAfresh learns as if nothing had been learned before: what is known then follows from what the devices have said and from
// nothing else, not from the order in which it was delivered, nor from what was believed on the way. Where a place seems made up, its
// devices seem to make things up, and the other way round, so a start from the last opinion can keep an error for ever.
func (m *mind) learnAfresh(nodes []*node) {
	before := *m.trust
	*m.trust = *newTrust(m.reader)
	m.trust.epoch = before.epoch
	names := speakers(nodes)
	for _, n := range nodes {
		n.lie, n.read = 0, m.read(&n.structure, &n.looks)
	}
	m.learn(nodes, names)
	m.findRing(nodes, names)
	opinions := m.trust.all(names)
	for _, n := range nodes {
		_, causes := m.causes(n, opinions)
		n.lie = causes[invented]
	}
	m.learn(nodes, names)
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
