package zpeak

import (
	"math"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// cut describes the jolt whose recording has ended. Its waveform is even, however uneven the samples were.
func (d *Detector) cut() Jolt {
	j := Jolt{At: d.trigger, RateHz: d.rate()}
	wave := d.wave[:d.resample(j.RateHz)]
	j.PeakG, j.DurationS = detector.Measure(wave, j.RateHz)
	if j.RateHz >= leastHz {
		j.Wave = wave
	}
	return j
}

// rate is the samples' own rate in Hz, or the highest that a waveform may have.
func (d *Detector) rate() float64 {
	if d.interval <= 0 {
		return leastHz
	}
	rate := math.Min(1/d.interval, mostRate)
	if rate > 15 {
		rate = math.Round(rate)
	}
	return math.Max(rate, 1)
}

// resample fills the waveform and returns its length. What lies before the first sample is 0: the road as it should be.
func (d *Detector) resample(rate float64) int {
	length := min(int((beforeS+afterS)*rate)+1, mostWave)
	at := max(0, d.kept-ringSize)
	oldest, newest := d.times[at%ringSize], d.newest()
	for k := range length {
		t := d.trigger - beforeS + float64(k)/rate
		if t > newest+0.5/rate {
			return k
		}
		if t < oldest {
			d.wave[k] = 0
			continue
		}
		half := 0.5 / rate
		for at+1 < d.kept && d.times[(at+1)%ringSize] < t-half {
			at++
		}
		if d.interval*1.5 < 1/rate {
			d.wave[k] = d.average(at, t-half, t+half)
		} else {
			d.wave[k] = d.between(at, t)
		}
	}
	return length
}

// average is the mean of the kept samples in a span of time that has several; it begins looking at kept sample at.
func (d *Detector) average(at int, from, to float64) float32 {
	var sum, n float32
	for k := at; k < d.kept && d.times[k%ringSize] < to; k++ {
		if d.times[k%ringSize] >= from {
			sum, n = sum+d.up[k%ringSize], n+1
		}
	}
	if n == 0 {
		return d.between(at, (from+to)/2)
	}
	return sum / n
}

// between interpolates between the kept samples around t; it begins looking at kept sample at.
func (d *Detector) between(at int, t float64) float32 {
	for at+2 < d.kept && d.times[(at+1)%ringSize] < t {
		at++
	}
	a := at % ringSize
	if at+1 >= d.kept {
		return d.up[a]
	}
	b := (at + 1) % ringSize
	share := math.Min(math.Max((t-d.times[a])/(d.times[b]-d.times[a]), 0), 1)
	return d.up[a] + float32(share)*(d.up[b]-d.up[a])
}
