package crowd

import (
	"math/rand/v2"
	"testing"
)

// scatterOf is how odd it is that n devices that drive north feel something in spots spread by sigma along the road.
func scatterOf(r *rand.Rand, n int, sigma float64) float64 {
	var spots []spot
	for range n {
		spots = append(spots, spot{north: sigma * r.NormFloat64(), east: 20 * r.NormFloat64(), variance: 16, cos: 1})
	}
	return scattered(spots, usualBlur)
}

// What is felt in one spot is there; what lies all along the road is several things or none. How far to the side phones place themselves
// says nothing.
func TestWhatLiesApartIsNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	const places = 400
	together, apart := 0, 0
	for range places {
		if scatterOf(r, 5, 3) < 0 {
			together++
		}
		if scatterOf(r, 5, 13) > 0 {
			apart++
		}
	}
	if together < places*9/10 || apart < places*8/10 {
		t.Errorf("of %d things %d are in one spot, of %d heaps of knocks %d are not", places, together, places, apart)
	}
	if odds := scatterOf(r, 1, 3); odds != 0 {
		t.Errorf("one device alone says %v", odds)
	}
}

// Where devices do not drive in one direction, how far apart they feel something along the road cannot be told.
func TestSpotsWithoutARoadSayNothing(t *testing.T) {
	t.Parallel()
	spots := []spot{{north: 10, variance: 9, cos: 1}, {north: -10, variance: 9, cos: -1}, {variance: 9}}
	if odds := scattered(spots, usualBlur); odds != 0 {
		t.Errorf("they say %v", odds)
	}
}

// A city whose positions err more than phones say is not full of knocks for that.
func TestACityTeachesHowFarPositionsErr(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	nodes := town(r, 150, 0)
	for _, n := range nodes {
		for i := range n.voices {
			if v := &n.voices[i]; v.hits > 0 {
				v.spot, v.felt = spot{north: 12 * r.NormFloat64(), variance: 36, cos: 1}, true
			}
		}
	}
	m := learnt(t, nodes)
	if m.trust.blur < 1.5*usualBlur || m.trust.blur > 2 {
		t.Errorf("positions err by %.2f of what phones say, want more than is usual", m.trust.blur)
	}
}
