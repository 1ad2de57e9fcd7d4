package elsewhere

import (
	"math"
	"math/rand/v2"
	"slices"
)

// point is a position in metres east and north of the city's centre.
type point struct{ x, y float64 }

func (p point) to(q point) float64 { return math.Hypot(q.x-p.x, q.y-p.y) }

// rank says what a street is for.
type rank int

const (
	quiet rank = iota
	collector
	arterial
)

// street runs from one crossing to another.
type street struct {
	from, to int
	line     []point
	length   float64 // m
	rank     rank
	limit    float64 // m/s
	canyon   bool
	worn     bool
	rough    float64 // times the usual
}

// Each street has two lanes: 2i runs along it, 2i+1 against it.
type network struct {
	nodes   []point
	streets []street
	leaving [][]int // lanes, by crossing
}

// bends is of how many straight pieces a street consists.
const bends = 6

func newNetwork(ch *character, r *rand.Rand) *network {
	n := &network{}
	if ch.honeycomb {
		n.comb(ch, r)
	} else {
		n.scatter(ch, r)
	}
	n.link(ch, r)
	n.leaving = make([][]int, len(n.nodes))
	for i := range n.streets {
		s := &n.streets[i]
		n.leaving[s.from] = append(n.leaving[s.from], 2*i)
		n.leaving[s.to] = append(n.leaving[s.to], 2*i+1)
	}
	n.promote(5+r.IntN(4), arterial, 0.7*ch.radius, r)
	n.promote(12+r.IntN(8), collector, 0.4*ch.radius, r)
	for i := range n.streets {
		s := &n.streets[i]
		s.limit = [...]float64{8.3, 12, 14.5}[s.rank] * (0.9 + 0.2*r.Float64())
		s.rough = ch.rough * math.Exp(0.3*r.NormFloat64())
		s.canyon = math.Hypot(s.line[3].x, s.line[3].y) < ch.radius/2 && r.Float64() < ch.canyons
		if s.worn = r.Float64() < ch.worn; s.worn {
			s.rough *= 2.5
		}
	}
	return n
}

// scatter throws crossings that keep their distance, which grows towards the rim.
func (n *network) scatter(ch *character, r *rand.Rand) {
	for range 12000 {
		a, d := 2*math.Pi*r.Float64(), ch.radius*math.Sqrt(r.Float64())
		p := point{d * math.Cos(a), d * math.Sin(a)}
		apart := ch.spacing + 0.03*d
		if !slices.ContainsFunc(n.nodes, func(q point) bool { return p.to(q) < apart }) {
			n.nodes = append(n.nodes, p)
		}
	}
}

// comb lays crossings at the corners of a shaken honeycomb.
func (n *network) comb(ch *character, r *rand.Rand) {
	side := 1.15 * ch.spacing
	for row := -60; row <= 60; row++ {
		for col := -60; col <= 60; col++ {
			if ((col-row)%3+3)%3 == 0 { // the middle of a cell
				continue
			}
			p := point{side * (float64(col) + 0.5*float64(row)), side * math.Sqrt(3) / 2 * float64(row)}
			p.x += 0.22 * side * r.NormFloat64()
			p.y += 0.22 * side * r.NormFloat64()
			if math.Hypot(p.x, p.y) < ch.radius && !slices.ContainsFunc(n.nodes, func(q point) bool { return p.to(q) < side/3 }) {
				n.nodes = append(n.nodes, p)
			}
		}
	}
}

// link joins neighbours: those that have no third one nearer to both, and a share of those that have none between them.
func (n *network) link(ch *character, r *rand.Rand) {
	for i, p := range n.nodes {
		for j := i + 1; j < len(n.nodes); j++ {
			q := n.nodes[j]
			d := p.to(q)
			if d > 5*ch.spacing {
				continue
			}
			nearer, between := false, false
			for k, o := range n.nodes {
				if k == i || k == j {
					continue
				}
				a, b := p.to(o), q.to(o)
				nearer = nearer || max(a, b) < d
				between = between || a*a+b*b < d*d
			}
			if !nearer || !between && r.Float64() < ch.extra {
				n.streets = append(n.streets, bent(i, j, p, q, r))
			}
		}
	}
}

// bent is a street that is not quite straight.
func bent(i, j int, p, q point, r *rand.Rand) street {
	s, d := street{from: i, to: j}, p.to(q)
	bow := d * math.Max(-0.15, math.Min(0.15, 0.07*r.NormFloat64()))
	mid := point{(p.x+q.x)/2 - bow*(q.y-p.y)/d, (p.y+q.y)/2 + bow*(q.x-p.x)/d}
	for k := range bends + 1 {
		t := float64(k) / bends
		at := point{square(1-t)*p.x + 2*t*(1-t)*mid.x + t*t*q.x, square(1-t)*p.y + 2*t*(1-t)*mid.y + t*t*q.y}
		if k > 0 {
			s.length += s.line[k-1].to(at)
		}
		s.line = append(s.line, at)
	}
	return s
}

// promote gives the ways between crossings so far from the centre a rank. They keep to those that have it.
func (n *network) promote(ways int, to rank, beyond float64, r *rand.Rand) {
	var rim []int
	for i, p := range n.nodes {
		if math.Hypot(p.x, p.y) > beyond {
			rim = append(rim, i)
		}
	}
	for range ways {
		a, b := rim[r.IntN(len(rim))], rim[r.IntN(len(rim))]
		for _, lane := range n.route(a, b, func(i int) float64 {
			s := &n.streets[i]
			if s.rank >= to {
				return 0.6 * s.length
			}
			return s.length
		}) {
			s := &n.streets[lane/2]
			s.rank = max(s.rank, to)
		}
	}
}

// at is the position of a point of a lane in the middle of its street, and the heading there in radians clockwise from north.
func (n *network) at(lane int, along float64) (point, float64) {
	s := &n.streets[lane/2]
	back := lane%2 == 1
	if back {
		along = s.length - along
	}
	for k := 1; ; k++ {
		p, q := s.line[k-1], s.line[k]
		d := p.to(q)
		if along > d && k < bends {
			along -= d
			continue
		}
		heading := math.Atan2(q.x-p.x, q.y-p.y)
		if back {
			heading += math.Pi
		}
		t := along / d
		return point{p.x + t*(q.x-p.x), p.y + t*(q.y-p.y)}, heading
	}
}

// end is the crossing to which a lane leads.
func (n *network) end(lane int) int {
	if lane%2 == 1 {
		return n.streets[lane/2].from
	}
	return n.streets[lane/2].to
}
