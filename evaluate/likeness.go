package evaluate

import (
	"maps"
	"slices"

	"github.com/streetpulse/streetpulse/crowd"
)

// fitLikeness measures what places of each class look like, where at least three devices have felt them. Jolts without
// an object are each a place.
func fitLikeness(n *crowd.Network, samples []Sample) crowd.Likeness {
	size := len(n.Mean) + crowd.NumClasses - 1
	type place struct {
		class   int
		devices map[string][]crowd.Shape
	}
	places := map[string]*place{}
	for _, s := range samples {
		p := places[s.Object]
		if p == nil {
			p = &place{s.Class, map[string][]crowd.Shape{}}
			places[s.Object] = p
		}
		p.devices[s.Device] = append(p.devices[s.Device], n.Shape(s.X))
	}
	l := crowd.Likeness{Spread: make([][]float64, size)}
	var shapes [crowd.NumClasses][][]float64
	for _, id := range slices.Sorted(maps.Keys(places)) {
		p := places[id]
		if len(p.devices) < 3 && p.class < crowd.NumClasses-1 {
			continue
		}
		mean := make([]float64, size)
		for _, d := range slices.Sorted(maps.Keys(p.devices)) {
			own := p.devices[d]
			for _, shape := range own {
				for i := range mean {
					mean[i] += shape[i] / float64(len(own)*len(p.devices))
				}
			}
		}
		shapes[p.class] = append(shapes[p.class], mean)
	}
	count := 0.0
	for c, all := range shapes {
		l.Mean[c] = make([]float64, size)
		for _, s := range all {
			for i, x := range s {
				l.Mean[c][i] += x / float64(len(all))
			}
		}
		if c < crowd.NumClasses-1 {
			count += float64(len(all))
		}
	}
	for i := range size {
		l.Spread[i] = make([]float64, size)
		for j := range size {
			for c, all := range shapes[:crowd.NumClasses-1] {
				for _, s := range all {
					l.Spread[i][j] += (s[i] - l.Mean[c][i]) * (s[j] - l.Mean[c][j]) / count
				}
			}
			l.Spread[i][j] = rounded(l.Spread[i][j])
		}
	}
	for c := range l.Mean {
		for i := range l.Mean[c] {
			l.Mean[c][i] = rounded(l.Mean[c][i])
		}
	}
	return l
}
