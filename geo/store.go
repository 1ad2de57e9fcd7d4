package geo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
)

// Save replaces the stored map with m, in one transaction. Furniture of other sources stays.
func (m *Map) Save(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `lock table map_extent in exclusive mode`); err != nil {
			return err // one import at a time
		}
		for _, table := range []string{"streets", "ground", "map_extent"} {
			if _, err := tx.Exec(ctx, `delete from `+table); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `delete from furniture where source = $1`, OpenStreetMap); err != nil {
			return err // cities' registers stay
		}
		if err := m.copyIn(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into map_extent (min_lat, min_lon, max_lat, max_lon, attribution, imported_at)
			values ($1, $2, $3, $4, $5, now())`, m.Bound.Min.Lat(), m.Bound.Min.Lon(), m.Bound.Max.Lat(), m.Bound.Max.Lon(), m.Attribution)
		return err
	})
	if err != nil {
		return fmt.Errorf("save the map: %w", err)
	}
	return nil
}

func (m *Map) copyIn(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"streets"}, []string{"id", "name", "class", "oneway", "lanes", "line"},
		pgx.CopyFromSlice(len(m.Streets), func(i int) ([]any, error) {
			s := &m.Streets[i]
			line, err := wkb.Marshal(s.Line, binary.LittleEndian)
			return []any{s.ID, s.Name, s.Class, s.Oneway, int16(s.Lanes), line}, err
		}))
	if err != nil {
		return err
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"furniture"}, []string{"source", "id", "kind", "lat", "lon", "cell"},
		pgx.CopyFromSlice(len(m.Furniture), func(i int) ([]any, error) {
			f := &m.Furniture[i]
			cell, err := FineCell(f.Point.Lat(), f.Point.Lon())
			return []any{OpenStreetMap, strconv.FormatInt(f.ID, 10), f.Kind, f.Point.Lat(), f.Point.Lon(), int64(cell)}, err
		}))
	if err != nil {
		return err
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"ground"}, []string{"kind", "name", "shape"},
		pgx.CopyFromSlice(len(m.Ground), func(i int) ([]any, error) {
			g := &m.Ground[i]
			shape, err := wkb.Marshal(g.Shape, binary.LittleEndian)
			return []any{g.Kind, g.Name, shape}, err
		}))
	return err
}

// Load returns the stored map, an empty one where none has been imported.
func Load(ctx context.Context, pool *pgxpool.Pool) (*Map, error) {
	m := &Map{}
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var minLat, minLon, maxLat, maxLon float64
		err := tx.QueryRow(ctx, `select min_lat, min_lon, max_lat, max_lon, attribution from map_extent`).
			Scan(&minLat, &minLon, &maxLat, &maxLon, &m.Attribution)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		m.Bound = orb.Bound{Min: orb.Point{minLon, minLat}, Max: orb.Point{maxLon, maxLat}}
		return m.readRows(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("load the map: %w", err)
	}
	return m, nil
}

func (m *Map) readRows(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `select id, name, class, oneway, lanes, line from streets order by id`)
	if err != nil {
		return err
	}
	m.Streets, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Street, error) {
		var s Street
		var line []byte
		if err := row.Scan(&s.ID, &s.Name, &s.Class, &s.Oneway, &s.Lanes, &line); err != nil {
			return s, err
		}
		shape, err := wkb.Unmarshal(line)
		if err != nil {
			return s, fmt.Errorf("street %d: %w", s.ID, err)
		}
		var ok bool
		if s.Line, ok = shape.(orb.LineString); !ok {
			return s, fmt.Errorf("street %d is a %s", s.ID, shape.GeoJSONType())
		}
		return s, nil
	})
	if err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `select id::bigint, kind, lat, lon from furniture where source = $1 order by 1`, OpenStreetMap)
	if err != nil {
		return err
	}
	m.Furniture, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f Furniture, err error) {
		err = row.Scan(&f.ID, &f.Kind, &f.Point[1], &f.Point[0])
		return f, err
	})
	if err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `select kind, name, shape from ground order by id`)
	if err != nil {
		return err
	}
	m.Ground, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g Ground, err error) {
		var shape []byte
		if err := row.Scan(&g.Kind, &g.Name, &shape); err != nil {
			return g, err
		}
		g.Shape, err = wkb.Unmarshal(shape)
		return g, err
	})
	return err
}
