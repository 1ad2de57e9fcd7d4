package firmwaresim

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
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
	oddEdge int     // where an odd vehicle always jolts; -1: nowhere
}

// phone is a device.
type phone struct {
	id       string
	mount    mount
	silent   bool    // the app sends no waveform
	heading  bool    // it knows its heading
	accuracy float64 // what it says of its own accuracy, times the truth
	entropy  *rand.Rand
}

// Sent is an event on its way: when it is delivered, and why it was sent.
type Sent struct {
	wire.Line
	Deliver time.Time
	Cause   Cause
}

// settle makes the drivers.
func (c *City) settle() {
	trees := map[int][]int{}
	routes := func(from int) []int {
		if trees[from] == nil {
			trees[from] = c.grid.routes(from)
		}
		return trees[from]
	}
	attackers := max(0, c.options.Attackers)
	for n := range c.options.Drivers + attackers {
		r := c.options.stream(purposeDrivers, uint64(n))
		d := &driver{n: n, role: "honest", hurry: math.Exp(0.12 * r.NormFloat64()), vehicle: newVehicle(r), trips: 0.6 + 1.2*r.Float64(), oddEdge: -1}
		d.phones = append(d.phones, c.phone(r, n, 0))
		switch u := r.Float64(); {
		case n >= c.options.Drivers:
			d.role, d.trips = "attacker", 0.4+0.8*r.Float64()
		case u < 0.02:
			d.role = "vandal"
		case u < 0.03:
			d.role = "odd"
		case u < 0.08:
			d.phones = append(d.phones, c.phone(r, n, 1))
			c.truth.Devices[d.phones[1].id] = "companion"
		}
		d.trips *= c.options.Busy
		c.truth.Devices[d.phones[0].id] = d.role
		spot := func() int { return c.grid.edges[c.pick(r, func(e *edge) float64 { return 1 / e.rank })].from }
		d.home = spot()
		for range 5 {
			to := spot()
			for _, way := range [][]int{c.grid.way(routes(d.home), to), c.grid.way(routes(to), d.home)} {
				if len(way) > 1 {
					d.routes = append(d.routes, way)
				}
			}
		}
		if d.role == "odd" && len(d.routes) > 0 {
			d.oddEdge = d.routes[0][len(d.routes[0])/2]
		}
		c.drivers = append(c.drivers, d)
	}
}

func (c *City) phone(r *rand.Rand, n, k int) *phone {
	return &phone{id: fmt.Sprintf("sim-%d-%04d%c", c.options.Seed, n, 'a'+k), mount: newMount(r), silent: r.Float64() < c.silent,
		heading: r.Float64() < 0.96, accuracy: 0.6 + 0.8*r.Float64(), entropy: c.options.stream(purposeDrivers, uint64(1_000_000+10*n+k))}
}

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
	var trips []trip
	for _, d := range c.drivers {
		r := c.options.stream(purposeTrips, uint64(d.n*100_000+n))
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
			trips = append(trips, trip{c.options.Begin.AddDate(0, 0, n).Add(time.Duration(hour * float64(time.Hour))), d, uint64(n*100 + k), route})
		}
	}
	slices.SortFunc(trips, func(a, b trip) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.d.n, b.d.n)) })
	var sent []Sent
	for _, t := range trips {
		sent = append(sent, c.drive(t)...)
	}
	sent = append(sent, c.lie(n)...)
	slices.SortStableFunc(sent, func(a, b Sent) int { return a.Deliver.Compare(b.Deliver) })
	return sent
}

// fix is a trip's satellite positioning: an error that wanders slowly, noise, and a lag.
type fix struct{ east, north, noise, lagS, sigma float64 }

// drive drives one trip.
func (c *City) drive(t trip) []Sent {
	r := c.options.stream(purposeTrips, 1<<40+uint64(t.d.n)*1_000_000+t.n)
	var events []Sent
	sigma := c.gpsM * math.Exp(0.35*r.NormFloat64())
	f := fix{sigma * r.NormFloat64(), sigma * r.NormFloat64(), 0.5 * sigma, 0.25 * r.Float64(), sigma}
	now, traffic := t.at, 0.75+0.3*r.Float64()
	blows := int(c.knocks + r.Float64())
	sinceAnswer := 1000.0
	for _, i := range t.route {
		e := &c.grid.edges[i]
		f.east += 0.25 * sigma * r.NormFloat64() * math.Min(1, e.length/300)
		f.north += 0.25 * sigma * r.NormFloat64() * math.Min(1, e.length/300)
		speed := math.Max(3, e.speed*t.d.hurry*traffic*math.Exp(0.1*r.NormFloat64()))
		meet := func(along float64) encounter {
			return encounter{t.d, i, along, now.Add(time.Duration(along / speed * float64(time.Second))), speed, f}
		}
		for _, o := range c.onEdge[i] {
			along := o.along
			if o.edge != i {
				along = e.length - along
			}
			events = append(events, c.meetObject(meet(along), o, &sinceAnswer, r)...)
		}
		for _, inv := range c.invents[i] {
			events = append(events, c.meetInvention(meet(inv.along), inv, &sinceAnswer, r)...)
		}
		for _, at := range c.control[i] {
			if sinceAnswer > 500 && r.Float64() < c.answers*0.5 {
				events = append(events, c.answer(meet(at), "control", r)...)
				sinceAnswer = 0
			}
		}
		if blows > 0 && r.Float64() < 1.5/float64(len(t.route)) {
			blows--
			m := meet(r.Float64() * e.length)
			events = append(events, c.feel(m, t.d.phones[0], nil, 0.5+r.Float64(), Cause{Cause: "knock", Class: "nothing"}, r)...)
		}
		if t.d.oddEdge == i {
			events = append(events, c.feel(meet(e.length/2), t.d.phones[0], nil, 0.9, Cause{Cause: "odd", Class: "nothing"}, r)...)
		}
		sinceAnswer += e.length
		now = now.Add(time.Duration(e.length / speed * float64(time.Second)))
	}
	return deliver(events, now, r)
}

// deliver says when a trip's events arrive: mostly at its end, sometimes days later, twice, or never.
func deliver(events []Sent, end time.Time, r *rand.Rand) []Sent {
	at := end.Add(time.Duration(5+r.IntN(60)) * time.Second)
	if r.Float64() < 0.08 {
		at = at.Add(time.Duration(r.ExpFloat64() * 10 * float64(time.Hour)))
	}
	var out []Sent
	for _, e := range events {
		if r.Float64() < 0.005 {
			continue
		}
		e.Deliver = at
		out = append(out, e)
		if r.Float64() < 0.01 {
			e.Deliver = at.Add(time.Duration(r.IntN(3600)) * time.Second)
			out = append(out, e)
		}
	}
	return out
}

// encounter is a car passing a point of the road.
type encounter struct {
	d     *driver
	edge  int
	along float64
	at    time.Time
	speed float64
	fix   fix
}

// meetObject passes something that can be felt.
func (c *City) meetObject(m encounter, o *Object, sinceAnswer *float64, r *rand.Rand) []Sent {
	if !o.there(m.at) {
		if o.felt && *sinceAnswer > 300 && r.Float64() < c.answers {
			*sinceAnswer = 0
			return c.answer(m, o.ID, r)
		}
		return nil
	}
	if m.d.role != "attacker" {
		o.Trips++
		if !o.visited[m.d.n] {
			o.visited[m.d.n] = true
			o.Devices++
		}
	}
	if o.Class == "speed_bump" {
		m.speed = math.Min(m.speed, 4+4*r.Float64())
	}
	if m.d.role == "vandal" && o.Class == "pothole" {
		if o.felt {
			return c.answer(m, o.ID, r)
		}
		return nil
	}
	var out []Sent
	if r.Float64() < o.hit {
		for _, p := range m.d.phones {
			out = append(out, c.feel(m, p, o, 0, Cause{Cause: o.ID, Class: o.Class}, r)...)
		}
	}
	if len(out) > 0 {
		o.felt = true
		if o.Class == "pothole" && len(c.loot) < 400 && len(out[0].WaveG) > 0 {
			c.loot = append(c.loot, out[0].Event)
		}
		return out
	}
	if o.felt && *sinceAnswer > 300 && r.Float64() < c.answers {
		*sinceAnswer = 0
		return c.answer(m, o.ID, r)
	}
	return nil
}

// meetInvention passes a place where an attacker says there is a pothole.
func (c *City) meetInvention(m encounter, inv *Invention, sinceAnswer *float64, r *rand.Rand) []Sent {
	if m.at.Before(inv.From) || m.d.role == "attacker" || !inv.felt || *sinceAnswer <= 300 || r.Float64() >= c.answers {
		return nil
	}
	*sinceAnswer = 0
	return c.answer(m, "invention", r)
}

// feel drives over an object, or knocks the phone, and returns the jolt if the phone noticed one.
func (c *City) feel(m encounter, p *phone, o *Object, knock float64, cause Cause, r *rand.Rand) []Sent {
	road := c.roads[[]string{"good", "fair", "fair", "poor"}[m.edge%4]]
	need := int((m.speed*(leadS+tailS) + 8) / stepM)
	from := r.IntN(len(road) - need)
	profile := slices.Clone(road[from : from+need])
	if o != nil {
		grown := 1.0
		if o.Class == "pothole" { // it grows to its size in some days
			grown = math.Min(1, 0.55+m.at.Sub(o.From).Hours()/24*0.06)
		}
		o.stamp(profile, int((m.speed*leadS+m.d.vehicle.wheelbase)/stepM), r, grown)
	}
	jolt, ok := ride(profile, m.speed, &m.d.vehicle, &p.mount, knock, r)
	if !ok || jolt.At < leadS-0.4 || jolt.At > leadS+1.2 {
		return nil
	}
	return []Sent{c.bump(m, p, jolt, cause, r)}
}

func (c *City) bump(m encounter, p *phone, jolt detector.Jolt, cause Cause, r *rand.Rand) Sent {
	e := c.event(m, p, r)
	e.Kind, e.PeakG, e.DurationS, e.RateHz = wire.Bump, jolt.PeakG, jolt.DurationS, jolt.RateHz
	if !p.silent {
		e.WaveG = slices.Clone(jolt.Wave)
	}
	cause.Device, cause.ID = p.id, e.ID
	return Sent{Line: wire.Line{Device: p.id, Event: e}, Cause: cause}
}

// answer is a smooth pass of a watched place.
func (c *City) answer(m encounter, of string, r *rand.Rand) []Sent {
	p := m.d.phones[0]
	e := c.event(m, p, r)
	e.Kind = wire.Pass
	return []Sent{{Line: wire.Line{Device: p.id, Event: e}, Cause: Cause{p.id, e.ID, "pass " + of, "nothing"}}}
}

// event is what every event says: where, as the satellites have it, and when.
func (c *City) event(m encounter, p *phone, r *rand.Rand) wire.Event {
	at, heading := c.grid.edges[m.edge].at(m.along)
	at = geo.Destination(at, heading+90, 1.8) // right-hand traffic
	at = geo.Destination(at, heading, -m.fix.lagS*m.speed)
	at = geo.Destination(at, 90, m.fix.east+m.fix.noise*r.NormFloat64())
	at = geo.Destination(at, 0, m.fix.north+m.fix.noise*r.NormFloat64())
	e := wire.Event{
		Time: m.at.UTC().Truncate(time.Millisecond), Lat: round(at.Lat(), 7), Lon: round(at.Lon(), 7),
		AccuracyM: round(math.Max(2, m.fix.sigma*1.5*p.accuracy), 1), SpeedMPS: round(math.Max(0.5, m.speed+0.3*r.NormFloat64()), 2),
	}
	if p.heading {
		h := math.Mod(heading+6*r.NormFloat64()+720, 360)
		e.HeadingDeg = &h
	}
	e.ID = ulid.MustNew(ulid.Timestamp(e.Time), randomBytes{p.entropy}).String()
	return e
}

type randomBytes struct{ r *rand.Rand }

func (b randomBytes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b.r.Uint32())
	}
	return len(p), nil
}

func round(x float64, digits int) float64 {
	s := math.Pow10(digits)
	return math.Round(x*s) / s
}
