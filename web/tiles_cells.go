package web

import (
	"context"
	"fmt"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// oftenEvents is from how many events in four weeks on a cell counts as driven often: one a day.
const oftenEvents = 28

// drawCoverage draws how often ground is driven: every coverage cell with streets or events in it.
func drawCoverage(ctx context.Context, s *Server, t maptile.Tile, _ filter) ([]byte, error) {
	b := widen(t.Bound(), 2*geo.CoverageEdgeM)
	driven, err := s.driven(ctx)
	if err != nil {
		return nil, err
	}
	levels := map[geo.Cell]string{}
	set := func(cell geo.Cell, level string) {
		if middle, err := cell.LatLng(); err == nil && b.Contains(orb.Point{middle.Lng, middle.Lat}) {
			levels[cell] = level
		}
	}
	for cell := range s.streetCells() {
		set(cell, "never")
	}
	for _, c := range driven {
		set(c.Cell, levelOf(c.Events).String())
	}
	fc := geojson.NewFeatureCollection()
	for _, cell := range sortedCells(levels) {
		f := geojson.NewFeature(orb.Polygon{outline(cell)})
		f.Properties = geojson.Properties{"h3": cell.String(), "level": levels[cell]}
		fc.Append(f)
	}
	return encodeTile(t, map[string]*geojson.FeatureCollection{"coverage": fc})
}

// freshCoverage is how long a reading of the coverage serves: it sums four weeks, and one view asks for many tiles.
const freshCoverage = time.Minute

// driven is a reading of the coverage.
type driven struct {
	at    time.Time
	cells []crowd.CoverageCell
}

// driven returns the cells that were driven in the last four weeks, at most freshCoverage old.
func (s *Server) driven(ctx context.Context) ([]crowd.CoverageCell, error) {
	now := s.config.Now()
	if d := s.drives.Load(); d != nil && now.Sub(d.at) < freshCoverage {
		return d.cells, nil
	}
	cells, err := crowd.Coverage(ctx, s.config.Pool)
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	s.drives.Store(&driven{now, cells})
	return cells, nil
}

// drawCells draws how many places are known in each H3 cell, for those who want figures by area.
func drawCells(ctx context.Context, s *Server, t maptile.Tile, show filter) ([]byte, error) {
	resolution := geo.CoverageRes
	if t.Z < 12 {
		resolution = geo.RegionRes
	}
	plates, err := s.plates(ctx, widen(t.Bound(), cellWidth(resolution)), resolution, show, false)
	if err != nil {
		return nil, err
	}
	fc := geojson.NewFeatureCollection()
	for _, cell := range sortedCells(plates) {
		p := plates[cell]
		f := geojson.NewFeature(orb.Polygon{outline(cell)})
		f.Properties = geojson.Properties{"h3": cell.String(), "n": p.n, "mark": string(p.worst()), "mix": p.mixed()}
		fc.Append(f)
	}
	return encodeTile(t, map[string]*geojson.FeatureCollection{"cells": fc})
}
