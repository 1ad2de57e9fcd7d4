package detector

import "math"

// What the road's roughness does to the threshold.
const (
	leastNoise = 0.85 // the least jolt on a smooth road, times that on a usual one
	mostNoise  = 2.5  // and on the roughest
	overRough  = 1.3  // a jolt is always so many times the road's rms at least
	slowNoise  = 0.1  // share of the power of roughness that is left at 5 Hz, where there are few samples to stand out by chance
)

// slowness is 0 from 50 Hz on, 0.4 at 20 Hz and 1 at 5 Hz.
func (d *Detector) slowness() float64 {
	return math.Sqrt(math.Min(math.Max((d.ring.intervalS-0.02)/0.18, 0), 1))
}

// least is the least jolt that counts on the smoothest road, g.
func (d *Detector) least(speed float64) float64 {
	least := d.p.LeastG + d.slowness()*(d.p.LeastSlowG-d.p.LeastG)
	if speed >= 0 { // false for NaN
		least *= math.Pow(math.Min(math.Max(speed, 5), 30)/10, d.p.SpeedPower)
	}
	return least
}

// lowest is the least jolt that counts anywhere.
func (d *Detector) lowest(speed float64) float64 { return leastNoise * d.least(speed) }

// rougher is how many times the least jolt a jolt must be on a road as rough as this one.
func (d *Detector) rougher() float64 {
	power := d.p.NoisePower * (1 - d.slowness()*(1-slowNoise))
	return math.Min(math.Max(math.Pow((d.rough.rms()+0.01)/(d.p.NoiseG+0.01), power), leastNoise), mostNoise)
}

// ofPeak is the share of a jolt's peak at which it begins: what the road did just before is not it.
const ofPeak = 0.4

// judge decides about what exceeded the threshold, now that what came after it is known: it must also stand out of the road's
// roughness around it. If it begins later, that is the trigger, and judge waits for what follows it, unless the samples have ended.
func (d *Detector) judge(ended bool) {
	r := &d.ring
	over, floor, last := d.rougher(), overRough*d.rough.rms(), min(r.looked, r.kept-1)
	peak := float32(0)
	for k := max(d.first, r.kept-ringSize); k <= last; k++ {
		peak = max(peak, r.score[k%ringSize])
	}
	floor = math.Max(floor, ofPeak*float64(peak))
	for k := max(d.first, r.kept-ringSize); k <= last; k++ {
		i := k % ringSize
		if float64(r.score[i]) < math.Max(d.least(r.speed[i])*over, floor) || r.speed[i] < d.p.SlowestMPS {
			continue
		}
		if r.t[i] > d.trigger && !ended {
			d.trigger, d.first = r.t[i], k
			return
		}
		d.trigger, d.waiting = r.t[i], false
		speed := r.speed[i]
		d.restsTo = d.trigger + d.rest(speed)
		if !d.handled.rejects(d) {
			d.felt(d.cut(speed))
		}
		return
	}
	d.waiting = false
}

// rest is how long after a trigger the rear axle may still meet the same object, s.
func (d *Detector) rest(speed float64) float64 {
	if !(speed > 0) { // true for NaN
		return restS
	}
	return math.Min(math.Max(afterS, axlesM/speed+0.3), longestRest)
}
