package crowd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// Report is a defect that somebody has reported by hand and confirmed by e-mail.
type Report struct {
	ID       string
	Class    Class // Nothing: something else
	Lat, Lon float64
	At       time.Time
}

// ErrReported is returned where the report has been taken before.
var ErrReported = errors.New("this report is known already")

// TakeReport stores, in the caller's transaction, a report as evidence: what lies near it is likelier to be what it says,
// as with an open case of a 311 system, and no more however many there are. It weighs from the next event on, in the order
// of judgement.
func TakeReport(ctx context.Context, tx pgx.Tx, r Report) error {
	cell, err := geo.FineCell(r.Lat, r.Lon)
	if err != nil {
		return fmt.Errorf("report %s: %w", r.ID, err)
	}
	epoch := epochOf(r.At)
	err = tx.QueryRow(ctx, `
		with held as materialized (select pg_advisory_xact_lock_shared($1))
		select hour from held, epoch`, lockEpoch).Scan(&epoch)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("report %s: %w", r.ID, err)
	}
	// The regions first, as in judging, so that nothing around is judged in between.
	if err := rereadIn(ctx, tx, []geo.Cell{cell}); err != nil {
		return fmt.Errorf("report %s: %w", r.ID, err)
	}
	added, err := tx.Exec(ctx, `insert into hand_reports (id, class, lat, lon, cell, at, epoch) values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing`,
		r.ID, r.Class, r.Lat, r.Lon, int64(cell), r.At, epoch)
	if err != nil {
		return fmt.Errorf("report %s: %w", r.ID, err)
	}
	if added.RowsAffected() == 0 {
		return ErrReported
	}
	return nil
}

// file makes a report known.
func (k *known) file(cell geo.Cell, class Class, lat, lon float64, at time.Time) {
	k.cases[cell] = append(k.cases[cell], knownCase{point: orb.Point{lon, lat}, opened: at.UTC(), class: class})
}

// readReports reads the reports of the cells, as read does what else is known.
func (k *known) readReports(ctx context.Context, tx pgx.Tx, cells []int64) error {
	rows, err := tx.Query(ctx, `select cell, class, lat, lon, at from hand_reports where cell = any($1) order by n`, cells)
	if err != nil {
		return fmt.Errorf("read reports: %w", err)
	}
	var cell int64
	var class string
	var lat, lon float64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&cell, &class, &lat, &lon, &at}, func() error {
		k.file(geo.Cell(cell), Class(class), lat, lon, at)
		return nil
	})
	return wrap(err, "read reports")
}

// shiftOf adds what a case or a report says near a place to the log odds of the classes: the one that says most counts.
func (c *knownCase) shiftOf(at orb.Point, shift *[NumClasses]float64) {
	class := c.class
	if class == "" {
		class = Pothole
	}
	for i, k := range Classes() {
		if k == class && i < numReal {
			shift[i] = math.Max(shift[i], knownWeight(at, c.point)*math.Log(caseOdds))
		}
	}
}

// readTakenReports reads the reports among the steps that rebuild repeats.
func readTakenReports(ctx context.Context, tx pgx.Tx) ([]taken, error) {
	rows, err := tx.Query(ctx, `select n, class, lat, lon, cell, at, epoch from hand_reports order by n`)
	if err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	reports, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (taken, error) {
		t := taken{report: true}
		return t, row.Scan(&t.n, &t.kind, &t.lat, &t.lon, &t.cell, &t.at, &t.epoch)
	})
	return reports, wrap(err, "read reports")
}

// report does in memory what TakeReport does in the database.
func (r *Rehearsal) report(t taken) {
	if t.epoch > r.epoch && r.epoch > 0 {
		r.pass(t.epoch)
	}
	r.cache.known.file(geo.Cell(t.cell), Class(t.kind), t.lat, t.lon, t.at)
}
