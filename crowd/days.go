package crowd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Day is what was felt at a place on one day, or in the week that begins with it: counts, and nothing of who felt it.
type Day struct {
	Day      time.Time // UTC
	Jolts    int
	Passes   int      // smooth ones
	Severity *float64 // 0 to 1, as believed at the day's last event; nil: not known since a repair
}

// foldAfter is how old days are that become weeks.
const foldAfter = 26 * 7 * 24 * time.Hour

// count adds an event to its day. It comes after the place was weighed.
func (s *site) count(a *arrival) {
	d := s.day(a.Time.UTC().Truncate(24 * time.Hour))
	if a.Kind == wire.Pass {
		d.Passes++
	} else {
		d.Jolts++
	}
	d.Severity = nil
	if s.repairedAt.IsZero() {
		severity := s.Severity
		d.Severity = &severity
	}
}

// day returns the place's day, made where there was none. Events come nearly in order, so it is mostly the last.
func (s *site) day(day time.Time) *Day {
	at := len(s.days)
	for at > 0 && s.days[at-1].Day.After(day) {
		at--
	}
	if at > 0 && s.days[at-1].Day.Equal(day) {
		return &s.days[at-1]
	}
	s.days = slices.Insert(s.days, at, Day{Day: day})
	return &s.days[at]
}

// countAll takes over the days of another place that turned out to be the same.
func (s *site) countAll(days []Day) {
	for _, o := range days {
		d := s.day(o.Day)
		d.Jolts += o.Jolts
		d.Passes += o.Passes
		if d.Severity == nil || o.Severity != nil && *o.Severity > *d.Severity {
			d.Severity = o.Severity
		}
	}
}

// queueDays adds what a turn has counted, after giving the days of places that are no more to those that they turned out to be.
func queueDays(b *pgx.Batch, touched []*site, dead map[string]string) {
	if len(dead) > 0 {
		gone, into := slices.Sorted(maps.Keys(dead)), []string{}
		for _, id := range gone {
			to := dead[id]
			for dead[to] != "" { // which may be no more either
				to = dead[to]
			}
			into = append(into, to)
		}
		b.Queue(`
			with gone as (delete from place_days d using unnest($1::text[], $2::text[]) as u (id, into_) where d.place = u.id returning u.into_, d.*)
			insert into place_days as d (place, day, jolts, passes, severity, kept_jolts, kept_passes, kept_severity)
			select into_, day, sum(jolts), sum(passes), max(severity), sum(kept_jolts), sum(kept_passes), max(kept_severity) from gone group by 1, 2
			on conflict (place, day) do update set jolts = d.jolts + excluded.jolts, passes = d.passes + excluded.passes,
				severity = greatest(d.severity, excluded.severity), kept_jolts = d.kept_jolts + excluded.kept_jolts,
				kept_passes = d.kept_passes + excluded.kept_passes, kept_severity = greatest(d.kept_severity, excluded.kept_severity)`, gone, into)
	}
	var place []string
	var day []time.Time
	var jolts, passes []int
	var severity []*float64
	for _, s := range touched {
		for _, d := range s.days {
			place, day, jolts = append(place, s.ID), append(day, d.Day), append(jolts, d.Jolts)
			passes, severity = append(passes, d.Passes), append(severity, d.Severity)
		}
	}
	if len(place) == 0 {
		return
	}
	b.Queue(`
		insert into place_days as d (place, day, jolts, passes, severity)
		select * from unnest($1::text[], $2::date[], $3::int[], $4::int[], $5::real[])
		on conflict (place, day) do update set jolts = d.jolts + excluded.jolts, passes = d.passes + excluded.passes, severity = excluded.severity`,
		place, day, jolts, passes, severity)
}

// keepDaysSQL notes what of the days is sealed.
const keepDaysSQL = `update place_days set kept_jolts = jolts, kept_passes = passes, kept_severity = severity
	where (kept_jolts, kept_passes) <> (jolts, passes) or kept_severity is distinct from severity`

// storeDays replaces the stored days by those that are sealed and those in memory.
func (r *Rehearsal) storeDays(ctx context.Context, tx pgx.Tx) error {
	b := &pgx.Batch{}
	b.Queue(`update place_days set jolts = kept_jolts, passes = kept_passes, severity = kept_severity`)
	b.Queue(`delete from place_days d where jolts + passes = 0 or not exists (select 1 from places p where p.id = d.place)`)
	var sites []*site
	for _, region := range slices.Sorted(maps.Keys(r.cache.regions)) {
		shelf := r.cache.regions[region]
		for _, id := range slices.Sorted(maps.Keys(shelf.sites)) {
			sites = append(sites, shelf.sites[id])
		}
	}
	queueDays(b, sites, nil)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("store what was felt by day: %w", err)
	}
	return nil
}

// foldDays makes one row of each place's week where that is old.
func foldDays(ctx context.Context, pool *pgxpool.Pool, now time.Time) error {
	_, err := pool.Exec(ctx, `
		with old as (delete from place_days where day < $1 and extract(isodow from day) <> 1 returning *)
		insert into place_days as d (place, day, jolts, passes, severity, kept_jolts, kept_passes, kept_severity)
		select place, date_trunc('week', day)::date, sum(jolts), sum(passes), (array_agg(severity order by day desc))[1],
			sum(kept_jolts), sum(kept_passes), (array_agg(kept_severity order by day desc))[1] from old group by 1, 2
		on conflict (place, day) do update set jolts = d.jolts + excluded.jolts, passes = d.passes + excluded.passes,
			severity = excluded.severity, kept_jolts = d.kept_jolts + excluded.kept_jolts,
			kept_passes = d.kept_passes + excluded.kept_passes, kept_severity = excluded.kept_severity`, now.Add(-foldAfter))
	return wrap(err, "fold old days into weeks")
}

// Days lists what was felt at a place by day, the oldest first. Days without anything are missing.
func Days(ctx context.Context, pool *pgxpool.Pool, place string) ([]Day, error) {
	rows, err := pool.Query(ctx, `select day, jolts, passes, severity from place_days where place = $1 order by day`, place)
	if err != nil {
		return nil, fmt.Errorf("read what was felt by day: %w", err)
	}
	days, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Day, error) {
		var d Day
		return d, row.Scan(&d.Day, &d.Jolts, &d.Passes, &d.Severity)
	})
	return days, wrap(err, "read what was felt by day")
}
