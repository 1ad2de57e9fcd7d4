package crowd

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

const logColumns = `e.id, e.device, e.kind, e.time, e.lat, e.lon, e.accuracy_m, e.speed_mps, e.heading_deg, e.peak_g, e.duration_s,
	e.rate_hz, e.wave, coalesce(w.place, e.place, '')`

// What a watch list called a place is known to this database only.
const logEvents = `events e on e.id = j.id and e.device = j.device left join watch_points w on w.id = e.place`

// Log calls yield with every stored event: first those judged, in the order of judgement and with the time that their
// judgement is dated by, so that replaying them gives the same places, then those still waiting, in order of
// arrival. It reads one consistent picture of the database.
func Log(ctx context.Context, pool *pgxpool.Pool, yield func(wire.Line) error) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := judged(ctx, tx, 0, func(_ int64, l wire.Line) error { return yield(l) }); err != nil {
			return err
		}
		return lines(ctx, tx, `select j.turn, j.received, `+logColumns+` from pending_events j join `+logEvents+` order by j.turn`,
			func(_ int64, l wire.Line) error { return yield(l) })
	})
}

// judged calls yield with every judged event after a number in the order of judgement, and its number.
func judged(ctx context.Context, tx pgx.Tx, after int64, yield func(n int64, l wire.Line) error) error {
	return lines(ctx, tx, `select j.n, j.received, `+logColumns+` from judgements j join `+logEvents+` where j.n > $1 order by j.n`, yield, after)
}

func lines(ctx context.Context, tx pgx.Tx, query string, yield func(n int64, l wire.Line) error, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read the log of events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		n, line, err := scanLine(rows)
		if err == nil {
			err = yield(n, line)
		}
		if err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the log of events: %w", err)
	}
	return nil
}

func scanLine(row pgx.Row) (n int64, l wire.Line, err error) {
	var (
		received                              time.Time
		kind                                  int16
		accuracy, speed, peak, duration, rate float32
		heading                               *float32
		wave                                  []byte
	)
	err = row.Scan(&n, &received, &l.ID, &l.Device, &kind, &l.Time, &l.Lat, &l.Lon, &accuracy, &speed, &heading, &peak, &duration,
		&rate, &wave, &l.Place)
	if err != nil {
		return n, l, fmt.Errorf("read an event: %w", err)
	}
	received = received.UTC()
	l.Received, l.Time = &received, l.Time.UTC()
	l.Kind = wire.Bump
	if kind == 1 {
		l.Kind = wire.Pass
	}
	l.AccuracyM, l.SpeedMPS = widen(accuracy), widen(speed)
	l.PeakG, l.DurationS, l.RateHz = widen(peak), widen(duration), widen(rate)
	if heading != nil {
		h := widen(*heading)
		l.HeadingDeg = &h
	}
	l.WaveG = decodeWave(wave)
	return n, l, nil
}
