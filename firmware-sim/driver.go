package firmwaresim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// driver is a car with its phones.
type driver struct {
	n       int
	role    string
	hurry   float64 // how fast against the others
	vehicle vehicle
	phones  []*phone
	home    int
	routes  [][]int // ways to and from the places the driver goes to
	trips   float64 // a day
	left    float64 // share of the time in the lane beside the kerb's, where there is one

	faults    map[int]float64 // where an odd or faulty vehicle jolts without a cause: metres along, by edge
	faulty    float64         // how often it does
	faultKind string          // what is at fault: odd, fleet
	brakes    float64         // jolts of braking, times the city's
}

// phone is a device.
type phone struct {
	id       string
	mount    mount
	app      app
	silent   bool          // it sends no waveform
	accuracy float64       // what it says of its own accuracy, times the truth
	clock    time.Duration // by which its clock is ahead
	weekend  bool          // it sends on Saturdays
	entropy  *rand.Rand
}

// routing finds quickest ways and remembers them.
type routing struct {
	grid  *grid
	trees map[int][]int
}

func (q *routing) way(from, to int) []int {
	if q.trees[from] == nil {
		q.trees[from] = q.grid.routes(from)
	}
	return q.grid.way(q.trees[from], to)
}

// settle makes the drivers: honest ones, odd ones and vandals first, then the inventor's, the copycat's and the faulty fleet's.
func (c *City) settle() {
	q := &routing{c.grid, map[int][]int{}}
	some := c.options.stream(purposeDrivers, 1<<40).Perm(c.options.Drivers) // the first three are one of each kind in any case
	for n := range c.options.Drivers {
		r := c.options.stream(purposeDrivers, uint64(n))
		d := c.driver(r, n, "honest")
		kind := Adversaries(0)
		switch u := r.Float64(); {
		case u < c.vandals || n == some[0]:
			kind = Vandals
		case u < c.vandals+c.odd || n == some[1%len(some)]:
			kind = Odd
		case u < c.vandals+c.odd+c.companions || n == some[2%len(some)]:
			kind = Companions
		}
		switch kind & c.options.Adversaries {
		case Vandals:
			d.role = "vandal"
		case Odd:
			d.role = "odd"
		case Companions:
			d.phones = append(d.phones, c.phone(r, n, 1))
		default: // honest
		}
		c.dwell(r, q, d, 5)
		c.enter(d)
		if d.role == "odd" && len(d.routes) > 0 {
			edge := d.routes[0][len(d.routes[0])/2]
			d.faults, d.faulty, d.faultKind = map[int]float64{edge: c.grid.edges[edge].length / 2}, 0.9, "odd"
			c.invention(edge, c.grid.edges[edge].length/2, c.options.Begin, "odd", []*driver{d})
		}
	}
	for range c.options.Attackers {
		n := len(c.drivers)
		r := c.options.stream(purposeDrivers, uint64(n))
		d := c.driver(r, n, "attacker")
		d.trips = (0.3 + 0.9*r.Float64()) * c.options.Busy
		c.dwell(r, q, d, 5)
		c.enter(d)
	}
	c.settleCopycat(q)
	c.settleFleet(q)
}

// driver draws a driver with one phone.
func (c *City) driver(r *rand.Rand, n int, role string) *driver {
	kind := vehicleKind(draw(r, int(vehicleKinds), func(i int) float64 { return c.vehicles[i] }))
	d := &driver{n: n, role: role, hurry: math.Exp(0.12 * r.NormFloat64()), vehicle: newVehicle(r, kind),
		trips: (0.6 + 1.2*r.Float64()) * c.options.Busy, left: 0.2 + 0.3*r.Float64(), brakes: 1}
	d.phones = append(d.phones, c.phone(r, n, 0))
	return d
}

// dwell gives a driver a home and places to go to.
func (c *City) dwell(r *rand.Rand, q *routing, d *driver, places int) {
	spot := func() int { return c.grid.edges[c.pick(r, func(e *edge) float64 { return 1 / e.rank })].from }
	d.home = spot()
	for range places {
		to := spot()
		for _, way := range [][]int{q.way(d.home, to), q.way(to, d.home)} {
			if len(way) > 1 {
				d.routes = append(d.routes, way)
			}
		}
	}
}

// enter makes a driver one of the city's.
func (c *City) enter(d *driver) {
	c.drivers = append(c.drivers, d)
	for k, p := range d.phones {
		c.truth.Devices[p.id] = d.role
		if k > 0 {
			c.truth.Devices[p.id] = "companion"
		}
	}
}

// phone draws a phone. Its name says nothing about it.
func (c *City) phone(r *rand.Rand, n, k int) *phone {
	a := c.apps[draw(r, len(c.apps), func(i int) float64 { return c.apps[i].share })]
	kind := mountKind(draw(r, int(mountKinds), func(i int) float64 { return c.mounts[i] }))
	p := &phone{mount: newMount(r, kind), app: a, silent: r.Float64() < a.silent,
		accuracy: a.accuracy * math.Exp(0.15*r.NormFloat64()), entropy: c.options.stream(purposeDrivers, uint64(1_000_000+10*n+k))}
	p.id = fmt.Sprintf("%016x", p.entropy.Uint64())
	p.mount.tilt = a.tilt * math.Abs(r.NormFloat64())
	p.mount.rate = []float64{50, 100, 100, 100, 200}[r.IntN(5)]
	if r.Float64() < a.slow {
		p.mount.rate = []float64{20, 25, 25, 50}[r.IntN(4)]
	}
	p.app.lagS += 0.15 * r.Float64()
	p.clock = time.Duration(0.2 * r.NormFloat64() * float64(time.Second))
	switch u := r.Float64(); {
	case u < 0.01:
		p.clock = -time.Duration((1 + 7*r.Float64()) * float64(time.Hour))
	case u < 0.03:
		p.clock = time.Duration((r.Float64() - 0.6) * 5 * float64(time.Minute))
	case u < 0.07:
		p.clock = time.Duration(15 * r.NormFloat64() * float64(time.Second))
	}
	p.weekend = r.Float64() < 0.03
	return p
}
