package unseen

import (
	"math"
	"time"

	"github.com/oklog/ulid/v2"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// event is what a phone is about to send.
type event = wire.Event

// sky is the error of one phone's fixes along a trip: a bias that stays and one that wanders, metres.
type sky struct {
	sigma  float64
	bias   point
	wander point
	at     time.Time
}

func (c *City) newSky(p *phone) *sky {
	d := c.dice
	s := &sky{sigma: c.traits.gpsM * p.fixes * d.around(1, 0.25) / math.Sqrt2}
	s.bias, s.wander = point{0.65 * d.NormFloat64(), 0.65 * d.NormFloat64()}, point{d.NormFloat64(), d.NormFloat64()}
	return s
}

// next is the error at a time, under that much of a canyon, metres.
func (s *sky) next(d dice, at time.Time, canyon float64) (e point, sigma float64) {
	const memory = 25.0 // seconds
	keep := math.Exp(-max(0, at.Sub(s.at).Seconds()) / memory)
	fresh := math.Sqrt(1 - keep*keep)
	s.wander, s.at = point{keep*s.wander.e + fresh*d.NormFloat64(), keep*s.wander.n + fresh*d.NormFloat64()}, at
	sigma = s.sigma * canyon
	return point{sigma * (s.bias.e + 0.7*s.wander.e + 0.2*d.NormFloat64()), sigma * (s.bias.n + 0.7*s.wander.n + 0.2*d.NormFloat64())}, sigma
}

// located is an event of phone i of a car that is that many seconds further on.
func (c *City) located(m *pass, i int, laterS float64) event {
	d, p, r := c.dice, m.v.phones[i], &c.streets.roads[m.k]
	speed := m.pace.at(m.along)
	at := m.at.Add(time.Duration(laterS * float64(time.Second)))
	off, sigma := m.sky[i].next(d, at, r.canyon)
	age := p.app.ageS + d.between(0, 0.3)
	where := r.at(m.along+(laterS-age)*speed, m.right)
	return c.fixed(p, point{where.e + off.e, where.n + off.n}, sigma, speed, r.heading, at)
}

// fixed is an event at a measured position.
func (c *City) fixed(p *phone, where point, sigma, speed, heading float64, at time.Time) event {
	d := c.dice
	lat, lon := c.streets.latLon(where)
	e := event{
		Time: at.Add(p.drift).UTC().Truncate(time.Millisecond), Lat: round(lat, 7), Lon: round(lon, 7),
		AccuracyM: round(clamp(1.7*sigma*p.app.honesty*d.around(1, 0.2), 1, 95), 1), SpeedMPS: round(max(0, speed+0.35*d.NormFloat64()), 2),
	}
	if !p.app.headless && (speed > 1.5 || d.chance(0.3)) {
		h := round(math.Mod(heading+5*d.NormFloat64()+720, 360), 1)
		e.HeadingDeg = &h
	}
	e.ID = ulid.MustNew(ulid.Timestamp(e.Time), d).String()
	return e
}

// jolted is the event of a jolt.
func (c *City) jolted(m *pass, i int, j jolt, laterS float64) event {
	d, p := c.dice, m.v.phones[i]
	e := c.located(m, i, laterS)
	e.Kind, e.PeakG, e.DurationS, e.RateHz, e.WaveG = wire.Bump, j.peak, j.duration, j.rate, j.wave
	p.busyTill = m.at.Add(time.Duration((laterS + p.app.deadS) * float64(time.Second)))
	m.felt[i] = append(m.felt[i], m.along)
	if d.chance(0.95) {
		c.watch.report(m.k, m.along+0.5*c.traits.gpsM*d.NormFloat64())
	}
	return e
}

// passEvent is the event of a smooth pass of a place that many metres further on.
func (c *City) passEvent(m *pass, i int, further float64) event {
	e := c.located(m, i, further/m.pace.at(m.along))
	e.Kind = wire.Pass
	return e
}

// deliver sends an event on its way and returns it, or nil where it is lost.
func (c *City) deliver(p *phone, e event, at time.Time, late time.Duration, why firmwaresim.Cause) *firmwaresim.Sent {
	d := c.dice
	if d.chance(c.traits.lossShare) {
		return nil
	}
	why.Device, why.ID = p.id, e.ID
	wait := d.around(4, 0.9)
	if d.chance(0.01) {
		wait = d.between(60, 1800)
	}
	s := firmwaresim.Sent{Line: wire.Line{Device: p.id, Event: e}, Cause: why}
	s.Deliver = at.Add(late + time.Duration((1+wait)*float64(time.Second)))
	c.today = append(c.today, s)
	if d.chance(p.repeats) {
		again := s
		again.Deliver = s.Deliver.Add(time.Duration(d.around(60, 1.5) * float64(time.Second)))
		c.today = append(c.today, again)
	}
	return &s
}
