package unit

import (
	"math"
	"slices"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// Watched is a place that passing phones are asked about.
type Watched struct {
	ID         string
	Lat, Lon   float64
	HeadingDeg float64
	RadiusM    float64
}

// What counts as a smooth pass.
const (
	sameWayDeg  = 45.0  // in the direction that is asked about
	slowestMPS  = 3.0   // a crawling car feels nothing
	worstPassM  = 20.0  // accuracy of the fixes
	aroundS     = 1.5   // a jolt so long before or after is of the place: fixes lag, and both axles give one
	judgedS     = 4.0   // after leaving: by then the detector has handed over what it felt
	answersM    = 300.0 // between two answers, m: nobody's way can be told from them
	mostWatched = 4000
)

// passage is a watched place being passed.
type passage struct {
	Watched
	inside        bool
	entered, left float64 // s
	nearest       float64 // m
	at            float64 // s, when nearest
	where         detector.Place
	drivenM       float64
	spoilt        bool // it cannot be answered for
}

// watch is what is asked about, and what of it is being passed.
type watch struct {
	lists    map[string][]Watched
	passing  []passage
	answered float64 // m driven at the last answer
}

func newWatch() watch { return watch{lists: map[string][]Watched{}, answered: math.Inf(-1)} }

func (w *watch) set(region string, places []Watched) {
	if len(places) > mostWatched {
		places = places[:mostWatched]
	}
	w.lists[region] = places
}

// pass looks which places the way from one fix to the next enters and leaves.
func (w *watch) pass(d *Drive, a, b detector.Fix) {
	good := b.T-a.T <= speedS && a.AcM <= worstPassM && b.AcM <= worstPassM
	heading := direction(a, b)
	for i := range w.passing {
		p := &w.passing[i]
		if !p.inside {
			continue
		}
		p.spoilt = p.spoilt || !good
		if metres, share := distance(&p.Watched, a, b); metres < p.nearest {
			p.near(d, metres, share, a, b)
		}
		if detector.Metres(detector.Fix{Lat: p.Lat, Lon: p.Lon}, b) > p.RadiusM {
			p.inside, p.left = false, b.T
		}
	}
	for _, list := range w.lists {
		for _, x := range list {
			metres, share := distance(&x, a, b)
			if metres > x.RadiusM || turned(heading, x.HeadingDeg) > sameWayDeg || w.passes(x.ID) {
				continue
			}
			p := passage{Watched: x, inside: true, entered: a.T, spoilt: !good}
			p.near(d, metres, share, a, b)
			if detector.Metres(detector.Fix{Lat: x.Lat, Lon: x.Lon}, a) < x.RadiusM {
				p.spoilt = true // the drive, or the list, began inside
			}
			if detector.Metres(detector.Fix{Lat: x.Lat, Lon: x.Lon}, b) > x.RadiusM {
				p.inside, p.left = false, b.T
			}
			w.passing = append(w.passing, p)
		}
	}
}

// near notes that the way from a to b comes nearer to the place than before, at a share of it.
func (p *passage) near(d *Drive, metres, share float64, a, b detector.Fix) {
	p.nearest, p.drivenM = metres, d.drivenM
	p.at = a.T + share*(b.T-a.T) - d.track.LatencyS
	p.where = detector.Place{Lat: a.Lat + share*(b.Lat-a.Lat), Lon: a.Lon + share*math.Remainder(b.Lon-a.Lon, 360),
		AcM: math.Max(a.AcM, b.AcM), Speed: d.speed(b.T), Heading: direction(a, b)}
	if b.Speed >= 0 { // false for NaN
		p.where.Speed = b.Speed
	}
}

func (w *watch) passes(id string) bool {
	return slices.ContainsFunc(w.passing, func(p passage) bool { return p.ID == id })
}

// answer answers for the places that were left some seconds ago, where nothing was felt.
func (d *Drive) answer() {
	w := &d.watch
	if len(w.passing) == 0 {
		return
	}
	w.passing = slices.DeleteFunc(w.passing, func(p passage) bool {
		if p.inside {
			return d.now-p.entered > 300 // it parked there
		}
		if d.now-p.left < judgedS || d.detector.Waiting() {
			return false
		}
		d.answerFor(p)
		return true
	})
}

func (d *Drive) answerFor(p passage) {
	felt := slices.ContainsFunc(d.jolts, func(at float64) bool { return at > p.entered-aroundS && at < p.left+aroundS })
	if felt || p.spoilt || d.mount.looseTo > p.entered || d.mount.gap > p.entered || !sendable(p.where) ||
		p.where.Speed < slowestMPS || p.drivenM-d.watch.answered < answersM {
		return
	}
	d.watch.answered = p.drivenM
	d.hold(Event{At: p.at, Where: p.where, Watch: p.ID})
}
