package unseen

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// days that a city is driven.
const days = 21

// City is a simulated city: its streets, what lies on them, and who drives there.
type City struct {
	seed     uint64
	begin    time.Time
	dice     dice
	traits   traits
	streets  *streets
	objects  []*object
	patches  []*patch
	on       [][]placed // objects by directed road, in order along it
	bad      [][]*patch // rough stretches by directed road
	drivers  []*driver
	watch    watch
	villain  *villain
	invented []*invention

	today   []firmwaresim.Sent
	devices map[string]string
	bench   bench
}

// traits are what differs from city to city.
type traits struct {
	cars, potholes, castings, joints, bumps, rails, patches int

	gpsM       float64 // standard deviation of a fix in the open, metres
	silent     float64 // share of phones that send no waveform
	knocks     float64 // knocks an hour of driving in a good holder
	careful    float64 // share of potholes that an attentive driver steers round
	passShare  float64 // share of smooth passes of watched spots that are sent
	lossShare  float64 // share of events that never arrive
	fleet      bool    // a faulty fleet drives here
	villains   int     // the attacker's devices
	appetite   float64 // trips, times the usual
	roughness  float64 // of ordinary pavement, times the usual
	centreM    float64 // radius of the canyons
	inventions int
}

func newTraits(d dice) traits {
	potholes := d.count(180, 320)
	like := func(least, most float64) int { return int(float64(potholes) * d.between(least, most)) }
	return traits{
		cars: d.count(200, 300), potholes: potholes, castings: like(0.85, 1.2), joints: like(0.5, 0.7), bumps: like(0.5, 0.65),
		rails: like(0.5, 0.6), patches: d.count(50, 90),
		gpsM: d.between(2, 7), silent: d.between(0.1, 0.5), knocks: d.between(2, 3.5), careful: d.between(0.2, 0.4),
		passShare: d.between(0.15, 0.3), lossShare: d.between(0, 0.03), fleet: d.chance(0.45), villains: d.count(16, 45),
		appetite: d.between(0.33, 0.42) * math.Sqrt(250/float64(potholes)), roughness: d.between(0.8, 1.3), centreM: d.between(300, 700), inventions: 40,
	}
}

// New makes the city of a seed.
func New(seed uint64) *City {
	c := &City{
		seed: seed, begin: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), dice: dice{rand.New(rand.NewPCG(seed, 0x756e7365656e))},
		devices: map[string]string{},
	}
	c.traits = newTraits(c.dice)
	c.streets = newStreets(c.dice, c.traits.centreM)
	c.furnish()
	c.populate()
	c.watch = newWatch(c)
	c.scheme()
	return c
}

// Day drives the day of that number, 0 to 20, and returns what the phones sent about it, in order of delivery. Days are asked
// for in ascending order.
func (c *City) Day(day int) []firmwaresim.Sent {
	c.today = nil
	c.watch.renew(c)
	var trips []trip
	for _, d := range c.drivers {
		trips = append(trips, c.plan(d, day)...)
	}
	trips = append(trips, c.errands(day)...)
	slices.SortStableFunc(trips, func(a, b trip) int { return cmp.Compare(a.start, b.start) })
	for i := range trips {
		c.drive(&trips[i], day)
	}
	c.deceive(day)
	slices.SortStableFunc(c.today, func(a, b firmwaresim.Sent) int { return a.Deliver.Compare(b.Deliver) })
	return c.today
}

// Truth is what is so in the city; honest trips and devices are counted up to the days driven so far.
func (c *City) Truth() firmwaresim.Truth {
	t := firmwaresim.Truth{Seed: c.seed, Network: "unseen", Physics: "unseen", Devices: c.devices}
	for _, o := range c.objects {
		o.truth.Devices = len(o.passed)
		t.Objects = append(t.Objects, o.truth)
	}
	for _, p := range c.patches {
		t.Patches = append(t.Patches, p.truth)
	}
	for _, i := range c.invented {
		t.Inventions = append(t.Inventions, i.truth)
	}
	return t
}

// at is a moment of a day, in seconds after midnight.
func (c *City) at(day int, second float64) time.Time {
	return c.begin.AddDate(0, 0, day).Add(time.Duration(second * float64(time.Second)))
}

func named(prefix string, i int) string { return prefix + strconv.Itoa(i+1) }
