package elsewhere

import (
	"math"
	"math/rand/v2"
	"slices"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// listening is a phone on a trip.
type listening struct {
	*phone
	fix  receiver
	deaf float64   // until when its app hears nothing after a jolt, s
	felt []float64 // where along the lane
}

// journey is a car under way.
type journey struct {
	c      *City
	d      *driver
	phones []*listening
	pace   float64
	lane   int
	began  float64 // s, when it entered the lane
	in     float64 // speeds at the lane's ends and between them, m/s
	cruise float64
	out    float64
}

// trip drives from one crossing to another and returns when it arrives. Times are seconds since the beginning.
func (d *driver) trip(c *City, from, to int, start float64) float64 {
	lanes := d.choose(c, from, to)
	if len(lanes) == 0 {
		return start
	}
	j := &journey{c: c, d: d, pace: d.tempo * (1 + 0.06*d.r.NormFloat64()), began: start, out: 3}
	for _, p := range d.phones {
		if p.kind == "attacker" || d.r.Float64() < 0.93 { // else it is off
			j.phones = append(j.phones, &listening{phone: p, fix: newReceiver(c.ch.gps*p.bad, d.r)})
		}
	}
	for i, lane := range lanes {
		j.enter(lane, i == len(lanes)-1)
		j.pass()
		j.began += c.net.streets[lane/2].length / j.mean()
	}
	d.busy = append(d.busy, [2]float64{start, j.began})
	return j.began
}

// enter takes the car into a lane.
func (j *journey) enter(lane int, last bool) {
	s, r := &j.c.net.streets[lane/2], j.d.r
	hour := math.Mod(j.began/3600, 24)
	jam := 1 - 0.25*math.Exp(-square((hour-8)/1.2)) - 0.25*math.Exp(-square((hour-17.3)/1.5))
	j.lane, j.in = lane, j.out
	j.cruise = max(3, s.limit*j.pace*jam*(1+0.05*r.NormFloat64()))
	j.out = j.cruise * (0.35 + 0.6*r.Float64())
	if last {
		j.out = 2
	}
}

// mean is the speed at which the lane takes as long as it does, about.
func (j *journey) mean() float64 { return (j.in + j.out + 6*j.cruise) / 8 }

// speed is how fast the car is at a point of the lane.
func (j *journey) speed(along float64) float64 {
	const pull = 1.4 // m/s²
	length := j.c.net.streets[j.lane/2].length
	return max(1.5, min(j.cruise, math.Sqrt(j.in*j.in+2*pull*along), math.Sqrt(j.out*j.out+2*pull*max(0, length-along))))
}

func (j *journey) time(along float64) float64 { return j.began + along/j.mean() }

// pass meets all that is in the lane.
func (j *journey) pass() {
	for _, p := range j.phones {
		p.felt = p.felt[:0]
	}
	s, r := &j.c.net.streets[j.lane/2], j.d.r
	for _, l := range j.c.lies[j.lane] {
		if l.t.there(j.time(l.along) / daySeconds) {
			j.meet(l)
		}
	}
	if s.worn && r.Float64() < 0.5 {
		along := s.length * r.Float64()
		j.shake(nil, 1, along, j.speed(along), 0, firmwaresim.Cause{Cause: "worn", Class: "nothing"})
	}
	for _, p := range j.phones {
		j.inside(p)
	}
	j.stumble()
	for _, spot := range j.c.watch.on[j.lane] {
		for _, p := range j.phones {
			j.answer(p, spot)
		}
	}
}

// meet passes a thing, whose wheels or not meet it.
func (j *journey) meet(l lie) {
	t, r := l.t, j.d.r
	if honest := j.d.kind != "attacker" && j.d.kind != "vandal"; honest && len(j.phones) > 0 {
		t.trips[j.d.number]++
	}
	speed := j.speed(l.along)
	if t.face.Class == "speed_bump" {
		speed = min(speed, max(2.5, 5.5+1.5*fixed(t.seed, j.d.number, 1)+0.6*r.NormFloat64()))
	}
	shy := 0.0
	if t.face.Class == "pothole" {
		shy = j.c.ch.shy * (t.face.SizeM - 0.1) / 0.03
	}
	if r.Float64() > expit(t.hit-shy+0.7*fixed(t.seed, j.d.number, 0)) {
		return
	}
	scale := t.grown(j.time(l.along) / daySeconds)
	if t.side != 0 { // not always across its middle
		scale *= 0.45 + 0.55*math.Sqrt(r.Float64())
	}
	scale *= 1 + 0.06*r.NormFloat64()
	j.shake(t.shape, scale, l.along, speed, t.side, firmwaresim.Cause{Cause: t.face.ID, Class: t.face.Class})
}

// shake lets the phones feel a shape.
func (j *journey) shake(shape []float64, scale, along, speed, side float64, why firmwaresim.Cause) {
	if len(j.phones) == 0 {
		return
	}
	c := j.c
	c.shaking.ride(&j.d.car, shape, scale, c.road, c.net.streets[j.lane/2].rough, speed, j.d.r)
	for _, p := range j.phones {
		found, ok := p.listen(&c.shaking, side)
		if !ok {
			continue
		}
		where := along + (found.at-lead)*speed
		if j.d.kind == "vandal" && why.Class == "pothole" && p.r.Float64() < 0.9 {
			p.felt = append(p.felt, along)
			j.tell(p, wire.Pass, j.time(where), where, speed, nil, firmwaresim.Cause{Cause: "pass " + why.Cause, Class: "nothing"})
			continue
		}
		j.feel(p, found, where, speed, why)
	}
}

// feel sends a jolt, unless the app is still deaf from the last one.
func (j *journey) feel(p *listening, found jolt, along, speed float64, why firmwaresim.Cause) {
	at := j.time(along)
	if math.Abs(at-p.deaf) < p.app.dead {
		return
	}
	p.deaf = at
	p.felt = append(p.felt, along)
	j.tell(p, wire.Bump, at, along, speed, &found, why)
}

// answer sends a smooth pass of a watched spot at which the phone felt nothing.
func (j *journey) answer(p *listening, s spot) {
	if p.r.Float64() >= p.app.answers || p.kind == "attacker" && s.what == "watch" && j.c.forged(j.lane, s.along) {
		return
	}
	for _, along := range p.felt {
		if math.Abs(along-s.along) < 25 {
			return
		}
	}
	j.tell(p, wire.Pass, j.time(s.along), s.along, j.speed(s.along), nil, firmwaresim.Cause{Cause: "pass " + s.what, Class: "nothing"})
}

// tell sends an event from where the phone believes to be.
func (j *journey) tell(p *listening, kind wire.Kind, at, along, speed float64, found *jolt, why firmwaresim.Cause) {
	s := &j.c.net.streets[j.lane/2]
	wrong, sigma := p.fix.error(at, s.canyon)
	pos, heading := j.c.net.at(j.lane, min(s.length, max(0, along-p.app.ageS*speed)))
	pos.x += wrong.x + beside*math.Cos(heading)
	pos.y += wrong.y - beside*math.Sin(heading)
	e := j.c.event(p.phone, kind, at, pos, heading, speed, p.r)
	e.AccuracyM = rounded(min(95, max(1, 1.1*sigma*p.app.modesty*(0.8+0.4*p.r.Float64()))), 1)
	if found != nil {
		found.into(p.app, &e)
	}
	j.c.send(p.phone, e, why, tag{j.lane, along})
}

// forged says whether the attacker has made something up at a point of a lane.
func (c *City) forged(lane int, along float64) bool {
	return slices.ContainsFunc(c.forgedAt, func(t tag) bool { return t.lane == lane && math.Abs(t.along-along) < 40 })
}

// event is what every event says.
func (c *City) event(p *phone, kind wire.Kind, at float64, pos point, heading, speed float64, r *rand.Rand) wire.Event {
	lat, lon := c.ch.degrees(pos)
	e := wire.Event{ID: p.name(at), Kind: kind, Time: instant(at + p.clock), Lat: rounded(lat, p.app.digits), Lon: rounded(lon, p.app.digits),
		SpeedMPS: rounded(max(0.2, speed*(1+0.02*r.NormFloat64())+0.2*r.NormFloat64()), 2)}
	if !p.app.headless && speed > 0.8 {
		h := rounded(bearing(heading+0.08*r.NormFloat64()), 1)
		e.HeadingDeg = &h
	}
	return e
}

// into writes a jolt into its event.
func (j *jolt) into(a *app, e *wire.Event) {
	e.PeakG, e.DurationS, e.RateHz, e.WaveG = rounded(j.peak, 3), rounded(j.duration, 3), a.rateHz, j.wave
}

// bearing is a heading in degrees from 0 to 360.
func bearing(radians float64) float64 {
	return math.Mod(radians*180/math.Pi+720, 360)
}
