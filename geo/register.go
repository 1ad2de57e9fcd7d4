package geo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/paulmach/orb"
)

// Fixture is one entry of a city's register of what stands in its streets.
type Fixture struct {
	ID         string // stable: the register's own, or made of kind and position where it has none
	Kind       string // SpeedBump, Rail, Casting or Joint
	Point      orb.Point
	HeadingDeg *float64 // of the lanes that it lies in; nil: not known, or all
}

// Register is what a city's file says stands in its streets.
type Register struct {
	Fixtures []Fixture
	Repeated int          // entries that say again what another has said
	Refused  []RefusedRow // entries that cannot be used, in order
	Whole    bool         // the file was read to its end
}

// RefusedRow is an entry of a file that cannot be used, and why.
type RefusedRow struct {
	Line   int // of the file, from 1
	Reason string
}

// mostIDBytes bounds an entry's own id.
const mostIDBytes = 200

// registerDraft gathers a register's entries.
type registerDraft struct {
	Register
	usual string         // the kind of entries that name none
	lines map[string]int // where each id was said first
	at    map[string]int // its place in Fixtures
}

func newRegisterDraft(usual string) *registerDraft {
	return &registerDraft{usual: usual, lines: map[string]int{}, at: map[string]int{}}
}

// refuse notes an entry that cannot be used.
func (d *registerDraft) refuse(line int, reason string, arguments ...any) {
	d.Refused = append(d.Refused, RefusedRow{line, fmt.Sprintf(reason, arguments...)})
}

// add takes an entry: its words by normalised column name, and its position.
func (d *registerDraft) add(line int, word func(names ...string) string, p orb.Point) {
	kind, err := d.kind(word)
	if err != nil {
		d.refuse(line, "%v", err)
		return
	}
	if err := checkPosition(p); err != nil {
		d.refuse(line, "%v", err)
		return
	}
	f := Fixture{ID: word("id"), Kind: kind, Point: p}
	if text := word("heading_deg", "heading"); text != "" {
		heading, err := parseNumber(text)
		if err != nil || math.Abs(heading) > 360 {
			d.refuse(line, "heading_deg %q is no angle in degrees", text)
			return
		}
		heading = NormalHeading(heading)
		f.HeadingDeg = &heading
	}
	if !utf8.ValidString(f.ID) || strings.ContainsRune(f.ID, 0) || len(f.ID) > mostIDBytes {
		d.refuse(line, "id is longer than %d bytes, or no text", mostIDBytes)
		return
	}
	if f.ID == "" {
		f.ID = f.hash()
	}
	if first, said := d.lines[f.ID]; said {
		if f.same(d.Fixtures[d.at[f.ID]]) {
			d.Repeated++
		} else {
			d.refuse(line, "id %q is another entry's, on line %d", f.ID, first)
		}
		return
	}
	d.lines[f.ID], d.at[f.ID] = line, len(d.Fixtures)
	d.Fixtures = append(d.Fixtures, f)
}

func (d *registerDraft) kind(word func(names ...string) string) (string, error) {
	// OpenStreetMap's keys come as columns too, from exports of it.
	for _, key := range []string{"kind", "type", "traffic_calming", "railway", "manhole"} {
		text := word(key)
		if text == "" {
			continue
		}
		if key == "manhole" && text != "no" {
			return Casting, nil
		}
		if kind := kindOf(text); kind != "" {
			return kind, nil
		}
		if key == "kind" || d.usual == "" {
			return "", fmt.Errorf("kind %q is none of speed_bump, casting, rail, joint (or a word for one of them)", text)
		}
	}
	if d.usual == "" {
		return "", fmt.Errorf("no kind: speed_bump, casting, rail or joint")
	}
	return d.usual, nil
}

// hash names an entry that has no id of its own. Positions are cut to a decimetre, so that a file written with more
// digits keeps its names.
func (f Fixture) hash() string {
	text := f.Kind + " " + strconv.FormatFloat(f.Point.Lat(), 'f', 6, 64) + " " + strconv.FormatFloat(f.Point.Lon(), 'f', 6, 64)
	if f.HeadingDeg != nil {
		text += " " + strconv.FormatFloat(*f.HeadingDeg, 'f', 0, 64)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func (f Fixture) same(o Fixture) bool {
	return f.Kind == o.Kind && f.Point == o.Point && (f.HeadingDeg == nil) == (o.HeadingDeg == nil) &&
		(f.HeadingDeg == nil || *f.HeadingDeg == *o.HeadingDeg) || f.ID == f.hash() && f.ID == o.hash()
}

// ParseKind returns the kind of furniture that a word stands for, or an error that lists the kinds.
func ParseKind(word string) (string, error) {
	if kind := kindOf(word); kind != "" {
		return kind, nil
	}
	return "", fmt.Errorf("kind %q: use speed_bump, casting, rail or joint", word)
}

// kindOf reads the words that cities and OpenStreetMap use; empty: none of them.
func kindOf(word string) string {
	switch normalWord(word) {
	case "speed_bump", "speedbump", "speed_hump", "speedhump", "speed_table", "speed_cushion", "speed_breaker", "bump", "hump", "table",
		"cushion", "raised_crossing", "raised_crosswalk", "raised_table", "sleeping_policeman", "traffic_calming":
		return SpeedBump
	case "casting", "manhole", "manhole_cover", "valve", "water_valve", "gas_valve", "valve_box", "gully", "drain", "catch_basin",
		"inspection_chamber", "inspection_cover", "utility_cover", "utility_access", "maintenance_hole":
		return Casting
	case "rail", "rails", "level_crossing", "rail_crossing", "railway_crossing", "grade_crossing", "tram", "tram_rail", "tram_crossing",
		"tram_level_crossing":
		return Rail
	case "joint", "expansion_joint", "bridge_joint":
		return Joint
	}
	return ""
}

// normalWord is how column names and kinds are compared.
func normalWord(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return r
	}, strings.ToLower(strings.TrimSpace(text)))
}

// checkPosition says what is wrong with a position.
func checkPosition(p orb.Point) error {
	switch {
	case !onGlobe(p):
		return fmt.Errorf("latitude %g, longitude %g is no position in WGS 84 degrees; convert the file first (ogr2ogr -t_srs EPSG:4326)", p.Lat(), p.Lon())
	case p == orb.Point{}:
		return fmt.Errorf("position 0,0 is nowhere")
	}
	return nil
}

// parseNumber reads a finite number.
func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
		err = strconv.ErrRange
	}
	return n, err
}
