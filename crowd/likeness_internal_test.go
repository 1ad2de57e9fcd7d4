package crowd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Where the classes look otherwise than in training, a city's own places put them right, though nobody is sure of any of them.
func TestACityTeachesWhatItsClassesLookLike(t *testing.T) {
	t.Parallel()
	const size = plainFeatures + dims
	trained := Likeness{Spread: make([][]float64, size)}
	for i := range size {
		trained.Spread[i] = make([]float64, size)
		trained.Spread[i][i] = 0.25
	}
	for c := range trained.Mean {
		trained.Mean[c] = make([]float64, size)
		trained.Mean[c][c%size] = 1.5
	}
	r := rand.New(rand.NewPCG(1, 1))
	place := func(class int) *Shape { // here everything is shifted, and the classes more alike
		var s Shape
		for i := range size {
			s[i] = 0.6*trained.Mean[class][i] + 0.7*math.Sin(float64(3*i)) + 0.3*r.NormFloat64()
		}
		return &s
	}
	right := func(d *discriminant) (n int) {
		for k := range 600 {
			class := k % NumClasses
			like := d.weigh(place(class), 6)
			best := 0
			for c, l := range like {
				if l > like[best] {
					best = c
				}
			}
			if best == class {
				n++
			}
		}
		return n
	}
	before := trained.learnt(&gathered{})
	var g gathered
	for k := range 300 {
		belief := [NumClasses]float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1}
		belief[k%NumClasses] = 0.5
		g.add(place(k%NumClasses), size, &belief)
	}
	after := trained.learnt(&g)
	if a, b := right(&before), right(&after); b < a+60 || b < 450 {
		t.Errorf("of 600 places training alone knows %d, with the city's own %d", a, b)
	}
}

func TestAVerdictIsCertain(t *testing.T) {
	t.Parallel()
	causes := [numCauses]float64{0.7, 0.1, 0, 0, 0, 0.15, 0.05}
	if c := settle(causes, Casting); c != [numCauses]float64{1: 1} {
		t.Error("a casting:", c)
	}
	c := settle(causes, Nothing)
	if math.Abs(c[noise]-0.75) > 1e-12 || math.Abs(c[invented]-0.25) > 1e-12 || c[0] != 0 {
		t.Error("nothing:", c)
	}
	if c := settle([numCauses]float64{1}, Nothing); c[noise] != 1 {
		t.Error("nothing, where all spoke for a pothole:", c)
	}
}

// Those who felt what a crew did not find are believed less from then on, and the place's looks count for its true class.
func TestAVerdictIsLearned(t *testing.T) {
	t.Parallel()
	reader, err := StandardClassifier()
	if err != nil {
		t.Fatal(err)
	}
	nodes := func(verdict Class) []*node {
		n := &node{id: "a", verdict: verdict, voices: []voice{{device: "z", misses: 1}}}
		for _, device := range []string{"x", "y", "w"} {
			n.put(voice{device: device, hits: 1, said: [2]*Shape{1: {}}})
		}
		n.structure[0], n.structure[invented] = 1, 0.9
		return []*node{n}
	}
	learned := func(verdict Class) (*mind, discriminant) {
		m := newMind(reader, Rules{})
		m.learnAfresh(nodes(verdict))
		return m, m.trust.likeness[1]
	}
	_, unknown := learned("")
	honest, pothole := learned(Pothole)
	liars, _ := learned(Nothing)
	if a, b := honest.trust.devices["x"], liars.trust.devices["x"]; a.invented != 0 || a.agreed != 1 || b.invented <= 0.5 || b.agreed > 1e-9 {
		t.Errorf("where the crew found it %+v, where it found nothing %+v", a, b)
	}
	if pothole.mean == unknown.mean {
		t.Error("the verdict has not changed what potholes look like")
	}
}
