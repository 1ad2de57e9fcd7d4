package geo

import (
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// Sides of a street, seen in the direction in which its line is drawn.
const (
	Left  = "left"
	Right = "right"
)

const (
	gridDegrees = 0.001 // width of the index's squares: 111 m northwards, less eastwards
	firstLookM  = 50    // how far Nearest looks before it looks further
	againstM    = 20    // metres of distance that a street at right angles to the heading is worth
)

// Network is a map made ready for questions. It never changes and may be used by many at once.
type Network struct {
	bound       orb.Bound
	attribution string
	streets     []Street
	squares     map[square][]segment
	junctions   map[orb.Point][]int32 // the streets, by index, that share a point
	names       []entry
	layers      map[string][]shape
}

type square struct{ x, y int32 }

// segment is one straight piece of a drivable street, from its point i to the next.
type segment struct{ street, i int32 }

// Match is the street that a position was found to be on.
type Match struct {
	Street     *Street
	DistanceM  float64 // from the street's line
	AlongM     float64 // from the beginning of the line
	HeadingDeg float64 // of the traffic there
	Side       string  // of the line as it is drawn: Left or Right
	From, To   string  // the cross streets before and after, in the direction of travel; empty where there is none
}

// NewNetwork makes m ready. It keeps no reference to m's slices but the streets' and the ground's shapes, which
// nobody must change.
func NewNetwork(m *Map) *Network {
	n := &Network{
		bound:       m.Bound,
		attribution: m.Attribution,
		streets:     slices.Clone(m.Streets),
		squares:     map[square][]segment{},
		junctions:   map[orb.Point][]int32{},
	}
	first := map[orb.Point]int32{}
	for at := range n.streets {
		street := &n.streets[at]
		if _, ok := rankOf(street.Class); !ok || len(street.Line) < 2 {
			continue
		}
		for _, p := range street.Line {
			n.join(first, p, int32(at))
		}
		if street.Drivable() {
			n.index(int32(at))
		}
	}
	n.names = namesOf(n.streets)
	n.layers = shapesOf(n.streets, m.Ground)
	return n
}

// Bound returns what the map covers.
func (n *Network) Bound() orb.Bound { return n.bound }

// Attribution returns the words that must stand on the map.
func (n *Network) Attribution() string { return n.attribution }

// Streets returns every street of the map by its ID, paths and footways too. Nobody must change them.
func (n *Network) Streets() []Street { return n.streets }

// Empty says whether there are no streets.
func (n *Network) Empty() bool { return len(n.streets) == 0 }

// join notes that the street has the point. OpenStreetMap's junctions are nodes that ways share, and a
// node has one position.
func (n *Network) join(first map[orb.Point]int32, p orb.Point, street int32) {
	other, seen := first[p]
	switch {
	case !seen:
		first[p] = street
	case len(n.junctions[p]) == 0:
		if other != street {
			n.junctions[p] = []int32{other, street}
		}
	case !slices.Contains(n.junctions[p], street):
		n.junctions[p] = append(n.junctions[p], street)
	}
}

func squareOf(lon, lat float64) square {
	return square{int32(math.Floor(lon / gridDegrees)), int32(math.Floor(lat / gridDegrees))}
}

// index puts each piece of the street in the squares that it runs through. A long piece is followed in
// steps of a square, so that it does not fill the whole rectangle around it.
func (n *Network) index(street int32) {
	line := n.streets[street].Line
	for i := range len(line) - 1 {
		a, b := line[i], line[i+1]
		steps := 1 + int(max(math.Abs(b[0]-a[0]), math.Abs(b[1]-a[1]))/gridDegrees)
		at := segment{street, int32(i)}
		for step := range steps {
			p, q := between(a, b, float64(step)/float64(steps)), between(a, b, float64(step+1)/float64(steps))
			low := squareOf(min(p[0], q[0]), min(p[1], q[1]))
			high := squareOf(max(p[0], q[0]), max(p[1], q[1]))
			for x := low.x; x <= high.x; x++ {
				for y := low.y; y <= high.y; y++ {
					in := square{x, y}
					if list := n.squares[in]; len(list) == 0 || list[len(list)-1] != at {
						n.squares[in] = append(list, at)
					}
				}
			}
		}
	}
}

func between(a, b orb.Point, share float64) orb.Point {
	return orb.Point{a[0] + (b[0]-a[0])*share, a[1] + (b[1]-a[1])*share}
}

// candidate is a place on a street that a position may belong to.
type candidate struct {
	at        segment
	distanceM float64
	share     float64 // of the segment, from its beginning
	costM     float64 // the distance, and what a wrong heading is worth
	bearing   float64 // of the segment as drawn
	right     bool    // the position is on the right of the line, or on it
}

// Nearest returns the drivable street that p is on, at most maxM metres away; false where there is none.
// With a heading a street across it, or a one-way street against it, must be nearer by some metres to win.
// Without one a car on a two-way street is taken to drive on the right.
func (n *Network) Nearest(p orb.Point, headingDeg *float64, maxM float64) (Match, bool) {
	best, ok := n.nearest(p, headingDeg, maxM, anyStreet)
	if !ok {
		return Match{}, false
	}
	return n.match(best, headingDeg), true
}

// NearestName returns the name of the nearest drivable street that has one, at most maxM metres away; empty where there is none.
func (n *Network) NearestName(p orb.Point, maxM float64) string {
	best, ok := n.nearest(p, nil, maxM, func(s *Street) bool { return s.Name != "" })
	if !ok {
		return ""
	}
	return n.streets[best.at.street].Name
}

func anyStreet(*Street) bool { return true }

func (n *Network) nearest(p orb.Point, headingDeg *float64, maxM float64, of func(*Street) bool) (candidate, bool) {
	if !onGlobe(p) || len(n.squares) == 0 {
		return candidate{}, false
	}
	for look := min(maxM, firstLookM); ; look = min(maxM, look*4) {
		best, ok := n.best(p, headingDeg, look, of)
		// What lies beyond costs more than look; only then is the best so far the best.
		if ok && best.costM <= look || look >= maxM {
			return best, ok
		}
	}
}

func (n *Network) best(p orb.Point, headingDeg *float64, lookM float64, of func(*Street) bool) (candidate, bool) {
	flat := planeAt(p)
	dLat, dLon := lookM/flat.north, lookM/flat.east
	low, high := squareOf(p[0]-dLon, p[1]-dLat), squareOf(p[0]+dLon, p[1]+dLat)
	var best candidate
	found := false
	consider := func(list []segment) {
		for _, at := range list {
			if !of(&n.streets[at.street]) {
				continue
			}
			c := n.measure(flat, at, headingDeg)
			if c.distanceM <= lookM && (!found || c.before(best)) {
				best, found = c, true
			}
		}
	}
	if squares := float64(high.x-low.x+1) * float64(high.y-low.y+1); squares > float64(len(n.squares)) {
		for _, list := range n.squares {
			consider(list)
		}
		return best, found
	}
	for x := low.x; x <= high.x; x++ {
		for y := low.y; y <= high.y; y++ {
			consider(n.squares[square{x, y}])
		}
	}
	return best, found
}

// before orders candidates, the same way each time.
func (c candidate) before(other candidate) bool {
	switch {
	case c.costM != other.costM:
		return c.costM < other.costM
	case c.at.street != other.at.street:
		return c.at.street < other.at.street
	default:
		return c.at.i < other.at.i
	}
}

func (n *Network) measure(flat plane, at segment, headingDeg *float64) candidate {
	street := &n.streets[at.street]
	ax, ay := flat.to(street.Line[at.i])
	bx, by := flat.to(street.Line[at.i+1])
	dx, dy := bx-ax, by-ay
	c := candidate{at: at, bearing: NormalHeading(degrees(math.Atan2(dx, dy)))}
	if length := dx*dx + dy*dy; length > 0 {
		c.share = max(0, min(1, -(ax*dx+ay*dy)/length))
	}
	c.distanceM = math.Hypot(ax+c.share*dx, ay+c.share*dy)
	c.right = dx*-ay-dy*-ax <= 0
	c.costM = c.distanceM
	if headingDeg != nil {
		diff := HeadingDiff(*headingDeg, c.bearing)
		if !street.Oneway {
			diff = min(diff, 180-diff)
		}
		c.costM += againstM * (1 - math.Cos(radians(diff)))
	}
	return c
}

func (n *Network) match(c candidate, headingDeg *float64) Match {
	street := &n.streets[c.at.street]
	m := Match{Street: street, DistanceM: c.distanceM, HeadingDeg: c.bearing, Side: Left}
	if c.right {
		m.Side = Right
	}
	for i := range c.at.i {
		m.AlongM += Distance(street.Line[i], street.Line[i+1])
	}
	m.AlongM += c.share * Distance(street.Line[c.at.i], street.Line[c.at.i+1])
	backwards := false
	if !street.Oneway {
		backwards = !c.right
		if headingDeg != nil {
			backwards = HeadingDiff(*headingDeg, c.bearing) > 90
		}
	}
	before, after := n.cross(c.at.street, int(c.at.i), -1), n.cross(c.at.street, int(c.at.i)+1, +1)
	m.From, m.To = before, after
	if backwards {
		m.HeadingDeg = NormalHeading(c.bearing + 180)
		m.From, m.To = after, before
	}
	return m
}
