package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	"github.com/paulmach/orb/planar"

	"github.com/streetpulse/streetpulse/crowd"
)

// Responsible is a body that is responsible for streets: a city, a district, a utility, a railway.
type Responsible struct {
	ID        string
	Name      string
	Level     Level         // its step in the hierarchy; empty: it stands in none, as a utility does
	Parent    string        // its id; empty: none
	Email     string        // of the office, not of a person, which is told of deadlines; empty: nobody is
	Language  string        // of what it is told; empty: English
	Phone     string        // as Email
	External  bool          // works on its own: orders are handed over to it
	Classes   []crowd.Class // of place, that are its own; none: all
	Streets   []string      // classes of street (highway=), or groups of them; none: all
	Shape     orb.MultiPolygon
	AreaM2    float64
	RetiredAt time.Time // from then on it gets no orders; zero: it does
	Version   int64     // counts changes: who changes it says which one they saw
}

// Level is a step in the hierarchy of bodies.
type Level string

// The steps, from the smallest.
const (
	District Level = "district"
	City     Level = "city"
	Region   Level = "region"
	Province Level = "province"
)

// Levels returns every step of the hierarchy, the smallest first.
func Levels() []Level { return []Level{District, City, Region, Province} }

// has says whether the body is responsible for such a defect at a position.
func (b *Responsible) has(at orb.Point, class crowd.Class, streetClass string) bool {
	if len(b.Classes) > 0 && !slices.Contains(b.Classes, class) {
		return false
	}
	if len(b.Streets) > 0 && !slices.Contains(b.Streets, streetClass) && !slices.Contains(b.Streets, string(GroupOf(streetClass))) {
		return false
	}
	return b.Shape == nil || planar.MultiPolygonContains(b.Shape, at)
}

// responsible returns the name of the body that a defect belongs to, empty where none is on record.
func responsible(ctx context.Context, db querier, at orb.Point, class crowd.Class, streetClass string) (string, error) {
	bodies, err := WhoGets(ctx, db, at, class, streetClass)
	if err != nil || len(bodies) == 0 {
		return "", err
	}
	return bodies[0].Name, nil
}

// WhoGets lists the bodies that are responsible for a defect at a position, the one that gets it first: that is the one that names its
// class, else the one that names its street's class, else the smallest.
func WhoGets(ctx context.Context, db querier, at orb.Point, class crowd.Class, streetClass string) ([]Responsible, error) {
	rows, err := db.Query(ctx, bodyQuery+` where retired_at is null and $1 between min_lat and max_lat and $2 between min_lon and max_lon
		order by cardinality(classes) = 0, cardinality(streets) = 0, area_m2, id`, at.Lat(), at.Lon())
	if err != nil {
		return nil, fmt.Errorf("find who is responsible: %w", err)
	}
	bodies, err := pgx.CollectRows(rows, scanBody)
	if err != nil {
		return nil, fmt.Errorf("find who is responsible: %w", err)
	}
	return slices.DeleteFunc(bodies, func(b Responsible) bool { return !b.has(at, class, streetClass) }), nil
}

const bodyQuery = `select id, name, level, coalesce(parent, ''), email, language, phone, external, classes, streets, shape, area_m2, retired_at, version from bodies`

func scanBody(row pgx.CollectableRow) (Responsible, error) {
	var b Responsible
	var shape []byte
	var retired *time.Time
	if err := row.Scan(&b.ID, &b.Name, &b.Level, &b.Parent, &b.Email, &b.Language, &b.Phone, &b.External, &b.Classes, &b.Streets, &shape, &b.AreaM2, &retired, &b.Version); err != nil {
		return b, err
	}
	b.RetiredAt = deref(retired).UTC()
	if shape == nil {
		return b, nil
	}
	g, err := wkb.Unmarshal(shape)
	if err != nil {
		return b, fmt.Errorf("boundary of %s: %w", b.Name, err)
	}
	m, ok := g.(orb.MultiPolygon)
	if !ok {
		return b, fmt.Errorf("boundary of %s is a %s", b.Name, g.GeoJSONType())
	}
	b.Shape = m
	return b, nil
}

// Bodies lists the bodies by name, those that are retired only where all are asked for.
func Bodies(ctx context.Context, db querier, all bool) ([]Responsible, error) {
	rows, err := db.Query(ctx, bodyQuery+` where $1 or retired_at is null order by name`, all)
	if err != nil {
		return nil, fmt.Errorf("list bodies: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanBody)
	if err != nil {
		return nil, fmt.Errorf("list bodies: %w", err)
	}
	return list, nil
}

// FindBody returns one body, or ErrNoBody.
func FindBody(ctx context.Context, db querier, id string) (Responsible, error) {
	rows, err := db.Query(ctx, bodyQuery+` where id = $1`, id)
	if err != nil {
		return Responsible{}, fmt.Errorf("find body %s: %w", id, err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, scanBody)
	if errors.Is(err, pgx.ErrNoRows) {
		return b, ErrNoBody
	}
	if err != nil {
		return b, fmt.Errorf("find body %s: %w", id, err)
	}
	return b, nil
}
