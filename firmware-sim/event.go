package firmwaresim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/streetpulse/streetpulse/firmware-sim/zpeak"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Sent is an event on its way: when it is delivered, and why it was sent.
type Sent struct {
	wire.Line
	Deliver time.Time
	Cause   Cause

	from *phone
}

// encounter is a car passing a point of the road.
type encounter struct {
	d     *driver
	edge  int
	along float64
	lane  int
	at    time.Time
	speed float64
	fix   fix
}

// situation is what shakes a phone: an object, a rough stretch of so many metres, or something within the car.
type situation struct {
	object        *Object
	roughM, rough float64 // metres, times cobbles
	shock         shock
}

// feel returns the jolt that a phone notices, if it does. Its waveform is valid until the next call.
func (c *City) feel(m encounter, p *phone, s situation, r *rand.Rand) (zpeak.Jolt, bool) {
	jolt, ok := ride(&c.detector, c.shaker(m, s, r), p, m.speed, s.shock, r)
	return jolt, ok && ours(jolt)
}

// shaker is the vehicle on its road, by the city's physics.
func (c *City) shaker(m encounter, s situation, r *rand.Rand) shaker {
	v, pavement, speed := &m.d.vehicle, c.grid.edges[m.edge].pavement, math.Max(m.speed, 0.5)
	grown := 1.0
	if s.object != nil {
		grown = s.object.grown(m.at)
	}
	if c.options.Physics == PhysicsPulse {
		p := newPulse(&c.pulse, v, s.object, pavement, speed, grown, r)
		if s.roughM > 0 {
			p.patch, p.patchTo = leadS, leadS+s.roughM/speed
			p.rough = 5 * c.pulse.road * s.rough * v.firm * math.Pow(speed/10, 0.7)
		}
		return p
	}
	heights := c.under(pavement, v)
	track := func() *surface {
		return &surface{pavement: heights, from: r.IntN(len(heights)), at: int((speed*leadS+v.wheelbase-marginM)/stepM) + 1}
	}
	left := track()
	switch {
	case s.object != nil:
		left.shape = c.underTyre(s.object, v, grown, r)
	case s.roughM > 0:
		left.shape = stretch(c.under(cobbles, v), s.roughM, s.rough, r)
	}
	if c.options.Physics == PhysicsQuarter {
		return newQuarterCar(v, left, speed)
	}
	if v.track == 0 {
		return newHalfCar(v, left, left, speed)
	}
	right := track()
	switch {
	case s.roughM > 0:
		right.shape = stretch(c.under(cobbles, v), s.roughM, s.rough, r)
	case s.object == nil:
	case s.object.side < 0:
		right.shape = left.shape
	default:
		for i := range left.shape {
			left.shape[i] *= oneSided
		}
		if (s.object.side == 1) == (r.Float64() < 0.9) { // mostly the same wheels
			left.shape, right.shape = nil, left.shape
		}
	}
	return newHalfCar(v, left, right, speed)
}

// underTyre is by how much an object lifts a tyre.
func (c *City) underTyre(o *Object, v *vehicle, grown float64, r *rand.Rand) []float64 {
	heights := o.relief(r, grown)
	if c.habits.firm > 0 {
		heights = roll(heights, c.habits.firm)
	}
	return smooth(heights, v.contact)
}

// oneSided is how much deeper an object is under the wheels that meet it than its size says, which is as if both sides met it.
const oneSided = 1.6

// stretch is a piece of a rough pavement that begins and ends level.
func stretch(heights []float64, lengthM, rough float64, r *rand.Rand) []float64 {
	n := min(int(lengthM/stepM), len(heights)/2)
	from := r.IntN(len(heights) - n)
	piece := make([]float64, n)
	const fade = 50 // steps: 1 m
	for i := range piece {
		ease := math.Min(1, float64(min(i, n-1-i))/fade)
		piece[i] = rough * ease * (heights[from+i] - heights[from])
	}
	return piece
}

// bump is the event of a jolt.
func (c *City) bump(m encounter, p *phone, jolt zpeak.Jolt, cause Cause, r *rand.Rand) Sent {
	e := c.event(m, p, r)
	e.Kind, e.PeakG, e.DurationS, e.RateHz = wire.Bump, jolt.PeakG, jolt.DurationS, jolt.RateHz
	if !p.silent {
		e.WaveG = slices.Clone(jolt.Wave)
	}
	return p.send(e, cause)
}

// smooth is the event of a smooth pass of a watched place.
func (c *City) smooth(m encounter, p *phone, why string, r *rand.Rand) Sent {
	e := c.event(m, p, r)
	e.Kind = wire.Pass
	return p.send(e, Cause{Cause: why, Class: "nothing"})
}

// send gives an event to its phone.
func (p *phone) send(e wire.Event, cause Cause) Sent {
	cause.Device, cause.ID = p.id, e.ID
	return Sent{Line: wire.Line{Device: p.id, Event: e}, Cause: cause, from: p}
}

// event is what every event says: where, as the satellites have it, and when, as the phone's clock has it.
func (c *City) event(m encounter, p *phone, r *rand.Rand) wire.Event {
	road := &c.grid.edges[m.edge]
	at, heading := road.at(m.along)
	right := road.lane(min(m.lane, road.lanes-1)) + 0.3*r.NormFloat64() // right-hand traffic
	east, north, sigma := c.misplaced(m, r)
	turn, forth := heading*math.Pi/180, -p.app.lagS*m.speed
	at = offset(at, east+right*math.Cos(turn)+forth*math.Sin(turn), north-right*math.Sin(turn)+forth*math.Cos(turn))
	e := wire.Event{
		Time: m.at.Add(p.clock).UTC().Truncate(time.Millisecond), Lat: round(at.Lat(), 7), Lon: round(at.Lon(), 7),
		AccuracyM: round(math.Min(99, math.Max(1.5, sigma*1.5*p.accuracy)), 1), SpeedMPS: round(math.Max(0.3, m.speed+0.3*r.NormFloat64()), 2),
	}
	if !p.app.headless && (m.speed > 1 || r.Float64() < 0.3) {
		h := math.Mod(heading+6*r.NormFloat64()+720, 360)
		e.HeadingDeg = &h
	}
	e.ID = p.name(e.Time)
	return e
}

// name makes an event's id.
func (p *phone) name(at time.Time) string {
	return ulid.MustNew(ulid.Timestamp(at), randomBytes{p.entropy}).String()
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

// near is the position moved by so many metres in any direction.
func near(e *wire.Event, metres float64, r *rand.Rand) {
	p := offset([2]float64{e.Lon, e.Lat}, metres*r.NormFloat64(), metres*r.NormFloat64())
	e.Lon, e.Lat = round(p.Lon(), 7), round(p.Lat(), 7)
}
