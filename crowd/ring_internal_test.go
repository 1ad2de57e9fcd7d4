package crowd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/paulmach/orb"
)

// town is what the devices of a town say of its potholes, where a ring of 12 has made up some more. Its members drive as much as
// anybody and say the truth about all potholes.
func town(r *rand.Rand, potholes, madeUp int) []*node {
	const honest, ring = 150, 12
	var nodes []*node
	place := func(name string, says func(n *node)) {
		n := &node{id: fmt.Sprintf("%s-%03d", name, len(nodes)), at: orb.Point{float64(len(nodes)) / 100, 48}}
		says(n)
		nodes = append(nodes, n)
	}
	say := func(n *node, device int, felt bool) {
		v := voice{device: fmt.Sprintf("device-%03d", device), alone: onDrive, misses: 1}
		if felt {
			v.hits, v.misses = 1, 0
		}
		n.voices = append(n.voices, v)
	}
	for range potholes {
		place("pothole", func(n *node) {
			for _, d := range r.Perm(honest + ring)[:8+r.IntN(12)] {
				say(n, d, r.Float64() < 0.55)
			}
		})
	}
	for range madeUp {
		place("invention", func(n *node) {
			for _, d := range r.Perm(ring)[:6] {
				say(n, honest+d, true)
			}
			for _, d := range r.Perm(honest)[:1+r.IntN(5)] {
				say(n, d, false)
			}
		})
	}
	return nodes
}

func learnt(t *testing.T, nodes []*node) *mind {
	t.Helper()
	reader, err := StandardClassifier()
	if err != nil {
		t.Fatal(err)
	}
	m := newMind(reader, Rules{})
	for _, n := range nodes {
		for c, p := range m.model.prior {
			n.structure[c] = math.Log(p)
		}
	}
	m.learnAfresh(nodes)
	return m
}

// Whoever tells the truth as often as anybody and lies only together with others is found out by what they say together.
func TestARingIsFoundByWhatItSaysTogether(t *testing.T) {
	t.Parallel()
	nodes := town(rand.New(rand.NewPCG(4, 2)), 200, 20)
	m := learnt(t, nodes)
	members, suspects := 0, 0
	for d, s := range m.trust.devices {
		switch {
		case s.ring <= 0:
		case d >= "device-150":
			members++
		default:
			suspects++
		}
	}
	if members < 12 || suspects > 8 {
		t.Errorf("of 12 members %d are known, of 150 honest devices %d are suspected", members, suspects)
	}
	opinions := m.trust.all(speakers(nodes))
	through, lost := 0, 0
	for _, n := range nodes {
		_, causes := m.causes(n, opinions)
		if real := n.id < "p"; real && causes[invented] < 0.5 {
			through++
		} else if !real && causes[invented] > 0.5 {
			lost++
		}
	}
	if through > 1 || lost > 4 {
		t.Errorf("%d of 20 inventions are believed, %d of 200 potholes are not", through, lost)
	}
}

// Where nobody conspires there is no ring: drivers who share a street and feel the same are none.
func TestChanceIsNoRing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		m := learnt(t, town(rand.New(rand.NewPCG(seed, 3)), 200, 0))
		if m.trust.stranger > noRing {
			t.Errorf("seed %d: a ring is seen where there is none", seed)
		}
	}
}
