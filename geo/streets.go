package geo

// Streets returns every street of the map by its ID, paths and footways too. Nobody must change them.
func (n *Network) Streets() []Street { return n.streets }
