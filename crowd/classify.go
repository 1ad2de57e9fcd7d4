package crowd

import "math"

// Classify returns the probability of each class for one jolt by itself: peak in g, duration in s, and the waveform in g at rate Hz,
// which may be empty. Without a speed in m/s (NaN or 0) it is the mean over the speeds that people drive at in towns.
func (c *Classifier) Classify(peakG, durationS, speedMPS, rateHz float64, wave []float32) Belief {
	speeds := []float64{speedMPS}
	if !(speedMPS > 0) { // true for NaN
		speeds = []float64{3.5, 5, 7, 10, 14}
	}
	var b Belief
	for _, v := range speeds {
		jolt := ReadJolt(peakG, durationS, v, rateHz, wave)
		scores := c.network(jolt).Score(jolt.features)
		var p [NumClasses]float64
		sum := 0.0
		for k, s := range scores {
			p[k] = math.Exp(s)
			sum += p[k]
		}
		for k := range b {
			b[k] += p[k] / sum / float64(len(speeds))
		}
	}
	return b
}
