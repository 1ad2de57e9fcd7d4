package firmwaresim

import (
	"fmt"
	"time"
)

// settleFleet makes the vehicles of one fleet whose firmware reports jolts at stops or junctions where nothing is.
func (c *City) settleFleet(q *routing) {
	if !c.options.Adversaries.has(FaultyFleet) {
		return
	}
	r := c.options.stream(purposeFleet, 0)
	unit := app{passes: r.Float64() < 0.6, accuracy: 1, carelessly: true, tilt: 0.1 + 0.3*r.Float64(), lagS: 0.3 * r.Float64(),
		detector: c.apps[0].detector}
	kind := []vehicleKind{van, lorry, saloon}[r.IntN(3)]
	var lines [][]int
	for len(lines) < 3 {
		stops := func() int { return c.grid.edges[c.pick(r, func(e *edge) float64 { return e.rank * e.rank })].from }
		from, to := stops(), stops()
		there, back := q.way(from, to), q.way(to, from)
		if len(there) > 4 && len(back) > 4 {
			lines = append(lines, there, back)
		}
	}
	spots := map[int]float64{}
	var order []int
	for range 6 + r.IntN(13) {
		line := lines[r.IntN(len(lines))]
		edge := line[r.IntN(len(line))]
		if _, taken := spots[edge]; !taken && c.grid.edges[edge].length > 30 {
			spots[edge] = c.grid.edges[edge].length - 6 - 12*r.Float64()
			order = append(order, edge)
		}
	}
	faulty, rate, silent := 0.4+0.5*r.Float64(), []float64{50, 100, 100}[r.IntN(3)], r.Float64() < c.options.Silent
	var fleet []*driver
	for range 5 + r.IntN(8) {
		n := len(c.drivers)
		own := c.options.stream(purposeDrivers, uint64(n))
		d := c.driver(own, n, "fleet")
		d.vehicle, d.faults, d.faulty, d.faultKind, d.brakes = newVehicle(own, kind), spots, faulty, "fleet", 3
		p := d.phones[0]
		p.mount, p.app, p.silent, p.weekend, p.accuracy = newMount(own, windscreen), unit, silent, false, unit.accuracy
		p.mount.rate, p.mount.tilt = rate, unit.tilt
		first := own.IntN(len(lines) / 2)
		for k := range lines {
			d.routes = append(d.routes, lines[(2*first+k)%len(lines)])
		}
		d.trips = (1.5 + 2*own.Float64()) * c.options.Busy
		c.enter(d)
		fleet = append(fleet, d)
	}
	for _, edge := range order {
		c.invention(edge, spots[edge], c.options.Begin, "fleet", fleet)
	}
}

// imitation is a jolt that the copycat will send again.
type imitation struct {
	model Sent
	d     *driver
	at    time.Time
	n     uint64
}

// settleCopycat makes the copycat's devices. They drive little.
func (c *City) settleCopycat(q *routing) {
	if !c.options.Adversaries.has(Copycat) {
		return
	}
	r := c.options.stream(purposeCopies, 0)
	for range 6 + r.IntN(15) {
		n := len(c.drivers)
		own := c.options.stream(purposeDrivers, uint64(n))
		d := c.driver(own, n, "copycat")
		d.trips *= 0.3
		c.dwell(own, q, d, 3)
		c.enter(d)
	}
}

// imitate plans which of a day's true jolts the copycat sends again, minutes to days later.
func (c *City) imitate(sent []Sent, day int) {
	var copycats []*driver
	for _, d := range c.drivers {
		if d.role == "copycat" {
			copycats = append(copycats, d)
		}
	}
	if len(copycats) == 0 {
		return
	}
	const share = 0.008 // of the true jolts
	r := c.options.stream(purposeCopies, uint64(1+day))
	for i := range sent {
		if sent[i].Cause.Class == "nothing" || c.truth.Devices[sent[i].Device] == "copycat" || r.Float64() >= share {
			continue
		}
		order := r.Perm(len(copycats))
		for k := range min(len(order), 1+r.IntN(5)) {
			at := sent[i].Deliver.Add(time.Duration(r.ExpFloat64() * 20 * float64(time.Hour)))
			on := int(at.Sub(c.options.Begin).Hours() / 24)
			on = max(on, day)
			c.copies[on] = append(c.copies[on], imitation{sent[i], copycats[order[k]], at, uint64(day)<<32 + uint64(i*8+k)})
		}
	}
}

// copied is what the copycat sends on a day.
func (c *City) copied(day int) []Sent {
	var sent []Sent
	for _, x := range c.copies[day] {
		r := c.options.stream(purposeCopies, 1<<60+x.n)
		p := x.d.phones[0]
		e := x.model.Event
		e.Time = x.at.Add(p.clock).UTC().Truncate(time.Millisecond)
		e.ID = p.name(e.Time)
		e.WaveG = append([]float32(nil), e.WaveG...)
		near(&e, 2.5, r)
		if r.Float64() < 0.7 && len(e.WaveG) > 0 {
			c.disguise(&e, p, r)
		}
		if p.silent {
			e.WaveG = nil
		}
		s := p.send(e, Cause{Cause: fmt.Sprintf("copy %s", x.model.Cause.Cause), Class: x.model.Cause.Class})
		s.Deliver = p.arrival(x.at.Add(time.Duration(r.IntN(600))*time.Second), c.late, r)
		sent = append(sent, s)
	}
	delete(c.copies, day)
	return sent
}
