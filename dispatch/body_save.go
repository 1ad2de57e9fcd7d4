package dispatch

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	orbgeo "github.com/paulmach/orb/geo"
)

// lockBodies keeps others from changing bodies until the transaction ends, and nobody from reading them: a hierarchy cannot be made a
// circle by two who each change one half of it.
const lockBodies = `lock table bodies in share row exclusive mode`

// SaveBodies replaces the bodies on record. One that is not among them is retired where an order names it, else it is gone; what a file
// does not say of how to reach a body stays as it is. Open orders that were with nobody yet get the body that they now belong to; it
// returns how many those are.
func SaveBodies(ctx context.Context, pool *pgxpool.Pool, bodies []Responsible) (routed int, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		routed, err = ReplaceBodies(ctx, tx, bodies)
		return err
	})
	return routed, err
}

// ReplaceBodies is SaveBodies in the caller's transaction.
func ReplaceBodies(ctx context.Context, tx pgx.Tx, bodies []Responsible) (routed int, err error) {
	if routed, err = replaceBodies(ctx, tx, bodies); err != nil {
		return 0, fmt.Errorf("save the bodies: %w", err)
	}
	return routed, nil
}

func replaceBodies(ctx context.Context, tx pgx.Tx, bodies []Responsible) (routed int, err error) {
	ids, names := make([]string, len(bodies)), make([]string, len(bodies))
	for i, b := range bodies {
		ids[i], names[i] = b.ID, b.Name
	}
	// Names may go from one body to another in the same file: those of all that stay are put aside first.
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{lockBodies, nil},
		{`update bodies set parent = null where id <> all($1) or parent <> all($1)`, []any{ids}},
		{`delete from bodies b where id <> all($1) and (name = any($2) or not exists (select 1 from orders o where o.body = b.name))`, []any{ids, names}},
		{`update bodies set retired_at = coalesce(retired_at, now()), version = version + 1 where id <> all($1)`, []any{ids}},
		{`update bodies set name = E'\n' || id where id = any($1)`, []any{ids}},
	} {
		if _, err := tx.Exec(ctx, step.sql, step.args...); err != nil {
			return 0, err
		}
	}
	for _, b := range bodies {
		if err := b.write(ctx, tx, true); err != nil {
			return 0, err
		}
	}
	return reroute(ctx, tx)
}

// write stores a body under its id, as one version more. Where keep is set, what it does not say of how to reach it stays.
func (b Responsible) write(ctx context.Context, tx pgx.Tx, keep bool) error {
	bounds, shape, area := orb.Bound{Min: orb.Point{-180, -90}, Max: orb.Point{180, 90}}, []byte(nil), 5.1e14
	if b.Shape != nil {
		var err error
		bounds, area = b.Shape.Bound(), orbgeo.Area(b.Shape)
		if shape, err = wkb.Marshal(b.Shape); err != nil {
			return fmt.Errorf("boundary of %s: %w", b.Name, err)
		}
	}
	_, err := tx.Exec(ctx, `insert into bodies as b (id, name, parent, external, classes, streets, shape, area_m2, min_lat, min_lon, max_lat, max_lon, level, email, phone, language)
		values ($1, $2, $3, $4, coalesce($5::text[], '{}'), coalesce($6::text[], '{}'), $7, $8, $9, $10, $11, $12, $13, $14, $15, $17)
		on conflict (id) do update set name = excluded.name, parent = excluded.parent, external = excluded.external, classes = excluded.classes,
			streets = excluded.streets, shape = excluded.shape, area_m2 = excluded.area_m2, min_lat = excluded.min_lat, min_lon = excluded.min_lon,
			max_lat = excluded.max_lat, max_lon = excluded.max_lon, retired_at = null, version = b.version + 1,
			level = coalesce(case when $16 then nullif(excluded.level, '') else excluded.level end, b.level),
			email = coalesce(case when $16 then nullif(excluded.email, '') else excluded.email end, b.email),
			phone = coalesce(case when $16 then nullif(excluded.phone, '') else excluded.phone end, b.phone),
			language = coalesce(case when $16 then nullif(excluded.language, '') else excluded.language end, b.language)`,
		b.ID, b.Name, filled(b.Parent), b.External, b.Classes, b.Streets, shape, area, bounds.Min[1], bounds.Min[0], bounds.Max[1], bounds.Max[0],
		b.Level, b.Email, b.Phone, keep, b.Language)
	if err != nil {
		return fmt.Errorf("body %s: %w", b.Name, err)
	}
	return nil
}

// reroute gives open orders that are with nobody the body that they belong to, and returns how many those are.
func reroute(ctx context.Context, tx pgx.Tx) (int, error) {
	rows, err := tx.Query(ctx, orderQuery+` where `+OpenSQL+` and o.body = ''`)
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
