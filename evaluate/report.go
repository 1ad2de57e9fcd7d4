package evaluate

import (
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// A city is hard enough to count when the three-devices rule does as badly there as it does in the field.
const (
	hardPrecision  = 0.25 // at most
	hardInventions = 35   // at least, of 40
)

// Report is how Streetpulse did in one simulated city, beside the naive rules.
type Report struct {
	Seed    uint64              `json:"seed"`
	Network firmwaresim.Network `json:"network"`
	Physics firmwaresim.Physics `json:"physics"`
	Events  int                 `json:"events"`
	Hard    bool                `json:"hard"` // the city counts
	Lies    map[string]int      `json:"lies"` // places where nothing is and an adversary reports jolts: by inventor, fleet, odd

	Three Score `json:"three_devices"`
	Five  Score `json:"five_devices"`
	Crowd Score `json:"streetpulse"`

	Calibration Calibration    `json:"calibration"`
	Promotions  Promotions     `json:"promotions"`
	Missed      map[string]int `json:"missed"` // see Missed
	Late        int            `json:"late"`   // orders of the last week
	LateRight   int            `json:"late_right"`

	Drove float64 `json:"simulated_s"` // seconds that it took
	Took  float64 `json:"replayed_s"`
}

// newReport says what a city is like and how the naive rules do in it. Driving began at start.
func newReport(d *Drive, start time.Time) Report {
	r := Report{Seed: d.Options.Seed, Network: d.Truth.Network, Physics: d.Truth.Physics, Events: len(d.Sent), Lies: map[string]int{},
		Drove: time.Since(start).Seconds()}
	for _, inv := range d.Truth.Inventions {
		r.Lies[inv.Adversary]++
	}
	lines := d.Lines()
	r.Three, r.Five = d.Score(Naive(lines, 3)), d.Score(Naive(lines, 5))
	r.Hard = r.Three.Precision <= hardPrecision && r.Three.Inventions >= hardInventions
	return r
}
