package firmwaresim

import (
	"math/rand/v2"
	"time"

	"github.com/streetpulse/streetpulse/geo"
)

// CityOptions say what a city is like. Zero values are drawn from the seed, in the ranges given; where none of something is
// wanted, a negative number says so.
type CityOptions struct {
	Seed    uint64
	Network Network   // kind of street network; empty: any
	Streets *geo.Map  // instead of Network
	Blocks  int       // of the network, about, each way; 0: 26
	Begin   time.Time // midnight of the first day; zero: 2 March 2026
	Days    int       // 0: 21
	Drivers int       // honest ones, odd ones and vandals; 0: 200 to 300
	Defects int       // potholes; of other things that can be felt there are two to three times as many; 0: 180 to 320
	Busy    float64   // trips, times the usual; 0: 1
	Physics Physics   // how jolts come about; empty: any

	GPSM    float64 // typical error of a trip's positions, m; 0: 1.5 to 5.5
	Canyons float64 // share of the streets where walls deflect the satellites' signals; 0: none to 0.3
	Slow    float64 // share of apps that sample at 20 to 50 Hz; 0: 0.1 to 0.9
	Silent  float64 // share of apps that send no waveform; 0: 0.1 to 0.5
	Answers float64 // share of smooth passes of watched places that are answered; 0: 0.2 to 0.9
	Knocks  float64 // jolts without a cause on the road, a trip; 0: 0.05 to 0.5

	Adversaries Adversaries // who means harm or is out of order; 0: the standard mix
	Attackers   int         // devices of the inventor; 0: 16 to 45, negative: no inventor
	Inventions  int         // potholes that the inventor makes up; 0: 40
}

// Network is a kind of street network.
type Network string

// Kinds of street network.
const (
	NetworkGrid    Network = "grid"    // straight streets that cross
	NetworkRadial  Network = "radial"  // rings around a centre, and streets from it
	NetworkOrganic Network = "organic" // curved streets, uneven blocks, dead ends
	NetworkTown    Network = "town"    // the real streets of TownName
)

// Physics is how a jolt comes about.
type Physics string

// Kinds of physics.
const (
	PhysicsQuarter Physics = "quarter" // a linear quarter-car an axle
	PhysicsHalf    Physics = "half"    // axles and sides coupled by the body; dampers and springs are not linear, wheels lift off
	PhysicsPulse   Physics = "pulse"   // no physics: waveforms put together from templates
)

// Adversaries are a set of those whose reports mislead. The zero value is the standard mix, drawn from the seed: inventor,
// vandals, companions and odd vehicles always, the others in some cities.
type Adversaries uint16

// Adversaries, one by one.
const (
	Inventor    Adversaries = 1 << iota // one person with many devices who invents potholes, and reports true ones to be trusted
	Vandals                             // deny potholes with false passes
	Companions                          // two phones in one car
	Odd                                 // a vehicle that always jolts at one place
	FaultyFleet                         // vehicles of one fleet whose firmware reports stops, doors or braking as jolts
	Copycat                             // replays others' jolts from many devices
	Nobody                              // explicitly none; nothing else may be set beside it
)

// has says whether all of x are in the set.
func (a Adversaries) has(x Adversaries) bool { return a&x == x }

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
	purposeStreets
	purposeCharacter
	purposeMultipath
	purposeFleet
	purposeCopies
)

// fill draws what is not given.
func (o CityOptions) fill() CityOptions {
	r := o.stream(purposeCity, 0)
	whole := func(value *int, low, high int) {
		n := low + r.IntN(high-low+1)
		if *value == 0 {
			*value = n
		}
	}
	share := func(value *float64, drawn float64) {
		switch {
		case *value == 0:
			*value = drawn
		case *value < 0:
			*value = 0
		}
	}
	whole(&o.Drivers, 200, 300)
	whole(&o.Defects, 180, 320)
	whole(&o.Attackers, 16, 45)
	if o.Inventions == 0 {
		o.Inventions = 40
	}
	if o.Days == 0 {
		o.Days = 21
	}
	if o.Begin.IsZero() {
		o.Begin = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	}
	share(&o.Busy, 1)
	share(&o.GPSM, 1.5+4*r.Float64())
	canyons := 0.3 * r.Float64()
	if r.Float64() < 0.25 {
		canyons = 0
	}
	share(&o.Canyons, canyons)
	slow := 0.1 + 0.4*r.Float64()
	if r.Float64() < 0.3 {
		slow = 0.6 + 0.3*r.Float64()
	}
	share(&o.Slow, slow)
	share(&o.Silent, 0.1+0.4*r.Float64())
	share(&o.Answers, 0.2+0.7*r.Float64())
	share(&o.Knocks, 0.05+0.45*r.Float64()*r.Float64())
	physics := []Physics{PhysicsQuarter, PhysicsHalf, PhysicsPulse}[r.IntN(3)]
	if o.Physics == "" {
		o.Physics = physics
	}
	network, u := NetworkGrid, r.Float64()
	switch {
	case u < 0.1 && o.Blocks == 0:
		network = NetworkTown
	case u < 0.4:
		network = NetworkRadial
	case u < 0.75:
		network = NetworkOrganic
	}
	if o.Network == "" {
		o.Network = network
	}
	if o.Blocks == 0 {
		o.Blocks = 26
	}
	fleet, copycat := r.Float64() < 0.6, r.Float64() < 0.4
	if o.Adversaries == 0 {
		o.Adversaries = Inventor | Vandals | Companions | Odd
		if fleet {
			o.Adversaries |= FaultyFleet
		}
		if copycat {
			o.Adversaries |= Copycat
		}
	}
	if o.Adversaries.has(Nobody) {
		o.Adversaries = Nobody
	}
	if o.Attackers < 0 {
		o.Adversaries &^= Inventor
	}
	if !o.Adversaries.has(Inventor) {
		o.Attackers = 0
	}
	return o
}
