package dispatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	orbgeo "github.com/paulmach/orb/geo"

	"github.com/streetpulse/streetpulse/crowd"
)

// ReadBodies reads a GeoJSON file of bodies: a FeatureCollection of Polygons and MultiPolygons (a null geometry is everywhere) with the
// properties name (required), id, parent (the id or name of another body), level (district, city, region, province), email (is told of
// deadlines), language (of that), phone, external (orders are handed over to it), classes (of place) and streets (values of highway=, or
// main, collector, local, path). It returns every mistake of the file at once.
func ReadBodies(r io.Reader) ([]Responsible, error) {
	var file struct {
		Type     string `json:"type"`
		Features []struct {
			ID         any             `json:"id"`
			Geometry   json.RawMessage `json:"geometry"`
			Properties map[string]any  `json:"properties"`
		} `json:"features"`
	}
	if err := json.NewDecoder(r).Decode(&file); err != nil {
		return nil, fmt.Errorf("this is no GeoJSON: %w", err)
	}
	if file.Type != "FeatureCollection" || len(file.Features) == 0 {
		return nil, errors.New("a GeoJSON FeatureCollection with a feature for each body is needed")
	}
	var wrong []error
	bodies := make([]Responsible, len(file.Features))
	for i, f := range file.Features {
		b := &bodies[i]
		problem := func(format string, args ...any) {
			name := b.Name
			if name == "" {
				name = "without a name"
			}
			wrong = append(wrong, fmt.Errorf("feature %d (%s): %w", i+1, name, fmt.Errorf(format, args...)))
		}
		readProperties(b, f.Properties, problem)
		if id := fmt.Sprint(f.ID); f.ID != nil && b.ID == "" {
			b.ID = id
		}
		if b.ID == "" {
			b.ID = idOf(b.Name)
		}
		readShape(b, f.Geometry, problem)
	}
	wrong = append(wrong, joinParents(bodies)...)
	return bodies, errors.Join(wrong...)
}

func readProperties(b *Responsible, p map[string]any, problem func(string, ...any)) {
	text := func(key string) string {
		switch v := p[key].(type) {
		case nil:
		case string:
			return strings.TrimSpace(v)
		case float64:
			return fmt.Sprint(v)
		default:
			problem("%s is no text", key)
		}
		return ""
	}
	list := func(key string) (out []string) {
		switch v := p[key].(type) {
		case nil:
		case string:
			return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == ';' })
		case []any:
			for _, x := range v {
				s, ok := x.(string)
				if !ok {
					problem("%s holds something that is no text", key)
				}
				out = append(out, s)
			}
		default:
			problem("%s is no list", key)
		}
		return out
	}
	b.Name, b.ID, b.Parent, b.Streets = text("name"), text("id"), text("parent"), list("streets")
	if b.Email, b.Language = text("email"), text("language"); b.Email != "" {
		if a, err := mail.ParseAddress(b.Email); err != nil || a.Address != b.Email {
			problem("email %q is no address", b.Email)
		}
	}
	b.Phone, b.Level = text("phone"), Level(text("level"))
	if b.Level != "" && !slices.Contains(Levels(), b.Level) {
		problem("level %q is none of %v", b.Level, Levels())
	}
	if b.Name == "" {
		problem("the property name is missing")
	}
	classes := crowd.Classes()
	for _, c := range list("classes") {
		if !slices.Contains(classes[:], crowd.Class(c)) {
			problem("class %q is none of %v", c, classes)
		}
		b.Classes = append(b.Classes, crowd.Class(c))
	}
	switch v := p["external"].(type) {
	case nil:
	case bool:
		b.External = v
	default:
		problem("external is neither true nor false")
	}
}

func readShape(b *Responsible, raw json.RawMessage, problem func(string, ...any)) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	shape, err := readGeometry(raw)
	if err != nil {
		problem("%w", err)
		return
	}
	b.Shape, b.AreaM2 = shape, orbgeo.Area(shape)
}

// joinParents replaces the names of parents by their ids, and puts parents before their children.
func joinParents(bodies []Responsible) (wrong []error) {
	ids, names := map[string]int{}, map[string]int{}
	for i, b := range bodies {
		if j, twice := names[b.Name]; twice && b.Name != "" {
			wrong = append(wrong, fmt.Errorf("feature %d has the name %q, which feature %d has already", i+1, b.Name, j+1))
		}
		if j, twice := ids[b.ID]; twice && b.ID != "" {
			wrong = append(wrong, fmt.Errorf("feature %d has the id %q, which feature %d has already", i+1, b.ID, j+1))
		}
		ids[b.ID], names[b.Name] = i, i
	}
	for i := range bodies {
		b := &bodies[i]
		if b.Parent == "" {
			continue
		}
		j, ok := ids[b.Parent]
		if !ok {
			j, ok = names[b.Parent]
		}
		if !ok {
			wrong = append(wrong, fmt.Errorf("feature %d (%s): its parent %q is not in the file", i+1, b.Name, b.Parent))
			continue
		}
		b.Parent = bodies[j].ID
	}
	depth := func(i int) int {
		n := 0
		for b := bodies[i]; b.Parent != "" && n <= len(bodies); n++ {
			b = bodies[ids[b.Parent]]
		}
		return n
	}
	if len(wrong) > 0 {
		return wrong
	}
	deep := map[string]int{}
	for i, b := range bodies {
		if deep[b.ID] = depth(i); deep[b.ID] > len(bodies) {
			return []error{fmt.Errorf("feature %d (%s) is above itself: its parents go in a circle", i+1, b.Name)}
		}
	}
	slices.SortStableFunc(bodies, func(a, b Responsible) int { return deep[a.ID] - deep[b.ID] })
	return nil
}

// idOf makes an id of a name.
func idOf(name string) string {
	return strings.Trim(regexp.MustCompile(`[^\p{L}\p{N}]+`).ReplaceAllString(strings.ToLower(name), "-"), "-")
}
