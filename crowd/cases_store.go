package crowd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/geo"
)

// CaseImport stores the cases of a 311 system.
type CaseImport struct {
	Pool    *pgxpool.Pool
	Source  string
	Mapping CaseMapping
	// Refused is called with each row that cannot be used; Progress after each commit. nil: neither.
	Refused  func(line int, reason error)
	Progress func(CaseSummary)
}

// CaseSummary is what an import has done so far. Rows is the sum of the others but Removed.
type CaseSummary struct {
	Rows                 int
	Added, Changed, Same int
	Repeated             int // rows whose id comes again soon after: the last one counts
	Other                int // of categories that are no potholes
	Refused              int
	Removed              int // stored before as potholes and now of another category
}

// caseChunk is how many rows are stored in one commit.
const caseChunk = 5000

// Run reads the file and stores what it says; importing the same file again changes nothing. What is committed when
// it fails stays.
func (i CaseImport) Run(ctx context.Context, r io.Reader) (CaseSummary, error) {
	var s CaseSummary
	chunk, others := map[string]Case{}, map[string]bool{}
	flush := func() error {
		if len(chunk)+len(others) > 0 {
			if err := i.store(ctx, chunk, others, &s); err != nil {
				return err
			}
			clear(chunk)
			clear(others)
		}
		if i.Progress != nil {
			i.Progress(s)
		}
		return nil
	}
	pending := 0
	err := i.Mapping.Read(r, func(row CaseRow) error {
		s.Rows++
		switch {
		case row.Refused != nil:
			s.Refused++
			if i.Refused != nil {
				i.Refused(row.Line, row.Refused)
			}
			return nil
		case row.Other:
			s.Other++
			others[row.Case.ID] = true
			if _, again := chunk[row.Case.ID]; again {
				delete(chunk, row.Case.ID)
				s.Repeated++
			}
		default:
			delete(others, row.Case.ID)
			if _, again := chunk[row.Case.ID]; again {
				s.Repeated++
			}
			chunk[row.Case.ID] = row.Case
		}
		if pending++; pending < caseChunk {
			return nil
		}
		pending = 0
		return flush()
	})
	if err != nil {
		return s, err
	}
	return s, flush()
}

// store commits a chunk.
func (i CaseImport) store(ctx context.Context, chunk map[string]Case, others map[string]bool, s *CaseSummary) error {
	cells := map[geo.Cell]bool{}
	err := pgx.BeginFunc(ctx, i.Pool, func(tx pgx.Tx) error {
		removed, err := i.drop(ctx, tx, others, cells)
		if err != nil {
			return err
		}
		added, changed, err := i.put(ctx, tx, chunk, cells)
		if err != nil {
			return err
		}
		s.Added, s.Changed, s.Removed = s.Added+added, s.Changed+changed, s.Removed+removed
		s.Same += len(chunk) - added - changed
		return rereadIn(ctx, tx, slices.Collect(maps.Keys(cells)))
	})
	if err != nil {
		return fmt.Errorf("store cases: %w", err)
	}
	return nil
}

// drop removes cases that have turned out to be something else.
func (i CaseImport) drop(ctx context.Context, tx pgx.Tx, others map[string]bool, cells map[geo.Cell]bool) (int, error) {
	if len(others) == 0 {
		return 0, nil
	}
	rows, err := tx.Query(ctx, `delete from cases where source = $1 and id = any($2) returning cell`, i.Source, slices.Sorted(maps.Keys(others)))
	if err != nil {
		return 0, err
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, cell := range gone {
		cells[geo.Cell(cell)] = true
	}
	return len(gone), err
}

func (i CaseImport) put(ctx context.Context, tx pgx.Tx, chunk map[string]Case, cells map[geo.Cell]bool) (added, changed int, err error) {
	list := slices.SortedFunc(maps.Values(chunk), func(a, b Case) int { return cmp.Compare(a.ID, b.ID) })
	n := len(list)
	id, lat, lon, cell := make([]string, n), make([]float64, n), make([]float64, n), make([]int64, n)
	opened, closed := make([]time.Time, n), make([]*time.Time, n)
	for k, c := range list {
		id[k], lat[k], lon[k], cell[k], opened[k], closed[k] = c.ID, c.Lat, c.Lon, int64(c.Cell), c.Opened, c.Closed
	}
	// The statement sees what was there before it, also where it returns its rows.
	rows, err := tx.Query(ctx, `
		insert into cases as c (source, id, lat, lon, cell, opened, closed)
		select $1, * from unnest($2::text[], $3::float8[], $4::float8[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
		on conflict (source, id) do update set lat = excluded.lat, lon = excluded.lon, cell = excluded.cell, opened = excluded.opened,
			closed = excluded.closed
		where (c.lat, c.lon, c.opened, c.closed) is distinct from (excluded.lat, excluded.lon, excluded.opened, excluded.closed)
		returning c.cell, (select o.cell from cases o where o.source = $1 and o.id = c.id)`, i.Source, id, lat, lon, cell, opened, closed)
	if err != nil {
		return 0, 0, err
	}
	var now int64
	var before *int64
	_, err = pgx.ForEachRow(rows, []any{&now, &before}, func() error {
		cells[geo.Cell(now)] = true
		if before == nil {
			added++
			return nil
		}
		cells[geo.Cell(*before)] = true
		changed++
		return nil
	})
	return added, changed, err
}

// Reread makes every worker forget what it remembers of the cells' regions, because something that it had read there,
// furniture or cases, has changed.
func Reread(ctx context.Context, pool *pgxpool.Pool, cells []geo.Cell) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return rereadIn(ctx, tx, cells) })
	return wrap(err, "have places read again")
}

// rereadIn is Reread in a transaction. The regions' rows are locked in ascending order, as judging does.
func rereadIn(ctx context.Context, tx pgx.Tx, cells []geo.Cell) error {
	regions := map[int64]bool{}
	for _, c := range cells {
		for _, near := range geo.Disk(c, diskSteps) {
			regions[int64(geo.Region(near))] = true
		}
	}
	if len(regions) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		with locked as materialized (select region from regions where region = any($1) order by region for update)
		update regions r set version = version + 1 from locked where r.region = locked.region`, slices.Sorted(maps.Keys(regions)))
	return err
}
