package crowd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// BenchmarkWatchLists makes the lists of a city of 400 km² and 4,000 km of street with 10,000 places, the first time and on
// the next day.
func BenchmarkWatchLists(b *testing.B) {
	const places = 10_000
	ctx := context.Background()
	network := gridOf(50)
	pool := postgrestest.New(b)
	r := rand.New(rand.NewPCG(1, 2))
	var rows [][]any
	regions := map[geo.Cell]bool{}
	now := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	for i := range places {
		along, across := r.Float64()*20000-10000, float64(r.IntN(101)-50)*200
		p := geo.Destination(geo.Destination(orb.Point{15.6, 48.41}, 90, across), 0, along)
		cell, err := geo.FineCell(p.Lat(), p.Lon())
		if err != nil {
			b.Fatal(err)
		}
		regions[geo.Region(cell)] = true
		rows = append(rows, []any{fmt.Sprintf("place%011d", i), int64(geo.Region(cell)), int64(cell), p.Lat(), p.Lon(), 180.0 * float64(r.IntN(2)), 4.0,
			"suspected", now, "pothole", []float32{float32(r.Float64()), 0, 0, 0, 0, 0}, 0.5, 1 + r.IntN(3), r.IntN(9), now, now, true, false, 1, []byte{}})
	}
	if _, err := pool.CopyFrom(ctx, pgx.Identifier{"places"}, []string{"id", "region", "cell", "lat", "lon", "heading_deg", "uncertainty_m", "state",
		"state_at", "class", "belief", "severity", "devices", "passes", "first_at", "last_at", "shown", "reviewed", "steps", "estimate"},
		pgx.CopyFromRows(rows)); err != nil {
		b.Fatal(err)
	}
	for region := range regions {
		if _, err := pool.Exec(ctx, `insert into regions (region) values ($1)`, int64(region)); err != nil {
			b.Fatal(err)
		}
	}
	start := time.Now()
	watch := crowd.NewWatch(pool, network, crowd.WatchOptions{})
	streets := time.Since(start)
	for b.Loop() {
		for _, day := range []string{"first-ms", "next-day-ms"} {
			start := time.Now()
			if _, err := watch.Renew(ctx, now); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds()), day)
			now = now.AddDate(0, 0, 1)
		}
	}
	var lists, points int
	if err := pool.QueryRow(ctx, `select count(*), (select count(*) from watch_points where until is null) from watch_lists`).Scan(&lists, &points); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(streets.Milliseconds()), "streets-ms")
	b.ReportMetric(float64(lists), "lists")
	b.ReportMetric(float64(points), "points")
}
