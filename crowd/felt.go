package crowd

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Felt is what one device felt at a place at one time, or that it felt nothing. Which device it was is not told.
type Felt struct {
	Time      time.Time
	Kind      wire.Kind
	PeakG     float64
	DurationS float64
	SpeedMPS  float64
	RateHz    float64
	Wave      []float32 // g; none where the device sent none
}

// FeltAt returns, first to last, what the devices that bear on a place felt there when they first and last passed, at most the newest so
// many. It is for people at work: exact times are not public. What retention has dropped is missing.
func FeltAt(ctx context.Context, pool *pgxpool.Pool, place string, most int) ([]Felt, error) {
	rows, err := pool.Query(ctx, `
		with voices as materialized (
			select device, first_at as at from evidence where place = $1 union select device, last_at from evidence where place = $1
			order by at desc limit $2)
		select e.time, e.kind, e.peak_g, e.duration_s, e.speed_mps, e.rate_hz, e.wave
		from voices v cross join lateral (select * from events e where e.time = v.at and e.device = v.device limit 1) e order by e.time`, place, most)
	if err != nil {
		return nil, fmt.Errorf("what was felt at place %s: %w", place, err)
	}
	felt, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Felt, error) {
		var f Felt
		var kind int16
		var wave []byte
		if err := row.Scan(&f.Time, &kind, &f.PeakG, &f.DurationS, &f.SpeedMPS, &f.RateHz, &wave); err != nil {
			return f, err
		}
		f.Time, f.Kind = f.Time.UTC(), wire.Bump
		if kind == 1 {
			f.Kind = wire.Pass
		}
		for pair := range slices.Chunk(wave, 2) {
			if len(pair) == 2 {
				f.Wave = append(f.Wave, float32(int16(binary.LittleEndian.Uint16(pair)))/1000)
			}
		}
		return f, nil
	})
	if err != nil {
		return nil, fmt.Errorf("what was felt at place %s: %w", place, err)
	}
	return felt, nil
}
