package firmwaresim

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// trip is one drive.
type trip struct {
	at    time.Time
	d     *driver
	n     uint64
	route []int
}

// Day drives the n-th day, from 0, and returns what is sent on it in order of delivery. Deliveries may come days later.
func (c *City) Day(n int) []Sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sent []Sent
	for _, t := range c.tripsOf(n) {
		sent = append(sent, c.drive(t)...)
	}
	c.imitate(sent, n)
	sent = append(sent, c.copied(n)...)
	sent = append(sent, c.lies(n)...)
	return byDelivery(sent)
}

// tripsOf draws a day's trips, in order of their beginning.
func (c *City) tripsOf(day int) []trip {
	var trips []trip
	for _, d := range c.drivers {
		r := c.options.stream(purposeTrips, uint64(d.n*100_000+day))
		count := int(d.trips)
		if r.Float64() < d.trips-float64(count) {
			count++
		}
		for k := range count {
			if len(d.routes) == 0 {
				break
			}
			// Two rush hours, and the day between and after them.
			hour := []float64{7.5, 17, 12, 20}[r.IntN(4)] + 1.2*r.NormFloat64()
			route := d.routes[min(len(d.routes)-1, int(math.Abs(r.NormFloat64())*float64(len(d.routes))/2.2))]
			trips = append(trips, trip{c.options.Begin.AddDate(0, 0, day).Add(time.Duration(hour * float64(time.Hour))), d, uint64(day*100 + k), route})
		}
	}
	slices.SortFunc(trips, func(a, b trip) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.d.n, b.d.n)) })
	return trips
}

// outing is a trip under way.
type outing struct {
	c       *City
	d       *driver
	r       *rand.Rand
	fix     fix
	lane    int
	edge    int
	now     time.Time // at the edge's beginning
	speed   float64
	silentM float64 // metres since a smooth pass was answered
	events  []Sent
}

// drive drives one trip.
func (c *City) drive(t trip) []Sent {
	r := c.options.stream(purposeTrips, 1<<40+uint64(t.d.n)*1_000_000+t.n)
	o := &outing{c: c, d: t.d, r: r, fix: c.newFix(r), now: t.at, silentM: 1000}
	traffic := 0.75 + 0.3*r.Float64()
	blows := int(c.options.Knocks*t.d.phones[0].mount.fumbled + r.Float64())
	for k, i := range t.route {
		e := &c.grid.edges[i]
		o.edge = i
		o.fix.wander(e.length, r)
		o.speed = math.Max(3, e.speed*t.d.hurry*t.d.vehicle.pace*traffic*math.Exp(0.1*r.NormFloat64()))
		if r.Float64() < 0.25 || o.lane >= e.lanes {
			o.lane = 0
			if e.lanes > 1 && r.Float64() < t.d.left {
				o.lane = 1
			}
		}
		o.pass(e)
		if blows > 0 && r.Float64() < 1.5/float64(len(t.route)) {
			blows--
			o.knock(r.Float64() * e.length)
		}
		if c.lights[i] && r.Float64() < c.brakes*t.d.brakes/4 {
			o.brake(e.length - 3 - 12*r.Float64())
		}
		if along, ok := t.d.faults[i]; ok && r.Float64() < t.d.faulty {
			o.fault(along)
		}
		if k == len(t.route)-1 && r.Float64() < c.doors {
			o.door(e.length)
		}
		o.silentM += e.length
		o.now = o.now.Add(time.Duration(e.length / o.speed * float64(time.Second)))
	}
	return c.deliver(t.d, o.events, o.now, r)
}

// at is the encounter with a point of the edge that is being driven.
func (o *outing) at(along float64) encounter {
	return encounter{o.d, o.edge, along, o.lane, o.now.Add(time.Duration(along / o.speed * float64(time.Second))), o.speed, o.fix}
}

// pass passes everything on an edge.
func (o *outing) pass(e *edge) {
	for _, x := range o.c.onEdge[o.edge] {
		along := x.along
		if x.edge != o.edge {
			along = e.length - along
		}
		o.meet(o.at(along), x)
	}
	for _, p := range o.c.patches[o.edge] {
		o.shaken(e, p)
	}
	for _, inv := range o.c.invents[o.edge] {
		mine := inv.Adversary == "inventor" && o.d.role == "attacker" || inv.Adversary == "fleet" && o.d.role == "fleet"
		if m := o.at(inv.along); inv.felt && !mine && !m.at.Before(inv.From) {
			o.answer(m, inv.Adversary, 1)
		}
	}
	for _, at := range o.c.control[o.edge] {
		if o.silentM > 500 {
			o.answer(o.at(at), "control", 0.5)
		}
	}
}

// meet passes something that can be felt.
func (o *outing) meet(m encounter, x *Object) {
	if !x.there(m.at) {
		if x.felt {
			o.answer(m, x.ID, 1)
		}
		return
	}
	times, before := x.met[o.d.n]
	if role := o.d.role; role != "attacker" && role != "vandal" && role != "copycat" {
		x.Trips++
		if !before {
			x.Devices++
		}
	}
	x.met[o.d.n] = times
	switch x.Class {
	case "speed_bump":
		m.speed = math.Min(m.speed, 3.5+4.5*o.r.Float64())
	case "rail":
		m.speed *= 0.75 + 0.25*o.r.Float64()
	}
	if o.d.role == "vandal" && x.Class == "pothole" {
		if x.felt && o.r.Float64() < 0.7 {
			o.events = append(o.events, o.c.smooth(m, o.d.phones[0], "pass "+x.ID, o.r))
		}
		return
	}
	if o.meets(m, x, times) && o.feel(m, situation{object: x}, Cause{Cause: x.ID, Class: x.Class}) {
		x.felt = true
		x.met[o.d.n]++
		return
	}
	if x.felt {
		o.answer(m, x.ID, 1)
	}
}

// meets says whether the wheels meet an object: those in its lane, less and less of the drivers who know it.
func (o *outing) meets(m encounter, x *Object, times int) bool {
	share := x.hit
	if x.lane >= 0 {
		if x.lane != m.lane {
			return false
		}
		share *= math.Max(0.4, math.Pow(1-o.c.learns, float64(times))) * o.d.vehicle.meets
	}
	return o.r.Float64() < share
}

// feel lets every phone of the car feel something and says whether one did.
func (o *outing) feel(m encounter, s situation, cause Cause) bool {
	felt := false
	for _, p := range o.d.phones {
		jolt, ok := o.c.feel(m, p, s, o.r)
		if !ok {
			continue
		}
		felt = true
		b := o.c.bump(m, p, jolt, cause, o.r)
		o.events = append(o.events, b)
		if cause.Class == "pothole" && o.d.role != "attacker" && len(b.WaveG) > 0 {
			o.c.remember(b.Event, o.r)
		}
	}
	return felt
}

// answer answers for a watched place that was passed smoothly, if the app does so; eager is a factor on how often.
func (o *outing) answer(m encounter, of string, eager float64) {
	if o.silentM <= 300 || o.r.Float64() >= o.c.options.Answers*eager {
		return
	}
	p := o.d.phones[o.r.IntN(len(o.d.phones))]
	if !p.app.passes {
		return
	}
	o.silentM = 0
	o.events = append(o.events, o.c.smooth(m, p, "pass "+of, o.r))
}
