package dispatch

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	"github.com/paulmach/orb/planar"

	"github.com/streetpulse/streetpulse/crowd"
)

// Responsible is a body that is responsible for streets: a city, a district, a utility, a railway.
type Responsible struct {
	ID       string
	Name     string
	Parent   string        // its id; empty: none
	External bool          // works on its own: orders are handed over to it
	Classes  []crowd.Class // of place, that are its own; none: all
	Streets  []string      // classes of street (highway=), or groups of them; none: all
	Shape    orb.MultiPolygon
	AreaM2   float64
	Email    string // is told of deadlines; empty: nobody is
	Language string // of what it is told; empty: English
}

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

// responsible returns the name of the body that a defect belongs to, empty where none is on record: of those that have it, the one that
// names its class, else the one that names its street's class, else the smallest.
func responsible(ctx context.Context, tx pgx.Tx, at orb.Point, class crowd.Class, streetClass string) (string, error) {
	rows, err := tx.Query(ctx, bodyQuery+` where $1 between min_lat and max_lat and $2 between min_lon and max_lon
		order by cardinality(classes) = 0, cardinality(streets) = 0, area_m2, id`, at.Lat(), at.Lon())
	if err != nil {
		return "", fmt.Errorf("find who is responsible: %w", err)
	}
	bodies, err := pgx.CollectRows(rows, scanBody)
	if err != nil {
		return "", fmt.Errorf("find who is responsible: %w", err)
	}
	for i := range bodies {
		if bodies[i].has(at, class, streetClass) {
			return bodies[i].Name, nil
		}
	}
	return "", nil
}

const bodyQuery = `select id, name, coalesce(parent, ''), external, classes, streets, shape, area_m2, email, language from bodies`

func scanBody(row pgx.CollectableRow) (Responsible, error) {
	var b Responsible
	var shape []byte
	if err := row.Scan(&b.ID, &b.Name, &b.Parent, &b.External, &b.Classes, &b.Streets, &shape, &b.AreaM2, &b.Email, &b.Language); err != nil {
		return b, err
	}
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

// Bodies lists the bodies by name.
func Bodies(ctx context.Context, pool *pgxpool.Pool) ([]Responsible, error) {
	rows, err := pool.Query(ctx, bodyQuery+` order by name`)
	if err != nil {
		return nil, fmt.Errorf("list bodies: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanBody)
	if err != nil {
		return nil, fmt.Errorf("list bodies: %w", err)
	}
	return list, nil
}
