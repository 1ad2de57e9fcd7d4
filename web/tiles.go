package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"
)

// A layer of tiles: its zooms, and what draws a tile of it. Tiles above maxZoom are not served: a map draws on with
// those of maxZoom.
type layer struct {
	minZoom, maxZoom int
	fresh            bool // changes while people look; else it may be kept for an hour
	fields           map[string]string
	draw             func(ctx context.Context, s *Server, t maptile.Tile, show filter) ([]byte, error)
}

// Single marks are drawn from this zoom on, plates for groups of them below.
const singlesZoom = 14

func layers() map[string]layer {
	marked := map[string]string{"id": "String", "mark": "String", "class": "String", "severity": "Number", "size": "Number",
		"number": "String", "heading_deg": "Number", "uncertainty_m": "Number", "coarse": "Boolean", "placeless": "Boolean", "n": "Number", "mix": "String"}
	cell := map[string]string{"h3": "String", "level": "String"}
	return map[string]layer{
		"places": {0, 18, true, marked, func(ctx context.Context, s *Server, t maptile.Tile, f filter) ([]byte, error) {
			return s.placesTile(ctx, t, f, false)
		}},
		"orders": {0, 18, true, marked, func(ctx context.Context, s *Server, t maptile.Tile, f filter) ([]byte, error) {
			return s.placesTile(ctx, t, f, true)
		}},
		"coverage": {10, 14, true, cell, drawCoverage},
		"cells":    {9, 14, true, map[string]string{"h3": "String", "n": "Number", "mark": "String", "mix": "String"}, drawCells},
		"streets":  {0, 15, false, map[string]string{"name": "String", "class": "String", "oneway": "Boolean"}, backgroundTile("streets")},
		"ground":   {0, 15, false, map[string]string{"name": "String", "kind": "String"}, backgroundTile("ground")},
	}
}

func backgroundTile(name string) func(context.Context, *Server, maptile.Tile, filter) ([]byte, error) {
	return func(_ context.Context, s *Server, t maptile.Tile, _ filter) ([]byte, error) {
		network := s.network()
		if network == nil {
			return nil, nil
		}
		return network.Tile(name, uint32(t.Z), t.X, t.Y)
	}
}

// tile serves /tiles/{layer}/{z}/{x}/{y}.mvt. A tile with nothing in it is 204.
func (s *Server) tile(w http.ResponseWriter, r *http.Request) {
	l, ok := layers()[r.PathValue("layer")]
	t, err := parseTile(r.PathValue("z"), r.PathValue("x"), r.PathValue("y"))
	if !ok || err != nil || int(t.Z) < l.minZoom || int(t.Z) > l.maxZoom {
		http.Error(w, "no such tile", http.StatusNotFound)
		return
	}
	body, err := l.draw(r.Context(), s, t, parseFilter(r.URL.Query()))
	if err != nil {
		if r.Context().Err() == nil {
			s.config.Log.Error("a tile failed", "tile", r.URL.Path, "error", err)
		}
		http.Error(w, "the tile could not be drawn; try again", statusOf(err))
		return
	}
	keep := "public, max-age=3600"
	if l.fresh {
		keep = "no-cache"
	}
	answerTile(w, r, body, keep)
}

// answerTile answers with a tile. One with nothing in it is 204.
func answerTile(w http.ResponseWriter, r *http.Request, body []byte, keep string) {
	h := w.Header()
	h.Set("Cache-Control", keep)
	if len(body) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.Set("Content-Type", "application/vnd.mapbox-vector-tile")
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h.Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(body) // fails only where the client has gone, and then nobody is left to tell
}

var errTile = errors.New("no such tile")

func parseTile(zs, xs, ys string) (maptile.Tile, error) {
	ys, ok := strings.CutSuffix(ys, ".mvt")
	z, errZ := strconv.ParseUint(zs, 10, 8)
	x, errX := strconv.ParseUint(xs, 10, 32)
	y, errY := strconv.ParseUint(ys, 10, 32)
	if !ok || errZ != nil || errX != nil || errY != nil || z > 24 || x >= 1<<z || y >= 1<<z {
		return maptile.Tile{}, errTile
	}
	return maptile.New(uint32(x), uint32(y), maptile.Zoom(z)), nil
}

// tileJSON serves /tiles/{layer}.json, TileJSON 3.0.0.
func (s *Server) tileJSON(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutSuffix(r.PathValue("layer"), ".json")
	l, known := layers()[name]
	if !ok || !known {
		http.Error(w, "no such layer", http.StatusNotFound)
		return
	}
	doc := map[string]any{
		"tilejson": "3.0.0", "name": "Streetpulse " + name, "scheme": "xyz",
		"tiles":         []string{s.origin(r) + "/tiles/" + name + "/{z}/{x}/{y}.mvt"},
		"minzoom":       l.minZoom,
		"maxzoom":       l.maxZoom,
		"vector_layers": []map[string]any{{"id": name, "fields": l.fields, "minzoom": l.minZoom, "maxzoom": l.maxZoom}},
	}
	if a := s.attribution(); a != "" {
		doc["attribution"] = a
	}
	if n := s.network(); n != nil {
		b := n.Bound()
		doc["bounds"] = []float64{b.Min[0], b.Min[1], b.Max[0], b.Max[1]}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	if err := json.NewEncoder(w).Encode(doc); err != nil {
		s.config.Log.Debug("an answer was not taken", "error", err)
	}
}

// encodeTile makes a tile of features by layer, nil where there are none. Shapes are cut to the tile and a margin, so
// that what crosses its edge is drawn whole.
func encodeTile(t maptile.Tile, layers map[string]*geojson.FeatureCollection) ([]byte, error) {
	filled := map[string]*geojson.FeatureCollection{}
	for name, fc := range layers {
		if len(fc.Features) > 0 {
			filled[name] = fc
		}
	}
	if len(filled) == 0 {
		return nil, nil
	}
	ls := mvt.NewLayers(filled)
	for _, l := range ls {
		l.Version = 2
	}
	ls.ProjectToTile(t)
	ls.Clip(mvt.MapboxGLDefaultExtentBound)
	body, err := mvt.Marshal(ls)
	if err != nil {
		return nil, fmt.Errorf("encode tile %v: %w", t, err)
	}
	return body, nil
}
