package firmwaresim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// jolts an inventor sends for one invention in all.
const leastLies, mostLies = 5, 14

// plotStyle is how a city's inventor goes about it.
type plotStyle struct {
	patient  bool    // reports only truths for a third of the days
	bursts   bool    // all lies about a place within some hours
	own      bool    // waveforms from own recordings that were never sent before
	verbatim float64 // share of copied waveforms that are sent as they are
	shifted  float64 // share that begin some samples earlier or later
	sampled  bool    // brings a copy to the device's own rate
	nearM    float64 // how far from the invented place its reports are, times a trip's honest error
	quiet    float64 // how much likelier a quiet street is
}

func newPlotStyle(r *rand.Rand) plotStyle {
	return plotStyle{patient: r.Float64() < 0.4, bursts: r.Float64() < 0.3, own: r.Float64() < 0.3, verbatim: 0.5 * r.Float64() * r.Float64(),
		shifted: 0.5 * r.Float64(), sampled: r.Float64() < 0.5, nearM: 0.6 + 0.4*r.Float64(), quiet: 4 + 8*r.Float64()}
}

// lie is a false jolt that is planned.
type lie struct {
	inv *Invention
	d   *driver
	at  time.Time
	n   uint64
}

// scheme makes up the inventor's potholes and plans what is said of them.
func (c *City) scheme() {
	var inventors []*driver
	for _, d := range c.drivers {
		if d.role == "attacker" {
			inventors = append(inventors, d)
		}
	}
	if len(inventors) == 0 {
		return
	}
	r := c.options.stream(purposeAttack, 0)
	all := float64(c.options.Days)
	first, span := 0.1*all, math.Max(0.25*all, 1)
	if c.plot.patient {
		first = 0.33 * all
	}
	for n := range c.options.Inventions {
		edge, along := c.quietSpot(r)
		from := c.options.Begin.Add(time.Duration((first + r.Float64()*math.Max(all-span-first, 0)) * 24 * float64(time.Hour)))
		inv := c.invention(edge, along, from, "inventor", nil)
		own := c.options.stream(purposeAttack, uint64(1000+n))
		order := own.Perm(len(inventors))
		for k := range leastLies + own.IntN(mostLies-leastLies+1) {
			at := from.Add(time.Duration(own.Float64() * span * 24 * float64(time.Hour)))
			if c.plot.bursts {
				at = from.Add(time.Duration(own.Float64() * 4 * float64(time.Hour)))
			}
			at = at.Truncate(24 * time.Hour).Add(time.Duration((7 + 13*own.Float64()) * float64(time.Hour)))
			if c.plot.bursts {
				at = from.Truncate(24 * time.Hour).Add(time.Duration((8 + 10*float64(n%7)/7 + 2*own.Float64()) * float64(time.Hour)))
			}
			if at.Before(inv.From) {
				inv.From = at
			}
			d := inventors[order[k%len(order)]]
			day := int(at.Sub(c.options.Begin).Hours() / 24)
			c.plots[day] = append(c.plots[day], lie{inv, d, at, uint64(1_000_000 + n*1000 + k)})
			if id := d.phones[0].id; !slices.Contains(inv.Devices, id) {
				inv.Devices = append(inv.Devices, id)
			}
		}
	}
}

// quietSpot is a place, mostly on a quiet street, that is no pothole.
func (c *City) quietSpot(r *rand.Rand) (spot int, along float64) {
	for {
		spot = c.pick(r, func(x *edge) float64 {
			if x.rank > 1 {
				return 1 / c.plot.quiet
			}
			return 1
		})
		e := &c.grid.edges[spot]
		along = 12 + r.Float64()*(e.length-24)
		free := true
		for _, o := range c.onEdge[spot] {
			free = free && (o.Class != "pothole" || math.Abs(o.along-along) > 30)
		}
		if free {
			return spot, along
		}
	}
}

// invention adds a place of which an adversary reports jolts.
func (c *City) invention(edge int, along float64, from time.Time, adversary string, by []*driver) *Invention {
	e := &c.grid.edges[edge]
	p, heading := e.at(along)
	p = geo.Destination(p, heading+90, e.lane(0))
	inv := &Invention{Lat: p.Lat(), Lon: p.Lon(), HeadingDeg: heading, From: from, Adversary: adversary, edge: edge, along: along}
	for _, d := range by {
		inv.Devices = append(inv.Devices, d.phones[0].id)
	}
	c.truth.Inventions = append(c.truth.Inventions, inv)
	c.invents[edge] = append(c.invents[edge], inv)
	return inv
}

// remember keeps some honest jolts of potholes for the inventor to copy.
func (c *City) remember(e wire.Event, r *rand.Rand) {
	const most = 400
	c.looted++
	if len(c.loot) < most {
		c.loot = append(c.loot, e)
	} else if k := r.IntN(c.looted); k < most {
		c.loot[k] = e
	}
}

// lies are the day's jolts of invented potholes, at speeds and hours of real traffic.
func (c *City) lies(day int) []Sent {
	var sent []Sent
	for _, l := range c.plots[day] {
		r := c.options.stream(purposeAttack, l.n)
		e, ok := c.falsehood(l, r)
		if !ok {
			continue
		}
		l.inv.felt = true
		s := l.d.phones[0].send(e, Cause{Cause: "invention", Class: "nothing"})
		s.Deliver = s.from.arrival(l.at.Add(time.Duration(r.IntN(15*60))*time.Second), c.late, r)
		sent = append(sent, s)
	}
	delete(c.plots, day)
	return sent
}

// falsehood makes one false jolt, from an own recording or from one that somebody else has sent.
func (c *City) falsehood(l lie, r *rand.Rand) (wire.Event, bool) {
	p := l.d.phones[0]
	m := encounter{d: l.d, edge: l.inv.edge, along: l.inv.along, at: l.at, fix: c.newFix(r)}
	m.fix = fix{m.fix.east * c.plot.nearM, m.fix.north * c.plot.nearM, m.fix.noise * c.plot.nearM, m.fix.sigma}
	if c.plot.own || len(c.loot) < 5 {
		return c.recorded(m, p, r)
	}
	loot := c.loot[r.IntN(len(c.loot))]
	m.speed = loot.SpeedMPS * (0.95 + 0.1*r.Float64())
	e := c.event(m, p, r)
	e.Kind, e.PeakG, e.DurationS, e.RateHz, e.WaveG = wire.Bump, loot.PeakG, loot.DurationS, loot.RateHz, slices.Clone(loot.WaveG)
	if r.Float64() >= c.plot.verbatim {
		c.disguise(&e, p, r)
	}
	if p.silent {
		e.WaveG = nil
	}
	return e, true
}

// recorded is a jolt of a pothole elsewhere, felt by the inventor's own phone.
func (c *City) recorded(m encounter, p *phone, r *rand.Rand) (wire.Event, bool) {
	for range 12 {
		o := &Object{Class: "pothole", side: r.IntN(2), From: c.options.Begin, met: map[int]int{}}
		c.shape(o, r)
		o.begins = 1
		m.speed = 5 + 9*r.Float64()
		if jolt, ok := c.feel(m, p, situation{object: o}, r); ok {
			return c.bump(m, p, jolt, Cause{}, r).Event, true
		}
	}
	return wire.Event{}, false
}

// disguise changes a copied waveform so that it is not the same as its model.
func (c *City) disguise(e *wire.Event, p *phone, r *rand.Rand) {
	scale := 0.8 + 0.4*r.Float64()
	if c.plot.sampled && p.mount.rate != e.RateHz {
		e.WaveG, e.RateHz = resample(e.WaveG, e.RateHz, p.mount.rate), p.mount.rate
	}
	if r.Float64() < c.plot.shifted {
		shift(e.WaveG, int(e.RateHz*0.05*r.NormFloat64()))
	}
	e.PeakG = 0
	for i := range e.WaveG {
		e.WaveG[i] = e.WaveG[i]*float32(scale) + float32(0.015*r.NormFloat64())
		e.PeakG = math.Max(e.PeakG, math.Abs(float64(e.WaveG[i])))
	}
	over := 0
	for _, g := range e.WaveG {
		if math.Abs(float64(g)) >= 0.3*e.PeakG {
			over++
		}
	}
	e.DurationS = float64(over) / e.RateHz
}

// resample brings a waveform to another rate.
func resample(wave []float32, from, to float64) []float32 {
	n := min(int(float64(len(wave))*to/from), wire.MaxWaveSamples)
	out := make([]float32, n)
	for i := range out {
		at := float64(i) * from / to
		k := min(int(at), len(wave)-1)
		f := float32(at - float64(k))
		out[i] = wave[k]*(1-f) + wave[min(k+1, len(wave)-1)]*f
	}
	return out
}

// shift moves a waveform by so many samples; what comes in is still.
func shift(wave []float32, by int) {
	was := slices.Clone(wave)
	for i := range wave {
		wave[i] = 0
		if k := i - by; k >= 0 && k < len(was) {
			wave[i] = was[k]
		}
	}
}
