package firmwaresim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// City is a simulated city: what is on its roads, and who drives there. Day must be called for one day after the other; Repair
// may be called meanwhile.
type City struct {
	options CityOptions
	character
	grid    *grid
	truth   Truth
	worn    float64 // share of castings that are broken
	onEdge  [][]*Object
	patches [][]*Patch
	invents map[int][]*Invention
	control [][]float64         // control points by edge, metres along
	lights  []bool              // edges that end where drivers brake hard
	roads   [pavements][]course // each pavement as tyres of each kind feel it
	drivers []*driver
	loot    []wire.Event // honest jolts of potholes that the inventor copies
	looted  int          // how many there have been
	plots   map[int][]lie
	copies  map[int][]imitation
	mu      sync.Mutex // guards what Repair changes

	detector zpeak.Detector // of the phone that is being shaken: a new one each time would be 14 kB
}

// course is a pavement as tyres with one length of contact feel it.
type course struct {
	contact float64
	heights []float64
}

// NewCity makes a city: its streets, what is on them, and its drivers. It returns an error where the options are no city.
func NewCity(o CityOptions) (*City, error) {
	o = o.fill()
	if o.Physics != PhysicsQuarter && o.Physics != PhysicsHalf && o.Physics != PhysicsPulse {
		return nil, fmt.Errorf("there is no physics %q: use quarter, half or pulse", o.Physics)
	}
	streets, err := o.streets()
	if err != nil {
		return nil, err
	}
	c := &City{options: o, grid: newGrid(streets), invents: map[int][]*Invention{}, plots: map[int][]lie{}, copies: map[int][]imitation{},
		truth: Truth{Seed: o.Seed, Network: o.Network, Physics: o.Physics, Devices: map[string]string{}}}
	if o.Streets != nil {
		c.truth.Network = ""
	}
	if len(c.grid.edges) < 10 {
		return nil, fmt.Errorf("a city needs streets: there are %d pieces that cars may use", len(c.grid.edges))
	}
	c.character = newCharacter(o)
	c.pave()
	c.place()
	c.settle()
	c.scheme()
	return c, nil
}

// Truth returns what is so in the city. It changes while the city drives.
func (c *City) Truth() Truth { return c.truth }

// pave gives each street its pavement, its walls and its traffic lights.
func (c *City) pave() {
	r := c.options.stream(purposeStreets, 1)
	for k := range c.roads {
		heights := roughness(r, spectrumOf(k), pavedM)
		for _, contact := range []float64{0.08, 0.13, 0.25} {
			c.roads[k] = append(c.roads[k], course{contact, smooth(heights, contact)})
		}
	}
	c.lights = make([]bool, len(c.grid.edges))
	for i := range c.grid.edges {
		e := &c.grid.edges[i]
		e.pavement = draw(r, len(c.pavement), func(k int) float64 { return c.character.pavement[k] })
		if e.back >= 0 && e.back < i {
			e.pavement = c.grid.edges[e.back].pavement
		}
		c.lights[i] = r.Float64() < map[bool]float64{true: 0.3, false: 0.03}[e.rank > 1]
	}
	c.wall(r)
}

// wall makes quarters of high houses until their share of the streets is reached.
func (c *City) wall(r *rand.Rand) {
	walled, all := 0.0, 0.0
	for i := range c.grid.edges {
		all += c.grid.edges[i].length
	}
	const most = 10_000 // quarters: the last streets of a city that is all walls are not found by chance
	for quarters := 0; walled < c.options.Canyons*all && quarters < most; quarters++ {
		middle := c.grid.edges[r.IntN(len(c.grid.edges))].line[0]
		reach := 200 + 300*r.Float64()
		if c.options.Canyons >= 1 {
			reach = math.Inf(1)
			quarters = most
		}
		for i := range c.grid.edges {
			e := &c.grid.edges[i]
			if !e.canyon && geo.Distance(middle, e.line[len(e.line)/2]) < reach {
				e.canyon = true
				walled += e.length
			}
		}
	}
}

// under returns a pavement as a vehicle's tyres feel it.
func (c *City) under(pavement int, v *vehicle) []float64 {
	best := c.roads[pavement][0]
	for _, x := range c.roads[pavement] {
		if x.contact <= v.contact*1.2 {
			best = x
		}
	}
	return best.heights
}

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
