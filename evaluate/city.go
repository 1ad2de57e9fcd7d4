package evaluate

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/dispatch"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// A city is hard enough to count when the three-devices rule does as badly there as it does in the field.
const (
	hardPrecision  = 0.25 // at most
	hardInventions = 35   // at least, of 40
)

// Report is how Streetpulse did in one simulated city, beside the naive rules.
type Report struct {
	Seed   uint64  `json:"seed"`
	Events int     `json:"events"`
	Hard   bool    `json:"hard"` // the city counts
	Three  Score   `json:"three_devices"`
	Five   Score   `json:"five_devices"`
	Crowd  Score   `json:"streetpulse"`
	Drove  float64 `json:"simulated_s"`
	Took   float64 `json:"replayed_s"`
}

// City drives a city, replays it into an empty database, and scores the work orders that come out.
func City(ctx context.Context, pool *pgxpool.Pool, options firmwaresim.CityOptions, log *slog.Logger, progress func(Progress)) (Report, error) {
	start := time.Now()
	city, err := firmwaresim.NewCity(options)
	if err != nil {
		return Report{}, err
	}
	sent := city.All()
	lines := make([]wire.Line, len(sent))
	end := time.Time{}
	for i, s := range sent {
		lines[i] = s.Line
		if s.Time.After(end) {
			end = s.Time
		}
	}
	report := Report{Seed: options.Seed, Events: len(lines), Drove: time.Since(start).Seconds()}
	replay := Replay{Pool: pool, Office: dispatch.Office{Prefix: "SIM"}, Log: log, Progress: progress}
	summary, err := replay.Run(ctx, func(yield func(int, wire.Line, error) error) error {
		for i, l := range lines {
			if err := yield(i+1, l, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return report, err
	}
	orders, err := dispatch.Orders(ctx, pool, dispatch.Filter{})
	if err != nil {
		return report, err
	}
	found := make([]Found, len(orders))
	for i, o := range orders {
		found[i] = Found{o.Lat, o.Lon, o.PromotedAt}
	}
	truth := city.Truth()
	report.Took = summary.Took.Seconds()
	report.Crowd = ScoreOf(found, truth, end)
	report.Three, report.Five = ScoreOf(Naive(lines, 3), truth, end), ScoreOf(Naive(lines, 5), truth, end)
	report.Hard = report.Three.Precision <= hardPrecision && report.Three.Inventions >= hardInventions
	return report, nil
}
