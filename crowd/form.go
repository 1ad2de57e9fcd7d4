package crowd

// takeEstimate reads what estimate wrote. Where its form is none that this version knows, only the position is left, and the rest comes
// with the next event.
func (s *site) takeEstimate(b []byte) {
	if s.readEstimate(b) != nil {
		s.anchor = s.point()
	}
}

// take reads what encode wrote. Where its form is none that this version knows, the counts are left, at the place's position.
func (a *account) take(b []byte, s *site) {
	counted := *a
	if a.decode(b) == nil {
		return
	}
	*a = counted
	if a.hits > 0 {
		const sigma = 2 * deviceSigmaM
		a.precision = float64(a.hits) / (sigma * sigma)
		east, north := offset(s.anchor, s.point())
		a.east, a.north = east*a.precision, north*a.precision
	}
}
