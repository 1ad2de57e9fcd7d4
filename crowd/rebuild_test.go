package crowd_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestRebuildComesToWhatIsStored(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	end := scatter(t, pool, 4000)
	engine, err := crowd.NewEngine(pool, crowd.Config{})
	if err != nil {
		t.Fatal(err)
	}
	middle := end.Add(-24 * time.Hour)
	if _, err := engine.Judge(ctx, middle); err != nil {
		t.Fatal(err)
	}
	// A crew has been to two of them, and a dispatcher has made work of another.
	var ids []string
	if err := pool.QueryRow(ctx, `select array_agg(id) from (select id from places where devices >= 3 order by id limit 4) p`).Scan(&ids); err != nil || len(ids) != 4 {
		t.Fatal(ids, err)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, id := range []string{ids[0], ids[3]} {
			if err := crowd.MarkRepaired(ctx, tx, id, crowd.Pothole, middle); err != nil {
				return err
			}
		}
		if err := crowd.Ordered(ctx, tx, ids[2], middle); err != nil {
			return err
		}
		return crowd.Settle(ctx, tx, ids[1], crowd.Dismissed, crowd.Nothing, middle)
	})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := crowd.FindPlace(ctx, pool, ids[2]); err != nil || !p.Ordered || p.State != crowd.Confirmed {
		t.Fatalf("%+v, %v", p, err)
	}
	// A repair that was noted at the wrong place is taken back some hours later: what was said before counts again, beside what was said since.
	voices := func(table string) (n, said int) {
		t.Helper()
		if err := pool.QueryRow(ctx, `select count(*), coalesce(sum(hits + misses), 0) from `+table+` where place = $1`, ids[3]).Scan(&n, &said); err != nil {
			t.Fatal(err)
		}
		return n, said
	}
	devices, before := voices("put_aside_evidence")
	if _, err := engine.Judge(ctx, middle.Add(12*time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, since := voices("evidence")
	takeBack := func() error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return crowd.TakeBackRepair(ctx, tx, ids[3], middle.Add(12*time.Hour)) })
	}
	if err := takeBack(); err != nil {
		t.Fatal(err)
	}
	if n, said := voices("evidence"); devices < 3 || n < devices || said != before+since {
		t.Errorf("%d devices say %d things; before the repair %d said %d, and %d were said since", n, said, devices, before, since)
	}
	var repaired bool
	if err := pool.QueryRow(ctx, `select repaired_at is not null or verdict <> '' from places where id = $1`, ids[3]).Scan(&repaired); err != nil || repaired {
		t.Errorf("the place counts as repaired still: %v", err)
	}
	if err := takeBack(); !errors.Is(err, crowd.ErrCounted) {
		t.Errorf("twice: %v", err)
	}
	if n, err := engine.Judge(ctx, end); err != nil || n < 500 {
		t.Fatal(n, err)
	}
	rebuilt := func(replace bool) crowd.Rebuilt {
		t.Helper()
		out, err := crowd.Rebuild(ctx, pool, crowd.Rules{}, replace, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := rebuilt(false); out.Different != 0 || out.Judged != 4005 || out.Places < 60 {
		t.Fatalf("%+v", out)
	}
	if _, err := pool.Exec(ctx, `update places set devices = devices + 1 where id = $1`, ids[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `delete from places where id = (select min(id) from places where id <> all($1))`, ids); err != nil {
		t.Fatal(err)
	}
	if out := rebuilt(false); out.Different != 2 {
		t.Fatalf("two places were spoilt: %+v", out)
	}
	if out := rebuilt(true); out.Different != 2 {
		t.Fatalf("%+v", out)
	}
	if out := rebuilt(false); out.Different != 0 {
		t.Fatalf("it was rebuilt and differs still: %+v", out)
	}
}

func TestNothingIsLearnedTwice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	end := scatter(t, pool, 1000)
	learned := func(until time.Time) (epoch int64) {
		t.Helper()
		engine, err := crowd.NewEngine(pool, crowd.Config{}) // as after a restart
		if err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Judge(ctx, until); err != nil {
			t.Fatal(err)
		}
		if err := pool.QueryRow(ctx, `select epoch from lessons`).Scan(&epoch); err != nil {
			t.Fatal(err)
		}
		return epoch
	}
	first := learned(end.Add(12 * time.Hour))
	for _, idle := range []time.Duration{24, 200} {
		if again := learned(end.Add(idle * time.Hour)); again != first {
			t.Errorf("it learned again at epoch %d from what it knew at %d", again, first)
		}
	}
}
