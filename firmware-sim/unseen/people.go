package unseen

import (
	"math"
	"slices"
)

// Kinds of devices, as the truth has them.
const (
	honest    = "honest"
	companion = "companion"
	odd       = "odd"
	vandal    = "vandal"
	attacker  = "attacker"
	fleet     = "fleet"
)

// driver is a car with whoever drives it and the phones in it.
type driver struct {
	kind       string
	phones     []*phone
	vehicle    vehicle
	home, work int // nodes
	haunts     []int
	worker     bool
	night      bool // works in the night
	taxi       bool
	keen       float64 // trips, times the usual
	brisk      float64 // speed, times the usual
	attentive  float64 // share of potholes that are steered round
	line       float64 // usual place in the lane, metres right of its middle
	taste      uint64
	ways       map[errand][]int
	knocks     float64 // an hour
}

// errand is a way that a driver knows; the variant tells habits from exceptions.
type errand struct{ from, to, variant int }

// populate makes the drivers, the odd ones among them, and their phones.
func (c *City) populate() {
	d, t := c.dice, &c.traits
	apps := newApps(d)
	weights := make([]float64, len(apps))
	for i := range weights {
		weights[i] = d.between(0.3, 1)
	}
	for i := range t.cars {
		kind := honest
		switch {
		case i < d.count(1, 2):
			kind = odd
		case i >= 4 && i < 4+t.cars/35:
			kind = vandal
		case t.fleet && i >= 20 && i < 26:
			kind = fleet
		}
		c.admit(kind, apps, weights)
	}
	for range t.villains {
		c.admit(attacker, apps, weights)
	}
	c.hush()
	c.quirks()
}

func (c *City) admit(kind string, apps []*app, weights []float64) {
	d, s := c.dice, c.streets
	central := func(share float64) int {
		for {
			if n := d.IntN(len(s.nodes)); d.chance(share) || math.Hypot(s.nodes[n].e, s.nodes[n].n) < 700 {
				return n
			}
		}
	}
	v := &driver{
		kind: kind, vehicle: newVehicle(d), home: central(0.9), work: central(0.35), worker: d.chance(0.68), night: d.chance(0.05),
		taxi: d.chance(0.05), keen: d.around(1, 0.35) * c.traits.appetite, brisk: d.around(1, 0.1), line: 0.18 * d.NormFloat64(),
		taste: d.Uint64(), ways: map[errand][]int{},
	}
	v.attentive = clamp(c.traits.careful*d.around(1.1, 0.3), 0.1, 0.9)
	for range d.count(3, 8) {
		v.haunts = append(v.haunts, central(0.6))
	}
	phones := 1
	if kind == honest && d.chance(0.06) {
		phones = 2
	}
	for range phones {
		p := c.newPhone(c.deviceID(), apps[d.heavier(weights)])
		c.devices[p.id] = kind
		if len(v.phones) > 0 {
			c.devices[p.id] = companion
		}
		v.phones = append(v.phones, p)
	}
	v.knocks = c.traits.knocks * d.around(1, 0.5) * [...]float64{1, 2, 2}[v.phones[0].mount.kind]
	if kind == fleet {
		first := slices.IndexFunc(c.drivers, func(o *driver) bool { return o.kind == fleet })
		if v.knocks *= 2; first >= 0 {
			v.home, v.haunts = c.drivers[first].home, c.drivers[first].haunts
		}
	}
	if kind == attacker {
		v.taxi, v.keen = false, v.keen*0.7
	}
	c.drivers = append(c.drivers, v)
}

// deviceID is a name that nobody has yet and that says nothing.
func (c *City) deviceID() string {
	const letters = "abcdefghjkmnpqrstvwxyz0123456789"
	for {
		id := []byte("u-00000000")
		for i := 2; i < len(id); i++ {
			id[i] = letters[c.dice.IntN(len(letters))]
		}
		if _, taken := c.devices[string(id)]; !taken {
			return string(id)
		}
	}
}

// hush silences the waveforms of the city's share of phones: whole apps, and an old version of one more.
func (c *City) hush() {
	var phones []*phone
	var apps []*app
	by := map[*app][]*phone{}
	for _, d := range c.drivers {
		for _, p := range d.phones {
			if by[p.app] == nil {
				apps = append(apps, p.app)
			}
			phones, by[p.app] = append(phones, p), append(by[p.app], p)
		}
	}
	left := int(c.traits.silent * float64(len(phones)))
	for _, k := range c.dice.Perm(len(apps)) {
		for _, p := range by[apps[k]] {
			if left--; left >= 0 {
				p.silent = true
			}
		}
	}
}

// route is the way that a driver takes: the quickest as he sees it, seldom another one.
func (c *City) route(v *driver, from, to int) []int {
	variant := 0
	if c.dice.chance(0.2) {
		variant = c.dice.count(1, 2)
	}
	key := errand{from, to, variant}
	if way, ok := v.ways[key]; ok {
		return way
	}
	way := c.streets.way(from, to, func(k int) float64 {
		r := &c.streets.roads[k]
		mixed := (v.taste + uint64(k)*0x9e3779b97f4a7c15 + uint64(variant)*0xbf58476d1ce4e5b9) * 0x94d049bb133111eb
		return (r.length/r.rank.pace() + 4) * (0.8 + 0.5*float64(mixed>>40)/(1<<24))
	})
	v.ways[key] = way
	return way
}
