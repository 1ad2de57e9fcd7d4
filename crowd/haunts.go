package crowd

import (
	"maps"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// Where devices drive. On a quiet street the same few people pass, day after day; whoever makes a place up picks it, and sends whom he
// has. So a place that only strangers felt is likelier made up than one that its regulars feel.
const (
	hauntM       = 250.0        // side of a square; a place's surroundings are nine
	halfDay      = 12 * 3600000 // milliseconds: what a device says twice within it is one visit
	hauntBefore  = 5.0          // visits of anybody, to what is known of a place's surroundings
	hauntStrange = 0.5          // share of those who pass somewhere and are as likely to pass anywhere else
)

// quarter is a square of a grid over the world, one grid for each degree of latitude.
type quarter [2]int32

func quarterOf(p orb.Point) quarter {
	width := metresPerDegree * math.Cos(math.Round(p[1])*math.Pi/180)
	return quarter{int32(math.Floor(p[0] * width / hauntM)), int32(math.Floor(p[1] * metresPerDegree / hauntM))}
}

// visits are the half-days on which a device was seen somewhere, in order.
type visits []int64

func (v visits) with(days ...int64) visits {
	for _, d := range days {
		if at, found := slices.BinarySearch(v, d); !found {
			v = slices.Insert(v, at, d)
		}
	}
	return v
}

// seen lists the half-days on which the voice has spoken, as far as it is kept.
func (v *voice) seen() visits {
	days := visits{v.first / halfDay}.with(v.last / halfDay)
	for _, t := range v.times {
		if t != 0 {
			days = days.with(t / halfDay)
		}
	}
	return days
}

// district is who was seen in the surroundings of a square.
type district struct {
	visits   map[int]visits // by device
	again    float64        // visits of those who have been there before
	calendar *calendar
}

// haunts are where devices drive.
type haunts struct {
	quarters  map[quarter]map[int]visits
	districts map[quarter]*district
	active    []float64 // half-days, by device
	all       float64
}

// newHaunts works them out from what devices said at all places.
func newHaunts(nodes []*node, devices int) *haunts {
	h := &haunts{quarters: map[quarter]map[int]visits{}, districts: map[quarter]*district{}, active: make([]float64, devices)}
	active := make([]visits, devices)
	for _, n := range nodes {
		at := quarterOf(n.at)
		if h.quarters[at] == nil {
			h.quarters[at] = map[int]visits{}
		}
		for i := range n.voices {
			v := &n.voices[i]
			if isSealed(v.device) { // nobody knows where else it was
				continue
			}
			days := v.seen()
			h.quarters[at][v.number] = h.quarters[at][v.number].with(days...)
			active[v.number] = active[v.number].with(days...)
		}
	}
	for i, days := range active {
		if len(days) == 0 {
			continue
		}
		h.active[i] = float64(len(days)) + 1
		h.all += h.active[i]
	}
	at := slices.Collect(maps.Keys(h.quarters))
	around := make([]*district, len(at))
	sideBySide(len(at), func(i int) { around[i] = h.around(at[i]) })
	for i, d := range around {
		h.districts[at[i]] = d
	}
	return h
}

func (h *haunts) around(at quarter) *district {
	d := &district{visits: map[int]visits{}}
	for x := at[0] - 1; x <= at[0]+1; x++ {
		for y := at[1] - 1; y <= at[1]+1; y++ {
			for device, days := range h.quarters[quarter{x, y}] {
				d.visits[device] = d.visits[device].with(days...)
			}
		}
	}
	for _, days := range d.visits {
		d.again += float64(len(days) - 1)
	}
	return d
}

// passes is how likely it is this device that comes along at a place, by where it was seen on other days than those on which it was
// here; and how much is known of who comes along there, from 0 to 1.
func (h *haunts) passes(n *node, device int, here visits) (likely, known float64) {
	around := h.districts[quarterOf(n.at)]
	if around == nil {
		around = &district{}
	}
	others := 0.0
	for _, day := range around.visits[device] {
		if _, found := slices.BinarySearch(here, day); !found {
			others++
		}
	}
	known = around.again / (hauntBefore + around.again)
	anywhere := 1 - known*(1-hauntStrange)
	likely = anywhere * h.active[device] / h.all
	if around.again > 0 {
		likely += (1 - anywhere) * others / around.again
	}
	return likely, known
}
