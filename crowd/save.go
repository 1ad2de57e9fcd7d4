package crowd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// save writes what a turn has changed, calls whoever must hear of it in the same transaction, and drops the judged events
// from what waits.
func (e *Engine) save(ctx context.Context, tx pgx.Tx, l *leases, judged []*arrival, out *outcome) error {
	touched := make([]*site, 0, len(out.touched))
	for _, id := range slices.Sorted(maps.Keys(out.touched)) {
		touched = append(touched, out.touched[id])
	}
	b := &pgx.Batch{}
	if len(out.dead) > 0 {
		gone, into := slices.Sorted(maps.Keys(out.dead)), []string{}
		for _, id := range gone {
			into = append(into, out.dead[id])
		}
		b.Queue(`delete from places where id = any($1)`, gone)
		b.Queue(`insert into places_gone (id, into_, epoch) select *, $3 from unnest($1::text[], $2::text[])
			on conflict (id) do update set into_ = excluded.into_, epoch = excluded.epoch`, gone, into, e.epoch)
		b.Queue(`select pg_notify($1, json_build_object('kind', 'place', 'id', id, 'place', id)::text) from unnest($2::text[]) as u (id)`, Changes, gone)
	}
	if err := queuePlaces(b, touched); err != nil {
		return err
	}
	b.Queue(`insert into touched (epoch, place) select $1, * from unnest($2::text[])`, e.epoch, slices.Sorted(maps.Keys(out.touched)))
	queueEvidence(b, touched, e.epoch)
	if err := queueSteps(b, touched); err != nil {
		return err
	}
	queueDays(b, touched, out.dead)
	queueReviews(b, out.reviews)
	queueCoverage(b, out.coverage)
	if err := e.answers.note(ctx, tx, b, judged); err != nil {
		return err
	}
	queueDone(b, judged)
	queueVersions(b, out.regions)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("write what was judged: %w", err)
	}
	for _, c := range out.confirms {
		if e.config.Confirmed == nil {
			break
		}
		if err := e.config.Confirmed(ctx, tx, c); err != nil {
			return fmt.Errorf("confirm place %s: %w", c.Place.ID, err)
		}
	}
	for _, c := range out.checks {
		call := e.config.Reopened
		if c.verified {
			call = e.config.Verified
		}
		if call == nil {
			continue
		}
		if err := call(ctx, tx, c.place, c.at, c.devices); err != nil {
			return fmt.Errorf("tell what traffic says of place %s: %w", c.place, err)
		}
	}
	for _, s := range touched {
		s.stored, s.dirty, s.moved, s.steps, s.days = true, false, false, nil, nil
		clear(s.changed)
	}
	e.cache.kept(l, out.regions)
	return nil
}

func queuePlaces(b *pgx.Batch, touched []*site) error {
	n := len(touched)
	if n == 0 {
		return nil
	}
	id, state, class, beliefs := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	region, cell := make([]int64, n), make([]int64, n)
	lat, lon, unsure, sev := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	heading := make([]*float64, n)
	devices, passes, steps := make([]int, n), make([]int, n), make([]int, n)
	stateAt, firstAt, lastAt, repairedAt := make([]time.Time, n), make([]time.Time, n), make([]time.Time, n), make([]*time.Time, n)
	verdict := make([]string, n)
	came := make([]float64, n)
	known, absent, mended := make([]int, n), make([]int, n), make([]int, n)
	ordered, shown, reviewed, estimate := make([]bool, n), make([]bool, n), make([]bool, n), make([][]byte, n)
	for i, s := range touched {
		belief, err := json.Marshal(storedBelief(s.Belief))
		if err != nil {
			return fmt.Errorf("place %s: %w", s.ID, err)
		}
		id[i], state[i], class[i], beliefs[i] = s.ID, string(s.State), string(s.Class), string(belief)
		region[i], cell[i] = int64(s.Region), int64(s.Cell)
		lat[i], lon[i], unsure[i], sev[i], heading[i] = s.Lat, s.Lon, s.UncertaintyM, s.Severity, s.HeadingDeg
		devices[i], passes[i], steps[i] = s.Devices, s.Passes, s.stepCount
		stateAt[i], firstAt[i], lastAt[i] = s.StateAt, s.FirstAt, s.LastAt
		if !s.repairedAt.IsZero() {
			repairedAt[i] = &s.repairedAt
		}
		ordered[i], shown[i], reviewed[i], estimate[i] = s.Ordered, s.shown, s.reviewed, s.estimate()
		verdict[i], came[i] = string(s.verdict), s.came
		known[i], absent[i], mended[i] = s.poll.Known, s.poll.Absent, s.poll.Repaired
	}
	b.Queue(`
		insert into places (id, region, cell, lat, lon, heading_deg, uncertainty_m, state, state_at, class, belief, severity,
			devices, passes, first_at, last_at, repaired_at, ordered, shown, reviewed, steps, estimate, verdict,
			votes_known, votes_absent, votes_repaired, came)
		select id, region, cell, lat, lon, heading, unsure, state, state_at, class,
			translate(belief, '[]', '{}')::real[], severity, devices, passes, first_at, last_at, repaired_at, ordered,
			shown, reviewed, steps, estimate, verdict, known, absent, mended, came
		from unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
			$8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::float8[], $13::int[], $14::int[],
			$15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::bool[], $19::bool[], $20::int[], $21::bytea[], $22::bool[], $23::text[],
			$24::int[], $25::int[], $26::int[], $27::float8[])
			as u (id, region, cell, lat, lon, heading, unsure, state, state_at, class, belief, severity, devices, passes,
				first_at, last_at, repaired_at, shown, reviewed, steps, estimate, ordered, verdict, known, absent, mended, came)
		on conflict (id) do update set region = excluded.region, cell = excluded.cell, lat = excluded.lat,
			lon = excluded.lon, heading_deg = excluded.heading_deg, uncertainty_m = excluded.uncertainty_m,
			state = excluded.state, state_at = excluded.state_at, class = excluded.class, belief = excluded.belief,
			severity = excluded.severity, devices = excluded.devices, passes = excluded.passes,
			first_at = excluded.first_at, last_at = excluded.last_at, repaired_at = excluded.repaired_at,
			ordered = excluded.ordered, shown = excluded.shown, reviewed = excluded.reviewed, steps = excluded.steps,
			estimate = excluded.estimate, verdict = excluded.verdict, votes_known = excluded.votes_known,
			votes_absent = excluded.votes_absent, votes_repaired = excluded.votes_repaired, came = excluded.came`,
		id, region, cell, lat, lon, heading, unsure, state, stateAt, class, beliefs, sev, devices, passes, firstAt, lastAt,
		repairedAt, shown, reviewed, steps, estimate, ordered, verdict, known, absent, mended, came)
	for _, s := range touched {
		if s.moved || !s.stored || len(s.steps) > 0 {
			b.Queue(`select pg_notify($1, json_build_object('kind', 'place', 'id', $2::text, 'place', $2::text, 'state', $3::text)::text)`,
				Changes, s.ID, string(s.State))
		}
	}
	return nil
}

func queueEvidence(b *pgx.Batch, touched []*site, epoch int64) {
	var (
		place, device []string
		hits, misses  []int
		first, last   []time.Time
		alone, copied []int16
		sums          [][]byte
	)
	for _, s := range touched {
		for _, d := range slices.Sorted(maps.Keys(s.changed)) {
			a := s.accounts[d]
			place, device = append(place, s.ID), append(device, d)
			hits, misses = append(hits, a.hits), append(misses, a.misses)
			first, last, alone, sums = append(first, a.first), append(last, a.last), append(alone, int16(a.alone)), append(sums, a.encode())
			copied = append(copied, a.copied.code())
		}
	}
	if len(place) == 0 {
		return
	}
	b.Queue(`
		insert into evidence (place, device, hits, misses, first_at, last_at, account, alone, copied, epoch)
		select *, $10 from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[], $7::bytea[], $8::smallint[],
			$9::smallint[])
		on conflict (place, device) do update set hits = excluded.hits, misses = excluded.misses,
			first_at = excluded.first_at, last_at = excluded.last_at, account = excluded.account,
			alone = excluded.alone, copied = excluded.copied, epoch = excluded.epoch`,
		place, device, hits, misses, first, last, sums, alone, copied, epoch)
}

func queueSteps(b *pgx.Batch, touched []*site) error {
	var (
		place, kind, words []string
		n                  []int
		at                 []time.Time
	)
	for _, s := range touched {
		for _, step := range s.steps {
			w, err := json.Marshal(step.Words)
			if err != nil {
				return fmt.Errorf("place %s: %w", s.ID, err)
			}
			place, kind, words = append(place, s.ID), append(kind, string(step.Kind)), append(words, string(w))
			n, at = append(n, step.N), append(at, step.At)
		}
	}
	if len(place) > 0 {
		b.Queue(`insert into place_steps (place, n, at, kind, words)
			select * from unnest($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::jsonb[])`, place, n, at, kind, words)
	}
	return nil
}

func queueReviews(b *pgx.Batch, reviews []Place) {
	for _, p := range reviews {
		b.Queue(`insert into reviews (place, class, at) select $1, $2, state_at from places where id = $1
			on conflict (place) do nothing`, p.ID, string(p.Class))
	}
}

func queueCoverage(b *pgx.Batch, coverage map[coverageKey]int) {
	keys := slices.SortedFunc(maps.Keys(coverage), func(x, y coverageKey) int {
		return cmp.Or(cmp.Compare(x.cell, y.cell), x.day.Compare(y.day))
	})
	n := len(keys)
	cell, day, events := make([]int64, n), make([]time.Time, n), make([]int, n)
	for i, k := range keys {
		cell[i], day[i], events[i] = int64(k.cell), k.day, coverage[k]
	}
	b.Queue(`insert into coverage as c (cell, day, events) select * from unnest($1::bigint[], $2::date[], $3::int[])
		on conflict (cell, day) do update set events = c.events + excluded.events`, cell, day, events)
}

func queueDone(b *pgx.Batch, judged []*arrival) {
	n := len(judged)
	id, device := make([]string, n), make([]string, n)
	region, commit, offset, received := make([]int64, n), make([]int64, n), make([]int32, n), make([]time.Time, n)
	for i, a := range judged {
		id[i], device[i], region[i], commit[i], offset[i], received[i] = a.ID, a.Device, int64(a.Region), a.commit, a.offset, a.Received
	}
	b.Queue(`insert into judgements (n, id, device, received)
		select nextval('judgement_n'), id, device, received
		from unnest($1::text[], $2::text[], $3::timestamptz[]) with ordinality as u (id, device, received, ordinal)
		order by ordinal`, id, device, received)
	queueTaken(b, region, commit, offset)
}

// queueTaken takes events out of what waits. A block of which something stays is shortened; nobody but the holder of its
// region touches it.
func queueTaken(b *pgx.Batch, region, commit []int64, offset []int32) {
	const taken = `with taken as (
		select region, arrival, array_agg(at) as ats, count(*) as n
		from unnest($1::bigint[], $2::bigint[], $3::int[]) as u (region, arrival, at) group by region, arrival) `
	b.Queue(taken+`
		update pending p set received = r.received, size = r.size, offsets = r.offsets, times = r.times, ids = r.ids, devices = r.devices
		from (
			select p.region, p.arrival, min(e.received) as received, count(*) as size, array_agg(e.at order by e.at) as offsets,
				array_agg(e.received order by e.at) as times, array_agg(e.id order by e.at) as ids, array_agg(e.device order by e.at) as devices
			from taken t join pending p using (region, arrival), unnest(p.offsets, p.times, p.ids, p.devices) as e (at, received, id, device)
			where t.n < p.size and e.at <> all(t.ats) group by p.region, p.arrival) r
		where p.region = r.region and p.arrival = r.arrival`, region, commit, offset)
	b.Queue(taken+`
		delete from pending p using taken t where p.region = t.region and p.arrival = t.arrival and p.offsets <@ t.ats`,
		region, commit, offset)
}

func queueVersions(b *pgx.Batch, regions map[int64]int64) {
	keys := slices.Sorted(maps.Keys(regions))
	n := make([]int64, len(keys))
	for i, k := range keys {
		n[i] = regions[k]
	}
	b.Queue(`update regions r set version = r.version + u.n from unnest($1::bigint[], $2::bigint[]) as u (region, n)
		where r.region = u.region`, keys, n)
}
