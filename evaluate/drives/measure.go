package drives

import (
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// Counts are what a detector heard on some drives.
type Counts struct {
	Minutes float64

	Potholes, Heard int            // met, at least 30 mm deep and faster than 2 m/s; and those that were heard
	Met, Felt       map[string]int // the same for all objects, by class
	Events, True    int            // events, and those that something on the road explains
	Hands           int            // those that hands on the phone explain
	False           int            // and those that nothing does
}

// Of what counts as heard: seconds before and after the front wheels meet an object in which an event belongs to it, and which
// potholes anybody would want to know of.
const (
	earliestS = 0.3
	latestS   = 1.6
	deepM     = 0.03
	rollsMPS  = 2.0
)

// Measure holds a detector's events against what is true of a drive.
func Measure(d *firmwaresim.Drive, events []Felt) Counts {
	c := Counts{Met: map[string]int{}, Felt: map[string]int{}, Events: len(events)}
	if n := len(d.Samples); n > 0 {
		c.Minutes = (d.Samples[n-1].T - d.Samples[0].T) / 60
	}
	heard := make([]bool, len(d.Met))
	for _, e := range events {
		found := -1
		for i, m := range d.Met {
			if e.At > m.T-earliestS && e.At < m.T+latestS {
				found = i
				heard[i] = true
			}
		}
		switch {
		case found >= 0:
			c.True++
		case touched(d, e.At):
			c.Hands++
		default:
			c.False++
		}
	}
	for i, m := range d.Met {
		if m.SpeedMPS < rollsMPS {
			continue
		}
		c.Met[m.Class]++
		if heard[i] {
			c.Felt[m.Class]++
		}
		if m.Class == "pothole" && m.SizeM >= deepM {
			c.Potholes++
			if heard[i] {
				c.Heard++
			}
		}
	}
	return c
}

func touched(d *firmwaresim.Drive, at float64) bool {
	for _, h := range d.Handled {
		if at > h.From-earliestS && at < h.To+1 {
			return true
		}
	}
	return false
}

// Add adds another drive's.
func (c *Counts) Add(o Counts) {
	c.Minutes += o.Minutes
	c.Potholes, c.Heard = c.Potholes+o.Potholes, c.Heard+o.Heard
	c.Events, c.True, c.Hands, c.False = c.Events+o.Events, c.True+o.True, c.Hands+o.Hands, c.False+o.False
	if c.Met == nil {
		c.Met, c.Felt = map[string]int{}, map[string]int{}
	}
	for k, n := range o.Met {
		c.Met[k] += n
		c.Felt[k] += o.Felt[k]
	}
}

// Recall is the share of potholes that were heard.
func (c Counts) Recall() float64 { return share(c.Heard, c.Potholes) }

// Precision is the share of events that something on the road explains.
func (c Counts) Precision() float64 { return share(c.True, c.Events) }

// F1 is the harmonic mean of both.
func (c Counts) F1() float64 {
	p, r := c.Precision(), c.Recall()
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
