package geo

import (
	"cmp"
	"slices"
	"sort"

	"github.com/paulmach/orb"
)

// Roads are the drivable streets of a network, filed by region, so that positions on them can be drawn at random. They
// never change.
type Roads struct {
	network *Network
	regions map[Cell]*roads
}

// roads are the pieces of street in a region, and how many metres they count up to the end of each.
type roads struct {
	pieces []roadPiece
	ends   []float64
}

// roadPiece is a part of a straight segment of a street.
type roadPiece struct {
	at       segment
	from, to float64 // shares of the segment
}

// Spot is a position on a street.
type Spot struct {
	Point      orb.Point
	HeadingDeg float64 // in the direction in which the street is drawn
	Oneway     bool    // only that direction is driven
	Street     int64   // its ID
}

// serviceShare is what a metre of a way to a house or on a car park counts: half of a town's ways are such, and few cars
// drive there.
const serviceShare = 0.1

// pieceM is the longest piece, metres: as a whole it belongs to the region of its middle.
const pieceM = 50.0

// NewRoads files the streets of n by region.
func NewRoads(n *Network) *Roads {
	r := &Roads{network: n, regions: map[Cell]*roads{}}
	for at := range n.streets {
		street := &n.streets[at]
		if !street.Drivable() {
			continue
		}
		counts := 1.0
		if rank, _ := rankOf(street.Class); rank == rankService {
			counts = serviceShare
		}
		for i := range len(street.Line) - 1 {
			r.add(segment{int32(at), int32(i)}, street.Line[i], street.Line[i+1], counts)
		}
	}
	return r
}

func (r *Roads) add(at segment, a, b orb.Point, counts float64) {
	length := Distance(a, b)
	if length == 0 {
		return
	}
	n := 1 + int(length/pieceM)
	for k := range n {
		from, to := float64(k)/float64(n), float64(k+1)/float64(n)
		middle := between(a, b, (from+to)/2)
		cell, err := FineCell(middle.Lat(), middle.Lon())
		if err != nil {
			continue
		}
		region := Region(cell)
		in := r.regions[region]
		if in == nil {
			in = &roads{}
			r.regions[region] = in
		}
		in.pieces = append(in.pieces, roadPiece{at, from, to})
		in.ends = append(in.ends, in.length()+counts*length/float64(n))
	}
}

func (r *roads) length() float64 {
	if len(r.ends) == 0 {
		return 0
	}
	return r.ends[len(r.ends)-1]
}

// Regions lists the regions with streets, ascending.
func (r *Roads) Regions() []Cell {
	out := make([]Cell, 0, len(r.regions))
	for region := range r.regions {
		out = append(out, region)
	}
	slices.SortFunc(out, cmp.Compare[Cell])
	return out
}

// KM returns the kilometres of street in a region; ways to houses and on car parks count a tenth.
func (r *Roads) KM(region Cell) float64 {
	if in := r.regions[region]; in != nil {
		return in.length() / 1000
	}
	return 0
}

// At returns the position that lies at a share, 0 to 1, of all the region's street; false where it has none.
func (r *Roads) At(region Cell, share float64) (Spot, bool) {
	in := r.regions[region]
	if in == nil {
		return Spot{}, false
	}
	along := max(0, min(1, share)) * in.length()
	k := min(sort.SearchFloat64s(in.ends, along), len(in.ends)-1)
	begin := 0.0
	if k > 0 {
		begin = in.ends[k-1]
	}
	piece := in.pieces[k]
	street := &r.network.streets[piece.at.street]
	a, b := street.Line[piece.at.i], street.Line[piece.at.i+1]
	within := (along - begin) / (in.ends[k] - begin)
	return Spot{
		Point: between(a, b, piece.from+within*(piece.to-piece.from)), HeadingDeg: Bearing(a, b), Oneway: street.Oneway, Street: street.ID,
	}, true
}

// Snap returns the nearest position on a drivable street to p, at most maxM metres away, in the direction of travel; false
// where there is none. Without a heading a car is taken to drive on the right.
func (n *Network) Snap(p orb.Point, headingDeg *float64, maxM float64) (Spot, bool) {
	m, ok := n.Nearest(p, headingDeg, maxM)
	if !ok {
		return Spot{}, false
	}
	return Spot{Point: pointAlong(m.Street.Line, m.AlongM), HeadingDeg: m.HeadingDeg, Oneway: m.Street.Oneway, Street: m.Street.ID}, true
}

// pointAlong returns the point some metres along a line, at most its end.
func pointAlong(line orb.LineString, metres float64) orb.Point {
	for i := range len(line) - 1 {
		step := Distance(line[i], line[i+1])
		if metres <= step && step > 0 {
			return between(line[i], line[i+1], metres/step)
		}
		metres -= step
	}
	return line[len(line)-1]
}
