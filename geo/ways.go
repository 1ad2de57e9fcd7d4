package geo

import (
	"container/heap"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

const (
	onStreetM = 150.0 // a position further from every drivable street is not reached by one
	crookedM  = 1.5   // metres of street for a metre as the crow flies, where no street is known to lead: city streets have 1.2 to 1.4
)

// Ways are the drivable streets of a network as a graph, one-way streets in their direction only. They never change and may be used by
// many at once.
type Ways struct {
	network *Network
	nodes   map[orb.Point]int32
	points  []orb.Point
	first   []int32 // of node i: its arcs are arcs[first[i]:first[i+1]]
	arcs    []arc
}

// arc leads from a node to the next point of a street.
type arc struct {
	to     int32
	metres float32
}

// NewWays makes the graph of n. Every point of a street is a node: a path's line can be drawn as it is.
func NewWays(n *Network) *Ways {
	w := &Ways{network: n, nodes: map[orb.Point]int32{}}
	type leg struct{ from, to int32 }
	var legs []leg
	for i := range n.streets {
		street := &n.streets[i]
		if !street.Drivable() {
			continue
		}
		for k := range len(street.Line) - 1 {
			a, b := w.node(street.Line[k]), w.node(street.Line[k+1])
			legs = append(legs, leg{a, b})
			if !street.Oneway {
				legs = append(legs, leg{b, a})
			}
		}
	}
	w.first = make([]int32, len(w.points)+1)
	for _, l := range legs {
		w.first[l.from+1]++
	}
	for i := range w.points {
		w.first[i+1] += w.first[i]
	}
	w.arcs = make([]arc, len(legs))
	at := append([]int32{}, w.first...)
	for _, l := range legs {
		w.arcs[at[l.from]] = arc{l.to, float32(Distance(w.points[l.from], w.points[l.to]))}
		at[l.from]++
	}
	return w
}

func (w *Ways) node(p orb.Point) int32 {
	if i, ok := w.nodes[p]; ok {
		return i
	}
	i := int32(len(w.points))
	w.nodes[p] = i
	w.points = append(w.points, p)
	return i
}

// foot is where a position touches a street: on the piece from a to b, at a share of it.
type foot struct {
	known  bool
	at     orb.Point
	a, b   int32
	share  float64
	metres float64 // of the piece
	oneway bool
}

func (w *Ways) foot(p orb.Point) foot {
	if !onGlobe(p) {
		return foot{at: p}
	}
	for look := firstLookM / 1.0; ; look = min(onStreetM, look*4) {
		if c, ok := w.network.best(p, nil, look, anyStreet); ok {
			street := &w.network.streets[c.at.street]
			a, b := street.Line[c.at.i], street.Line[c.at.i+1]
			return foot{true, between(a, b, c.share), w.nodes[a], w.nodes[b], c.share, Distance(a, b), street.Oneway}
		}
		if look >= onStreetM {
			return foot{at: p}
		}
	}
}

// Legs are the ways between some positions.
type Legs struct {
	Metres [][]float64        // [from][to]
	Lines  [][]orb.LineString // [from][to], along streets; as the crow flies where no street leads
}

// Between finds the shortest way from each of the positions to each other. Where no street leads (an island, a position far from all), it
// is that of a crow, and half as much again.
func (w *Ways) Between(positions []orb.Point) Legs {
	feet := make([]foot, len(positions))
	for i, p := range positions {
		feet[i] = w.foot(p)
	}
	out := Legs{make([][]float64, len(feet)), make([][]orb.LineString, len(feet))}
	search := &search{ways: w, metres: make([]float64, len(w.points)), from: make([]int32, len(w.points)), seen: make([]int32, len(w.points))}
	for i := range feet {
		out.Metres[i], out.Lines[i] = search.run(feet, i, int32(i+1))
	}
	return out
}

// Crow is Between where there are no streets at all.
func Crow(positions []orb.Point) Legs {
	out := Legs{make([][]float64, len(positions)), make([][]orb.LineString, len(positions))}
	for i, p := range positions {
		for _, q := range positions {
			out.Metres[i], out.Lines[i] = append(out.Metres[i], crookedM*Distance(p, q)), append(out.Lines[i], orb.LineString{p, q})
		}
	}
	return out
}

// search is Dijkstra's algorithm, from one position at a time, ended when all others are reached. What it notes of nodes is valid where
// seen is the number of the run.
type search struct {
	ways   *Ways
	metres []float64
	from   []int32 // the node before; -1: the beginning
	seen   []int32
	queue  reach
}

func (s *search) run(feet []foot, at int, run int32) ([]float64, []orb.LineString) {
	metres, lines := make([]float64, len(feet)), make([]orb.LineString, len(feet))
	begin, open := feet[at], map[int32]bool{}
	for i, f := range feet {
		if i != at && f.known {
			open[f.a], open[f.b] = true, true
		}
	}
	s.queue = s.queue[:0]
	if begin.known {
		s.note(begin.b, -1, (1-begin.share)*begin.metres, run)
		if !begin.oneway {
			s.note(begin.a, -1, begin.share*begin.metres, run)
		}
	}
	for len(s.queue) > 0 && len(open) > 0 {
		next := heap.Pop(&s.queue).(reached)
		if next.metres > s.metres[next.node] {
			continue // a shorter way was found meanwhile
		}
		delete(open, next.node)
		for _, a := range s.ways.arcs[s.ways.first[next.node]:s.ways.first[next.node+1]] {
			s.note(a.to, next.node, next.metres+float64(a.metres), run)
		}
	}
	for i, f := range feet {
		if i != at {
			metres[i], lines[i] = s.arrive(begin, f, run)
		}
	}
	return metres, lines
}

func (s *search) note(node, from int32, metres float64, run int32) {
	if s.seen[node] == run && s.metres[node] <= metres {
		return
	}
	s.seen[node], s.metres[node], s.from[node] = run, metres, from
	heap.Push(&s.queue, reached{node, metres})
}

// arrive returns the shortest of the ways to a position: by either end of its piece of street, or along that piece.
func (s *search) arrive(begin, end foot, run int32) (float64, orb.LineString) {
	best, last := math.Inf(1), int32(-1)
	if begin.known && end.known {
		if s.seen[end.a] == run {
			best, last = s.metres[end.a]+end.share*end.metres, end.a
		}
		if d := s.metres[end.b] + (1-end.share)*end.metres; s.seen[end.b] == run && !end.oneway && d < best {
			best, last = d, end.b
		}
		if begin.a == end.a && begin.b == end.b && (end.share >= begin.share || !end.oneway) {
			if d := math.Abs(end.share-begin.share) * end.metres; d <= best {
				return d, orb.LineString{begin.at, end.at}
			}
		}
	}
	if math.IsInf(best, 1) {
		return crookedM * Distance(begin.at, end.at), orb.LineString{begin.at, end.at}
	}
	back := orb.LineString{end.at}
	for n := last; n >= 0; n = s.from[n] {
		back = append(back, s.ways.points[n])
	}
	back = append(back, begin.at)
	slices.Reverse(back)
	return best, back
}

// reached is a node with the length of a way to it.
type reached struct {
	node   int32
	metres float64
}

// reach is a heap of them, the nearest first.
type reach []reached

func (r reach) Len() int           { return len(r) }
func (r reach) Less(i, j int) bool { return r[i].metres < r[j].metres }
func (r reach) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *reach) Push(x any)        { *r = append(*r, x.(reached)) }
func (r *reach) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}
