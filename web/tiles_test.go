package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// tiles reads one layer of every tile that touches the town at a zoom, with positions in degrees.
func (w *town) tiles(layer string, zoom maptile.Zoom, query string) []*geojson.Feature {
	w.t.Helper()
	return w.tilesBetween(layer, zoom, query, orb.Point{15.54, 48.45}, orb.Point{15.70, 48.36})
}

// tilesAround reads the tiles within some 400 m of points.
func (w *town) tilesAround(layer string, zoom maptile.Zoom, query string, points ...orb.Point) []*geojson.Feature {
	w.t.Helper()
	var out []*geojson.Feature
	for _, p := range points {
		out = append(out, w.tilesBetween(layer, zoom, query, orb.Point{p[0] - 0.005, p[1] + 0.004}, orb.Point{p[0] + 0.005, p[1] - 0.004})...)
	}
	return out
}

func (w *town) tilesBetween(layer string, zoom maptile.Zoom, query string, northWest, southEast orb.Point) []*geojson.Feature {
	w.t.Helper()
	var out []*geojson.Feature
	low, high := maptile.At(northWest, zoom), maptile.At(southEast, zoom)
	for x := low.X; x <= high.X; x++ {
		for y := low.Y; y <= high.Y; y++ {
			answer, body := w.get(fmt.Sprintf("/tiles/%s/%d/%d/%d.mvt%s", layer, zoom, x, y, query))
			if answer.StatusCode == http.StatusNoContent {
				continue
			}
			if answer.StatusCode != http.StatusOK {
				w.t.Fatalf("tile %d/%d/%d: %s", zoom, x, y, answer.Status)
			}
			layers, err := mvt.Unmarshal([]byte(body))
			if err != nil {
				w.t.Fatalf("tile %d/%d/%d: %v", zoom, x, y, err)
			}
			layers.ProjectToWGS84(maptile.New(x, y, zoom))
			for _, l := range layers {
				if l.Name == layer {
					out = append(out, l.Features...)
				}
			}
		}
	}
	return out
}

// TestTilesCountEachPlaceOnce proves that at every zoom each public place is drawn or counted in exactly one tile.
func TestTilesCountEachPlaceOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	for _, zoom := range []maptile.Zoom{3, 8, 10, 11, 12, 13, 14, 15} {
		n := 0.0
		for _, f := range w.tiles("places", zoom, "") {
			n += f.Properties.MustFloat64("n")
		}
		if n != 37 {
			t.Errorf("at zoom %d %g places, want 37", zoom, n)
		}
	}
	n := 0.0
	for _, f := range w.tiles("places", 12, "?show=repaired") {
		n += f.Properties.MustFloat64("n")
	}
	if n != 9 {
		t.Errorf("%g repaired places at zoom 12, want 9", n)
	}
}

func TestTilesHideTruePositions(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	// One place alone in its cell: the middle of its group must not be its position.
	p, _ := w.spot("Mitterweg", .4)
	w.put(defect{ID: "palone", Street: "Mitterweg", Share: .4, State: crowd.Suspected, Devices: 3, Days: 1})
	for _, zoom := range []maptile.Zoom{12, 13, 14, 16} {
		found := w.tiles("places", zoom, "")
		if len(found) != 1 {
			t.Fatalf("%d features at zoom %d, want 1", len(found), zoom)
		}
		fine, err := geo.FineCell(p.Lat(), p.Lon())
		if err != nil {
			t.Fatal(err)
		}
		middle, err := geo.CoverageCell(fine).LatLng()
		if err != nil {
			t.Fatal(err)
		}
		if d := geo.Distance(found[0].Point(), orb.Point{middle.Lng, middle.Lat}); d > 40 {
			t.Errorf("at zoom %d it is drawn %.0f m from the middle of its cell", zoom, d)
		}
	}
}

func TestCoverageTiles(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.drive()
	levels := map[string]int{}
	for _, f := range w.tiles("coverage", 13, "") {
		levels[f.Properties.MustString("level")]++
	}
	for _, level := range []string{"often", "seldom", "never"} {
		if levels[level] == 0 {
			t.Errorf("no cell was driven %s: %v", level, levels)
		}
	}
}

func TestTileJSON(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	for _, layer := range []string{"places", "orders", "cells", "coverage", "streets", "ground"} {
		answer, body := w.get("/tiles/" + layer + ".json")
		var doc struct {
			TileJSON string
			Tiles    []string
			Layers   []struct{ ID string } `json:"vector_layers"`
		}
		if err := json.Unmarshal([]byte(body), &doc); err != nil || doc.TileJSON != "3.0.0" || len(doc.Tiles) != 1 || len(doc.Layers) != 1 {
			t.Errorf("%s: %s %s", layer, answer.Status, body)
		}
		if len(w.tiles(layer, 13, "")) == 0 {
			t.Errorf("layer %s is empty", layer)
		}
	}
	for _, path := range []string{"/tiles/none.json", "/tiles/none/1/0/0.mvt", "/tiles/places/1/5/0.mvt", "/tiles/places/1/0/0", "/tiles/places/a/0/0.mvt"} {
		if answer, _ := w.get(path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", path, answer.Status)
		}
	}
}
