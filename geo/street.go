package geo

import "github.com/paulmach/orb"

// Attribution must stand wherever the map is shown.
const Attribution = "© OpenStreetMap contributors, ODbL 1.0"

// Map is what is known of a town: its streets, the furniture on them, and the ground around them.
type Map struct {
	Streets     []Street    // by ID
	Furniture   []Furniture // by ID
	Ground      []Ground
	Bound       orb.Bound // what the map covers; zero where it is empty
	Attribution string
}

// Street is one way of OpenStreetMap; a street that people name is often several.
type Street struct {
	ID     int64
	Name   string // empty for many
	Class  string // the value of highway=: residential, footway, …
	Oneway bool   // in the direction of Line
	Lanes  int    // both directions together; 0: not known
	Line   orb.LineString
}

// Drivable says whether cars use the street. The others are there for the map only.
func (s *Street) Drivable() bool {
	rank, ok := rankOf(s.Class)
	return ok && rank <= rankService
}

// Ranks of classes, from the most important down; the map shows them from different zooms on.
const (
	rankTertiary    = 4
	rankResidential = 5
	rankService     = 6
	rankPath        = 7
)

// rankOf returns the importance of a class, motorway 0; false where the class is not a street's.
func rankOf(class string) (int, bool) {
	switch class {
	case "motorway", "motorway_link":
		return 0, true
	case "trunk", "trunk_link":
		return 1, true
	case "primary", "primary_link":
		return 2, true
	case "secondary", "secondary_link":
		return 3, true
	case "tertiary", "tertiary_link":
		return rankTertiary, true
	case "unclassified", "residential", "living_street", "road":
		return rankResidential, true
	case "service":
		return rankService, true
	case "track", "pedestrian", "footway", "cycleway", "path", "steps", "bridleway":
		return rankPath, true
	default:
		return 0, false
	}
}

// Kinds of furniture.
const (
	SpeedBump = "speed_bump"
	Rail      = "rail"
	Casting   = "casting"
	Joint     = "joint" // of registers only: OpenStreetMap has no tag for it
)

// Furniture is something in a street that shakes cars and belongs there.
type Furniture struct {
	ID    int64 // the node's
	Kind  string
	Point orb.Point
}

// Kinds of ground.
const (
	Water    = "water"    // an area
	Waterway = "waterway" // a line
	Wood     = "wood"
	Vineyard = "vineyard"
	Park     = "park"
	RailLine = "rail" // a line
)

// Ground is what the map shows under the streets: a line, a polygon or several.
type Ground struct {
	Kind, Name string
	Shape      orb.Geometry
}
