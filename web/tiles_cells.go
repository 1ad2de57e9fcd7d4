package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
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
	fc := geojson.NewFeatureCollection()
	for _, g := range driven.between(b.Min.Lat(), b.Max.Lat()) {
		if !b.Contains(g.middle) {
			continue
		}
		f := geojson.NewFeature(orb.Polygon{outline(g.cell)})
		f.Properties = geojson.Properties{"h3": g.cell.String(), "level": g.level.String()}
		fc.Append(f)
	}
	return encodeTile(t, map[string]*geojson.FeatureCollection{"coverage": fc})
}

// freshCoverage is how long a reading of the coverage serves: it sums four weeks, and one view asks for many tiles.
const freshCoverage = time.Minute

// driven is a reading of the coverage.
type driven struct {
	at     time.Time
	ground *covered // the streets that it was made for
	levels map[geo.Cell]level
	cells  []drivenCell // every cell with streets or events in it, from south to north
}

type drivenCell struct {
	cell   geo.Cell
	middle orb.Point
	level  level
}

// between lists the cells whose middle lies between two latitudes.
func (d *driven) between(south, north float64) []drivenCell {
	from := sort.Search(len(d.cells), func(i int) bool { return d.cells[i].middle.Lat() >= south })
	to := sort.Search(len(d.cells), func(i int) bool { return d.cells[i].middle.Lat() > north })
	return d.cells[from:to]
}

// driven returns what was driven in the last four weeks, at most freshCoverage old.
func (s *Server) driven(ctx context.Context) (*driven, error) {
	now, ground := s.config.Now(), s.ground()
	if d := s.drives.Load(); d != nil && now.Sub(d.at) < freshCoverage && d.ground == ground {
		return d, nil
	}
	coverage, err := crowd.Coverage(ctx, s.config.Pool)
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	d := &driven{at: now, ground: ground, levels: map[geo.Cell]level{}}
	for cell := range s.streetCells() {
		d.levels[cell] = never
	}
	for _, c := range coverage {
		d.levels[c.Cell] = levelOf(c.Events)
	}
	for cell, level := range d.levels {
		middle, err := cell.LatLng()
		if err != nil {
			return nil, fmt.Errorf("coverage: cell %s: %w", cell, err)
		}
		d.cells = append(d.cells, drivenCell{cell, orb.Point{middle.Lng, middle.Lat}, level})
	}
	slices.SortFunc(d.cells, func(a, b drivenCell) int {
		return cmp.Or(cmp.Compare(a.middle.Lat(), b.middle.Lat()), cmp.Compare(a.cell, b.cell))
	})
	s.drives.Store(d)
	return d, nil
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
