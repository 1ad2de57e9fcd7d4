package elsewhere

import (
	"math/rand/v2"
	"slices"
	"sort"
)

// tag is where an event truly came from.
type tag struct {
	lane  int
	along float64
}

// spot is a point of a lane that phones are asked about.
type spot struct {
	along float64
	what  string // in truth
}

// bin is a stretch of a lane.
type bin struct{ lane, number int }

// heard is what was reported of a stretch.
type heard struct {
	bin
	along float64
	days  []int // of the last reports
}

// watch is the list of spots that phones are asked about: where jolts were reported in the last week, and some where none were.
type watch struct {
	c        *City
	by       map[bin]*heard
	all      []*heard // in the order in which they were first heard of
	on       [][]spot // by lane
	controls []tag
	today    int
	r        *rand.Rand
}

const (
	binM     = 25.0 // length of a stretch
	watchFor = 7    // days since the last report
)

func newWatch(c *City, r *rand.Rand) *watch {
	w := &watch{c: c, by: map[bin]*heard{}, r: rand.New(rand.NewPCG(c.seed, 77))}
	for range c.ch.controls {
		i := r.IntN(len(c.net.streets))
		w.controls = append(w.controls, tag{2*i + r.IntN(2), c.net.streets[i].length * r.Float64()})
	}
	return w
}

// morning makes the list of the day.
func (w *watch) morning(day int) {
	w.today = day
	w.on = make([][]spot, 2*len(w.c.net.streets))
	for _, t := range w.controls {
		w.on[t.lane] = append(w.on[t.lane], spot{t.along, "control"})
	}
	for _, h := range w.all {
		h.days = slices.DeleteFunc(h.days, func(d int) bool { return d < day-watchFor })
		if len(h.days) >= 2 {
			w.on[h.lane] = append(w.on[h.lane], spot{h.along, w.c.what(h.lane, h.along, float64(day))})
		}
	}
	for _, spots := range w.on {
		sort.SliceStable(spots, func(i, j int) bool { return spots[i].along < spots[j].along })
	}
}

// note hears of a jolt.
func (w *watch) note(t tag) {
	k := bin{t.lane, int(t.along / binM)}
	h := w.by[k]
	if h == nil {
		length := w.c.net.streets[t.lane/2].length
		h = &heard{bin: k, along: min(length, max(0, t.along+0.6*w.c.ch.gps*w.r.NormFloat64()))}
		w.by[k] = h
		w.all = append(w.all, h)
	}
	h.days = append(h.days, w.today)
}

// what is at a point of a lane in truth on a day.
func (c *City) what(lane int, along, day float64) string {
	for _, l := range c.lies[lane] {
		if l.t.there(day) && l.along > along-15 && l.along < along+15 {
			return l.t.face.ID
		}
	}
	return "watch"
}
