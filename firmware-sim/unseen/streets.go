package unseen

import (
	"container/heap"
	"math"
	"slices"
)

// rank is a road's place in the hierarchy.
type rank int

const (
	quiet rank = iota
	collector
	arterial
	ring
)

// pace is the usual free speed of a road, m/s.
func (r rank) pace() float64 { return [...]float64{8.6, 10.8, 13.4, 16.5}[r] }

// point is a position in metres east and north of the city's centre.
type point struct{ e, n float64 }

func (p point) to(q point) float64 { return math.Hypot(q.e-p.e, q.n-p.n) }

// road is one direction of a street. The other one has the same number with its last bit flipped.
type road struct {
	from, to    int
	a, b        point
	length      float64
	east, ahead float64 // unit vector
	heading     float64 // degrees
	rank        rank
	canyon      float64 // GPS error, times that in the open
	coarse      float64 // pavement, times the usual
	traffic     float64 // expected use, for placing things
}

// at is the point of the lane that many metres along, that many metres to the right of the lane's middle.
func (r *road) at(along, right float64) point {
	right += 1.8
	return point{r.a.e + along*r.east + right*r.ahead, r.a.n + along*r.ahead - right*r.east}
}

// streets is the network.
type streets struct {
	lat, lon float64 // of the centre
	nodes    []point
	roads    []road
	out      [][]int // roads by the node that they leave
}

// newStreets grows a network: random points kept apart, joined where nothing lies between two (Gabriel and Sokal 1969), the
// ring and the arterials being shortest ways through it.
func newStreets(d dice, centreM float64) *streets {
	s := &streets{lat: d.between(36, 59), lon: d.between(-9, 24)}
	radius, apart := d.between(1500, 1800), d.between(118, 138)
	stretch, turn := d.between(0.7, 1), d.between(0, math.Pi)
	for misses := 0; misses < 400; misses++ {
		r, a := radius*math.Sqrt(d.Float64()), d.between(0, 2*math.Pi)
		x, y := r*math.Cos(a), stretch*r*math.Sin(a)
		p := point{x*math.Cos(turn) - y*math.Sin(turn), x*math.Sin(turn) + y*math.Cos(turn)}
		if !slices.ContainsFunc(s.nodes, func(q point) bool { return p.to(q) <= apart*(0.75+0.5*r/radius) }) {
			s.nodes, misses = append(s.nodes, p), 0
		}
	}
	s.join(d, 3.2*apart, centreM)
	s.rankRoads(d, radius*d.between(0.55, 0.75), stretch, turn)
	for i := range s.roads {
		r := &s.roads[i]
		if i&1 == 1 {
			r.coarse = s.roads[i^1].coarse
			continue
		}
		r.coarse = d.around([...]float64{1.15, 1, 0.9, 0.75}[r.rank], 0.25)
	}
	return s
}

func (s *streets) join(d dice, farthest, centreM float64) {
	s.out = make([][]int, len(s.nodes))
	for i, p := range s.nodes {
		for j := i + 1; j < len(s.nodes); j++ {
			q := s.nodes[j]
			length := p.to(q)
			if length > farthest {
				continue
			}
			middle := point{(p.e + q.e) / 2, (p.n + q.n) / 2}
			if slices.ContainsFunc(s.nodes, func(o point) bool { return o != p && o != q && middle.to(o) < length/2 }) {
				continue
			}
			canyon := 1 + d.between(0.3, 1.3)*math.Exp(-math.Pow(math.Hypot(middle.e, middle.n)/centreM, 2))
			if d.chance(0.05) {
				canyon += 0.6 // a tall street elsewhere, or a wood
			}
			s.add(i, j, canyon)
			s.add(j, i, canyon)
		}
	}
}

func (s *streets) add(from, to int, canyon float64) {
	a, b := s.nodes[from], s.nodes[to]
	r := road{from: from, to: to, a: a, b: b, length: a.to(b), canyon: canyon, coarse: 1}
	r.east, r.ahead = (b.e-a.e)/r.length, (b.n-a.n)/r.length
	r.heading = math.Mod(math.Atan2(r.east, r.ahead)*180/math.Pi+360, 360)
	s.out[from] = append(s.out[from], len(s.roads))
	s.roads = append(s.roads, r)
}

// rankRoads lays the ring, the arterials and the collectors.
func (s *streets) rankRoads(d dice, ringM, stretch, turn float64) {
	around := func(r, a float64) int {
		x, y := r*math.Cos(a), stretch*r*math.Sin(a)
		return s.nearest(point{x*math.Cos(turn) - y*math.Sin(turn), x*math.Sin(turn) + y*math.Cos(turn)})
	}
	raise := func(from, to int, as rank) {
		for _, k := range s.way(from, to, func(k int) float64 { return s.roads[k].length / (1 + float64(s.roads[k].rank)/2) }) {
			s.roads[k].rank, s.roads[k^1].rank = max(as, s.roads[k].rank), max(as, s.roads[k].rank)
		}
	}
	const sides = 12
	for i := range sides {
		raise(around(ringM, 2*math.Pi*float64(i)/sides), around(ringM, 2*math.Pi*float64(i+1)/sides), ring)
	}
	gates, first := d.count(5, 8), d.between(0, math.Pi)
	for i := range gates {
		raise(around(2*ringM, first+2*math.Pi*float64(i)/float64(gates)), around(60, d.between(0, 6)), arterial)
	}
	for range d.count(12, 20) {
		raise(d.IntN(len(s.nodes)), d.IntN(len(s.nodes)), collector)
	}
	for i := range s.roads {
		s.roads[i].traffic = [...]float64{1, 3, 7, 7}[s.roads[i].rank]
	}
}

func (s *streets) nearest(p point) int {
	best := 0
	for i, q := range s.nodes {
		if p.to(q) < p.to(s.nodes[best]) {
			best = i
		}
	}
	return best
}

// way is the cheapest way between two nodes as a list of roads, nil where there is none.
func (s *streets) way(from, to int, cost func(road int) float64) []int {
	least, by := make([]float64, len(s.nodes)), make([]int, len(s.nodes))
	for i := range least {
		least[i], by[i] = math.Inf(1), -1
	}
	least[from] = 0
	q := &frontier{{from, 0}}
	for q.Len() > 0 {
		at := heap.Pop(q).(reached)
		if at.node == to {
			break
		}
		if at.cost > least[at.node] {
			continue
		}
		for _, k := range s.out[at.node] {
			next, c := s.roads[k].to, at.cost+cost(k)
			if c < least[next] {
				least[next], by[next] = c, k
				heap.Push(q, reached{next, c})
			}
		}
	}
	var ways []int
	for n := to; n != from; n = s.roads[by[n]].from {
		if by[n] < 0 {
			return nil
		}
		ways = append(ways, by[n])
	}
	slices.Reverse(ways)
	return ways
}

// latLon are the WGS 84 degrees of a point.
func (s *streets) latLon(p point) (lat, lon float64) {
	const degree = 6371008.8 * math.Pi / 180
	return s.lat + p.n/degree, s.lon + p.e/(degree*math.Cos(s.lat*math.Pi/180))
}

type reached struct {
	node int
	cost float64
}

type frontier []reached

func (f frontier) Len() int           { return len(f) }
func (f frontier) Less(i, j int) bool { return f[i].cost < f[j].cost }
func (f frontier) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *frontier) Push(x any)        { *f = append(*f, x.(reached)) }
func (f *frontier) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}
