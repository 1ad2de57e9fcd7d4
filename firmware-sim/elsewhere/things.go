package elsewhere

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// thing is something on the road that can be felt.
type thing struct {
	face   firmwaresim.Object // what the truth says of it
	lane   int
	along  float64 // m
	hit    float64 // logit of the chance that wheels meet it
	side   float64 // wheels that meet it: -1 left, 1 right, 0 both
	seed   uint64  // of its habits
	shape  []float64
	from   float64 // days since the beginning
	to     float64
	begins float64     // share of its full depth at first
	grows  float64     // share of its full depth a day
	trips  map[int]int // honest trips by driver
}

// never is later than everything, in days.
const never = 1e6

func (t *thing) there(day float64) bool { return day >= t.from && day < t.to }

// grown is the share of its full depth that it has.
func (t *thing) grown(day float64) float64 { return min(1, t.begins+t.grows*(day-t.from)) }

// lie is where along a lane a thing lies.
type lie struct {
	t     *thing
	along float64
}

// lay puts all things on the roads of the network.
func (c *City) lay(r *rand.Rand) {
	weights := make([]float64, len(c.net.streets))
	for i, s := range c.net.streets {
		weights[i] = s.length * [...]float64{1, 2, 4}[s.rank]
		if s.worn {
			weights[i] *= 1.5
		}
	}
	c.lies = make([][]lie, 2*len(c.net.streets))
	classes := []string{"pothole", "casting", "joint", "speed_bump", "rail"}
	for k, n := range append([]int{c.ch.potholes}, c.ch.others[:]...) {
		for range n {
			c.put(classes[k], weights, r)
		}
	}
	for i := range c.lies {
		slices.SortFunc(c.lies[i], func(a, b lie) int { return int(math.Copysign(1, a.along-b.along)) })
	}
}

// put lays one thing where there is room for it.
func (c *City) put(class string, weights []float64, r *rand.Rand) {
	const apart = 20 // m, on one street
	for range 50 {
		i := pick(weights, r)
		s := &c.net.streets[i]
		if class == "speed_bump" && s.rank == arterial {
			continue
		}
		lane, along := 2*i+r.IntN(2), 12+(s.length-24)*r.Float64()
		if c.crowded(lane, along, apart) {
			continue
		}
		t := &thing{lane: lane, along: along, seed: r.Uint64(), to: never, begins: 1, trips: map[int]int{}}
		t.face = firmwaresim.Object{ID: fmt.Sprintf("%s-%03d", class, len(c.things)), Class: class, BothWays: class == "joint" || class == "rail" || class == "speed_bump"}
		t.form(&c.ch, r)
		c.things = append(c.things, t)
		c.lies[lane] = append(c.lies[lane], lie{t, along})
		if t.face.BothWays {
			c.lies[lane^1] = append(c.lies[lane^1], lie{t, s.length - along})
		}
		t.publish(c.net, &c.ch, lane, along)
		return
	}
}

// crowded says whether something else of the street is nearer than that.
func (c *City) crowded(lane int, along, apart float64) bool {
	near := func(at float64) func(lie) bool {
		return func(l lie) bool { return math.Abs(l.along-at) < apart }
	}
	return slices.ContainsFunc(c.lies[lane], near(along)) || slices.ContainsFunc(c.lies[lane^1], near(c.net.streets[lane/2].length-along))
}

// form gives a thing its size, its shape, its time and how often wheels meet it.
func (t *thing) form(ch *character, r *rand.Rand) {
	side := math.Copysign(1, r.Float64()-0.35)
	switch t.face.Class {
	case "pothole":
		t.side, t.hit = side, logit(0.4+0.2*r.Float64())
		depth := ch.depth * math.Max(0.045, 0.092*math.Exp(0.28*r.NormFloat64()))
		t.shape, t.face.SizeM = bowl(depth, 0.45+0.85*r.Float64(), r), depth
		t.age(r)
	case "casting":
		t.side, t.hit = side, logit(0.15+0.75*r.Float64())
		height := -ch.sunk * 0.0205 * math.Exp(0.35*r.NormFloat64())
		if r.Float64() < 0.22 {
			height = ch.sunk * 0.014 * math.Exp(0.3*r.NormFloat64())
		}
		t.shape, t.face.SizeM = lid(height, r), height
	case "joint":
		t.hit = logit(0.985)
		t.face.SizeM = 0.011 * math.Exp(0.3*r.NormFloat64())
		t.shape = seam(t.face.SizeM, r)
	case "rail":
		t.hit = logit(0.985)
		t.face.SizeM = 0.009 * math.Exp(0.3*r.NormFloat64())
		t.shape = tracks(t.face.SizeM, r)
	default:
		t.hit = logit(0.995)
		t.shape, t.face.SizeM = hump(r)
	}
	t.face.LengthM = step * float64(len(t.shape))
}

// age says when a pothole appears, how fast it grows, and when it is repaired.
func (t *thing) age(r *rand.Rand) {
	if r.Float64() < 1./3 {
		t.from = 16 * math.Pow(r.Float64(), 1.2)
		t.begins = 0.5 + 0.3*r.Float64()
		t.grows = 0.04 + 0.16*r.Float64()
	}
	if r.Float64() < 0.13 {
		t.to = t.from + 3 + (20-t.from)*r.Float64()
	}
}

// publish writes into the truth where and when the thing is.
func (t *thing) publish(n *network, ch *character, lane int, along float64) {
	p, heading := n.at(lane, along)
	right := beside
	if t.face.BothWays {
		right = 0
	}
	t.face.Lat, t.face.Lon = ch.degrees(point{p.x + right*math.Cos(heading), p.y - right*math.Sin(heading)})
	t.face.HeadingDeg = math.Mod(heading*180/math.Pi+360, 360)
	t.face.From = instant(t.from * daySeconds)
	if t.to < 21 {
		t.face.To = instant(t.to * daySeconds)
	}
}

// beside is how far right of the middle of the street a lane's middle is, m.
const beside = 1.6

const daySeconds = 86400.0

// instant is the time so many seconds after the beginning.
func instant(s float64) time.Time {
	return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second))).Truncate(time.Millisecond)
}

// degrees returns the latitude and longitude of a position.
func (ch *character) degrees(p point) (lat, lon float64) {
	const metres = 6371008.8 * math.Pi / 180 // of a degree of latitude
	return ch.lat + p.y/metres, ch.lon + p.x/(metres*math.Cos(ch.lat*math.Pi/180))
}
