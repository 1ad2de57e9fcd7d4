package unseen

import (
	"cmp"
	"math"
	"slices"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// meeting is something that a car comes to on a road.
type meeting struct {
	along float64
	then  func()
}

// along lets the car meet everything on its road, in order.
func (c *City) along(m *pass) {
	d, r := c.dice, &c.streets.roads[m.k]
	var meetings []meeting
	meet := func(along float64, then func()) { meetings = append(meetings, meeting{along, then}) }
	for _, o := range c.on[m.k] {
		meet(o.along, func() { c.over(m, o.object) })
	}
	for _, p := range c.bad[m.k] {
		from := d.between(0, max(1, p.truth.LengthM-12))
		meet(p.along+from, func() { c.shake(m, p, from) })
	}
	seconds := r.length / m.cruise
	for range d.poisson(m.v.knocks * seconds / hour) {
		kind := knock
		if d.chance(0.15) {
			kind = handling
		}
		meet(d.between(0, r.length), func() { c.shock(m, kind) })
	}
	if m.out < 3 && d.chance(0.01) {
		meet(r.length-d.between(0, 12), func() { c.shock(m, braking) })
	}
	for _, q := range c.watch.quirks[m.k] {
		if q.suits(m.v) && d.chance(q.often) {
			meet(q.along+d.NormFloat64(), func() { c.quirk(m, q) })
		}
	}
	if m.lies != nil && m.lies.road == m.k {
		meet(m.lies.along, func() { c.lie(m) })
	}
	for _, s := range c.watch.spots[m.k] {
		if far := min(s+14, r.length); m.along < far { // a phone knows that it has passed when it is past
			meet(far, func() { c.smooth(m, s) })
		}
	}
	slices.SortStableFunc(meetings, func(a, b meeting) int { return cmp.Compare(a.along, b.along) })
	for _, x := range meetings {
		m.advance(x.along)
		x.then()
	}
}

// over is a car at an object, which its wheels meet or not.
func (c *City) over(m *pass, o *object) {
	if !o.there(m.at) {
		return
	}
	d, v := c.dice, m.v
	if v.kind != attacker && v.kind != vandal {
		o.truth.Trips++
		o.passed[v] = true
	}
	speed, grown := max(2.5, m.pace.at(m.along)), o.grown(m.at)
	right := m.right + 0.1*d.NormFloat64()
	if h, ok := o.field.(*hole); ok && d.chance(c.heeds(m, h)) {
		away := 1.0
		if o.right > right-0.1*d.NormFloat64() {
			away = -1
		}
		wheel := right + math.Copysign(v.vehicle.track, o.right-right)
		right += away * max(0, h.across+0.2+d.between(0, 0.3)-math.Abs(wheel-o.right)) // round it
	}
	left, rightM := right-v.vehicle.track, right+v.vehicle.track
	const reach = 1.0
	if !o.wide {
		left, rightM = left-o.right, rightM-o.right
		if math.Abs(left) > reach && math.Abs(rightM) > reach {
			return
		}
	}
	if m.k != o.road {
		left, rightM = -left, -rightM
	}
	r := ride{left: o.line(left, grown), right: o.line(rightM, grown), speed: speed}
	_, length := o.field.size()
	lead := (aheadM + length/2) / speed
	untilS := min(lead+afterS, (float64(len(r.left))*stepM+v.vehicle.base())/speed+0.6)
	c.ride(m, r, untilS, lead, o.truth.ID, o.truth.Class)
}

// heeds is the chance that a driver steers round a hole.
func (c *City) heeds(m *pass, h *hole) float64 {
	chance := m.v.attentive * clamp(0.55+0.5*h.across*h.depth/(0.3*0.06), 0.3, 1.3)
	if hour := m.at.Hour(); hour < 6 || hour > 19 {
		chance *= 0.6
	}
	return chance
}

// shake is a car on a rough stretch.
func (c *City) shake(m *pass, p *patch, from float64) {
	speed := max(2.5, m.pace.at(m.along))
	i := int(from / stepM)
	j := min(len(p.left), i+int(2*speed/stepM))
	if i < j {
		c.ride(m, ride{left: p.left[i:j], right: p.right[i:j], speed: speed}, 1.6, 0, p.id, "nothing")
	}
}

// ride lets every phone in the car feel a pass over a profile that begins that many seconds before its cause.
func (c *City) ride(m *pass, r ride, untilS, leadS float64, cause, class string) {
	for i, p := range m.v.phones {
		if m.at.Before(p.busyTill) {
			continue
		}
		r.mount = &p.mount
		c.bench.felt = m.v.vehicle.cross(r, untilS, 0.7*p.app.threshold, c.bench.felt[:0])
		c.feel(m, i, leadS, cause, class)
	}
}

// shock is a jolt that no road causes, felt by every phone in the car or by one.
func (c *City) shock(m *pass, kind shock) {
	i := c.dice.IntN(len(m.v.phones))
	c.bench.felt = c.strike(kind, &m.v.phones[i].mount, c.bench.felt[:0])
	c.feel(m, i, 0, string(kind), "nothing")
}

// feel sends what phone i notices of the shaking on the bench.
func (c *City) feel(m *pass, i int, leadS float64, cause, class string) {
	p, r := m.v.phones[i], &c.streets.roads[m.k]
	if m.v.kind == vandal && class == "pothole" && c.dice.chance(0.85) {
		if c.dice.chance(0.6) {
			c.send(m, i, c.passEvent(m, i, 0), "pass "+cause, "nothing")
		}
		return
	}
	s := shaking{felt: c.bench.felt, speed: m.pace.at(m.along), coarse: r.coarse * c.traits.roughness, braking: m.pace.accel(m.along)}
	j, ok := c.notice(p, s)
	if !ok {
		return
	}
	sent := c.send(m, i, c.jolted(m, i, j, j.after-leadS), cause, class)
	if m.v.kind == attacker && class == "pothole" && sent != nil {
		c.villain.learn(*sent)
	}
}

// smooth is a phone past a watched spot where it felt nothing.
func (c *City) smooth(m *pass, spot float64) {
	d := c.dice
	for i, p := range m.v.phones {
		felt := slices.ContainsFunc(m.felt[i], func(x float64) bool { return math.Abs(x-spot) < 22 })
		share := c.traits.passShare
		if m.v.kind == attacker {
			share *= 1.5
		} else if !p.app.passes {
			continue
		}
		if felt || !d.chance(share) {
			continue
		}
		about := c.watch.about(c, m, spot)
		if m.v.kind == attacker && about == "invention" {
			continue
		}
		c.send(m, i, c.passEvent(m, i, spot-m.along+3*d.NormFloat64()), "pass "+about, "nothing")
	}
}

// send delivers an event of phone i, unless it is lost, and returns it.
func (c *City) send(m *pass, i int, e event, cause, class string) *firmwaresim.Sent {
	s := c.deliver(m.v.phones[i], e, m.at, m.late[i], firmwaresim.Cause{Cause: cause, Class: class})
	return s
}
