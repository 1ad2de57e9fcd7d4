package elsewhere

import (
	"math"
	"math/rand/v2"
	"slices"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// glitch is a place where some vehicles jolt, always there, and no others.
type glitch struct {
	along float64
	who   func(*driver) bool
	truth *firmwaresim.Invention
	shock func(t float64) float64
}

// misfit adds the faulty fleet, whose phones are disturbed near some masts, and the places where each odd vehicle rattles.
func (c *City) misfit(r *rand.Rand) {
	c.glitches = make([][]glitch, 2*len(c.net.streets))
	for range c.ch.fleet {
		d := &driver{number: len(c.drivers), kind: "fleet", car: newCar(r), home: pick(c.crossings(0.3), r), trips: 2 + 2*r.Float64(), tempo: 0.92, taste: r.Uint64(),
			ways: map[way][][]int{}, r: rand.New(rand.NewPCG(r.Uint64(), 3))}
		for range 6 {
			d.haunts = append(d.haunts, pick(c.crossings(-1), r))
		}
		d.work = d.home
		d.phones = []*phone{c.newPhone("fleet", &d.car, r)}
		c.drivers = append(c.drivers, d)
	}
	if c.ch.fleet > 0 {
		for range 5 + r.IntN(6) {
			c.glitch("fleet", r, func(d *driver) bool { return d.kind == "fleet" })
		}
	}
	for _, odd := range c.drivers {
		if odd.kind == "odd" {
			for range 4 + r.IntN(4) {
				c.glitch("odd", r, func(d *driver) bool { return d == odd })
			}
		}
	}
}

// glitch adds one such place on a busy street.
func (c *City) glitch(adversary string, r *rand.Rand, who func(*driver) bool) {
	for range 1000 {
		i := r.IntN(len(c.net.streets))
		s := &c.net.streets[i]
		t := tag{2*i + r.IntN(2), 10 + max(0, s.length-20)*r.Float64()}
		if s.rank == quiet || c.crowded(t.lane, t.along, 25) {
			continue
		}
		at, heading := c.net.at(t.lane, t.along)
		inv := &firmwaresim.Invention{HeadingDeg: bearing(heading), Adversary: adversary}
		inv.Lat, inv.Lon = c.ch.degrees(at)
		size, hz, fades := (5+6*r.Float64())*math.Copysign(1, r.Float64()-0.5), 2+8*r.Float64(), 4+8*r.Float64()
		c.glitches[t.lane] = append(c.glitches[t.lane], glitch{t.along, who, inv, func(t float64) float64 {
			return size * math.Exp(-fades*t) * math.Cos(2*math.Pi*hz*t)
		}})
		return
	}
}

// stumble lets the car's phones feel the lane's glitches, if they are its own.
func (j *journey) stumble() {
	for _, gl := range j.c.glitches[j.lane] {
		if !gl.who(j.d) {
			continue
		}
		for _, p := range j.phones {
			if p.r.Float64() < 0.3 {
				continue
			}
			before := len(p.felt)
			j.disturb(p, gl.along, j.speed(gl.along), func() func(float64) float64 { return gl.shock }, firmwaresim.Cause{Cause: gl.truth.Adversary, Class: "nothing"})
			if len(p.felt) == before {
				continue
			}
			if gl.truth.Devices == nil {
				gl.truth.From = instant(j.time(gl.along))
				j.c.made = append(j.c.made, gl.truth)
			}
			if !slices.Contains(gl.truth.Devices, p.id) {
				gl.truth.Devices = append(gl.truth.Devices, p.id)
			}
		}
	}
}

// deny lets a vandal say of some watched potholes that he passed them smoothly, though he was not there.
func (c *City) deny(d *driver, day int) {
	if d.kind != "vandal" {
		return
	}
	for range poisson(2, d.r) {
		t := c.things[d.r.IntN(c.ch.potholes)]
		if t.face.Class != "pothole" || !slices.ContainsFunc(c.watch.on[t.lane], func(s spot) bool { return s.what == t.face.ID }) {
			continue
		}
		at := daySeconds*float64(day) + 3600*(7+13*d.r.Float64())
		if d.drives(at, 300) {
			continue
		}
		j := &journey{c: c, d: d, lane: t.lane, began: at, in: 6, out: 6, cruise: c.net.streets[t.lane/2].limit, pace: 1}
		p := &listening{phone: d.phones[0], fix: newReceiver(c.ch.gps*d.phones[0].bad, d.r)}
		j.tell(p, wire.Pass, at, t.along, j.speed(t.along), nil, firmwaresim.Cause{Cause: "pass " + t.face.ID, Class: "nothing"})
	}
}
