package crowd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Devices that colour what they feel are heard as others are, and what places are like is not taken for anybody's accent.
func TestAccents(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	const devices = 30
	var own [devices]float64
	for d := range own {
		own[d] = r.NormFloat64()
	}
	var places [][]Impression
	for range 300 {
		like, here := 2*r.NormFloat64(), []Impression{{Device: -1, Shape: &Shape{}}}
		here[0].Shape[0] = like
		for range 5 {
			d := r.IntN(devices)
			here = append(here, Impression{Device: d, Shape: &Shape{like + own[d] + 0.3*r.NormFloat64()}})
		}
		places = append(places, here)
	}
	for d, a := range Accents(places, devices) {
		if math.Abs(a[0]-own[d]) > 0.35 || a[1] != 0 {
			t.Errorf("device %d differs by %.2f, it is said by %.2f", d, own[d], a[0])
		}
	}
	lonely := Accents([][]Impression{{{Device: 0, Shape: &Shape{5}}}}, 1)
	if lonely[0] != (Shape{}) {
		t.Errorf("a device that has met nobody differs by %v", lonely[0])
	}
}

// What is sealed says what its device would have said without its accent.
func TestSpeakingPlainly(t *testing.T) {
	t.Parallel()
	a := account{hits: 5, waves: 2}
	var from accent
	for kind, n := range []float64{3, 2} {
		scores, standard := &a.plain, a.plainShape[:]
		if kind == 1 {
			scores, standard = &a.wave, a.waveShape[:]
		}
		for i := range standard {
			standard[i] = float32(n * float64(i+1) / 10)
		}
		for i := range dims {
			scores[i] = n * float64(i)
			scores[dims] -= scores[i]
		}
		from[kind], _ = a.said(kind) // nothing but accent
	}
	a.speakPlainly(decodeAccent(from.encode()))
	for kind := range 2 {
		said, _ := a.said(kind)
		for i, x := range said {
			if math.Abs(x) > 1e-6 {
				t.Errorf("kind %d, %d: %g is left", kind, i, x)
			}
		}
	}
	if decodeAccent(from.encode()[1:]) != nil || decodeAccent((*accent)(nil).encode()) != nil {
		t.Error("an accent that cannot be read is one")
	}
}

// Where everything looks otherwise than in training by the same amount, that amount is found, though no place's class is known.
func TestACityHasADialect(t *testing.T) {
	t.Parallel()
	reader, err := StandardClassifier()
	if err != nil {
		t.Fatal(err)
	}
	m := newMind(reader, Rules{})
	trained := &reader.Wave.Likeness
	root := factor(trained.Spread)
	r := rand.New(rand.NewPCG(5, 5))
	var shift Shape
	for i := range shift {
		shift[i] = 0.6 * math.Sin(float64(2*i))
	}
	var nodes []*node
	for k := range 400 {
		class := k % numReal
		var noise, s Shape
		for i := range noise {
			noise[i] = r.NormFloat64()
		}
		for i := range s {
			s[i] = trained.Mean[class][i] + shift[i]
			for j := range i + 1 {
				s[i] += root[i][j] * noise[j]
			}
		}
		n := &node{id: fmt.Sprint(k)}
		for d := range 4 {
			said := s
			n.put(voice{device: fmt.Sprint(k, d), hits: 1, alone: notKnown, said: [2]*Shape{1: &said}})
		}
		for c, p := range m.model.prior {
			n.structure[c] = math.Log(p)
		}
		nodes = append(nodes, n)
	}
	m.learnAfresh(nodes)
	apart, before := 0.0, 0.0
	for i, x := range m.trust.dialect[1] {
		apart += (x - shift[i]) * (x - shift[i])
		before += shift[i] * shift[i]
	}
	if apart > before/4 {
		t.Errorf("the city differs by %.2f, it is heard as %.2f", shift, m.trust.dialect[1])
	}
}
