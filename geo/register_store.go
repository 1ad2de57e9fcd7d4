package geo

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"
)

// OpenStreetMap is the source of the furniture that comes with the streets; no register may have its name.
const OpenStreetMap = "openstreetmap"

// SavedRegister says what saving a register has changed.
type SavedRegister struct {
	Added, Changed, Same, Removed int
	Cells                         []Cell // where something is other than before
}

// Save makes what is stored under the source what the register says. Entries that a whole file no longer has are
// removed; where the file broke off nothing is. Saving the same register again changes nothing.
func (r *Register) Save(ctx context.Context, pool *pgxpool.Pool, source string) (SavedRegister, error) {
	var saved SavedRegister
	if source == "" || source == OpenStreetMap {
		return saved, fmt.Errorf("a register cannot be called %q: name it with --source", source)
	}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('furniture ' || $1))`, source); err != nil {
			return err // one import of a source at a time
		}
		if _, err := tx.Exec(ctx, `create temporary table said (id text primary key, kind text, lat float8, lon float8, heading_deg float8,
			cell bigint) on commit drop`); err != nil {
			return err
		}
		if err := r.copyIn(ctx, tx); err != nil {
			return err
		}
		return r.compare(ctx, tx, source, &saved)
	})
	if err != nil {
		return SavedRegister{}, fmt.Errorf("save the register: %w", err)
	}
	return saved, nil
}

func (r *Register) copyIn(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"said"}, []string{"id", "kind", "lat", "lon", "heading_deg", "cell"},
		pgx.CopyFromSlice(len(r.Fixtures), func(i int) ([]any, error) {
			f := &r.Fixtures[i]
			cell, err := FineCell(f.Point.Lat(), f.Point.Lon())
			return []any{f.ID, f.Kind, f.Point.Lat(), f.Point.Lon(), f.HeadingDeg, int64(cell)}, err
		}))
	return err
}

// compare writes the difference between what was said and what is stored.
func (r *Register) compare(ctx context.Context, tx pgx.Tx, source string, saved *SavedRegister) error {
	cells := map[Cell]bool{}
	var cell, before *int64
	note := func(rows pgx.Rows, each func()) error {
		_, err := pgx.ForEachRow(rows, []any{&cell, &before}, func() error {
			for _, c := range []*int64{cell, before} {
				if c != nil {
					cells[Cell(*c)] = true
				}
			}
			each()
			return nil
		})
		return err
	}
	if r.Whole {
		rows, err := tx.Query(ctx, `delete from furniture f where source = $1 and not exists (select from said s where s.id = f.id)
			returning cell, null::bigint`, source)
		if err == nil {
			err = note(rows, func() { saved.Removed++ })
		}
		if err != nil {
			return err
		}
	}
	rows, err := tx.Query(ctx, `
		with old as materialized (select id, cell from furniture where source = $1)
		insert into furniture as f (source, id, kind, lat, lon, heading_deg, cell)
		select $1, id, kind, lat, lon, heading_deg, cell from said
		on conflict (source, id) do update set kind = excluded.kind, lat = excluded.lat, lon = excluded.lon,
			heading_deg = excluded.heading_deg, cell = excluded.cell
		where (f.kind, f.lat, f.lon, f.heading_deg) is distinct from (excluded.kind, excluded.lat, excluded.lon, excluded.heading_deg)
		returning cell, (select old.cell from old where old.id = f.id)`, source)
	if err == nil {
		err = note(rows, func() {
			if before == nil {
				saved.Added++
			} else {
				saved.Changed++
			}
		})
	}
	if err != nil {
		return err
	}
	saved.Same = len(r.Fixtures) - saved.Added - saved.Changed
	for c := range cells {
		saved.Cells = append(saved.Cells, c)
	}
	return nil
}

// PlaceFurniture gives furniture that was imported by an older version its cells. It returns how many.
func PlaceFurniture(ctx context.Context, pool *pgxpool.Pool) (int, error) {
	var sources, ids []string
	var cells []int64
	rows, err := pool.Query(ctx, `select source, id, lat, lon from furniture where cell is null`)
	if err != nil {
		return 0, fmt.Errorf("place furniture: %w", err)
	}
	var source, id string
	var p orb.Point
	_, err = pgx.ForEachRow(rows, []any{&source, &id, &p[1], &p[0]}, func() error {
		cell, err := FineCell(p.Lat(), p.Lon())
		sources, ids, cells = append(sources, source), append(ids, id), append(cells, int64(cell))
		return err
	})
	if err == nil && len(ids) > 0 {
		_, err = pool.Exec(ctx, `update furniture f set cell = u.cell from unnest($1::text[], $2::text[], $3::bigint[]) as u (source, id, cell)
			where f.source = u.source and f.id = u.id`, sources, ids, cells)
	}
	if err != nil {
		return 0, errors.Join(errors.New("place furniture"), err)
	}
	return len(ids), nil
}
