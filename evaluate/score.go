package evaluate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/paulmach/orb"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/geo"
)

// Rules of scoring.
const (
	nearM          = 15.0        // an order this near to a pothole has found it, metres
	inventedM      = 1.5 * nearM // an order this near to an invention, and to no pothole, has fallen for it
	eligibleTrips  = 8           // a pothole counts for recall when so many honest trips passed it
	eligibleDevice = 4           // of so many honest devices
	eligibleAge    = 24 * time.Hour
)

// Found is what a rule says is a pothole.
type Found struct {
	Lat, Lon float64
	At       time.Time
}

// Score is how well what was found fits the truth.
type Score struct {
	Found     int     `json:"found"`
	Potholes  int     `json:"potholes"`  // found orders that are a pothole, each counted once
	Precision float64 `json:"precision"` // Potholes / Found
	Eligible  int     `json:"eligible"`  // potholes that were there for a day and were passed often enough
	Recall    float64 `json:"recall"`    // share of the eligible that were found
	F1        float64 `json:"f1"`        // harmonic mean of precision and recall

	Inventions int     `json:"inventions"` // places that the inventor made up and that were found
	Fleet      int     `json:"fleet"`      // places that were found though only a faulty fleet reports jolts there
	Odd        int     `json:"odd"`        // places that were found though only one odd vehicle jolts there
	Doubled    int     `json:"doubled"`    // further orders for a pothole that has one
	Split      float64 `json:"split"`      // Doubled / Potholes
	Furniture  int     `json:"furniture"`  // orders on castings, joints, rails, speed bumps
	Castings   int     `json:"castings"`   // of them on these
	Joints     int     `json:"joints"`
	Rails      int     `json:"rails"`
	SpeedBumps int     `json:"speed_bumps"`
	Nothing    int     `json:"nothing"`  // orders where there is neither an object nor an invention that had none yet
	Repaired   int     `json:"repaired"` // found potholes that had been repaired before they were found

	MedianM     float64 `json:"median_m"`     // median error of a found pothole's position, metres
	P90M        float64 `json:"p90_m"`        // its 90th percentile, metres
	MedianDays  float64 `json:"median_days"`  // from a found pothole's appearance to its order
	MedianTrips float64 `json:"median_trips"` // honest trips over it in that time, whether they sent anything or not
	MedianHeard float64 `json:"median_heard"` // of them those that sent something: a jolt there, or that they felt none
}

// ScoreOf holds what was found against the truth at the end of the given time. It counts no trips: see Drive.Score.
func ScoreOf(found []Found, truth firmwaresim.Truth, end time.Time) Score {
	s, _ := scoreOf(found, truth, end)
	return s
}

// hit is a pothole that was found.
type hit struct {
	object *firmwaresim.Object
	at     time.Time
	errorM float64
}

func scoreOf(found []Found, truth firmwaresim.Truth, end time.Time) (Score, []hit) {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b Found) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Lat, b.Lat)) })
	s := Score{Found: len(found)}
	taken, invented := map[string]bool{}, map[*firmwaresim.Invention]bool{}
	var hits []hit
	for _, f := range found {
		at := orb.Point{f.Lon, f.Lat}
		o, d := nearest(truth.Objects, at, f.At)
		if o != nil && o.Class == "pothole" {
			if taken[o.ID] {
				s.Doubled++
				continue
			}
			taken[o.ID] = true
			hits = append(hits, hit{o, f.At, d})
			if !o.To.IsZero() && !f.At.Before(o.To) {
				s.Repaired++
			}
			continue
		}
		if o != nil {
			s.furnish(o.Class)
		}
		if !s.fallFor(truth.Inventions, at, invented) && o == nil {
			s.Nothing++
		}
	}
	caught := 0
	for _, o := range truth.Objects {
		if !eligible(o, end) {
			continue
		}
		s.Eligible++
		if taken[o.ID] {
			caught++
		}
	}
	s.Potholes = len(hits)
	s.Precision, s.Recall, s.Split = share(s.Potholes, s.Found), share(caught, s.Eligible), share(s.Doubled, s.Potholes)
	s.F1 = harmonic(s.Precision, s.Recall)
	s.MedianM = quantile(hits, 0.5, func(h hit) float64 { return h.errorM })
	s.P90M = quantile(hits, 0.9, func(h hit) float64 { return h.errorM })
	s.MedianDays = quantile(hits, 0.5, func(h hit) float64 { return h.at.Sub(h.object.From).Hours() / 24 })
	return s, hits
}

// furnish counts an order on something that is no pothole.
func (s *Score) furnish(class string) {
	s.Furniture++
	switch class {
	case "casting":
		s.Castings++
	case "joint":
		s.Joints++
	case "rail":
		s.Rails++
	case "speed_bump":
		s.SpeedBumps++
	}
}

// fallFor counts an order on an invention that had none yet, and says whether there is one.
func (s *Score) fallFor(inventions []*firmwaresim.Invention, at orb.Point, had map[*firmwaresim.Invention]bool) bool {
	for _, inv := range inventions {
		if had[inv] || geo.Distance(at, orb.Point{inv.Lon, inv.Lat}) > inventedM {
			continue
		}
		had[inv] = true
		switch inv.Adversary {
		case "inventor":
			s.Inventions++
		case "fleet":
			s.Fleet++
		default:
			s.Odd++
		}
		return true
	}
	return false
}

// eligible says whether the object is a pothole that a good rule must have found by the end.
func eligible(o *firmwaresim.Object, end time.Time) bool {
	until := end
	if !o.To.IsZero() {
		until = o.To
	}
	return o.Class == "pothole" && o.Trips >= eligibleTrips && o.Devices >= eligibleDevice && until.Sub(o.From) >= eligibleAge
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

func harmonic(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}

// quantile returns the value below which a share q of the hits lies, 0 where there are none.
func quantile(hits []hit, q float64, of func(hit) float64) float64 {
	if len(hits) == 0 {
		return 0
	}
	x := make([]float64, len(hits))
	for i, h := range hits {
		x[i] = of(h)
	}
	slices.Sort(x)
	return x[min(len(x)-1, int(q*float64(len(x))))]
}
