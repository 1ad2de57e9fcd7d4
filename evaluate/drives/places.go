package drives

import (
	"math"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// Places are what several trips over the same road come to together.
type Places struct {
	Holes, Found int // potholes of at least 30 mm; those near a place that enough trips felt
	Felt, Right  int // such places; those near an object of any kind
}

const (
	tripsOfOne = 5    // over one road
	enough     = 2    // trips that feel a place
	nearM      = 15.0 // from a place's middle, of events and objects
)

// Recall is the share of potholes that are found; Precision that of places where something is.
func (p Places) Recall() float64    { return share(p.Found, p.Holes) }
func (p Places) Precision() float64 { return share(p.Right, p.Felt) }

type point struct{ lat, lon float64 }

func (p point) metres(q point) float64 {
	return detector.Metres(detector.Fix{Lat: p.lat, Lon: p.lon}, detector.Fix{Lat: q.lat, Lon: q.lon})
}

// gather finds the places of one road's trips. Every event is placed as our own events are, by whichever method it was heard.
func gather(trips []*firmwaresim.Drive, events [][]Felt) Places {
	type place struct {
		point
		n     float64
		trips map[int]bool
	}
	var places []*place
	for trip, d := range trips {
		for _, at := range placed(d, events[trip]) {
			var near *place
			for _, p := range places {
				if m := p.metres(at); m <= nearM && (near == nil || m < near.metres(at)) {
					near = p
				}
			}
			if near == nil {
				near = &place{point: at, trips: map[int]bool{}}
				places = append(places, near)
			}
			near.n++
			near.lat += (at.lat - near.lat) / near.n
			near.lon += (at.lon - near.lon) / near.n
			near.trips[trip] = true
		}
	}
	var c Places
	objects := map[point]firmwaresim.Met{}
	for _, d := range trips[:1] {
		for _, m := range d.Met {
			objects[point{m.Lat, m.Lon}] = m
		}
	}
	found := map[point]bool{}
	for _, p := range places {
		if len(p.trips) < enough {
			continue
		}
		c.Felt++
		right := false
		for o := range objects {
			if p.metres(o) <= nearM {
				right, found[o] = true, true
			}
		}
		if right {
			c.Right++
		}
	}
	for o, m := range objects {
		if m.Class != "pothole" || m.SizeM < deepM {
			continue
		}
		c.Holes++
		if found[o] {
			c.Found++
		}
	}
	return c
}

// placed is where a drive's events stand.
func placed(d *firmwaresim.Drive, events []Felt) []point {
	p := detector.Standard()
	track := detector.Track{LatencyS: p.FixLatencyS, AheadM: p.AheadM}
	var out []point
	i := 0
	last := point{}
	for _, e := range events {
		for ; i < len(d.Samples) && d.Samples[i].T < e.At+1.5; i++ {
			s := d.Samples[i]
			if at := (point{s.Lat, s.Lon}); at != last && !math.IsNaN(s.Lat) {
				track.Add(detector.Fix{T: s.T, Lat: s.Lat, Lon: s.Lon, Speed: s.SpeedMPS, Heading: math.NaN(), AcM: s.AccuracyM})
				last = at
			}
		}
		if at := track.Place(e.At); !math.IsNaN(at.Lat) {
			out = append(out, point{at.Lat, at.Lon})
		}
	}
	return out
}
