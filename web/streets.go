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
type covered struct {
	of    *geo.Network
	cells map[geo.Cell]struct{}
}

// streetCells returns every coverage cell that a drivable street touches. It is made once for each map of streets.
func (s *Server) streetCells() map[geo.Cell]struct{} {
	n := s.network()
	if n == nil {
		return nil
	}
	if c := s.covered.Load(); c != nil && c.of == n {
		return c.cells
	}
	s.covers.Lock()
	defer s.covers.Unlock()
	if c := s.covered.Load(); c != nil && c.of == n {
		return c.cells
	}
	c := &covered{of: n, cells: map[geo.Cell]struct{}{}}
	streets := n.Streets()
	for i := range streets {
		if street := &streets[i]; street.Drivable() {
			c.add(street.Line)
		}
	}
	s.covered.Store(c)
	return c.cells
}

// add adds the cells along a line, sampled more finely than a cell is wide.
func (c *covered) add(line orb.LineString) {
	const step = geo.CoverageEdgeM / 4
	for i := range line {
		c.at(line[i])
		if i == 0 {
			continue
		}
		a, b := line[i-1], line[i]
		n := int(geo.Distance(a, b) / step)
		for k := 1; k <= n; k++ {
			f := float64(k) / float64(n+1)
			c.at(orb.Point{a[0] + (b[0]-a[0])*f, a[1] + (b[1]-a[1])*f})
		}
	}
}

func (c *covered) at(p orb.Point) {
	if fine, err := geo.FineCell(p.Lat(), p.Lon()); err == nil {
		c.cells[geo.CoverageCell(fine)] = struct{}{}
	}
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
	return fmt.Sprintf("%.5f,%.5f,%.5f,%.5f", b.Min[0], b.Min[1], b.Max[0], b.Max[1]), nil
}

// extent returns a box that holds every public place, false where there is none. Its edges lie on a grid so wide that
// they give no place away.
func (s *Server) extent(ctx context.Context) (orb.Bound, bool, error) {
	var west, south, east, north *float64
	err := s.config.Pool.QueryRow(ctx, `select min(p.lon), min(p.lat), max(p.lon), max(p.lat)
		from places p left join orders o on o.place = p.id where `+publicSQL, s.showsSuspected()).Scan(&west, &south, &east, &north)
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
