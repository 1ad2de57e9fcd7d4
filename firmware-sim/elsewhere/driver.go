package elsewhere

import (
	"math"
	"math/rand/v2"
	"slices"
)

// driver is a person with a car, or an attacker's device that is driven about.
type driver struct {
	number int
	kind   string
	car    car
	phones []*phone
	home   int
	work   int
	haunts []int   // where errands lead
	job    float64 // chance of going to work on a weekday
	leaves float64 // h
	stays  float64 // h at work
	trips  float64 // errands a day
	tempo  float64 // times the limit
	taste  uint64
	ways   map[way][][]int
	busy   [][2]float64 // of the day, when it drives: s since the beginning
	r      *rand.Rand
}

// way is from where to where.
type way struct{ from, to int }

// people makes everybody who drives: honest ones, vandals, companions, odd ones, and the attacker's.
func (c *City) people(r *rand.Rand) {
	central := c.crossings(-1)
	outer := c.crossings(0.3)
	for i := range c.ch.cars + c.ch.attackers {
		kind := "honest"
		switch {
		case i >= c.ch.cars:
			kind = "attacker"
		case i < c.ch.odd:
			kind = "odd"
		case r.Float64() < c.ch.vandals:
			kind = "vandal"
		}
		d := &driver{number: i, kind: kind, car: newCar(r), home: pick(outer, r), work: pick(central, r), job: 0.55 + 0.45*r.Float64(), leaves: 7.6 + 1.1*r.NormFloat64(),
			stays: 7 + 2.5*r.Float64(), trips: 0.25 + r.ExpFloat64()*0.5, tempo: 0.92 + 0.09*r.NormFloat64(), taste: r.Uint64(), ways: map[way][][]int{},
			r: rand.New(rand.NewPCG(c.seed, uint64(1000+i)))}
		switch {
		case kind == "attacker":
			d.job, d.trips = 0.3*r.Float64(), 0.4+0.5*r.Float64()
		case kind == "odd":
			d.oddly()
		case r.Float64() < 0.06: // drives for a living
			d.job, d.trips = 0, 4+3*r.Float64()
		case r.Float64() < 0.12: // works at night or late
			d.leaves = 13.5
		}
		for range 2 + r.IntN(4) {
			d.haunts = append(d.haunts, pick(central, r))
		}
		d.phones = []*phone{c.newPhone(kind, &d.car, r)}
		if kind == "honest" && r.Float64() < c.ch.companions {
			d.phones = append(d.phones, c.newPhone("companion", &d.car, r))
		}
		c.drivers = append(c.drivers, d)
	}
}

// crossings weighs crossings: by how central they are, or where beyond is given how far out.
func (c *City) crossings(beyond float64) []float64 {
	weights := make([]float64, len(c.net.nodes))
	for i, p := range c.net.nodes {
		x := math.Hypot(p.x, p.y) / c.ch.radius
		if len(c.net.leaving[i]) == 0 {
			continue
		}
		if weights[i] = math.Exp(-2 * x * x); beyond >= 0 {
			weights[i] = 0.2 + max(0, x-beyond)
		}
	}
	return weights
}

// oddly makes the car one that nobody should judge a road by: hard springs and dampers that are worn out.
func (d *driver) oddly() {
	d.trips *= 2
	for _, a := range []*axle{&d.car.front, &d.car.rear} {
		a.spring *= 4
		a.bump *= 0.5
		a.back *= 0.4
	}
}

// live drives what the driver drives on a day.
func (d *driver) live(c *City, day int) {
	d.busy = d.busy[:0]
	weekend := day%7 >= 5
	at, now := d.home, 24*3600*float64(day)
	hour := func(h float64) float64 { return now + 3600*h }
	errands := poisson(d.trips*c.ch.trips, d.r)
	free := 9 + 4*d.r.Float64()
	if !weekend && d.r.Float64() < d.job*min(1, c.ch.trips) {
		start := min(16, max(5.5, d.leaves+0.2*d.r.NormFloat64()))
		end := d.trip(c, at, d.work, hour(start))
		at, free = d.work, (end-now)/3600+d.stays+0.3*d.r.NormFloat64()
	}
	for range errands {
		if free > 21.5 {
			break
		}
		haunt := d.haunts[d.r.IntN(len(d.haunts))]
		if d.r.IntN(4) == 0 { // somewhere else for once
			haunt = d.r.IntN(len(c.net.nodes))
		}
		end := d.trip(c, at, haunt, hour(free))
		at, free = haunt, (end-now)/3600+0.2+1.2*d.r.Float64()
	}
	if at != d.home {
		d.trip(c, at, d.home, hour(free))
	}
}

// choose returns one of the ways that the driver takes from one crossing to another.
func (d *driver) choose(c *City, from, to int) []int {
	key := way{from, to}
	known := d.ways[key]
	if len(known) == 0 || len(known) < 3 && d.r.Float64() < 0.25 {
		mood := d.taste
		if len(known) > 0 {
			mood = d.r.Uint64()
		}
		known = append(known, c.net.route(from, to, func(i int) float64 {
			s := &c.net.streets[i]
			return s.length / s.limit * (1 + 0.25*math.Abs(fixed(mood, i, 0))) * [...]float64{1.25, 1.05, 1}[s.rank]
		}))
		d.ways[key] = known
	}
	return known[min(len(known)-1, int(math.Abs(d.r.NormFloat64())))]
}

// drives says whether the driver is under way at some time within so many seconds.
func (d *driver) drives(at, within float64) bool {
	return slices.ContainsFunc(d.busy, func(b [2]float64) bool { return at > b[0]-within && at < b[1]+within })
}

func poisson(mean float64, r *rand.Rand) int {
	n, p := 0, math.Exp(-mean)
	for x := r.Float64(); x > p; x *= r.Float64() {
		n++
	}
	return n
}
