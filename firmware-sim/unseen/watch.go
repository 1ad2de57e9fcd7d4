package unseen

import (
	"math"
	"slices"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// watch is what phones are asked about: spots where jolts were reported in the last days, and control spots.
type watch struct {
	spots    [][]float64 // metres along, by directed road
	controls [][]float64
	reports  []map[int][]float64 // of the last days, the newest last
	quirks   map[int][]*quirk
}

// quirk is a place where certain cars jolt though the road is smooth.
type quirk struct {
	along   float64
	often   float64
	drivers []*driver
	cause   string
	felt    shock
}

func (q *quirk) suits(d *driver) bool { return slices.Contains(q.drivers, d) }

func newWatch(c *City) watch {
	w := watch{spots: make([][]float64, len(c.streets.roads)), controls: make([][]float64, len(c.streets.roads)), quirks: c.watch.quirks}
	for range c.dice.count(150, 300) {
		k, along := c.anywhere(0.5, 0, false)
		w.controls[k] = append(w.controls[k], along)
	}
	return w
}

// report notes a reported jolt.
func (w *watch) report(k int, along float64) {
	today := w.reports[len(w.reports)-1]
	today[k] = append(today[k], along)
}

// renew makes the list of a new day.
func (w *watch) renew(c *City) {
	const remembered = 6 // days
	for k := range w.spots {
		spots := slices.Clone(w.controls[k])
		for _, reports := range w.reports {
			for _, x := range reports[k] {
				if !slices.ContainsFunc(spots, func(s float64) bool { return math.Abs(s-x) < 16 }) && x > 0 && x < c.streets.roads[k].length {
					spots = append(spots, x)
				}
			}
		}
		w.spots[k] = spots
	}
	w.reports = append(w.reports, map[int][]float64{})
	w.reports = w.reports[max(0, len(w.reports)-remembered):]
}

// about is what lies at a spot of the road that a car is on.
func (w *watch) about(c *City, m *pass, spot float64) string {
	about, least := "", 12.0
	for _, o := range c.on[m.k] {
		if d := math.Abs(o.along - spot); d < least && o.there(m.at) {
			about, least = o.truth.ID, d
		}
	}
	if about != "" {
		return about
	}
	for _, i := range c.invented {
		if i.road == m.k && math.Abs(i.along-spot) < 15 {
			return "invention"
		}
	}
	return "road"
}

// quirks gives the odd cars and the fleet the places where they jolt.
func (c *City) quirks() {
	d := c.dice
	c.watch.quirks = map[int][]*quirk{}
	var vans []*driver
	for _, v := range c.drivers {
		switch v.kind {
		case odd:
			c.queer(c.ownRoad(v), 0.9, []*driver{v}, odd)
		case fleet:
			vans = append(vans, v)
		}
	}
	if len(vans) == 0 {
		return
	}
	for range d.count(5, 9) {
		way := c.route(vans[0], vans[0].home, vans[0].haunts[d.IntN(len(vans[0].haunts))])
		if len(way) > 0 {
			c.queer(way[d.IntN(len(way))], 0.7, vans, fleet)
		}
	}
}

// ownRoad is a road that a driver leaves his home by.
func (c *City) ownRoad(v *driver) int {
	if way := c.route(v, v.home, v.work); len(way) > 0 {
		return way[0]
	}
	return c.streets.out[v.home][0]
}

// queer makes a place where these drivers jolt.
func (c *City) queer(k int, often float64, drivers []*driver, kind string) {
	d, r := c.dice, &c.streets.roads[k]
	q := &quirk{along: r.length * d.between(0.3, 0.7), often: often, drivers: drivers, cause: kind, felt: knock}
	for tries := 0; tries < 30 && !c.clear(k, q.along, 25); tries++ {
		q.along = r.length * d.between(0.1, 0.9)
	}
	c.watch.quirks[k] = append(c.watch.quirks[k], q)
	lat, lon := c.streets.latLon(r.at(q.along, 0))
	i := &invention{road: k, along: q.along, truth: &firmwaresim.Invention{Lat: lat, Lon: lon, HeadingDeg: round(r.heading, 1), From: c.begin, Adversary: kind}}
	for _, v := range drivers {
		i.truth.Devices = append(i.truth.Devices, v.phones[0].id)
	}
	c.invented = append(c.invented, i)
}

// quirk is such a car at its place.
func (c *City) quirk(m *pass, q *quirk) {
	for i, p := range m.v.phones {
		if m.at.Before(p.busyTill) {
			continue
		}
		c.bench.felt = c.strike(q.felt, &p.mount, c.bench.felt[:0])
		c.feel(m, i, 0, q.cause, "nothing")
	}
}
