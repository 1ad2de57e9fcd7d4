package crowd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// jolted is a jolt as one car feels it somewhere: two blows that a body on springs answers, no two alike.
func jolted(r *rand.Rand, rate float64) wire.Event {
	wave := make([]float32, int(2*rate))
	begin, body, wheel, damp := 0.4+0.3*r.Float64(), 1.1+0.8*r.Float64(), 7+5*r.Float64(), 2+3*r.Float64()
	gap, strong, second := 0.15+0.25*r.Float64(), 0.3+0.9*r.Float64(), 0.4+0.8*r.Float64()
	share, phase := 0.2+0.7*r.Float64(), 6.28*r.Float64()
	for i := range wave {
		t := float64(i)/rate - begin
		y := 0.0
		for _, blow := range [][2]float64{{0, 1}, {gap, second}} {
			if d := t - blow[0]; d > 0 {
				y -= blow[1] * math.Exp(-damp*d) * (share*math.Sin(2*math.Pi*body*d) + (1-share)*math.Exp(-3*d)*math.Sin(2*math.Pi*wheel*d+phase))
			}
		}
		wave[i] = float32(strong*y + 0.01*r.NormFloat64())
	}
	return wire.Event{RateHz: rate, WaveG: wave, Time: time.Unix(1_770_000_000+r.Int64N(1_000_000), 0), Lat: 50 + 0.05*r.Float64(), Lon: 8 + 0.05*r.Float64()}
}

// copyOf is a copy of a jolt: louder, shifted, at another rate, under noise, later and elsewhere.
func copyOf(e wire.Event, r *rand.Rand, rate float64) wire.Event {
	c := e
	c.RateHz, c.WaveG = rate, make([]float32, int(2*rate))
	scale, shift := 0.8+0.4*r.Float64(), 0.03*r.NormFloat64()
	for i := range c.WaveG {
		at := (float64(i)/rate + shift) * e.RateHz
		k := int(math.Floor(at))
		if k >= 0 && k+1 < len(e.WaveG) {
			f := at - float64(k)
			c.WaveG[i] = float32(scale * (float64(e.WaveG[k])*(1-f) + float64(e.WaveG[k+1])*f))
		}
		c.WaveG[i] += float32(0.008 * r.NormFloat64())
	}
	c.Time, c.Lat = e.Time.Add(time.Hour), e.Lat+0.01
	return c
}

// voiced is a place where one device has felt one jolt.
func voiced(t *testing.T, device string, e wire.Event) *node {
	i, ok := newImprint(&e)
	if !ok {
		t.Fatal("a whole waveform leaves no imprint")
	}
	return &node{id: "at-" + device, voices: []voice{{device: device, hits: 1, imprints: []imprint{i}}}}
}

func TestCopiesAreFound(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	var nodes []*node
	var events []wire.Event
	const honest, made = 3000, 200
	for i := range honest {
		e := jolted(r, []float64{50, 100, 200}[r.IntN(3)])
		events = append(events, e)
		nodes = append(nodes, voiced(t, fmt.Sprintf("car-%04d", i), e))
	}
	for i := range made {
		nodes = append(nodes, voiced(t, fmt.Sprintf("liar-%03d", i), copyOf(events[i], r, []float64{50, 100}[r.IntN(2)])))
	}
	newCopies().study(nodes)
	var before, after, chance int
	for i, n := range nodes {
		switch c := n.voices[0].copied; {
		case i >= honest:
			before += int(c.before)
		case i < made:
			after += int(c.before + c.after)
		default:
			chance += int(c.before + c.after)
		}
	}
	t.Logf("of %d copies %d are found, %d of their models, and %d of %d jolts that nobody copied", made, before, after, chance, honest-made)
	if before < made*7/10 || after < made*7/10 || chance > (honest-made)*8/100 {
		t.Error("copies are not told from jolts that are alike by chance")
	}
}

// What is found follows from what is there: not from its order, nor from what was there before.
func TestCopiesDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(q *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(q, "seed"), 3))
		var nodes []*node
		for i := range 120 {
			e := jolted(r, 100)
			nodes = append(nodes, voiced(t, fmt.Sprintf("car-%03d", i), e))
			copies := r.IntN(4)
			if i < 2 { // more than an imprint remembers
				copies = 60
			}
			for k := range copies {
				nodes = append(nodes, voiced(t, fmt.Sprintf("liar-%03d-%d", i, k), copyOf(e, r, 100)))
			}
		}
		r.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
		gone := len(nodes) * (1 + r.IntN(3)) / 4
		once, bit := newCopies(), newCopies()
		once.study(nodes[gone:])
		want := map[string]copied{}
		for _, n := range nodes[gone:] {
			want[n.id] = n.voices[0].copied
		}
		bit.study(nodes[:len(nodes)/2])
		bit.study(nodes)
		left := append([]*node{}, nodes[gone:]...)
		r.Shuffle(len(left), func(i, k int) { left[i], left[k] = left[k], left[i] })
		bit.study(left)
		bit.study(left)
		for _, n := range left {
			if n.voices[0].copied != want[n.id] {
				q.Fatalf("%s: %v when all come at once, %v bit by bit", n.id, want[n.id], n.voices[0].copied)
			}
		}
	})
}

func TestImprintsAreKept(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	e := jolted(r, 100)
	i, _ := newImprint(&e)
	a := account{hits: 1, imprints: []imprint{i, i}}
	var b account
	b.hits = 1
	if err := b.decode(a.encode()); err != nil || len(b.imprints) != 2 || b.imprints[1] != i {
		t.Errorf("what was written is not what is read: %v", err)
	}
	if c := (copied{3, 1, 2}); decodeCopied(c.code()) != c {
		t.Error("counts of copies are not what they were")
	}
	a.seal(newOpinion(repute{standing{sensitivity: 1, ring: noRing}, &lessons{usual: usualInvented, alone: usualAlone, copies: usualCopies()}}))
	if a.imprints != nil {
		t.Error("a sealed voice still has imprints")
	}
}
