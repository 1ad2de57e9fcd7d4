package evaluate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/paulmach/orb"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Rules of scoring.
const (
	nearM          = 15.0 // an order this near to a pothole has found it, metres
	eligibleTrips  = 8    // a pothole counts for recall when so many honest trips passed it
	eligibleDevice = 4    // of so many honest devices
	eligibleAge    = 24 * time.Hour
)

// Found is what a rule says is a pothole.
type Found struct {
	Lat, Lon float64
	At       time.Time
}

// Score is how well what was found fits the truth.
type Score struct {
	Found      int     `json:"found"`
	Potholes   int     `json:"potholes"`    // found orders that are a pothole, each counted once
	Precision  float64 `json:"precision"`   // Potholes / Found
	Eligible   int     `json:"eligible"`    // potholes that were there for a day and were passed often enough
	Recall     float64 `json:"recall"`      // share of the eligible that were found
	Inventions int     `json:"inventions"`  // places that the inventor made up and that were found
	Faults     int     `json:"faults"`      // places that were found though only faulty or odd vehicles jolt there
	Doubled    int     `json:"doubled"`     // further orders for a pothole that has one
	Furniture  int     `json:"furniture"`   // orders on castings, joints, rails, speed bumps
	MedianM    float64 `json:"median_m"`    // median error of a found pothole's position, metres
	MedianDays float64 `json:"median_days"` // from the first day of an eligible pothole to its order
}

// ScoreOf holds what was found against the truth at the end of the given time.
func ScoreOf(found []Found, truth firmwaresim.Truth, end time.Time) Score {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b Found) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Lat, b.Lat)) })
	s := Score{Found: len(found)}
	taken, invented := map[string]bool{}, map[*firmwaresim.Invention]bool{}
	var errors, days []float64
	for _, f := range found {
		at := orb.Point{f.Lon, f.Lat}
		o, d := nearest(truth.Objects, at, f.At)
		switch {
		case o != nil && o.Class == "pothole" && !taken[o.ID]:
			taken[o.ID] = true
			s.Potholes++
			errors = append(errors, d)
			days = append(days, f.At.Sub(o.From).Hours()/24)
			continue
		case o != nil && o.Class == "pothole":
			s.Doubled++
			continue
		case o != nil:
			s.Furniture++
		}
		for _, inv := range truth.Inventions {
			if !invented[inv] && geo.Distance(at, orb.Point{inv.Lon, inv.Lat}) <= 1.5*nearM {
				invented[inv] = true
				if inv.Adversary == "inventor" {
					s.Inventions++
				} else {
					s.Faults++
				}
				break
			}
		}
	}
	hits := 0
	for _, o := range truth.Objects {
		until := end
		if !o.To.IsZero() {
			until = o.To
		}
		if o.Class != "pothole" || o.Trips < eligibleTrips || o.Devices < eligibleDevice || until.Sub(o.From) < eligibleAge {
			continue
		}
		s.Eligible++
		if taken[o.ID] {
			hits++
		}
	}
	s.Precision, s.Recall = share(s.Potholes, s.Found), share(hits, s.Eligible)
	s.MedianM, s.MedianDays = median(errors), median(days)
	return s
}

// nearest returns the pothole near a position, or else whatever else is there.
func nearest(objects []*firmwaresim.Object, at orb.Point, when time.Time) (*firmwaresim.Object, float64) {
	var best *firmwaresim.Object
	least := math.Inf(1)
	for _, o := range objects {
		d := geo.Distance(at, orb.Point{o.Lon, o.Lat})
		if d > nearM || o.From.After(when) {
			continue
		}
		if best == nil || (o.Class == "pothole") != (best.Class == "pothole") && o.Class == "pothole" ||
			(o.Class == "pothole") == (best.Class == "pothole") && d < least {
			best, least = o, d
		}
	}
	return best, least
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[len(x)/2]
}

// Naive is the published rule: a pothole is where n different devices have felt a jolt within 15 m of each other. A jolt
// joins the nearest cluster whose mean is within that distance.
func Naive(lines []wire.Line, n int) []Found {
	type cluster struct {
		lat, lon float64
		jolts    float64
		devices  map[string]bool
		found    int // index in the result, -1: not yet
	}
	type square struct{ x, y int }
	const side = 0.0003 // degrees: 33 m
	grid := map[square][]*cluster{}
	key := func(lat, lon float64) square {
		return square{int(math.Floor(lon / side)), int(math.Floor(lat / side))}
	}
	var out []Found
	for _, l := range lines {
		if l.Kind != wire.Bump {
			continue
		}
		var best *cluster
		least := nearM
		k := key(l.Lat, l.Lon)
		for dx := -1; dx <= 1; dx++ {
			for dy := -1; dy <= 1; dy++ {
				for _, c := range grid[square{k.x + dx, k.y + dy}] {
					if d := geo.Distance(orb.Point{l.Lon, l.Lat}, orb.Point{c.lon, c.lat}); d <= least {
						best, least = c, d
					}
				}
			}
		}
		if best == nil {
			best = &cluster{lat: l.Lat, lon: l.Lon, devices: map[string]bool{}, found: -1}
			grid[k] = append(grid[k], best)
		}
		best.jolts++
		best.lat += (l.Lat - best.lat) / best.jolts
		best.lon += (l.Lon - best.lon) / best.jolts
		best.devices[l.Device] = true
		if best.found < 0 && len(best.devices) >= n {
			best.found = len(out)
			out = append(out, Found{At: l.Time})
		}
		if best.found >= 0 {
			out[best.found].Lat, out[best.found].Lon = best.lat, best.lon
		}
	}
	return out
}
