package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	orbgeo "github.com/paulmach/orb/geo"
	"github.com/paulmach/orb/geojson"

	"github.com/streetpulse/streetpulse/crowd"
)

// ReadBodies reads a GeoJSON file of bodies: a FeatureCollection of Polygons and MultiPolygons (a null geometry is everywhere) with the
// properties name (required), id, parent (the id or name of another body), external (orders are handed over to it), classes (of place),
// streets (values of highway=, or main, collector, local, path), email (is told of deadlines) and language (of that). It returns every mistake of the file at once.
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
	g, err := geojson.UnmarshalGeometry(raw)
	if err != nil {
		problem("its geometry cannot be read: %w", err)
		return
	}
	switch s := g.Geometry().(type) {
	case orb.Polygon:
		b.Shape = orb.MultiPolygon{s}
	case orb.MultiPolygon:
		b.Shape = s
	default:
		problem("its geometry is a %s; a Polygon or MultiPolygon is needed", s.GeoJSONType())
		return
	}
	if len(b.Shape) == 0 {
		problem("its geometry is empty")
	}
	for _, polygon := range b.Shape {
		if len(polygon) == 0 {
			problem("a polygon has no ring")
		}
		for _, ring := range polygon {
			if err := checkRing(ring); err != nil {
				problem("%w", err)
				return
			}
		}
	}
	b.AreaM2 = orbgeo.Area(b.Shape)
}

func checkRing(ring orb.Ring) error {
	for _, p := range ring {
		if !(p.Lat() >= -90 && p.Lat() <= 90 && p.Lon() >= -180 && p.Lon() <= 180) {
			return fmt.Errorf("the position %g, %g is off the globe: longitude, latitude in degrees are needed", p.Lon(), p.Lat())
		}
	}
	switch {
	case len(ring) < 4:
		return fmt.Errorf("a ring has %d positions; 4 at least are needed", len(ring))
	case !ring.Closed():
		return fmt.Errorf("a ring is not closed: it begins at %g, %g and ends at %g, %g", ring[0][0], ring[0][1], ring[len(ring)-1][0], ring[len(ring)-1][1])
	case orbgeo.Area(ring) == 0:
		return errors.New("a ring encloses nothing")
	}
	return nil
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

// SaveBodies replaces the bodies on record. Open orders that were with nobody yet get the body that they now belong to; it returns how
// many those are.
func SaveBodies(ctx context.Context, pool *pgxpool.Pool, bodies []Responsible) (routed int, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from bodies`); err != nil {
			return err
		}
		for _, b := range bodies {
			bounds, shape, area := orb.Bound{Min: orb.Point{-180, -90}, Max: orb.Point{180, 90}}, []byte(nil), 5.1e14
			if b.Shape != nil {
				bounds, area = b.Shape.Bound(), b.AreaM2
				if shape, err = wkb.Marshal(b.Shape); err != nil {
					return fmt.Errorf("boundary of %s: %w", b.Name, err)
				}
			}
			if _, err := tx.Exec(ctx, `insert into bodies (id, name, parent, external, classes, streets, shape, area_m2, min_lat, min_lon, max_lat, max_lon,
					email, language)
				values ($1, $2, $3, $4, coalesce($5::text[], '{}'), coalesce($6::text[], '{}'), $7, $8, $9, $10, $11, $12, $13, $14)`, b.ID, b.Name, filled(b.Parent), b.External, b.Classes, b.Streets, shape, area,
				bounds.Min[1], bounds.Min[0], bounds.Max[1], bounds.Max[0], b.Email, b.Language); err != nil {
				return fmt.Errorf("body %s: %w", b.Name, err)
			}
		}
		routed, err = reroute(ctx, tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("save the bodies: %w", err)
	}
	return routed, nil
}

func reroute(ctx context.Context, tx pgx.Tx) (int, error) {
	rows, err := tx.Query(ctx, orderQuery+` where `+openSQL+` and o.body = ''`)
	if err != nil {
		return 0, err
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	if err != nil {
		return 0, err
	}
	routed := 0
	for _, o := range orders {
		body, err := responsible(ctx, tx, orb.Point{o.Lon, o.Lat}, o.Class, o.StreetClass)
		if err != nil {
			return 0, err
		}
		if body == "" {
			continue
		}
		if _, err := tx.Exec(ctx, `update orders set body = $2 where id = $1`, o.ID, body); err != nil {
			return 0, err
		}
		routed++
	}
	return routed, nil
}
