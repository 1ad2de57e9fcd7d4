package firmwaresim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/streetpulse/streetpulse/geo"
)

// place puts defects and furniture on the roads.
func (c *City) place() {
	r := c.options.stream(purposeObjects, 0)
	n := c.options.Defects
	share := func(low, high float64) int { return int(float64(n) * (low + (high-low)*r.Float64())) }
	c.onEdge = make([][]*Object, len(c.grid.edges))
	c.worn = 0.08 + 0.17*r.Float64()
	for _, kind := range []struct {
		class string
		count int
	}{{"pothole", n}, {"casting", share(1, 1.5)}, {"joint", share(0.6, 1)}, {"speed_bump", share(0.45, 0.7)}, {"rail", share(0.3, 0.5)}} {
		for i := range kind.count {
			o := &Object{ID: fmt.Sprintf("%s-%03d", kind.class, i+1), Class: kind.class, From: c.options.Begin, lane: -1, side: -1, met: map[int]int{}}
			c.shape(o, r)
			c.lay(o, r)
			c.truth.Objects = append(c.truth.Objects, o)
		}
	}
	c.control = make([][]float64, len(c.grid.edges))
	for i := range c.grid.edges {
		for at := 60 + 300*r.Float64(); at < c.grid.edges[i].length; at += 400 {
			c.control[i] = append(c.control[i], at)
		}
	}
	c.roughen(r)
}

// shape says what an object is like.
func (c *City) shape(o *Object, r *rand.Rand) {
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	o.built = c.habits.build(o.Class, r)
	switch o.Class {
	case "pothole":
		c.shapePothole(o, r)
	case "casting":
		o.LengthM, o.hit = between(0.45, 0.8), between(0.3, 0.8)
		o.SizeM = -between(0.006, 0.022)
		if r.Float64() < c.worn { // broken round the rim, as a pothole is
			o.SizeM, o.ragged = -between(0.018, 0.04), between(0.3, 1)
		}
		if r.Float64() < c.habits.proud {
			o.SizeM *= -0.8
		}
	case "joint":
		o.SizeM, o.LengthM, o.hit, o.BothWays = between(0.015, 0.04), between(0.06, 0.2), 0.99, true
	case "rail":
		o.SizeM, o.LengthM, o.hit, o.BothWays = between(0.016, 0.045), 2, 0.99, true
	case "speed_bump":
		o.SizeM, o.LengthM, o.hit, o.BothWays = between(0.04, 0.09), between(0.5, crossingM), 0.99, true
		if r.Float64() < 0.25 {
			o.SizeM, o.LengthM = between(0.06, 0.1), between(crossingM+0.5, 8)
		}
		if r.Float64() < c.habits.cushions {
			o.SizeM, o.LengthM = between(0.03, 0.06), between(0.35, 1)
		}
	}
	o.SizeM *= c.habits.size[o.Class]
}

// shapePothole draws a scab, a common pothole or a crater; a third appear within the city's days, some are repaired.
func (c *City) shapePothole(o *Object, r *rand.Rand) {
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	days := func(d float64) time.Duration { return time.Duration(d * 24 * float64(time.Hour)) }
	o.LengthM, o.hit, o.ragged = between(0.3, 1), between(0.3, 0.8), r.Float64()
	o.begins, o.grows = between(0.6, 1), between(0.02, 0.1)
	switch u := r.Float64(); {
	case u < 0.12:
		o.SizeM = between(0.018, 0.03)
	case u < 0.85:
		o.SizeM = between(0.03, 0.07)
	default:
		o.SizeM, o.LengthM = between(0.07, 0.11), between(0.5, 1.3)
	}
	if r.Float64() < 0.35 {
		o.From = c.options.Begin.Add(days(r.Float64() * float64(c.options.Days) * 0.7))
	}
	if r.Float64() < 0.08 {
		o.To = o.From.Add(days(4 + r.Float64()*10))
	}
}

// lay puts an object on a street, potholes and castings into one lane of it.
func (c *City) lay(o *Object, r *rand.Rand) {
	o.edge = c.pick(r, func(e *edge) float64 { return e.rank })
	e := &c.grid.edges[o.edge]
	o.along = 12 + r.Float64()*(e.length-24)
	p, heading := e.at(o.along)
	o.HeadingDeg = heading
	c.onEdge[o.edge] = append(c.onEdge[o.edge], o)
	if o.BothWays {
		if e.back >= 0 {
			c.onEdge[e.back] = append(c.onEdge[e.back], o)
		}
	} else {
		o.lane, o.side = 0, r.IntN(2)
		if e.lanes > 1 {
			o.hit = math.Min(0.95, o.hit*1.4) // of the cars in its lane, which are some of those on the road
			if r.Float64() < 0.35 {
				o.lane = 1
			}
		}
		p = geo.Destination(p, heading+90, e.lane(o.lane)+0.7*(float64(o.side)*2-1))
	}
	o.Lat, o.Lon = p.Lat(), p.Lon()
}

// roughen lays cobbles and stretches of bad road, 30 to 100 m long.
func (c *City) roughen(r *rand.Rand) {
	c.patches = make([][]*Patch, len(c.grid.edges))
	for n := range int(float64(c.options.Defects) * (0.04 + 0.12*r.Float64())) {
		i := c.pick(r, func(*edge) float64 { return 1 })
		for _, k := range []int{i, c.grid.edges[i].back} {
			if k < 0 {
				continue
			}
			e := &c.grid.edges[k]
			length := math.Min(30+70*r.Float64(), e.length-10)
			p := &Patch{id: fmt.Sprintf("patch-%03d", n+1), LengthM: length, along: 5 + r.Float64()*(e.length-10-length), rough: 0.3 + 0.7*r.Float64()}
			middle, heading := e.at(p.along + length/2)
			p.Lat, p.Lon, p.HeadingDeg = middle.Lat(), middle.Lon(), heading
			c.patches[k] = append(c.patches[k], p)
			c.truth.Patches = append(c.truth.Patches, p)
			if r.Float64() < 0.3 {
				break // one direction only
			}
		}
	}
}
