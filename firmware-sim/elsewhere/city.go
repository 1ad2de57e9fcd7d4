package elsewhere

import (
	"fmt"
	"math/rand/v2"
	"slices"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// days is how long a city is driven.
const days = 21

// City is a simulated city. It is driven day by day, and not for concurrent use.
type City struct {
	seed     uint64
	ch       character
	net      *network
	road     pavement
	things   []*thing
	lies     [][]lie // by lane, in the order in which they are met
	apps     []app
	drivers  []*driver
	forger   *forger
	glitches [][]glitch // by lane
	forgedAt []tag
	watch    *watch
	devices  map[string]string // kinds by id
	made     []*firmwaresim.Invention
	shaking  shaking
	sent     []firmwaresim.Sent // of the day that is being driven
}

// New makes the city of a seed.
func New(seed uint64) *City {
	r := rand.New(rand.NewPCG(seed, 0xe15e))
	c := &City{seed: seed, ch: newCharacter(r), devices: map[string]string{}}
	c.net = newNetwork(&c.ch, r)
	c.road = newPavement(r)
	c.lay(r)
	number := 6 + r.IntN(5)
	mute, slow := quota(number, c.ch.silent, r), quota(number, c.ch.slow, r)
	for i := range number {
		c.apps = append(c.apps, newApp(&c.ch, slow[i], mute[i], r))
	}
	c.people(r)
	c.misfit(r)
	c.pace()
	c.watch = newWatch(c, r)
	c.forger = newForger(c, r)
	return c
}

// pace lets people drive as often as makes the city's number of meetings, about.
func (c *City) pace() {
	const sample, weekdays = 7, 5. / 7
	met := 0.0 // a day
	for i, d := range c.drivers {
		if i%sample != 0 {
			continue
		}
		daily, n := 1.6*(weekdays*d.job+d.trips), 0
		for _, lane := range d.choose(c, d.home, d.work) {
			n += len(c.lies[lane])
		}
		met += daily * float64(n)
	}
	c.ch.trips = max(0.3, min(3, c.ch.meetings/(days*max(1, met*sample))))
}

// quota marks a share of n.
func quota(n int, share float64, r *rand.Rand) []bool {
	marks := make([]bool, n)
	for i := range marks {
		marks[i] = float64(i)+0.5 < share*float64(n)
	}
	r.Shuffle(n, func(i, j int) { marks[i], marks[j] = marks[j], marks[i] })
	return marks
}

// Day drives a day, 0 to 20, and returns what phones sent. Days must be driven in their order.
func (c *City) Day(day int) []firmwaresim.Sent {
	c.sent = nil
	c.watch.morning(day)
	for _, d := range c.drivers {
		d.live(c, day)
		c.deny(d, day)
	}
	c.forger.forge(c, day)
	return c.post(day)
}

// Truth is what is so in the city, with the trips of the days that have been driven.
func (c *City) Truth() firmwaresim.Truth {
	t := firmwaresim.Truth{Seed: c.seed, Network: "elsewhere", Physics: "elsewhere", Inventions: slices.Clone(c.made), Devices: map[string]string{}}
	for id, kind := range c.devices {
		t.Devices[id] = kind
	}
	for _, thing := range c.things {
		o := thing.face
		o.Devices = len(thing.trips)
		for _, n := range thing.trips {
			o.Trips += n
		}
		t.Objects = append(t.Objects, &o)
	}
	for i, s := range c.net.streets {
		if s.worn {
			at, heading := c.net.at(2*i, s.length/2)
			lat, lon := c.ch.degrees(at)
			t.Patches = append(t.Patches, &firmwaresim.Patch{Lat: lat, Lon: lon, HeadingDeg: bearing(heading), LengthM: s.length})
		}
	}
	return t
}

// deviceName makes a device's id, which tells nothing.
func (c *City) deviceName(r *rand.Rand) string {
	for {
		id := fmt.Sprintf("%012x", r.Uint64()>>16)
		if _, taken := c.devices[id]; !taken {
			return id
		}
	}
}
