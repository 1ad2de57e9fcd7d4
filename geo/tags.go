package geo

import (
	"slices"
	"strconv"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/osm"
)

// streetOf reads a way's tags as a street's (OpenStreetMap wiki: Key:highway, Key:oneway).
func streetOf(id int64, tags map[string]string, line orb.LineString) (Street, bool) {
	class := tags["highway"]
	if _, ok := rankOf(class); !ok || tags["area"] == "yes" {
		return Street{}, false
	}
	street := Street{ID: id, Name: strings.Join(Names(tags["name"]), nameBreak), Class: class, Line: line}
	if lanes, err := strconv.Atoi(tags["lanes"]); err == nil && lanes > 0 && lanes < 100 {
		street.Lanes = lanes
	}
	switch tags["oneway"] {
	case "yes", "true", "1":
		street.Oneway = true
	case "-1", "reverse":
		street.Oneway = true
		street.Line = slices.Clone(line)
		slices.Reverse(street.Line)
	case "no", "false", "0":
	default:
		street.Oneway = tags["junction"] == "roundabout" || class == "motorway" || class == "motorway_link"
	}
	return street, true
}

// furnitureKind reads a node's tags; empty: nothing that shakes a car.
func furnitureKind(tags osm.Tags) string {
	switch tags.Find("traffic_calming") {
	case "bump", "hump", "table", "cushion", "yes":
		return SpeedBump
	}
	switch tags.Find("railway") {
	case "level_crossing", "tram_level_crossing":
		return Rail
	}
	if manhole := tags.Find("manhole"); manhole != "" && manhole != "no" {
		return Casting
	}
	return ""
}

// areaKind reads an area's tags; empty: none that the map shows.
func areaKind(tag func(key string) string) string {
	switch {
	case tag("natural") == "water" || tag("waterway") == "riverbank" || tag("waterway") == "dock" ||
		tag("landuse") == "reservoir" || tag("landuse") == "basin":
		return Water
	case tag("natural") == "wood" || tag("landuse") == "forest":
		return Wood
	case tag("landuse") == "vineyard":
		return Vineyard
	case tag("leisure") == "park":
		return Park
	default:
		return ""
	}
}

// groundOf reads a way's tags as ground: a closed way is an area, an open one a line.
func groundOf(tags map[string]string, line orb.LineString) (Ground, bool) {
	ground := Ground{Name: tags["name"]}
	if kind := areaKind(func(key string) string { return tags[key] }); kind != "" {
		if len(line) < 4 || line[0] != line[len(line)-1] {
			return Ground{}, false
		}
		ground.Kind, ground.Shape = kind, orb.Polygon{wound(orb.Ring(line), orb.CCW)}
		return ground, true
	}
	underground := tags["tunnel"] != "" && tags["tunnel"] != "no"
	switch tags["waterway"] {
	case "river", "stream", "canal":
		ground.Kind = Waterway
	}
	switch tags["railway"] {
	case "rail", "light_rail", "tram", "narrow_gauge":
		ground.Kind = RailLine
	}
	ground.Shape = line
	return ground, ground.Kind != "" && !underground
}

// wound returns the ring with its points in the given order around it.
func wound(ring orb.Ring, order orb.Orientation) orb.Ring {
	if ring.Orientation() == order {
		return ring
	}
	turned := slices.Clone(ring)
	slices.Reverse(turned)
	return turned
}

// nameBreak stands between the names of a street that has several, as people read them.
const nameBreak = " / "

// Names returns the names of a street that has several: OpenStreetMap has a semicolon between them.
func Names(name string) []string {
	var names []string
	for part := range strings.SplitSeq(strings.ReplaceAll(name, nameBreak, ";"), ";") {
		if part = strings.TrimSpace(part); part != "" {
			names = append(names, part)
		}
	}
	return names
}
