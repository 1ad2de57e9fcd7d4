package crowd_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func placeDays(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(context.Background(), `select concat_ws(' ', place, day, jolts, passes, round(severity::numeric, 3)) from place_days order by place, day`)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Whatever is judged stands in the place's days, and rebuild leaves the same, also after a sealing.
func TestDaysHoldWhatWasFelt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	end := scatter(t, pool, 4000)
	judge := func(until time.Time) {
		t.Helper()
		engine, err := crowd.NewEngine(pool, crowd.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Judge(ctx, until); err != nil {
			t.Fatal(err)
		}
		var wrong int
		err = pool.QueryRow(ctx, `select (select count(*) from
				(select place, sum(hits) as hits, sum(misses) as misses from evidence group by 1) e full join
				(select place, sum(jolts) as jolts, sum(passes) as passes from place_days group by 1) d using (place)
				where hits is distinct from jolts or misses is distinct from passes)`).Scan(&wrong)
		if err != nil || wrong > 0 {
			t.Fatalf("the days of %d places do not add up: %v", wrong, err)
		}
	}
	rebuilt := func() {
		t.Helper()
		before := placeDays(t, pool)
		if _, err := pool.Exec(ctx, `update place_days set jolts = jolts + 7 where day = (select max(day) from place_days)`); err != nil {
			t.Fatal(err)
		}
		if _, err := crowd.Rebuild(ctx, pool, crowd.Rules{}, true, nil); err != nil {
			t.Fatal(err)
		}
		if after := placeDays(t, pool); !slices.Equal(before, after) {
			for i := range min(len(before), len(after)) {
				if before[i] != after[i] {
					t.Errorf("%s became %s", before[i], after[i])
				}
			}
			t.Fatalf("%d days became %d", len(before), len(after))
		}
	}
	judge(end.Add(-24 * time.Hour))
	rebuilt()
	if n, err := crowd.Erase(ctx, pool, "car7"); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	judge(end)
	rebuilt()
}
