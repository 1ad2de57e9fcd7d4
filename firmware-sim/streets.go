package firmwaresim

import (
	"container/heap"
	"math"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// edge is one direction of a piece of street between two junctions.
type edge struct {
	from, to int
	line     orb.LineString
	length   float64 // m
	class    string
	speed    float64 // m/s, free flow
	rank     float64 // how much likelier a defect or a driver is here than on a quiet street
	lanes    int     // in this direction
	back     int     // the same piece driven the other way, or -1
	pavement int     // index of its roughness
	canyon   bool    // satellites' signals are deflected here
}

// Distances across the road, metres.
const (
	kerbLaneM = 1.8 // from the middle of the road to the middle of the first lane, or of the only one
	laneM     = 3.3 // width of a lane
)

// lane is how far right of the middle of the road the lane's middle is; 0 is the lane at the kerb.
func (e *edge) lane(k int) float64 { return kerbLaneM + laneM*float64(e.lanes-1-k) }

// grid is the drivable street graph.
type grid struct {
	edges []edge
	out   [][]int // edges by the node they leave
}

// speeds are free-flow speeds by class of street, m/s.
func speedOf(class string) (speed, rank float64) {
	switch class {
	case "motorway", "trunk", "motorway_link", "trunk_link":
		return 22, 2
	case "primary", "primary_link":
		return 15, 2.5
	case "secondary", "secondary_link":
		return 14, 2
	case "tertiary", "tertiary_link":
		return 13, 1.5
	case "service", "living_street":
		return 6, 0.4
	}
	return 10, 1
}

// lanesOf is the number of lanes in a direction: arterials have two unless the map knows better.
func lanesOf(s *geo.Street) int {
	switch {
	case s.Lanes > 0 && s.Oneway:
		return min(s.Lanes, 2)
	case s.Lanes > 0:
		return min(max(1, s.Lanes/2), 2)
	case s.Class == "primary" || s.Class == "secondary" || s.Class == "trunk" || s.Class == "motorway":
		return 2
	}
	return 1
}

// newGrid splits streets at their junctions.
func newGrid(m *geo.Map) *grid {
	uses := map[orb.Point]int{}
	for _, s := range m.Streets {
		if !s.Drivable() {
			continue
		}
		for i, p := range s.Line {
			uses[p]++
			if i == 0 || i == len(s.Line)-1 {
				uses[p]++
			}
		}
	}
	g := &grid{}
	nodes := map[orb.Point]int{}
	node := func(p orb.Point) int {
		n, ok := nodes[p]
		if !ok {
			n = len(nodes)
			nodes[p] = n
			g.out = append(g.out, nil)
		}
		return n
	}
	add := func(line orb.LineString, s *geo.Street) {
		length := 0.0
		for i := 1; i < len(line); i++ {
			length += geo.Distance(line[i-1], line[i])
		}
		if length < 1 {
			return
		}
		speed, rank := speedOf(s.Class)
		from, to := node(line[0]), node(line[len(line)-1])
		one := edge{from: from, to: to, line: line, length: length, class: s.Class, speed: speed, rank: rank, lanes: lanesOf(s), back: -1}
		g.out[from] = append(g.out[from], len(g.edges))
		if !s.Oneway {
			one.back = len(g.edges) + 1
		}
		g.edges = append(g.edges, one)
		if !s.Oneway {
			back := line.Clone()
			back.Reverse()
			g.out[to] = append(g.out[to], len(g.edges))
			one.from, one.to, one.line, one.back = to, from, back, one.back-1
			g.edges = append(g.edges, one)
		}
	}
	for i := range m.Streets {
		s := &m.Streets[i]
		if !s.Drivable() {
			continue
		}
		start := 0
		for k := 1; k < len(s.Line); k++ {
			if uses[s.Line[k]] > 1 {
				add(s.Line[start:k+1].Clone(), s)
				start = k
			}
		}
	}
	return g
}

// at returns the position and heading a way along an edge.
func (e *edge) at(along float64) (orb.Point, float64) {
	for i := 1; i < len(e.line); i++ {
		d := geo.Distance(e.line[i-1], e.line[i])
		if along <= d || i == len(e.line)-1 {
			f := math.Min(1, along/math.Max(d, 0.1))
			a, b := e.line[i-1], e.line[i]
			return orb.Point{a[0] + f*(b[0]-a[0]), a[1] + f*(b[1]-a[1])}, geo.Bearing(a, b)
		}
		along -= d
	}
	return e.line[0], 0
}

// routes are the quickest ways from one node to all others: the edge by which each is reached.
func (g *grid) routes(from int) []int {
	by, cost := make([]int, len(g.out)), make([]float64, len(g.out))
	for i := range by {
		by[i], cost[i] = -1, math.Inf(1)
	}
	cost[from] = 0
	q := &queue{{from, 0}}
	for q.Len() > 0 {
		n := heap.Pop(q).(step)
		if n.cost > cost[n.node] {
			continue
		}
		for _, i := range g.out[n.node] {
			e := &g.edges[i]
			if c := n.cost + e.length/e.speed + 3; c < cost[e.to] {
				cost[e.to], by[e.to] = c, i
				heap.Push(q, step{e.to, c})
			}
		}
	}
	return by
}

// way returns the edges from the root of routes to a node, or none.
func (g *grid) way(by []int, to int) []int {
	var way []int
	for n := to; by[n] >= 0; n = g.edges[by[n]].from {
		way = append(way, by[n])
		if len(way) > len(g.edges) {
			return nil
		}
	}
	for i, j := 0, len(way)-1; i < j; i, j = i+1, j-1 {
		way[i], way[j] = way[j], way[i]
	}
	return way
}

type step struct {
	node int
	cost float64
}

type queue []step

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].cost < q[j].cost }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(step)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
