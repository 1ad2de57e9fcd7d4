package web

import (
	"context"
	"fmt"
	"math"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// network returns the streets as they are now, nil where there are none.
func (s *Server) network() *geo.Network {
	if n := s.config.Network(); n != nil && !n.Empty() {
		return n
	}
	return nil
}

// covered is the ground that has streets, as coverage cells: where no row of coverage says otherwise, nobody drove.
// Each cell has the name of the street that takes up most of it, empty where none has a name.
type covered struct {
	of     *geo.Network
	cells  map[geo.Cell]string
	metres map[geo.Cell]map[string]float64 // of drivable streets, by name
}

// streetCells returns every coverage cell that a drivable street touches, and the name of its longest street. It is
// made once for each map of streets.
func (s *Server) streetCells() map[geo.Cell]string {
	if c := s.ground(); c != nil {
		return c.cells
	}
	return nil
}

// ground returns the ground that has streets, nil where there are none.
func (s *Server) ground() *covered {
	n := s.network()
	if n == nil {
		return nil
	}
	if c := s.covered.Load(); c != nil && c.of == n {
		return c
	}
	s.covers.Lock()
	defer s.covers.Unlock()
	if c := s.covered.Load(); c != nil && c.of == n {
		return c
	}
	counts := map[geo.Cell]map[string]int{}
	streets := n.Streets()
	for i := range streets {
		if street := &streets[i]; street.Drivable() {
			sample(street, counts)
		}
	}
	c := &covered{of: n, cells: make(map[geo.Cell]string, len(counts)), metres: make(map[geo.Cell]map[string]float64, len(counts))}
	for cell, names := range counts {
		c.cells[cell] = mostNamed(names)
		c.metres[cell] = make(map[string]float64, len(names))
		for name, n := range names {
			c.metres[cell][name] = float64(n) * sampleM
		}
	}
	s.covered.Store(c)
	return c
}

// sampleM is the distance between two samples of a street, metres.
const sampleM = geo.CoverageEdgeM / 8

// sample counts a street in each cell along its line, more finely than a cell is wide.
func sample(street *geo.Street, counts map[geo.Cell]map[string]int) {
	const step = sampleM
	at := func(p orb.Point) {
		fine, err := geo.FineCell(p.Lat(), p.Lon())
		if err != nil {
			return
		}
		cell := geo.CoverageCell(fine)
		if counts[cell] == nil {
			counts[cell] = map[string]int{}
		}
		counts[cell][street.Name]++
	}
	carry := 0.0 // metres since the last sample
	for i := range street.Line {
		if i == 0 {
			at(street.Line[0])
			continue
		}
		a, b := street.Line[i-1], street.Line[i]
		length := geo.Distance(a, b)
		for d := step - carry; d <= length; d += step {
			f := d / length
			at(orb.Point{a[0] + (b[0]-a[0])*f, a[1] + (b[1]-a[1])*f})
		}
		carry = math.Mod(carry+length, step)
	}
}

// mostNamed returns the name that was counted most, the first by alphabet of equals, empty where there is none.
func mostNamed(counts map[string]int) string {
	best := ""
	for name, n := range counts {
		if name != "" && (best == "" || n > counts[best] || n == counts[best] && name < best) {
			best = name
		}
	}
	return best
}

// bounds returns what the map shows first: the places, else the streets, else the world; west,south,east,north.
func (s *Server) bounds(ctx context.Context) (string, error) {
	b, found, err := s.extent(ctx)
	if err != nil {
		return "", err
	}
	if n := s.network(); !found && n != nil {
		b = n.Bound()
	} else if !found {
		b = orb.Bound{Min: orb.Point{-170, -60}, Max: orb.Point{170, 75}}
	}
	return bounds(b), nil
}

// bounds writes a box as maps read it: west,south,east,north.
func bounds(b orb.Bound) string {
	return fmt.Sprintf("%.5f,%.5f,%.5f,%.5f", b.Min[0], b.Min[1], b.Max[0], b.Max[1])
}

// extent returns a box that holds every public place, false where there is none. Its edges lie on a grid so wide that
// they give no place away.
func (s *Server) extent(ctx context.Context) (orb.Bound, bool, error) {
	var west, south, east, north *float64
	err := s.config.Pool.QueryRow(ctx, `select min(p.lon), min(p.lat), max(p.lon), max(p.lat)
		from `+fromSights+` where `+publicSQL, s.showsSuspected()).Scan(&west, &south, &east, &north)
	if err != nil {
		return orb.Bound{}, false, fmt.Errorf("where the places lie: %w", err)
	}
	if west == nil {
		return orb.Bound{}, false, nil
	}
	const grid = 0.004 // degrees, wider than a coverage cell
	return orb.Bound{
		Min: orb.Point{math.Floor(*west/grid) * grid, math.Floor(*south/grid) * grid},
		Max: orb.Point{math.Ceil(*east/grid) * grid, math.Ceil(*north/grid) * grid},
	}, true, nil
}
