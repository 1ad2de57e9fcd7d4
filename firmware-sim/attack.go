package firmwaresim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// jolts an attacker sends for one invention in all, and over how many days.
const (
	leastLies, mostLies = 5, 14
	lieDays             = 6
)

// lie sends the day's jolts of invented potholes: waveforms of real ones, from devices that drive real trips as well, at
// speeds and hours of real traffic, a few a day.
func (c *City) lie(day int) []Sent {
	var attackers []*driver
	for _, d := range c.drivers {
		if d.role == "attacker" {
			attackers = append(attackers, d)
		}
	}
	if len(attackers) == 0 || len(c.loot) < 5 {
		return nil
	}
	var sent []Sent
	morning := c.options.Begin.AddDate(0, 0, day)
	for n, inv := range c.truth.Inventions {
		r := c.options.stream(purposeAttack, uint64(1000+n))
		lies := leastLies + r.IntN(mostLies-leastLies+1)
		order := r.Perm(len(attackers))
		for k := range lies {
			at := inv.From.Add(time.Duration(r.Float64() * lieDays * 24 * float64(time.Hour)))
			at = at.Truncate(24 * time.Hour).Add(time.Duration((7 + 13*r.Float64()) * float64(time.Hour)))
			if at.Before(morning) || !at.Before(morning.AddDate(0, 0, 1)) {
				continue
			}
			own := c.options.stream(purposeAttack, uint64(1_000_000+n*1000+k))
			sent = append(sent, c.invent(inv, attackers[order[k%len(order)]], at, own))
		}
	}
	return sent
}

// invent makes one false jolt.
func (c *City) invent(inv *Invention, d *driver, at time.Time, r *rand.Rand) Sent {
	inv.felt = true
	copied := c.loot[r.IntN(len(c.loot))]
	sigma := c.gpsM
	m := encounter{d: d, edge: inv.edge, along: inv.along, at: at, speed: copied.SpeedMPS * (0.95 + 0.1*r.Float64()),
		fix: fix{sigma * r.NormFloat64(), sigma * r.NormFloat64(), 0.5 * sigma, 0, sigma}}
	p := d.phones[0]
	e := c.event(m, p, r)
	scale := 0.85 + 0.3*r.Float64()
	e.Kind, e.PeakG, e.DurationS, e.RateHz = wire.Bump, copied.PeakG*scale, copied.DurationS, copied.RateHz
	if !p.silent {
		e.WaveG = slices.Clone(copied.WaveG)
		for i := range e.WaveG {
			e.WaveG[i] = e.WaveG[i]*float32(scale) + float32(0.01*r.NormFloat64())
		}
	}
	return Sent{Line: wire.Line{Device: p.id, Event: e}, Deliver: at.Add(time.Duration(1+r.IntN(30)) * time.Minute),
		Cause: Cause{p.id, e.ID, "invention", "nothing"}}
}
