package crowd

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Log calls yield with every stored event: first those judged, in the order of judgement and with the time that their
// judgement is dated by, so that replaying them gives the same places, then those still waiting, in order of
// arrival. It reads one consistent picture of the database.
func Log(ctx context.Context, pool *pgxpool.Pool, yield func(wire.Line) error) error {
	const columns = `e.id, e.device, e.kind, e.time, e.lat, e.lon, e.accuracy_m, e.speed_mps, e.heading_deg, e.peak_g, e.duration_s,
		e.rate_hz, e.wave, coalesce(w.place, e.place, '')`
	// What a watch list called a place is known to this database only.
	const events = `events e on e.id = j.id and e.device = j.device left join watch_points w on w.id = e.place`
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for _, query := range []string{
			`select j.received, ` + columns + ` from judgements j join ` + events + ` order by j.n`,
			`select j.received, ` + columns + ` from pending_events j join ` + events + ` order by j.turn`,
		} {
			rows, err := tx.Query(ctx, query)
			if err != nil {
				return fmt.Errorf("read the log of events: %w", err)
			}
			for rows.Next() {
				line, err := scanLine(rows)
				if err == nil {
					err = yield(line)
				}
				if err != nil {
					rows.Close()
					return err
				}
			}
			if err := rows.Err(); err != nil {
				return fmt.Errorf("read the log of events: %w", err)
			}
		}
		return nil
	})
}

func scanLine(row pgx.Row) (wire.Line, error) {
	var (
		l                                     wire.Line
		received                              time.Time
		kind                                  int16
		accuracy, speed, peak, duration, rate float32
		heading                               *float32
		wave                                  []byte
	)
	err := row.Scan(&received, &l.ID, &l.Device, &kind, &l.Time, &l.Lat, &l.Lon, &accuracy, &speed, &heading, &peak, &duration,
		&rate, &wave, &l.Place)
	if err != nil {
		return l, fmt.Errorf("read an event: %w", err)
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
	return l, nil
}
