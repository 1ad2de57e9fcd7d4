package crowd

// A crew's verdict on a place is the one label that a city has. It weighs in learning from the next time on: what the class
// looks like here, without and with a waveform (Likeness), and whether the devices that spoke there are to be trusted.

// verdictWeight is how many places whose class is only believed a verdict counts as, for what the classes look like.
const verdictWeight = 3

// settle is what is believed of a place of which a crew has said what it is. Whether nothing is there by mistake or by
// intent the crew cannot know.
func settle(causes [numCauses]float64, verdict Class) [numCauses]float64 {
	var certain [numCauses]float64
	if verdict == Nothing {
		all := causes[noise] + causes[invented]
		if all == 0 {
			certain[noise] = 1
			return certain
		}
		certain[noise], certain[invented] = causes[noise]/all, causes[invented]/all
		return certain
	}
	for c, class := range Classes() {
		if class == verdict {
			certain[c] = 1
		}
	}
	return certain
}
