package unseen

import (
	"cmp"
	"slices"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// object is something on the road, with its height field.
type object struct {
	truth  *firmwaresim.Object
	field  field
	road   int
	along  float64 // metres, of its middle
	right  float64 // of the lane's middle, metres; 0 where it spans the road
	wide   bool    // every wheel meets it
	begins float64 // share of the full size when it appears
	grows  float64 // of the full size a day
	tracks map[track][]float64
	passed map[*driver]bool
}

// track is a wheel's line over an object.
type track struct{ right, grown int }

// placed is an object on a directed road.
type placed struct {
	*object
	along float64
}

// patch is a stretch of cobbles or bad road.
type patch struct {
	truth *firmwaresim.Patch
	id    string
	along float64 // of its beginning, on its road
	left  []float64
	right []float64
}

func (o *object) there(t time.Time) bool {
	return !t.Before(o.truth.From) && (o.truth.To.IsZero() || t.Before(o.truth.To))
}

// grown is the share of its full size that an object has at t.
func (o *object) grown(t time.Time) float64 {
	return min(1, o.begins+o.grows*t.Sub(o.truth.From).Hours()/24)
}

// furnish lays the objects and the rough stretches.
func (c *City) furnish() {
	c.on, c.bad = make([][]placed, len(c.streets.roads)), make([][]*patch, len(c.streets.roads))
	t := &c.traits
	for range t.potholes {
		o := c.lay("pothole", c.dice.between(0.45, 1))
		c.age(o)
	}
	for _, kind := range []struct {
		class string
		n     int
	}{{"casting", t.castings}, {"joint", t.joints}, {"rail", t.rails}, {"speed_bump", t.bumps}} {
		for range kind.n {
			c.lay(kind.class, map[string]float64{"casting": 0.7, "joint": 0.5, "rail": 0.6, "speed_bump": 0.1}[kind.class])
		}
	}
	for i := range t.patches {
		c.roughen(i)
	}
	for k := range c.on {
		slices.SortStableFunc(c.on[k], func(a, b placed) int { return cmp.Compare(a.along, b.along) })
	}
}

// anywhere is a place on a road, on the busier ones more often by that much, clear of junctions and of what is there already.
func (c *City) anywhere(busier, clear float64, both bool) (k int, along float64) {
	weights := make([]float64, len(c.streets.roads))
	for i := range weights {
		r := &c.streets.roads[i]
		weights[i] = r.length * (1 - busier + busier*r.traffic)
	}
	for tries := 0; ; tries++ {
		k = c.dice.heavier(weights)
		r := &c.streets.roads[k]
		along = c.dice.between(14, max(15, r.length-14))
		if r.length < 40 {
			continue
		}
		if tries > 60 || c.clear(k, along, clear) && (!both || c.clear(k^1, r.length-along, clear)) {
			return k, along
		}
	}
}

func (c *City) clear(k int, along, metres float64) bool {
	for _, o := range c.on[k] {
		if along-o.along < metres && o.along-along < metres {
			return false
		}
	}
	return true
}

// lay puts a new object of a class on the road.
func (c *City) lay(class string, busier float64) *object {
	d := c.dice
	o := &object{begins: 1, tracks: map[track][]float64{}, passed: map[*driver]bool{}}
	o.wide = class == "joint" || class == "rail" || class == "speed_bump"
	clear := 20.0
	if !o.wide && d.chance(0.08) {
		clear = 5 // a hole beside a cover
	}
	o.road, o.along = c.anywhere(busier, clear, o.wide)
	o.field = newField(class, d)
	switch class {
	case "pothole":
		o.right = 0.75*d.sign() + 0.2*d.NormFloat64()
	case "casting":
		o.right = d.between(-1.2, 1.2)
	}
	r := &c.streets.roads[o.road]
	size, length := o.field.size()
	o.truth = &firmwaresim.Object{
		ID: named(class+"-", len(c.objects)), Class: class, HeadingDeg: round(r.heading, 1), BothWays: o.wide,
		SizeM: round(size, 3), LengthM: round(length, 2), From: c.begin.AddDate(0, 0, -30),
	}
	at := r.at(o.along, o.right)
	c.on[o.road] = append(c.on[o.road], placed{o, o.along})
	if o.wide {
		at = r.at(o.along, -1.8)
		c.on[o.road^1] = append(c.on[o.road^1], placed{o, r.length - o.along})
	}
	o.truth.Lat, o.truth.Lon = c.streets.latLon(at)
	c.objects = append(c.objects, o)
	return o
}

// age lets some potholes appear, grow and be repaired within the weeks.
func (c *City) age(o *object) {
	d := c.dice
	if d.chance(0.34) {
		o.truth.From = c.begin.Add(time.Duration(d.between(0.3, 18) * 24 * float64(time.Hour))).Truncate(time.Second)
		o.begins, o.grows = d.between(0.35, 0.8), d.between(0.03, 0.15)
	}
	if d.chance(0.12) {
		to := c.begin.Add(time.Duration(d.between(3, 20) * 24 * float64(time.Hour))).Truncate(time.Second)
		if to.Sub(o.truth.From) > 36*time.Hour {
			o.truth.To = to
		}
	}
}

// roughen lays a rough stretch.
func (c *City) roughen(i int) {
	d := c.dice
	k, along := c.anywhere(0.6, 0, false)
	r := &c.streets.roads[k]
	length := d.between(25, 90)
	along = max(8, min(along, r.length-8-length))
	length = min(length, r.length-along-6)
	p := &patch{id: named("patch-", i), along: along}
	p.left, p.right = rough(length, d.between(0.4, 1), d)
	lat, lon := c.streets.latLon(r.at(along+length/2, 0))
	p.truth = &firmwaresim.Patch{Lat: lat, Lon: lon, HeadingDeg: round(r.heading, 1), LengthM: round(length, 1)}
	c.patches, c.bad[k] = append(c.patches, p), append(c.bad[k], p)
}

// line is the enveloped profile under a wheel whose line is that many metres right of the object's middle.
func (o *object) line(right, grown float64) []float64 {
	const fine, steps = 0.08, 8 // metres, stages of growth
	key := track{int(right/fine + 100.5), int(grown*steps + 0.5)}
	if p, ok := o.tracks[key]; ok {
		return p
	}
	p := envelop(o.field, float64(key.right-100)*fine, float64(key.grown)/steps)
	o.tracks[key] = p
	return p
}
