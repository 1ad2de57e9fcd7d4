package evaluate

import (
	"maps"
	"slices"

	"github.com/streetpulse/streetpulse/crowd"
)

// fitLikeness measures what places of each class look like, where at least three devices have felt them, by so many numbers.
func fitLikeness(places map[string]*training, size int) crowd.Likeness {
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
			for i := range mean {
				mean[i] += own.shape[i] / float64(len(p.devices))
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
