package detector

import "math"

// cut describes the jolt. Its waveform is even, however uneven the samples were.
func (d *Detector) cut(speed float64) Jolt {
	j := Jolt{At: d.trigger, RateHz: d.rate(), Speed: speed}
	wave := d.wave[:d.resample(j.RateHz)]
	j.PeakG, j.DurationS = Measure(wave, j.RateHz)
	if j.RateHz >= leastHz {
		j.Wave = wave
	}
	j.Severity = Severity(j.PeakG, speed)
	return j
}

// Measure returns a waveform's largest magnitude, in g, and how long it is above 30 % of that, s.
func Measure(wave []float32, rateHz float64) (peakG, durationS float64) {
	for _, x := range wave {
		peakG = math.Max(peakG, math.Abs(float64(x)))
	}
	over := 0
	for _, x := range wave {
		if math.Abs(float64(x)) >= 0.3*peakG {
			over++
		}
	}
	return peakG, float64(over) / rateHz
}

// Severity is a jolt's strength free of speed: a peak of 1 g at 10 m/s is 1. Above that a car takes a hole's edge faster, roughly
// in proportion to the root of its speed (m/s; NaN: not known).
func Severity(peakG, speed float64) float64 {
	if !(speed > 0) { // true for NaN
		return peakG
	}
	return peakG * math.Sqrt(10/math.Min(math.Max(speed, 3), 40))
}

// rate is the samples' own rate in Hz, or the highest that a waveform may have.
func (d *Detector) rate() float64 {
	if d.ring.intervalS <= 0 {
		return leastHz
	}
	rate := math.Min(1/d.ring.intervalS, mostRate)
	if rate > 15 {
		rate = math.Round(rate)
	}
	return math.Max(rate, 1)
}

// resample fills the waveform and returns its length. What lies before the first sample is 0: the road as it should be.
func (d *Detector) resample(rate float64) int {
	r := &d.ring
	last := min(r.looked, r.kept-1)
	at := max(0, last+1-ringSize)
	length := min(int((beforeS+afterS)*rate+1e-6)+1, mostWave)
	oldest, newest := r.t[at%ringSize], r.t[last%ringSize]
	half := 0.5 / rate
	for k := range length {
		t := d.trigger - beforeS + float64(k)/rate
		if t > newest+half {
			return k
		}
		if t < oldest-half {
			d.wave[k] = 0
			continue
		}
		for at+1 <= last && r.t[(at+1)%ringSize] < t-half {
			at++
		}
		if r.intervalS*1.5 < 1/rate {
			d.wave[k] = d.average(at, last, t-half, t+half)
		} else {
			d.wave[k] = d.between(at, last, t)
		}
	}
	return length
}

// average is the mean of the kept samples in a span of time that has several; it begins looking at kept sample at.
func (d *Detector) average(at, last int, from, to float64) float32 {
	var sum, n float32
	for k := at; k <= last && d.ring.t[k%ringSize] < to; k++ {
		if d.ring.t[k%ringSize] >= from {
			sum, n = sum+d.ring.up[k%ringSize], n+1
		}
	}
	if n == 0 {
		return d.between(at, last, (from+to)/2)
	}
	return sum / n
}

// between interpolates between the kept samples around t; it begins looking at kept sample at.
func (d *Detector) between(at, last int, t float64) float32 {
	for at+2 <= last && d.ring.t[(at+1)%ringSize] < t {
		at++
	}
	a := at % ringSize
	if at+1 > last {
		return d.ring.up[a]
	}
	b := (at + 1) % ringSize
	share := math.Min(math.Max((t-d.ring.t[a])/(d.ring.t[b]-d.ring.t[a]), 0), 1)
	return d.ring.up[a] + float32(share)*(d.ring.up[b]-d.ring.up[a])
}
