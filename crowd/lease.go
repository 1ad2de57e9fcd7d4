package crowd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/geo"
)

// leases are the regions that one transaction may judge. The lock on a region's row is the lease; its version tells
// whether what is remembered of the region is still true.
type leases struct {
	versions map[int64]int64
	taken    []int64 // those whose pending events are taken; the others are held for a border only
}

func (l *leases) holds(r geo.Cell) bool { _, ok := l.versions[int64(r)]; return ok }
func (l *leases) held() []int64         { return l.taken }
func (l *leases) took(r int64) bool     { return slices.Contains(l.taken, r) }

// waitingRegions lists the regions with pending events that arrived before limit, ascending. It hops over the index
// (a loose scan), so its cost grows with the regions and not with what waits.
func waitingRegions(ctx context.Context, tx pgx.Tx, limit time.Time) ([]int64, error) {
	rows, err := tx.Query(ctx, `
		with recursive r as (
			(select region from pending order by region limit 1)
			union all
			select (select p.region from pending p where p.region > r.region order by p.region limit 1) from r
			where r.region is not null)
		select region from r where region is not null
			and exists (select 1 from pending p where p.region = r.region and p.received < $1)
		order by region`, limit)
	if err != nil {
		return nil, fmt.Errorf("list waiting regions: %w", err)
	}
	regions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("list waiting regions: %w", err)
	}
	return regions, nil
}

// lease takes those of the regions that nobody else holds; after a turn that was held up it waits for all of them, in
// ascending order, so that two workers cannot wait for each other.
func (e *Engine) lease(ctx context.Context, tx pgx.Tx, regions []int64) (*leases, error) {
	l := &leases{versions: map[int64]int64{}}
	if err := e.lock(ctx, tx, l, regions, e.wait); err != nil {
		return nil, err
	}
	for r := range l.versions {
		l.taken = append(l.taken, r)
	}
	slices.SortFunc(l.taken, cmp.Compare[int64])
	return l, nil
}

// leaseMore adds regions across a border where they are free.
func (e *Engine) leaseMore(ctx context.Context, tx pgx.Tx, l *leases, regions []int64) error {
	return e.lock(ctx, tx, l, regions, false)
}

func (e *Engine) lock(ctx context.Context, tx pgx.Tx, l *leases, regions []int64, wait bool) error {
	if err := e.makeRows(ctx, regions); err != nil {
		return err
	}
	query := `select region, version from regions where region = any($1) order by region for update`
	if !wait {
		query += ` skip locked`
	}
	rows, err := tx.Query(ctx, query, regions)
	if err != nil {
		return fmt.Errorf("lease regions: %w", err)
	}
	var region, version int64
	_, err = pgx.ForEachRow(rows, []any{&region, &version}, func() error {
		l.versions[region] = version
		return nil
	})
	if err != nil {
		return fmt.Errorf("lease regions: %w", err)
	}
	return nil
}

// makeRows sees that each region has a row to lock. It commits by itself: a row that a long transaction inserted would
// keep every other worker waiting.
func (e *Engine) makeRows(ctx context.Context, regions []int64) error {
	var unknown []int64
	for _, r := range regions {
		if !e.known[r] {
			unknown = append(unknown, r)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	_, err := e.pool.Exec(ctx, `insert into regions (region) select * from unnest($1::bigint[]) on conflict do nothing`, unknown)
	if err != nil {
		return fmt.Errorf("make rows of regions: %w", err)
	}
	for _, r := range unknown {
		e.known[r] = true
	}
	return nil
}

// dropOrphans takes events that are gone from the log out of what waits: there is nothing left to judge.
func dropOrphans(ctx context.Context, tx pgx.Tx, regions []int64, limit time.Time) error {
	rows, err := tx.Query(ctx, `
		select p.region, p.arrival, o.at
		from pending p, unnest(p.offsets, p.ids, p.devices) as o (at, id, device)
		where p.region = any($1) and p.received < $2
			and not exists (select 1 from events e where e.id = o.id and e.device = o.device)`, regions, limit)
	if err != nil {
		return fmt.Errorf("find pending events that are gone: %w", err)
	}
	var (
		region, commit []int64
		offset         []int32
		r, c           int64
		o              int32
	)
	_, err = pgx.ForEachRow(rows, []any{&r, &c, &o}, func() error {
		region, commit, offset = append(region, r), append(commit, c), append(offset, o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("find pending events that are gone: %w", err)
	}
	if len(region) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	queueTaken(b, region, commit, offset)
	return wrap(tx.SendBatch(ctx, b).Close(), "drop pending events that are gone")
}
