package evaluate

import (
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/geo"
)

// feltBy is how many independent devices must have felt a place for its probability to be held to its word.
const feltBy = 3

// Bin is the places whose probability of being a pothole lies within a tenth.
type Bin struct {
	Places   int     `json:"places"`
	Potholes int     `json:"potholes"` // of them there were so many
	Stated   float64 `json:"stated"`   // mean probability
}

// Share is the share of the bin's places that are potholes.
func (b Bin) Share() float64 { return share(b.Potholes, b.Places) }

// Calibration holds what places are believed to be against what they are. Of the places at 0.9, nine in ten should be potholes.
type Calibration struct {
	Bins     [10]Bin `json:"bins"` // by tenths of probability, from 0
	Places   int     `json:"places"`
	Potholes int     `json:"potholes"`
	Brier    float64 `json:"brier"` // mean square of probability minus outcome (1 for a pothole); 0 is perfect
}

// Add adds a place.
func (c *Calibration) Add(probability float64, pothole bool) {
	b := &c.Bins[max(0, min(9, int(probability*10)))]
	b.Stated += (probability - b.Stated) / float64(b.Places+1)
	b.Places++
	outcome := 0.0
	if pothole {
		outcome = 1
		b.Potholes++
		c.Potholes++
	}
	c.Brier += ((probability-outcome)*(probability-outcome) - c.Brier) / float64(c.Places+1)
	c.Places++
}

// Base is the Brier score of whoever knows only how many of the places are potholes, and says that of each.
func (c *Calibration) Base() float64 {
	p := share(c.Potholes, c.Places)
	return p * (1 - p)
}

// Together adds up the calibrations of several cities.
func Together(all ...Calibration) Calibration {
	var t Calibration
	for _, c := range all {
		if c.Places == 0 {
			continue
		}
		t.Brier = (t.Brier*float64(t.Places) + c.Brier*float64(c.Places)) / float64(t.Places+c.Places)
		t.Places += c.Places
		t.Potholes += c.Potholes
		for i, b := range c.Bins {
			if b.Places == 0 {
				continue
			}
			to := &t.Bins[i]
			to.Stated = (to.Stated*float64(to.Places) + b.Stated*float64(b.Places)) / float64(to.Places+b.Places)
			to.Places += b.Places
			to.Potholes += b.Potholes
		}
	}
	return t
}

// CalibrationOf holds the places that three devices have felt against the truth: whether a pothole lies within 15 m that was
// there at some time from the place's first jolt to its last.
func CalibrationOf(places []crowd.Place, truth firmwaresim.Truth) Calibration {
	var c Calibration
	for _, p := range places {
		if p.Devices < feltBy {
			continue
		}
		pothole := false
		for _, o := range truth.Objects {
			if o.Class == "pothole" && !o.From.After(p.LastAt) && (o.To.IsZero() || o.To.After(p.FirstAt)) &&
				geo.Distance(orb.Point{p.Lon, p.Lat}, orb.Point{o.Lon, o.Lat}) <= nearM {
				pothole = true
				break
			}
		}
		c.Add(p.Belief.Of(crowd.Pothole), pothole)
	}
	return c
}

// Missed says what became of the potholes that should have been found and were not, by what the nearest place within 15 m is
// held to be: a class's name, or "no place".
func Missed(found []Found, places []crowd.Place, d *Drive) map[string]int {
	_, hits := scoreOf(found, d.Truth, d.End)
	taken := map[string]bool{}
	for _, h := range hits {
		taken[h.object.ID] = true
	}
	missed := map[string]int{}
	for _, o := range d.Truth.Objects {
		if taken[o.ID] || !eligible(o, d.End) {
			continue
		}
		as, least := "no place", nearM
		for _, p := range places {
			if m := geo.Distance(orb.Point{p.Lon, p.Lat}, orb.Point{o.Lon, o.Lat}); m <= least && p.Devices > 1 {
				as, least = string(p.Class), m
			}
		}
		missed[as]++
	}
	return missed
}
