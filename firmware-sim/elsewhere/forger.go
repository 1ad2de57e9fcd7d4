package elsewhere

import (
	"math"
	"math/rand/v2"
	"slices"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// inventions is how many potholes the attacker makes up.
const inventions = 40

// forger is the attacker: his devices are driven about and report truly, and besides report jolts where no road causes any, with
// waveforms that others sent of real potholes.
type forger struct {
	lies   []*fiction
	stolen []wire.Event // jolts of potholes with waveforms
	seen   int
	r      *rand.Rand
}

// fiction is a pothole that is made up, and who says so when.
type fiction struct {
	tag
	truth *firmwaresim.Invention
	plan  []saying
}

type saying struct {
	d  *driver
	at float64 // s since the beginning
}

func newForger(c *City, r *rand.Rand) *forger {
	f := &forger{r: rand.New(rand.NewPCG(r.Uint64(), 9))}
	team := slices.Clone(c.drivers)
	team = slices.DeleteFunc(team, func(d *driver) bool { return d.kind != "attacker" })
	bursts := []float64{float64(2+r.IntN(4)) * daySeconds, float64(8+r.IntN(4)) * daySeconds, float64(14+r.IntN(4)) * daySeconds}
	turn := 0
	for range inventions {
		l := &fiction{tag: c.secluded(r)}
		at, heading := c.net.at(l.lane, l.along)
		at.x += beside * math.Cos(heading)
		at.y -= beside * math.Sin(heading)
		l.truth = &firmwaresim.Invention{HeadingDeg: bearing(heading), Adversary: "inventor"}
		l.truth.Lat, l.truth.Lon = c.ch.degrees(at)
		first, lasts := 1+13*r.Float64(), 2+4*r.Float64() // days
		if c.ch.style == patient {
			first, lasts = 8.5+7*r.Float64(), 2+3*r.Float64()
		}
		burst := bursts[r.IntN(len(bursts))]
		begins := burst + 3600*(9+9*r.Float64())
		for k := range 6 + r.IntN(4) {
			s := saying{d: team[turn%len(team)], at: daySeconds*math.Floor(first+lasts*r.Float64()) + 3600*(7+14*r.Float64())}
			if turn++; turn%len(team) == 0 {
				r.Shuffle(len(team), func(i, j int) { team[i], team[j] = team[j], team[i] })
			}
			if c.ch.style == lazy {
				s.at = begins + 1800*r.Float64() + 60*float64(k)
			}
			l.plan = append(l.plan, s)
		}
		f.lies = append(f.lies, l)
	}
	return f
}

// secluded finds a place for an invention: mostly in a quiet street, and away from what is there.
func (c *City) secluded(r *rand.Rand) tag {
	for {
		i := r.IntN(len(c.net.streets))
		s := &c.net.streets[i]
		if s.rank != quiet && r.Float64() > 0.25 {
			continue
		}
		t := tag{2*i + r.IntN(2), 15 + max(0, s.length-30)*r.Float64()}
		lone := !slices.ContainsFunc(c.forgedAt, func(o tag) bool { return o.lane/2 == i })
		if lone && !c.crowded(t.lane, t.along, 30) {
			c.forgedAt = append(c.forgedAt, t)
			return t
		}
	}
}

// steal remembers some of the potholes' waveforms.
func (f *forger) steal(e *wire.Event) {
	const keeps = 400
	if f.seen++; len(f.stolen) < keeps {
		f.stolen = append(f.stolen, *e)
	} else if k := f.r.IntN(f.seen); k < keeps {
		f.stolen[k] = *e
	}
}

// forge sends the day's lies.
func (f *forger) forge(c *City, day int) {
	said := map[*driver][]float64{}
	for _, l := range f.lies {
		for _, s := range l.plan {
			if int(s.at/daySeconds) != day || len(f.stolen) == 0 {
				continue
			}
			at := s.at
			for try := 0; try < 30 && c.ch.style != lazy; try++ { // when it could have been there
				clash := slices.ContainsFunc(said[s.d], func(o float64) bool { return math.Abs(at-o) < 1200 })
				if !clash && !s.d.drives(at, 600) {
					break
				}
				at = daySeconds*float64(day) + 3600*(7+14*f.r.Float64())
			}
			said[s.d] = append(said[s.d], at)
			f.say(c, l, s.d, at)
		}
	}
}

// say sends a jolt at an invention, and as its device may be asked, smooth passes nearby.
func (f *forger) say(c *City, l *fiction, d *driver, at float64) {
	j := &journey{c: c, d: d, lane: l.lane, began: at, in: 6, out: 6, pace: 1}
	j.cruise = c.net.streets[l.lane/2].limit * (0.7 + 0.3*f.r.Float64())
	p := &listening{phone: d.phones[0], fix: newReceiver(c.ch.gps*d.phones[0].bad, f.r)}
	source := &f.stolen[f.r.IntN(len(f.stolen))]
	for try := 0; try < 40 && (source.RateHz < p.app.rateHz || math.Abs(source.SpeedMPS-j.cruise) > 3); try++ {
		source = &f.stolen[f.r.IntN(len(f.stolen))]
	}
	forged := f.copied(source, p.phone)
	p.felt = append(p.felt, l.along)
	j.tell(p, wire.Bump, j.time(l.along), l.along, j.speed(l.along), &forged, firmwaresim.Cause{Cause: "invention", Class: "nothing"})
	for _, s := range c.watch.on[l.lane] {
		j.answer(p, s)
	}
	if l.truth.Devices == nil {
		l.truth.From = instant(at)
		c.made = append(c.made, l.truth)
	}
	if at := instant(at); at.Before(l.truth.From) {
		l.truth.From = at
	}
	if !slices.Contains(l.truth.Devices, p.id) {
		l.truth.Devices = append(l.truth.Devices, p.id)
	}
}

// copied is a stolen waveform as another phone might have recorded it.
func (f *forger) copied(e *wire.Event, p *phone) jolt {
	r := f.r
	loud, fast, noise := math.Exp(0.15*r.NormFloat64()), 1+0.04*r.NormFloat64(), 0.006+0.015*r.Float64()
	before, n := int(0.6*p.app.rateHz), int(0.6*p.app.rateHz)+int(1.4*p.app.rateHz)
	window := make([]float64, n)
	for i := range window {
		x := 0.6*e.RateHz + float64(i-before)/p.app.rateHz*e.RateHz*fast
		k := max(0, min(len(e.WaveG)-2, int(x)))
		t := max(0, min(1, x-float64(k)))
		window[i] = loud*((1-t)*float64(e.WaveG[k])+t*float64(e.WaveG[k+1])) + noise*r.NormFloat64()
	}
	return p.app.cut(window, 0)
}
