package firmwaresim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// CityOptions say what a city is like. Zero values are drawn from the seed.
type CityOptions struct {
	Seed    uint64
	Streets *geo.Map  // nil: a grid
	Blocks  int       // of the grid, each way; 0: 26
	Begin   time.Time // midnight of the first day; zero: 2 March 2026
	Days    int       // 0: 21
	Drivers int       // 0: 200 to 300
	Defects int       // potholes; of furniture that can be felt there is about twice as much, half of it both ways; 0: 180 to 320

	Busy float64 // trips, times the usual; 0: 1

	Attackers  int // devices of the one attacker; 0: 16 to 45, negative: none
	Inventions int // potholes the attacker makes up; 0: 40
}

// City is a simulated city: what is on its roads, and who drives there. Day must be called for one day after the other; Repair
// may be called meanwhile.
type City struct {
	options CityOptions
	grid    *grid
	truth   Truth
	onEdge  [][]*Object
	invents map[int][]*Invention
	control [][]float64 // control points by edge, metres along
	roads   map[string][]float64
	drivers []*driver
	loot    []wire.Event // honest jolts of potholes that the attacker copies
	gpsM    float64      // typical error of a trip's fixes
	silent  float64      // share of apps that send no waveform
	knocks  float64      // blows to the phone, a trip
	answers float64      // share of smooth passes of watched places that are answered
	mu      sync.Mutex   // guards what Repair changes
}

// stream returns random numbers of their own for one purpose, so that more of one thing changes nothing else.
func (o CityOptions) stream(purpose, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(o.Seed^purpose*0x9e3779b97f4a7c15, n+1))
}

const (
	purposeCity = iota + 1
	purposeObjects
	purposeDrivers
	purposeTrips
	purposeAttack
)

// NewCity makes a city: its streets, what is on them, and its drivers.
func NewCity(o CityOptions) (*City, error) {
	r := o.stream(purposeCity, 0)
	between := func(value *int, low, high int) {
		n := low + r.IntN(high-low+1)
		if *value == 0 {
			*value = n
		}
	}
	between(&o.Drivers, 200, 300)
	between(&o.Defects, 180, 320)
	between(&o.Attackers, 16, 45)
	if o.Inventions == 0 {
		o.Inventions = 40
	}
	if o.Blocks == 0 {
		o.Blocks = 26
	}
	if o.Busy == 0 {
		o.Busy = 1
	}
	if o.Days == 0 {
		o.Days = 21
	}
	if o.Begin.IsZero() {
		o.Begin = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	}
	if o.Streets == nil {
		o.Streets = gridTown(r, o.Blocks)
	}
	c := &City{options: o, grid: newGrid(o.Streets), truth: Truth{Seed: o.Seed, Devices: map[string]string{}},
		gpsM: 2 + 3*r.Float64(), silent: 0.1 + 0.4*r.Float64(), knocks: 0.05 + 0.15*r.Float64(), answers: 0.35 + 0.3*r.Float64(),
		invents: map[int][]*Invention{}}
	if len(c.grid.edges) < 10 {
		return nil, fmt.Errorf("a city needs streets: there are %d pieces that cars may use", len(c.grid.edges))
	}
	c.roads = map[string][]float64{"good": roughness(r, 12, 900), "fair": roughness(r, 45, 900), "poor": roughness(r, 130, 900)}
	c.place()
	c.settle()
	return c, nil
}

// Truth returns what is so in the city. It changes while the city drives.
func (c *City) Truth() Truth { return c.truth }

// pick draws an edge, in proportion to its length and the weight given.
func (c *City) pick(r *rand.Rand, weight func(e *edge) float64) int {
	total := 0.0
	sums := make([]float64, len(c.grid.edges))
	for i := range c.grid.edges {
		e := &c.grid.edges[i]
		if e.length > 30 {
			total += e.length * weight(e)
		}
		sums[i] = total
	}
	at, _ := slices.BinarySearch(sums, r.Float64()*total)
	return min(at, len(sums)-1)
}

// place puts defects and furniture on the roads.
func (c *City) place() {
	r := c.options.stream(purposeObjects, 0)
	c.onEdge = make([][]*Object, len(c.grid.edges))
	days := func(d float64) time.Duration { return time.Duration(d * 24 * float64(time.Hour)) }
	n := c.options.Defects
	share := func(low, high float64) int { return int(float64(n) * (low + (high-low)*r.Float64())) }
	for _, kind := range []struct {
		class string
		count int
	}{{"pothole", n}, {"casting", share(1, 1.5)}, {"joint", share(0.6, 1)}, {"speed_bump", share(0.45, 0.7)}, {"rail", share(0.3, 0.5)}} {
		for i := range kind.count {
			o := &Object{ID: fmt.Sprintf("%s-%03d", kind.class, i+1), Class: kind.class, From: c.options.Begin, visited: map[int]bool{}}
			o.edge = c.pick(r, func(e *edge) float64 { return e.rank })
			e := &c.grid.edges[o.edge]
			o.along = 12 + r.Float64()*(e.length-24)
			switch kind.class {
			case "pothole":
				o.SizeM, o.LengthM, o.hit = 0.025+0.065*r.Float64(), 0.3+0.7*r.Float64(), 0.4+0.3*r.Float64()
				if r.Float64() < 0.35 {
					o.From = c.options.Begin.Add(days(r.Float64() * float64(c.options.Days) * 0.7))
				}
				if r.Float64() < 0.08 {
					o.To = o.From.Add(days(4 + r.Float64()*10))
				}
			case "casting":
				o.SizeM, o.LengthM, o.hit = -(0.012 + 0.028*r.Float64()), 0.6, 0.35+0.35*r.Float64()
				if r.Float64() < 0.3 {
					o.SizeM = -o.SizeM * 0.8
				}
			case "joint":
				o.SizeM, o.LengthM, o.hit, o.BothWays = 0.022+0.025*r.Float64(), 0.2+0.3*r.Float64(), 0.99, true
			case "rail":
				o.SizeM, o.LengthM, o.hit, o.BothWays = 0.022+0.025*r.Float64(), 2, 0.99, true
			case "speed_bump":
				o.SizeM, o.LengthM, o.hit, o.BothWays = 0.04+0.05*r.Float64(), 0.5+3*r.Float64(), 0.99, true
			}
			p, heading := e.at(o.along)
			o.Lat, o.Lon, o.HeadingDeg = p.Lat(), p.Lon(), heading
			c.truth.Objects = append(c.truth.Objects, o)
			c.onEdge[o.edge] = append(c.onEdge[o.edge], o)
			if back := c.reverse(o.edge); o.BothWays && back >= 0 {
				c.onEdge[back] = append(c.onEdge[back], o)
			}
		}
	}
	c.control = make([][]float64, len(c.grid.edges))
	for i := range c.grid.edges {
		for at := 60 + 300*r.Float64(); at < c.grid.edges[i].length; at += 400 {
			c.control[i] = append(c.control[i], at)
		}
	}
	if c.options.Attackers <= 0 {
		return
	}
	a := c.options.stream(purposeAttack, 0)
	for range c.options.Inventions {
		i := c.pick(a, func(e *edge) float64 {
			if e.rank > 1 {
				return 0.15
			}
			return 1
		})
		e := &c.grid.edges[i]
		along := 12 + a.Float64()*(e.length-24)
		p, heading := e.at(along)
		inv := &Invention{Lat: p.Lat(), Lon: p.Lon(), HeadingDeg: heading, edge: i, along: along,
			From: c.options.Begin.Add(days(2 + a.Float64()*float64(c.options.Days-6)))}
		c.truth.Inventions = append(c.truth.Inventions, inv)
		c.invents[i] = append(c.invents[i], inv)
	}
}

// reverse returns the same piece of street driven the other way, or -1.
func (c *City) reverse(i int) int {
	e := &c.grid.edges[i]
	for _, k := range c.grid.out[e.to] {
		o := &c.grid.edges[k]
		if o.to == e.from && o.length == e.length {
			return k
		}
	}
	return -1
}

// Repair mends the pothole nearest to a position, if one lies within 20 m. What drives there afterwards feels nothing.
func (c *City) Repair(lat, lon float64, at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var best *Object
	nearest := 20.0
	for _, o := range c.truth.Objects {
		if o.Class != "pothole" || !o.there(at) {
			continue
		}
		if d := geo.Distance([2]float64{lon, lat}, [2]float64{o.Lon, o.Lat}); d < nearest {
			best, nearest = o, d
		}
	}
	if best != nil {
		best.To = at
	}
	return best != nil
}
