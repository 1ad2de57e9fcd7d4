package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Scope says what figures are of.
type Scope string

const (
	OfCity Scope = "city"
	OfArea Scope = "area" // an H3 cell of resolution 10; its name is its number
	OfBody Scope = "body"
)

// Figures are what happened in a week, or in several.
type Figures struct {
	Week       time.Time // its Monday, UTC; of several: the first
	Name       string    // of the area or body
	Found      int       // places that a second device felt
	Confirmed  int
	Repaired   int
	Verified   int // repairs that traffic found good
	Reopened   int
	Right      int // orders whose crew found the defect
	Wrong      int
	RepairDays []float64 // from promotion to the first repair, ascending
}

// Add takes over the figures of other weeks or areas.
func (f *Figures) Add(others ...Figures) {
	for _, o := range others {
		f.Found, f.Confirmed, f.Repaired = f.Found+o.Found, f.Confirmed+o.Confirmed, f.Repaired+o.Repaired
		f.Verified, f.Reopened, f.Right, f.Wrong = f.Verified+o.Verified, f.Reopened+o.Reopened, f.Right+o.Right, f.Wrong+o.Wrong
		f.RepairDays = append(f.RepairDays, o.RepairDays...)
	}
	slices.Sort(f.RepairDays)
}

// Quantile returns within how many days a share of the repairs was done, false where there were none.
func (f *Figures) Quantile(share float64) (days float64, ok bool) {
	n := len(f.RepairDays)
	if n == 0 {
		return 0, false
	}
	x := share * float64(n-1)
	low := int(x)
	high := min(low+1, n-1)
	return f.RepairDays[low] + (f.RepairDays[high]-f.RepairDays[low])*(x-math.Floor(x)), true
}

// Within returns how many repairs were done within so many days.
func (f *Figures) Within(days float64) int {
	n, _ := slices.BinarySearch(f.RepairDays, math.Nextafter(days, math.Inf(1)))
	return n
}

// lockFigures is the advisory lock of whoever brings the figures up to date.
const lockFigures = 7_310_020

// areaSQL is the resolution 10 parent of a resolution 12 cell c: H3 keeps the resolution in four bits from the 52nd on,
// and a digit of three bits for each resolution, all ones where there is none.
const areaSQL = `(c & ~(15::bigint << 52) | (10::bigint << 52) | ((1::bigint << 15) - 1))::text`

const figuresSQL = `
with steps as (
	select p.cell as c, coalesce(o.body, '') as body, s.at, s.kind as step, '' as actor, null::real as days
	from place_steps s join places p on p.id = s.place left join orders o on o.place = p.id
	where s.at >= $1 and s.at < $2 and s.kind in ('suspected', 'confirmed')
	union all
	select coalesce(o.cell, p.cell), o.body, s.at, s.state, s.actor,
		case when s.state = 'repaired' and not exists (
			select 1 from order_steps e where e.order_id = s.order_id and e.state = 'repaired' and not e.undone and e.n < s.n)
		then (extract(epoch from s.at - o.promoted_at) / 86400)::real end
	from order_steps s join orders o on o.id = s.order_id left join places p on p.id = o.place
	where s.at >= $1 and s.at < $2 and s.state in ('repaired', 'verified', 'reopened', 'dismissed') and not s.undone
		and (s.state <> 'verified' or o.place is not null)) -- by traffic: what was split off, people verify
insert into week_figures (week, scope, name, found, confirmed, repaired, verified, reopened, right_, wrong, repair_days)
select $3, case grouping(area, body) when 3 then 'city' when 1 then 'area' else 'body' end,
	case grouping(area, body) when 3 then '' when 1 then area else body end,
	count(*) filter (where step = 'suspected'), count(*) filter (where step = 'confirmed'), count(*) filter (where step = 'repaired'),
	count(*) filter (where step = 'verified'), count(*) filter (where step = 'reopened'), count(days),
	count(*) filter (where step = 'dismissed' and actor = 'crew'),
	coalesce(array_agg(greatest(days, 0) order by days) filter (where days is not null), '{}')
from (select ` + areaSQL + ` as area, body, at, step, actor, days from steps) s
group by grouping sets ((), (area), (body))
having count(*) > 0`

// UpdateFigures brings the figures of the weeks in which something has changed up to date, and returns how many those are.
func UpdateFigures(ctx context.Context, pool *pgxpool.Pool) (int, error) {
	n := 0
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, lockFigures).Scan(&mine); err != nil || !mine {
			return err
		}
		rows, err := tx.Query(ctx, `with taken as (delete from figures_due returning week) select distinct week from taken order by week`)
		if err != nil {
			return err
		}
		weeks, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
		if err != nil {
			return err
		}
		for _, week := range weeks {
			if _, err := tx.Exec(ctx, `delete from week_figures where week = $1`, week); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, figuresSQL, week, week.AddDate(0, 0, 7), week); err != nil {
				return err
			}
		}
		n = len(weeks)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("bring the weekly figures up to date: %w", err)
	}
	return n, nil
}

// KeepFigures brings the figures up to date again and again until ctx ends.
func KeepFigures(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	const every = 10 * time.Second
	pause := time.NewTicker(every)
	defer pause.Stop()
	for {
		if _, err := UpdateFigures(ctx, pool); err != nil && ctx.Err() == nil {
			log.Error("figures stay as they were; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// WeeklyFigures returns the figures of the weeks from a time on, by week and name. Weeks in which nothing happened are missing.
func WeeklyFigures(ctx context.Context, pool *pgxpool.Pool, scope Scope, from time.Time) ([]Figures, error) {
	rows, err := pool.Query(ctx, `select week, name, found, confirmed, repaired, verified, reopened, right_, wrong, repair_days
		from week_figures where scope = $1 and week >= $2 order by week, name`, scope, from)
	if err != nil {
		return nil, fmt.Errorf("read weekly figures: %w", err)
	}
	var out []Figures
	var f Figures
	var days pgtype.FlatArray[float32]
	_, err = pgx.ForEachRow(rows, []any{&f.Week, &f.Name, &f.Found, &f.Confirmed, &f.Repaired, &f.Verified, &f.Reopened, &f.Right, &f.Wrong, &days},
		func() error {
			f.RepairDays = make([]float64, len(days))
			for i, d := range days {
				f.RepairDays[i] = float64(d)
			}
			out = append(out, f)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read weekly figures: %w", err)
	}
	return out, nil
}
