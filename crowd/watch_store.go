package crowd

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/geo"
)

// keyBytes is the length of the key: as long as what HMAC-SHA256 gives.
const keyBytes = 32

// key returns the key of all lists, made where there is none yet.
func (w *Watch) key(ctx context.Context, tx pgx.Tx, hour int64) (watchKey, error) {
	fresh := make([]byte, keyBytes)
	if _, err := io.ReadFull(w.options.Random, fresh); err != nil {
		return nil, fmt.Errorf("draw a key: %w", err)
	}
	var key []byte
	err := tx.QueryRow(ctx, `insert into watch_state as s (key, began, hour) values ($1, $2, $3)
		on conflict (single) do update set hour = s.hour returning key`, fresh, epochStart(hour), hour).Scan(&key)
	return key, err
}

// stale lists the regions whose lists are to be made: those that changed, those of another day, and those that have streets
// and no list yet.
func (w *Watch) stale(ctx context.Context, tx pgx.Tx, at time.Time) ([]*ground, error) {
	var withStreets []int64
	for _, region := range w.roads.Regions() {
		withStreets = append(withStreets, int64(region))
	}
	rows, err := tx.Query(ctx, `
		select region, coalesce(r.version, 0) from regions r full join unnest($1::bigint[]) s (region) using (region)
			left join watch_lists l using (region)
		where l.region is null or l.seen <> coalesce(r.version, 0) or l.day <> ($2::timestamptz)::date
		order by region`, withStreets, at)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*ground, error) {
		g := &ground{before: map[string]*watchPoint{}}
		var region int64
		err := row.Scan(&region, &g.version)
		g.region = geo.Cell(region)
		return g, err
	})
}

// load reads what lists of the regions are made of.
func (w *Watch) load(ctx context.Context, tx pgx.Tx, stale []*ground) error {
	in := map[int64]*ground{}
	regions, bare := make([]int64, 0, len(stale)), false
	for _, g := range stale {
		in[int64(g.region)] = g
		regions = append(regions, int64(g.region))
		bare = bare || w.roads.KM(g.region) == 0
	}
	if err := loadCandidates(ctx, tx, regions, in); err != nil {
		return fmt.Errorf("read places to watch: %w", err)
	}
	if err := loadPoints(ctx, tx, regions, in); err != nil {
		return fmt.Errorf("read watched points: %w", err)
	}
	if !bare {
		return nil
	}
	if err := loadDriven(ctx, tx, in); err != nil {
		return fmt.Errorf("read coverage: %w", err)
	}
	return nil
}

func loadCandidates(ctx context.Context, tx pgx.Tx, regions []int64, in map[int64]*ground) error {
	rows, err := tx.Query(ctx, `
		select id, region, lat, lon, heading_deg, belief[1], devices, passes, repaired_at, state in ('suspected', 'confirmed') and
			(state = 'suspected' or repaired_at is not null)
		from places where region = any($1) order by id`, regions)
	if err != nil {
		return err
	}
	var c candidate
	var region int64
	var pothole float32
	var repaired *time.Time
	var asked bool
	scans := []any{&c.ID, &region, &c.at[1], &c.at[0], &c.headingDeg, &pothole, &c.devices, &c.passes, &repaired, &asked}
	_, err = pgx.ForEachRow(rows, scans, func() error {
		g := in[region]
		one := c
		one.region, one.pothole = g.region, float64(pothole)
		if repaired != nil {
			one.repairedAt = repaired.UTC()
		}
		if c.headingDeg != nil {
			h := *c.headingDeg
			one.headingDeg = &h
			if c.devices >= 2 {
				g.anchors = append(g.anchors, one)
			}
		}
		if asked {
			g.candidates = append(g.candidates, one)
		}
		return nil
	})
	return err
}

const pointColumns = `id, region, coalesce(place, ''), stretch, lat, lon, heading_deg, radius_m, street, cell, since, until`

func scanPoint(row pgx.Row) (watchPoint, error) {
	var p watchPoint
	var region, cell int64
	var until *time.Time
	err := row.Scan(&p.id, &region, &p.place, &p.stretch, &p.at[1], &p.at[0], &p.headingDeg, &p.radiusM, &p.street, &cell, &p.since, &until)
	p.region, p.cell = geo.Cell(region), geo.Cell(cell)
	if until != nil {
		p.until = *until
	}
	return p, err
}

// loadPoints reads how places were published last, also those that are not listed now.
func loadPoints(ctx context.Context, tx pgx.Tx, regions []int64, in map[int64]*ground) error {
	rows, err := tx.Query(ctx, `select `+pointColumns+` from watch_points where region = any($1) and place is not null
		order by until nulls last, since`, regions)
	if err != nil {
		return err
	}
	points, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (watchPoint, error) { return scanPoint(row) })
	for i := range points {
		in[int64(points[i].region)].before[points[i].place] = &points[i]
	}
	return err
}

// loadDriven counts each region's coverage cells of the last four weeks on record.
func loadDriven(ctx context.Context, tx pgx.Tx, in map[int64]*ground) error {
	rows, err := tx.Query(ctx, `select distinct cell from coverage where day > (select max(day) from coverage) - 28`)
	if err != nil {
		return err
	}
	var cell int64
	_, err = pgx.ForEachRow(rows, []any{&cell}, func() error {
		if region, err := geo.Cell(cell).Parent(geo.RegionRes); err == nil && in[int64(region)] != nil {
			in[int64(region)].driven++
		}
		return nil
	})
	return err
}

// savePoints notes what is listed from now on, and what no longer.
func savePoints(ctx context.Context, tx pgx.Tx, lists map[geo.Cell][]watchPoint, at time.Time) error {
	var regions []int64
	var id, place []string
	var region, street, cell []int64
	var stretch []bool
	var lat, lon, heading, radius []float64
	for of, list := range lists {
		regions = append(regions, int64(of))
		for _, p := range byID(list) {
			id, place, region, stretch = append(id, p.id), append(place, p.place), append(region, int64(of)), append(stretch, p.stretch)
			lat, lon, heading, radius = append(lat, p.at.Lat()), append(lon, p.at.Lon()), append(heading, p.headingDeg), append(radius, p.radiusM)
			street, cell = append(street, p.street), append(cell, int64(p.cell))
		}
	}
	if _, err := tx.Exec(ctx, `update watch_points set until = $3 where region = any($1) and until is null
		and not exists (select from unnest($2::text[]) u (id) where u.id = watch_points.id)`,
		regions, id, at); err != nil {
		return fmt.Errorf("take points off the lists: %w", err)
	}
	_, err := tx.Exec(ctx, `
		insert into watch_points as w (id, region, place, stretch, lat, lon, heading_deg, radius_m, street, cell, since)
		select id, region, nullif(place, ''), stretch, lat, lon, heading, radius, street, cell, $11::timestamptz
		from unnest($1::text[], $2::bigint[], $3::text[], $4::bool[], $5::float8[], $6::float8[], $7::float8[], $8::float8[],
			$9::bigint[], $10::bigint[]) as u (id, region, place, stretch, lat, lon, heading, radius, street, cell)
		on conflict (id) do update set until = null, region = excluded.region where w.until is not null or w.region <> excluded.region`,
		id, region, place, stretch, lat, lon, heading, radius, street, cell, at)
	if err != nil {
		return fmt.Errorf("put points on the lists: %w", err)
	}
	return nil
}

// saveLists stores what is published and announces what is other than before. It returns how many are.
func saveLists(ctx context.Context, tx pgx.Tx, stale []*ground, lists map[geo.Cell][]watchPoint, at time.Time) (int, error) {
	regions, seen, payloads := make([]int64, len(stale)), make([]int64, len(stale)), make([]string, len(stale))
	for i, g := range stale {
		text, err := payload(lists[g.region])
		if err != nil {
			return 0, fmt.Errorf("list of region %s: %w", g.region, err)
		}
		regions[i], seen[i], payloads[i] = int64(g.region), g.version, text
	}
	rows, err := tx.Query(ctx, `
		with old as materialized (select region, payload from watch_lists where region = any($1)),
		made as (
			insert into watch_lists as l (region, version, payload, updated_at, seen, day)
			select region, 1, payload, $4::timestamptz, seen, ($4::timestamptz)::date from unnest($1::bigint[], $2::bigint[], $3::text[]) as u (region, seen, payload)
			on conflict (region) do update set seen = excluded.seen, day = excluded.day, payload = excluded.payload,
				version = l.version + (l.payload <> excluded.payload)::int,
				updated_at = case when l.payload <> excluded.payload then excluded.updated_at else l.updated_at end
			returning region, payload)
		select made.region from made left join old using (region) where made.payload is distinct from old.payload`,
		regions, seen, payloads, at)
	if err != nil {
		return 0, fmt.Errorf("store lists: %w", err)
	}
	changed, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, fmt.Errorf("store lists: %w", err)
	}
	b := &pgx.Batch{}
	for _, region := range changed {
		b.Queue(`select pg_notify($1, $2)`, WatchLists, strconv.FormatInt(region, 10))
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return 0, fmt.Errorf("announce lists: %w", err)
	}
	return len(changed), nil
}
