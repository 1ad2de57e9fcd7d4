package unseen

import (
	"math"
	"slices"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// invention is a place that an adversary makes up.
type invention struct {
	truth *firmwaresim.Invention
	road  int
	along float64
}

// style is how the attacker goes about it.
type style int

const (
	thin  style = iota // a report now and then, over weeks
	burst              // all within a day or two
	sleep              // a week of truth first
)

// villain is the one attacker behind many devices, who drives and reports truly too.
type villain struct {
	style  style
	drives float64 // share of inventions that a device drives to, the rest being sent from a sofa
	plots  [days][]plot
	stock  []firmwaresim.Sent // his own reports of real potholes, which he copies
}

// plot is a report that is to be made on a day.
type plot struct {
	what *invention
	who  *driver
}

// learn keeps a real report of a pothole.
func (v *villain) learn(s firmwaresim.Sent) {
	if len(v.stock) < 400 {
		v.stock = append(v.stock, s)
	}
}

// scheme plots the inventions of the whole three weeks.
func (c *City) scheme() {
	d := c.dice
	v := &villain{style: style(d.IntN(3)), drives: d.between(0, 1)}
	c.villain = v
	var gang []*driver
	for _, o := range c.drivers {
		if o.kind == attacker {
			gang = append(gang, o)
		}
	}
	for range c.traits.inventions {
		i := c.invent()
		first, last := d.count(1, 10), 0
		switch v.style {
		case thin:
			last = min(days-1, first+d.count(5, 14))
		case burst:
			first = d.count(1, days-3)
			last = first + d.IntN(2)
		case sleep:
			first = d.count(7, 13)
			last = min(days-1, first+d.count(2, 7))
		}
		n := min(len(gang), d.count(5, 9))
		begins := days
		for _, g := range d.Perm(len(gang))[:n] {
			for range 1 + d.IntN(2)*d.IntN(2) {
				day := d.count(first, last)
				begins = min(begins, day)
				v.plots[day] = append(v.plots[day], plot{i, gang[g]})
			}
			i.truth.Devices = append(i.truth.Devices, gang[g].phones[0].id)
		}
		i.truth.From = c.begin.AddDate(0, 0, begins)
		c.invented = append(c.invented, i)
	}
}

// invent chooses a place: mostly a quiet street, away from what really lies there.
func (c *City) invent() *invention {
	d := c.dice
	for {
		k, along := c.anywhere(0.1, 32, true)
		r := &c.streets.roads[k]
		taken := slices.ContainsFunc(c.invented, func(o *invention) bool {
			s := &c.streets.roads[o.road]
			return s.at(o.along, 0).to(r.at(along, 0)) < 45
		})
		if taken || r.rank > quiet && !d.chance(0.2) || !c.alone(r.at(along, 0), 30) {
			continue
		}
		lat, lon := c.streets.latLon(r.at(along, 0))
		t := &firmwaresim.Invention{Lat: lat, Lon: lon, HeadingDeg: round(r.heading, 1), Adversary: "inventor"}
		return &invention{truth: t, road: k, along: along}
	}
}

// alone says whether no pothole is that near.
func (c *City) alone(p point, metres float64) bool {
	return !slices.ContainsFunc(c.objects, func(o *object) bool {
		return o.truth.Class == "pothole" && c.streets.roads[o.road].at(o.along, o.right).to(p) < metres
	})
}

// errands are the attacker's trips to places that he makes up.
func (c *City) errands(day int) []trip {
	d, v := c.dice, c.villain
	var trips []trip
	rest := v.plots[day][:0]
	for _, p := range v.plots[day] {
		r := &c.streets.roads[p.what.road]
		if !d.chance(v.drives) {
			rest = append(rest, p)
			continue
		}
		roads := slices.Clone(c.route(p.who, p.who.home, r.from))
		roads = append(append(roads, p.what.road), c.route(p.who, r.to, p.who.haunts[0])...)
		trips = append(trips, trip{driver: p.who, roads: roads, start: d.between(9.2, 22.5) * hour, lies: p.what})
	}
	v.plots[day] = rest
	return trips
}

// lie is a car of the attacker's at a place that he makes up.
func (c *City) lie(m *pass) {
	e := c.located(m, 0, c.dice.between(0, 0.1))
	if c.forge(&e, m.v.phones[0]) {
		m.felt[0] = append(m.felt[0], m.along)
		c.watch.report(m.k, m.along)
		c.send(m, 0, e, "invention", "nothing")
	}
}

// deceive sends the day's inventions to which nobody drives, and the vandals' denials of what they have not passed.
func (c *City) deceive(day int) {
	d := c.dice
	for _, p := range c.villain.plots[day] {
		phone, r := p.who.phones[0], &c.streets.roads[p.what.road]
		at := c.at(day, d.between(8, 22)*hour)
		sky := c.newSky(phone)
		off, sigma := sky.next(d, at, r.canyon)
		where := r.at(p.what.along-d.between(0, 4), 0.3*d.NormFloat64())
		e := c.fixed(phone, point{where.e + off.e, where.n + off.n}, sigma, r.rank.pace()*d.between(0.7, 1.1), r.heading, at)
		if c.forge(&e, phone) {
			c.watch.report(p.what.road, p.what.along)
			c.deliver(phone, e, at, 0, firmwaresim.Cause{Cause: "invention", Class: "nothing"})
		}
	}
	for _, v := range c.drivers {
		if v.kind != vandal {
			continue
		}
		for range d.poisson(1.5) {
			c.deny(v.phones[0], day)
		}
	}
}

// deny is a vandal's smooth pass of a pothole from his sofa.
func (c *City) deny(p *phone, day int) {
	d := c.dice
	o, at := c.objects[d.IntN(len(c.objects))], c.at(day, d.between(7, 22)*hour)
	if o.truth.Class != "pothole" || !o.there(at) {
		return
	}
	r := &c.streets.roads[o.road]
	off, sigma := c.newSky(p).next(d, at, r.canyon)
	where := r.at(o.along, 0)
	e := c.fixed(p, point{where.e + off.e, where.n + off.n}, sigma, r.rank.pace()*d.between(0.6, 1.1), r.heading, at)
	e.Kind = wire.Pass
	c.deliver(p, e, at, 0, firmwaresim.Cause{Cause: "pass " + o.truth.ID, Class: "nothing"})
}

// forge makes an event a jolt after a real one's waveform: stretched a little, scaled, shifted, with noise of its own, at the
// rate of the device that is to send it. It fails where there is nothing to copy yet.
func (c *City) forge(e *event, p *phone) bool {
	d, v := c.dice, c.villain
	if len(v.stock) == 0 {
		return false
	}
	model := &v.stock[d.IntN(len(v.stock))].Event
	for range 5 { // rather one with a waveform, at a like speed
		other := &v.stock[d.IntN(len(v.stock))].Event
		if len(other.WaveG) > 0 && (len(model.WaveG) == 0 || math.Abs(other.SpeedMPS-e.SpeedMPS) < math.Abs(model.SpeedMPS-e.SpeedMPS)) {
			model = other
		}
	}
	scale := d.around(1, 0.15)
	e.Kind, e.RateHz = wire.Bump, p.app.rateHz
	e.PeakG, e.DurationS = round(model.PeakG*scale, 3), model.DurationS
	if p.silent || len(model.WaveG) == 0 {
		return true
	}
	shift, stretch, noise := 0.02*d.NormFloat64(), d.around(1, 0.05), d.between(0.004, 0.03)
	e.WaveG, e.PeakG, e.DurationS = make([]float32, int((beforeS+afterS)*e.RateHz)), 0, 0
	for k := range e.WaveG {
		t := beforeS + (float64(k)/e.RateHz-beforeS)*stretch + shift
		at := clamp(t*model.RateHz, 0, float64(len(model.WaveG)-1))
		i := min(int(at), max(0, len(model.WaveG)-2))
		j := min(i+1, len(model.WaveG)-1)
		x := float64(model.WaveG[i]) + (at-float64(i))*float64(model.WaveG[j]-model.WaveG[i])
		x = round(scale*x+noise*d.NormFloat64(), 4)
		e.WaveG[k], e.PeakG = float32(x), max(e.PeakG, round(math.Abs(x), 3))
	}
	for _, x := range e.WaveG {
		if math.Abs(float64(x)) > 0.3*e.PeakG {
			e.DurationS += 1 / e.RateHz
		}
	}
	e.DurationS = round(e.DurationS, 3)
	return true
}
