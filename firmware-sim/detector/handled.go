package detector

import "math"

// Signs that the phone was handled and the car not shaken.
const (
	fallG      = 0.3  // less than this in all is free fall, g
	fallS      = 0.15 // seconds of free fall that make a drop; a wheel in a hole takes the car no further than its springs
	sideways   = 3.5  // ratio of horizontal to vertical peak above which it was no road
	spinRads   = 1.8  // rotation rate that no car has, rad/s, over some tenths of a second
	spinMemory = 0.25 // s
)

// handling watches a jolt for what hands do to a phone.
type handling struct {
	falling       bool
	fell, longest float64 // seconds of free fall now, and at most
	spin, spun    float64 // rotation rate, smoothed; its largest, rad/s
}

// watch looks at the sample at ring index i, dt seconds after the one before.
func (h *handling) watch(d *Detector, i int, dt float64) {
	a := d.ring.acc[i]
	falling := a.dot(a) < fallG*fallG*Gravity*Gravity
	if h.falling && falling { // one sample is an instant, however slow the sensor
		h.fell += dt
		h.longest = math.Max(h.longest, h.fell)
	} else {
		h.fell = 0
	}
	h.falling = falling
	h.spin += dt / (spinMemory + dt) * (float64(d.ring.turn[i]) - h.spin)
	h.spun = math.Max(h.spun, h.spin)
}

// rejects says whether the phone was dropped, turned or pushed about rather than shaken by the road.
func (h *handling) rejects(d *Detector) bool {
	if h.spun > spinRads {
		return true
	}
	if !d.up.weightless() {
		if h.longest > fallS {
			return true
		}
		sizes := math.Sqrt(d.before.dot(d.before) * d.up.quick.dot(d.up.quick))
		if sizes > 1 && d.before.dot(d.up.quick) < math.Cos(d.p.TurnedDeg*math.Pi/180)*sizes {
			return true
		}
	}
	r := &d.ring
	var up, side, lean, n float32 // lean: what the horizontal was before; braking is long, and no push
	for k := max(0, r.looked+1-ringSize); k <= min(r.looked, r.kept-1); k++ {
		i := k % ringSize
		switch since := r.t[i] - d.trigger; {
		case since >= -0.1:
			up, side = max(up, float32(math.Abs(float64(r.high[i])))), max(side, r.side[i])
		case since >= -beforeS:
			lean, n = lean+r.side[i], n+1
		}
	}
	if n > 0 {
		side -= lean / n
	}
	return side > sideways*up
}
