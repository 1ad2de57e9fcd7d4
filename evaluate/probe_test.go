package evaluate

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/dispatch"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestProbe(t *testing.T) {
	for seed := uint64(1); seed <= 2; seed++ {
		start := time.Now()
		c, err := firmwaresim.NewCity(firmwaresim.CityOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		sent := c.All()
		var lines []wire.Line
		kinds := map[string]int{}
		for _, s := range sent {
			lines = append(lines, s.Line)
			k := s.Cause.Class
			if s.Kind == wire.Pass {
				k = "pass"
			} else if k == "nothing" {
				k = s.Cause.Cause
			}
			kinds[k]++
		}
		fmt.Println(seed, time.Since(start), len(sent), kinds)
		end := lines[len(lines)-1].Time
		for _, n := range []int{3, 5} {
			fmt.Printf("%d devices: %+v\n", n, ScoreOf(Naive(lines, n), c.Truth(), end))
		}
		pool := postgrestest.New(t)
		s, err := Replay{Pool: pool, Log: slog.Default()}.Run(context.Background(), func(yield func(int, wire.Line, error) error) error {
			for i, l := range lines {
				if err := yield(i+1, l, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%+v %s\n", s.Progress, s.Took)
		orders, err := dispatch.Orders(context.Background(), pool, dispatch.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var found []Found
		for _, o := range orders {
			found = append(found, Found{o.Lat, o.Lon, o.PromotedAt})
		}
		fmt.Printf("streetpulse: %+v\n", ScoreOf(found, c.Truth(), end))
	}
}
