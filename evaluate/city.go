package evaluate

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// City drives a city, replays it into an empty database, and scores the work orders that come out. Its confirmed places are not
// looked at meanwhile, as Rehearse does.
func City(ctx context.Context, pool *pgxpool.Pool, options firmwaresim.CityOptions, log *slog.Logger, progress func(Progress)) (Report, error) {
	start := time.Now()
	drive, err := NewDrive(options)
	if err != nil {
		return Report{}, err
	}
	report := newReport(drive, start)
	replay := Replay{Pool: pool, Office: dispatch.Office{Prefix: "SIM"}, Log: log, Progress: progress}
	summary, err := replay.Run(ctx, func(yield func(int, wire.Line, error) error) error {
		for i, s := range drive.Sent {
			if err := yield(i+1, s.Line, nil); err != nil {
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
	places, err := crowd.Places(ctx, pool, crowd.Filter{})
	if err != nil {
		return report, err
	}
	found := make([]Found, len(orders))
	for i, o := range orders {
		found[i] = Found{o.Lat, o.Lon, o.PromotedAt}
	}
	report.Took = summary.Took.Seconds()
	report.Crowd, report.Calibration, report.Missed = drive.Score(found), CalibrationOf(places, drive.Truth), Missed(found, places, drive)
	report.Promotions.Confirmed = len(orders)
	return report, nil
}
