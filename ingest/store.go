package ingest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// store is the writer's connection and what is said on it.
type store struct {
	pool       *pgxpool.Pool
	conn       *pgxpool.Conn
	next, last int64 // arrival numbers in hand, a commit each
}

// save stores the requests' records and marks the new ones as pending, in one transaction: by COPY, and where that
// meets an event that is there already, by INSERT, which passes over it. Where the database refuses a record, it is
// found by halving, and the others are stored. An error means that nothing is known to be stored.
func (s *store) save(ctx context.Context, requests []*request) ([]outcome, error) {
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	err := s.copyIn(ctx, inOrder(requests))
	if err == nil {
		outcomes := make([]outcome, len(requests))
		for i, r := range requests {
			outcomes[i].stored = len(r.records)
		}
		return outcomes, nil
	}
	if !isData(err) {
		return nil, err
	}
	if _, err := s.conn.Exec(ctx, "rollback"); err != nil {
		return nil, fmt.Errorf("roll back: %w", err)
	}
	return s.insertAll(ctx, requests)
}

// inOrder returns the requests by their first event's id. ULIDs that arrive a little out of order then mostly append at the
// key's right edge, where PostgreSQL need not search for the page.
func inOrder(requests []*request) []*request {
	return slices.SortedFunc(slices.Values(requests), func(a, b *request) int { return cmp.Compare(a.records[0].ID, b.records[0].ID) })
}

// copyIn is the fast way: two round trips, no preparation.
func (s *store) copyIn(ctx context.Context, requests []*request) error {
	rows := make(parts, 0, len(requests)+2)
	rows = append(rows, []byte(copyHeader))
	var blocks blocks
	for _, r := range requests {
		rows = append(rows, r.events)
		for i := range r.records {
			blocks.add(&r.records[i])
		}
	}
	rows = append(rows, []byte(copyTrailer))
	arrival, err := s.arrival(ctx)
	if err != nil {
		return err
	}
	if _, err := s.conn.Conn().PgConn().CopyFrom(ctx, &rows, "begin; copy events ("+eventColumns+") from stdin (format binary)"); err != nil {
		return fmt.Errorf("copy events: %w", err)
	}
	return s.copyPending(ctx, arrival, &blocks)
}

// copyPending marks events as waiting to be judged, and commits.
func (s *store) copyPending(ctx context.Context, arrival int64, blocks *blocks) error {
	rows := bytes.NewReader(blocks.rows(arrival))
	tag, err := s.conn.Conn().PgConn().CopyFrom(ctx, rows, "copy pending ("+pendingColumns+") from stdin (format binary); commit")
	if err != nil {
		return fmt.Errorf("copy pending events: %w", err)
	}
	if tag.String() != "COMMIT" {
		return fmt.Errorf("the database answered %q to a commit", tag)
	}
	return nil
}

// Arrival numbers are taken from the database for many commits at a time, and leave room for the events of each.
const (
	arrivalsAtOnce = 64
	arrivalRoom    = 1 << 20
)

// arrival returns the number of the next commit.
func (s *store) arrival(ctx context.Context) (int64, error) {
	if s.next == s.last {
		var n int64
		if err := s.conn.QueryRow(ctx, `select nextval('arrivals')`).Scan(&n); err != nil {
			return 0, fmt.Errorf("number the commits: %w", err)
		}
		s.next, s.last = n*arrivalsAtOnce, (n+1)*arrivalsAtOnce
	}
	s.next++
	return (s.next - 1) * arrivalRoom, nil
}

// at is where a record is: the request and its place there.
type at struct{ request, record int }

// insertAll is the slow way, for batches with events that are there already or that the database refuses.
func (s *store) insertAll(ctx context.Context, requests []*request) ([]outcome, error) {
	outcomes := make([]outcome, len(requests))
	var all []at
	for i, r := range requests {
		for j := range r.records {
			all = append(all, at{i, j})
		}
	}
	return outcomes, s.insertSome(ctx, requests, outcomes, all)
}

// insertSome stores the records, or halves them until those that the database refuses are alone.
func (s *store) insertSome(ctx context.Context, requests []*request, outcomes []outcome, some []at) error {
	stored, err := s.insert(ctx, requests, some)
	switch {
	case err == nil:
		for _, a := range stored {
			outcomes[a.request].stored++
		}
		return nil
	case !isData(err):
		return err
	case len(some) == 1:
		o := &outcomes[some[0].request]
		o.bad = append(o.bad, some[0].record)
		return nil
	}
	half := len(some) / 2
	if err := s.insertSome(ctx, requests, outcomes, some[:half]); err != nil {
		return err
	}
	return s.insertSome(ctx, requests, outcomes, some[half:])
}

// identity is an event's key.
type identity struct{ id, device string }

const insertEvents = `
	insert into events (` + eventColumns + `)
	select * from unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::float8[], $7::float8[],
		$8::real[], $9::real[], $10::real[], $11::real[], $12::real[], $13::real[], $14::bytea[], $15::text[], $16::bigint[], $17::bigint[])
	on conflict do nothing
	returning id, device`

// insert stores the records in one transaction and returns which are new. Where the database refuses one, the
// transaction is rolled back.
func (s *store) insert(ctx context.Context, requests []*request, some []at) ([]at, error) {
	arrival, err := s.arrival(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.conn.Exec(ctx, "begin"); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	found, err := s.insertEvents(ctx, requests, some)
	if err == nil {
		stored := make([]at, 0, len(found))
		var blocks blocks
		for _, a := range some {
			r := &requests[a.request].records[a.record]
			key := identity{r.ID, r.Device}
			if found[key] {
				delete(found, key) // its repetitions are duplicates
				stored = append(stored, a)
				blocks.add(r)
			}
		}
		return stored, s.copyPending(ctx, arrival, &blocks)
	}
	if isData(err) {
		if _, err := s.conn.Exec(ctx, "rollback"); err != nil {
			return nil, fmt.Errorf("roll back: %w", err)
		}
	}
	return nil, err
}

func (s *store) insertEvents(ctx context.Context, requests []*request, some []at) (map[identity]bool, error) {
	n := len(some)
	ids, devices, kinds := make([]string, n), make([]string, n), make([]int16, n)
	times, received := make([]time.Time, n), make([]time.Time, n)
	lats, lons := make([]float64, n), make([]float64, n)
	accuracies, speeds, headings := make([]float32, n), make([]float32, n), make([]*float32, n)
	peaks, durations, rates := make([]float32, n), make([]float32, n), make([]float32, n)
	waves, places := make([][]byte, n), make([]*string, n)
	cells, regions := make([]int64, n), make([]int64, n)
	for i, a := range some {
		r := &requests[a.request].records[a.record]
		ids[i], devices[i], kinds[i] = r.ID, r.Device, kindNumber(r.Kind)
		times[i], received[i] = r.Time, r.Received
		lats[i], lons[i] = r.Lat, r.Lon
		accuracies[i], speeds[i] = float32(r.AccuracyM), float32(r.SpeedMPS)
		if r.HeadingDeg != nil {
			heading := float32(*r.HeadingDeg)
			headings[i] = &heading
		}
		peaks[i], durations[i], rates[i] = float32(r.PeakG), float32(r.DurationS), float32(r.RateHz)
		if len(r.WaveG) > 0 {
			waves[i] = appendWave(nil, r.WaveG)
		}
		if r.Place != "" {
			places[i] = &r.Place
		}
		cells[i], regions[i] = int64(r.Cell), int64(r.Region)
	}
	rows, err := s.conn.Query(ctx, insertEvents, ids, devices, kinds, times, received, lats, lons, accuracies, speeds, headings,
		peaks, durations, rates, waves, places, cells, regions)
	if err != nil {
		return nil, fmt.Errorf("insert events: %w", err)
	}
	stored := make(map[identity]bool)
	var key identity
	_, err = pgx.ForEachRow(rows, []any{&key.id, &key.device}, func() error {
		stored[key] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("insert events: %w", err)
	}
	return stored, nil
}

// acquire takes a connection that waits for the disk at every commit, whatever the database's default.
func (s *store) acquire(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.conn = conn
	_, err = conn.Exec(ctx, `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`)
	if err != nil {
		return fmt.Errorf("ask for durable commits: %w", err)
	}
	return nil
}

// probe says whether the database can write again.
func (s *store) probe(ctx context.Context) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	var readOnly bool
	if err := s.conn.QueryRow(ctx, `select pg_is_in_recovery()`).Scan(&readOnly); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	if readOnly {
		return fmt.Errorf("probe: the database is a standby")
	}
	return nil
}

// discard closes the connection, whose state is not known.
func (s *store) discard() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Conn().Close(ctx) // it may be broken already
	s.release()
}

func (s *store) release() {
	if s.conn != nil {
		s.conn.Release()
		s.conn = nil
	}
}
