package crowd

// mind is what judging needs in memory: the model, the places around, and what is known of devices. It stores nothing.
type mind struct {
	model  model
	line   line
	reader *Classifier
	cache  *cache
	trust  *trust
}

func newMind(reader *Classifier, rules Rules) *mind {
	return &mind{model: standard(), line: newLine(rules), reader: reader, cache: newCache(), trust: newTrust(reader)}
}
