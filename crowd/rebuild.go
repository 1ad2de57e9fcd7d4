package crowd

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Rebuilt is what judging everything again comes to.
type Rebuilt struct {
	Judged      int      // events and decisions
	Places      int      // places that came out
	Differences []string // how they differ from those that are stored, the first hundred in words
	Different   int      // places that differ in all
}

// mostDifferences bounds what is told in words.
const mostDifferences = 100

// Rebuild judges every stored event and decision again, beginning with what is sealed, in the order in which they were judged, and compares the places
// that come out with those that are stored. With replace, what came out is stored instead; work orders stay as they are, and
// a place that has one stays too. Nothing else judges on the database meanwhile. progress, which may be nil, is told how many
// were judged.
func Rebuild(ctx context.Context, pool *pgxpool.Pool, rules Rules, replace bool, progress func(judged int)) (Rebuilt, error) {
	return rebuild(ctx, pool, rules, progress, func(tx pgx.Tx, r *Rehearsal, out *Rebuilt) error {
		switch {
		case !replace:
			return nil
		case out.Different == 0:
			return r.storeDays(ctx, tx)
		}
		return r.store(ctx, tx)
	})
}

// rebuild judges everything again and compares, and then does what is to be done with what came out, in the same transaction.
func rebuild(ctx context.Context, pool *pgxpool.Pool, rules Rules, progress func(judged int), then func(pgx.Tx, *Rehearsal, *Rebuilt) error) (Rebuilt, error) {
	var out Rebuilt
	engine, err := NewEngine(pool, Config{})
	if err != nil {
		return out, err
	}
	release, err := engine.Alone(ctx)
	if err != nil {
		return out, err
	}
	defer release()
	r, err := NewRehearsal(rules)
	if err != nil {
		return out, err
	}
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if err := r.cache.known.readAll(ctx, tx); err != nil {
			return err
		}
		if err := r.repeat(ctx, tx, &out, progress); err != nil {
			return err
		}
		if err := r.compare(ctx, tx, &out); err != nil {
			return err
		}
		return then(tx, r, &out)
	})
	return out, err
}

// store replaces the stored places by those in memory.
func (r *Rehearsal) store(ctx context.Context, tx pgx.Tx) error {
	var sites []*site
	var ids []string
	var kept []int
	for _, region := range slices.Sorted(maps.Keys(r.cache.regions)) {
		shelf := r.cache.regions[region]
		for _, id := range slices.Sorted(maps.Keys(shelf.sites)) {
			s := shelf.sites[id]
			for _, d := range s.order {
				s.changed[d] = true
			}
			s.stored, s.moved = true, false
			sites, ids, kept = append(sites, s), append(ids, id), append(kept, s.keptSteps)
		}
	}
	stands, err := r.reconcile(ctx, tx, sites)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue(`delete from places where not ordered and id <> all($1)`, ids)
	if err := queuePlaces(b, sites); err != nil {
		return err
	}
	b.Queue(`delete from evidence where place = any($1)`, ids)
	queueEvidence(b, sites, r.epoch)
	b.Queue(`delete from place_steps s using unnest($1::text[], $2::int[]) as u (place, kept) where s.place = u.place and s.n > u.kept`, ids, kept)
	if err := queueSteps(b, sites); err != nil {
		return err
	}
	b.Queue(`insert into touched (epoch, place) select $1, * from unnest($2::text[])`, r.epoch, ids)
	b.Queue(`update regions set version = version + 1`)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("store what was rebuilt: %w", err)
	}
	if err := r.storeDays(ctx, tx); err != nil {
		return err
	}
	r.trust.epoch = r.epoch
	if err := r.trust.save(ctx, tx); err != nil || !stands {
		return err
	}
	return keepSealed(ctx, tx) // what the log comes to by itself is not what stands
}

// taken is a decision with its place in the order of judgement.
type taken struct {
	n     int64
	place string
	kind  string
	found Class
	at    time.Time

	vote, report bool
	replaces     string
	epoch        int64
	lat, lon     float64
	cell         int64
}

// repeat judges what was judged.
func (r *Rehearsal) repeat(ctx context.Context, tx pgx.Tx, out *Rebuilt, progress func(int)) error {
	var hour int64
	if err := tx.QueryRow(ctx, `select hour, began from epoch`).Scan(&hour, &r.began); err != nil && !isNone(err) {
		return fmt.Errorf("read the epoch: %w", err)
	}
	after, err := r.begin(ctx, tx)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `select n, place, kind, verdict, at from decisions where n > $1 order by n`, after)
	if err != nil {
		return fmt.Errorf("read decisions: %w", err)
	}
	decisions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (taken, error) {
		var t taken
		return t, row.Scan(&t.n, &t.place, &t.kind, &t.found, &t.at)
	})
	if err != nil {
		return fmt.Errorf("read decisions: %w", err)
	}
	votes, err := readVotes(ctx, tx, after)
	if err != nil {
		return err
	}
	reports, err := readTakenReports(ctx, tx)
	if err != nil {
		return err
	}
	for len(reports) > 0 && reports[0].n <= after { // they weigh on, but what they have changed is in the state that was sealed
		r.report(reports[0])
		reports = reports[1:]
	}
	decisions = append(append(decisions, votes...), reports...)
	slices.SortFunc(decisions, func(a, b taken) int { return cmp.Compare(a.n, b.n) })
	count := func() {
		out.Judged++
		if progress != nil {
			progress(out.Judged)
		}
	}
	decideUntil := func(n int64) {
		for ; len(decisions) > 0 && decisions[0].n < n; decisions = decisions[1:] {
			d := decisions[0]
			switch {
			case d.vote:
				r.vote(d)
			case d.report:
				r.report(d)
			default:
				r.decide(d.place, decision(d.kind), d.found, d.at.UTC())
			}
			count()
		}
	}
	err = judged(ctx, tx, after, func(n int64, l wire.Line) error {
		decideUntil(n)
		count()
		return r.Judge(l.Device, l.Event, *l.Received)
	})
	if err != nil {
		return err
	}
	decideUntil(math.MaxInt64)
	if r.epoch != 0 && hour > r.epoch { // the clock has gone on since the last event
		r.pass(hour)
	}
	return nil
}

// compare holds the places in memory against those that are stored.
func (r *Rehearsal) compare(ctx context.Context, tx pgx.Tx, out *Rebuilt) error {
	left := map[string]*site{}
	for _, shelf := range r.cache.regions {
		for id, s := range shelf.sites {
			left[id] = s
		}
	}
	out.Places = len(left)
	differ := func(format string, args ...any) {
		out.Different++
		if len(out.Differences) < mostDifferences {
			out.Differences = append(out.Differences, fmt.Sprintf(format, args...))
		}
	}
	rows, err := tx.Query(ctx, `select `+placeColumns+` from places order by id`)
	if err != nil {
		return fmt.Errorf("read places: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Place
		if err := scanPlace(rows, &p); err != nil {
			return err
		}
		s := left[p.ID]
		delete(left, p.ID)
		if s == nil {
			differ("%s is stored (%s, %s, %d devices) and does not come out", p.ID, p.Class, p.State, p.Devices)
		} else if how := s.differs(&p); how != "" {
			differ("%s: %s", p.ID, how)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read places: %w", err)
	}
	for id, s := range left {
		differ("%s comes out (%s, %s, %d devices) and is not stored", id, s.Class, s.State, s.Devices)
	}
	return nil
}

// differs tells how a stored place differs, or nothing.
func (s *site) differs(p *Place) string {
	const enoughM, enoughBelief = 0.01, 1e-4 // beliefs are stored in single precision
	d := geo.Distance(s.point(), [2]float64{p.Lon, p.Lat})
	switch {
	case p.State != s.State || p.Ordered != s.Ordered:
		return fmt.Sprintf("%s (ordered: %t) is stored, %s (%t) comes out", p.State, p.Ordered, s.State, s.Ordered)
	case !p.StateAt.Equal(s.StateAt):
		return fmt.Sprintf("%s since %s is stored, since %s comes out", p.State, p.StateAt, s.StateAt)
	case p.Devices != s.Devices || p.Passes != s.Passes:
		return fmt.Sprintf("%d devices and %d passes are stored, %d and %d come out", p.Devices, p.Passes, s.Devices, s.Passes)
	case d > enoughM:
		return fmt.Sprintf("what comes out lies %.2f m from where it is stored", d)
	}
	for i, class := range Classes() {
		if math.Abs(p.Belief[i]-s.Belief[i]) > enoughBelief {
			return fmt.Sprintf("%s %.4f is stored, %.4f comes out", class, p.Belief[i], s.Belief[i])
		}
	}
	return ""
}
