package geo

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/osm"
	"github.com/paulmach/osm/osmpbf"
	"github.com/paulmach/osm/osmxml"
)

// ReadOSM reads an OpenStreetMap extract: .osm, .osm.gz or .osm.pbf, by name. It reads r once and to its
// end, and fails on a file that is damaged, cut off, or something else.
func ReadOSM(ctx context.Context, r io.Reader, name string) (*Map, error) {
	d := draft{nodes: map[osm.NodeID]orb.Point{}, ways: map[osm.WayID]way{}, bound: emptyBound(), furniture: map[int64]Furniture{}}
	var err error
	switch lower := strings.ToLower(name); {
	case strings.HasSuffix(lower, ".pbf"):
		err = d.readPBF(ctx, bufio.NewReaderSize(r, 1<<20))
	case strings.HasSuffix(lower, ".osm.gz"):
		var unzipped *gzip.Reader
		if unzipped, err = gzip.NewReader(r); err == nil {
			err = d.read(osmxml.New(ctx, unzipped))
		}
	case strings.HasSuffix(lower, ".osm"):
		err = d.read(osmxml.New(ctx, bufio.NewReaderSize(r, 1<<16)))
	default:
		return nil, fmt.Errorf("%s: streets come in files named .osm, .osm.gz or .osm.pbf", name)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("read %s: %w", name, ctx.Err())
	case errors.Is(err, io.ErrUnexpectedEOF) || err != nil && strings.Contains(err.Error(), "unexpected EOF"):
		return nil, fmt.Errorf("%s is cut off; fetch it again: %w", name, err)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read as OpenStreetMap's format; fetch it again, or name it as what it is: %w", name, err)
	case len(d.nodes) == 0:
		return nil, fmt.Errorf("%s has nothing of OpenStreetMap in it", name)
	}
	return d.finish(), nil
}

// draft is what has been read. Ways refer to nodes and relations to ways, in any order in the file.
type draft struct {
	nodes     map[osm.NodeID]orb.Point
	ways      map[osm.WayID]way
	areas     []area
	furniture map[int64]Furniture
	bound     orb.Bound
}

type way struct {
	nodes []osm.NodeID
	tags  map[string]string // those that we read
}

// area is a multipolygon relation of ground.
type area struct {
	ground       Ground
	outer, inner []osm.WayID
}

func (d *draft) readPBF(ctx context.Context, r io.Reader) error {
	scanner := osmpbf.New(ctx, r, 2)
	header, err := scanner.Header()
	if errors.Is(err, io.EOF) {
		return scanner.Close() // an empty file
	}
	if err != nil {
		return errors.Join(err, scanner.Close())
	}
	if header == nil {
		return errors.Join(errors.New("it has no header"), scanner.Close())
	}
	if b := header.Bounds; b != nil {
		d.addBounds(b)
	}
	return d.read(scanner)
}

func (d *draft) read(scanner osm.Scanner) error {
	defer scanner.Close()
	for scanner.Scan() {
		switch object := scanner.Object().(type) {
		case *osm.Bounds:
			d.addBounds(object)
		case *osm.Node:
			d.addNode(object)
		case *osm.Way:
			d.addWay(object)
		case *osm.Relation:
			d.addRelation(object)
		}
	}
	return scanner.Err()
}

func (d *draft) addBounds(b *osm.Bounds) {
	said := orb.Bound{Min: orb.Point{b.MinLon, b.MinLat}, Max: orb.Point{b.MaxLon, b.MaxLat}}
	if onGlobe(said.Min) && onGlobe(said.Max) && !said.IsEmpty() {
		d.bound = d.bound.Union(said)
	}
}

func onGlobe(p orb.Point) bool {
	return math.Abs(p.Lon()) <= 180 && math.Abs(p.Lat()) <= 90 // false for NaN
}

func (d *draft) addNode(node *osm.Node) {
	p := node.Point()
	if !onGlobe(p) {
		return
	}
	d.nodes[node.ID] = p
	if len(node.Tags) == 0 {
		return
	}
	if kind := furnitureKind(node.Tags); kind != "" {
		d.furniture[int64(node.ID)] = Furniture{ID: int64(node.ID), Kind: kind, Point: p}
	}
}

func (d *draft) addWay(w *osm.Way) {
	kept := way{nodes: make([]osm.NodeID, len(w.Nodes))}
	for i, node := range w.Nodes {
		kept.nodes[i] = node.ID
	}
	for _, tag := range w.Tags {
		switch tag.Key {
		case "building":
			return // most of a town's ways, and part of none of ours
		case "highway", "name", "oneway", "lanes", "junction", "area", "tunnel", "natural", "waterway", "landuse", "leisure", "railway":
			if kept.tags == nil {
				kept.tags = map[string]string{}
			}
			kept.tags[tag.Key] = tag.Value
		}
	}
	d.ways[w.ID] = kept
}

func (d *draft) addRelation(r *osm.Relation) {
	if r.Tags.Find("type") != "multipolygon" {
		return
	}
	a := area{ground: Ground{Kind: areaKind(r.Tags.Find), Name: r.Tags.Find("name")}}
	for _, member := range r.Members {
		switch {
		case member.Type != osm.TypeWay:
		case member.Role == "inner":
			a.inner = append(a.inner, osm.WayID(member.Ref))
		default:
			a.outer = append(a.outer, osm.WayID(member.Ref))
		}
	}
	d.areas = append(d.areas, a)
}

// line returns the longest run of the way's nodes that the extract has: at its edges it lacks some.
func (d *draft) line(w way) orb.LineString {
	var longest, run orb.LineString
	for _, id := range w.nodes {
		p, ok := d.nodes[id]
		switch {
		case !ok:
			run = nil
		case len(run) > 0 && run[len(run)-1] == p:
		default:
			run = append(run, p)
		}
		if len(run) > len(longest) {
			longest = run
		}
	}
	if len(longest) < 2 {
		return nil
	}
	return longest
}

// finish makes the map of what was read, in an order that the file's own does not change.
func (d *draft) finish() *Map {
	m := &Map{Attribution: Attribution}
	ids := make([]osm.WayID, 0, len(d.ways))
	for id := range d.ways {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	covered := d.bound
	if covered.IsEmpty() {
		for _, p := range d.nodes {
			covered = covered.Extend(p)
		}
	}
	m.Bound = covered
	tagged := d.finishAreas(m, covered)
	for _, id := range ids {
		w := d.ways[id]
		if len(w.tags) == 0 {
			continue
		}
		line := d.line(w)
		if line == nil {
			continue
		}
		if street, ok := streetOf(int64(id), w.tags, line); ok {
			m.Streets = append(m.Streets, street)
		}
		if ground, ok := groundOf(w.tags, line); ok && !tagged[id] {
			m.Ground = append(m.Ground, ground)
		}
	}
	for _, f := range d.furniture {
		m.Furniture = append(m.Furniture, f)
	}
	slices.SortFunc(m.Furniture, func(a, b Furniture) int { return cmp.Compare(a.ID, b.ID) })
	return m
}

// finishAreas adds the multipolygons. It returns the ways whose own tags are thereby spoken for: older
// multipolygons carry theirs on the outer way.
func (d *draft) finishAreas(m *Map, covered orb.Bound) map[osm.WayID]bool {
	spoken := map[osm.WayID]bool{}
	for _, a := range d.areas {
		if a.ground.Kind == "" {
			for _, id := range a.outer {
				if kind := areaKind(d.tag(id)); kind != "" {
					a.ground.Kind, a.ground.Name = kind, d.ways[id].tags["name"]
					break
				}
			}
		}
		if a.ground.Kind == "" {
			continue
		}
		shape := assemble(d.lines(a.outer), d.lines(a.inner), covered)
		if len(shape) == 0 {
			continue
		}
		for _, id := range a.outer {
			spoken[id] = spoken[id] || areaKind(d.tag(id)) == a.ground.Kind
		}
		a.ground.Shape = shape
		m.Ground = append(m.Ground, a.ground)
	}
	return spoken
}

func (d *draft) tag(id osm.WayID) func(string) string {
	return func(key string) string { return d.ways[id].tags[key] }
}

func (d *draft) lines(ids []osm.WayID) []orb.LineString {
	var lines []orb.LineString
	for _, id := range ids {
		if line := d.line(d.ways[id]); line != nil {
			lines = append(lines, line)
		}
	}
	return lines
}

// emptyBound returns a bound that holds nothing and that any point extends to itself.
func emptyBound() orb.Bound {
	return orb.Bound{Min: orb.Point{1, 1}, Max: orb.Point{-1, -1}}
}
