package crowd

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// Old days become weeks, of which nothing is lost; young ones stay.
func TestOldDaysBecomeWeeks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	// 29 December 2025 is a Monday.
	_, err := pool.Exec(ctx, `insert into place_days (place, day, jolts, passes, severity, kept_jolts) values
		('a', '2025-12-29', 1, 2, 0.5, 1), ('a', '2025-12-31', 2, 0, 0.6, 2), ('a', '2026-01-03', 0, 4, 0.75, 0), ('a', '2026-01-05', 1, 0, null, 1),
		('b', '2025-12-30', 3, 0, 0.25, 0), ('a', '2026-08-04', 7, 7, 0.5, 0)`)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := foldDays(ctx, pool, time.Date(2026, 8, 5, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	days, err := Days(ctx, pool, "a")
	if err != nil || len(days) != 3 {
		t.Fatal(days, err)
	}
	if d := days[0]; d.Day.Day() != 29 || d.Jolts != 3 || d.Passes != 6 || d.Severity == nil || *d.Severity != 0.75 {
		t.Errorf("the week is %+v", d)
	}
	if d := days[1]; d.Jolts != 1 || d.Severity != nil {
		t.Errorf("the Monday after it is %+v", d)
	}
	if d := days[2]; d.Day.Day() != 4 || d.Jolts != 7 {
		t.Errorf("the young day is %+v", d)
	}
	if days, err = Days(ctx, pool, "b"); err != nil || len(days) != 1 || days[0].Day.Day() != 29 || days[0].Jolts != 3 {
		t.Errorf("the other place has %+v, %v", days, err)
	}
}

// Where places became one, one after another, the last has the days of all.
func TestDaysOfPlacesThatBecameOne(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	_, err := pool.Exec(ctx, `insert into place_days (place, day, jolts, passes, severity, kept_jolts) values
		('a', '2026-03-02', 1, 2, 0.5, 1), ('b', '2026-03-02', 2, 0, 0.25, 2), ('b', '2026-03-03', 5, 0, 0.25, 0), ('c', '2026-03-02', 1, 1, null, 0)`)
	if err != nil {
		t.Fatal(err)
	}
	monday, severity := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 0.75
	c := &site{Place: Place{ID: "c"}}
	c.countAll([]Day{{Day: monday.AddDate(0, 0, 2), Jolts: 1}, {Day: monday, Jolts: 1, Severity: &severity}})
	b := &pgx.Batch{}
	queueDays(b, []*site{c}, map[string]string{"a": "b", "b": "c"})
	if err := pool.SendBatch(ctx, b).Close(); err != nil {
		t.Fatal(err)
	}
	days, err := Days(ctx, pool, "c")
	if err != nil || len(days) != 3 {
		t.Fatal(days, err)
	}
	if d := days[0]; d.Jolts != 5 || d.Passes != 3 || *d.Severity != 0.75 || days[1].Jolts != 5 || days[2].Jolts != 1 {
		t.Errorf("it has %+v", days)
	}
	var left, kept int
	if err := pool.QueryRow(ctx, `select count(*) filter (where place <> 'c'), sum(kept_jolts) from place_days`).Scan(&left, &kept); err != nil || left != 0 || kept != 3 {
		t.Errorf("%d days of places that are no more, %d sealed jolts: %v", left, kept, err)
	}
}

// TestDaysAreAskedForEachTime changes the retention while upkeep works.
func TestDaysAreAskedForEachTime(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), postgrestest.New(t)
	now := time.Date(2026, 8, 5, 0, 0, 0, 0, time.UTC)
	for _, age := range []int{80, 50, 20} {
		if _, err := pool.Exec(ctx, `insert into judgements select $1::int, 'e' || $1, 'd', $2`, 100-age, now.AddDate(0, 0, -age)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(ctx, `insert into epoch (hour, began) values ($1, $1)`, epochOf(now)); err != nil {
		t.Fatal(err)
	}
	days, failed := 0, error(nil)
	u := Upkeep{Pool: pool, Days: 1, Log: slog.New(slog.DiscardHandler), DaysNow: func(context.Context) (int, error) { return days, failed }}
	for _, c := range []struct{ days, left int }{{0, 3}, {90, 3}, {75, 3}, {60, 2}, {30, 1}} { // nothing goes before the oldest is a week too old
		days = c.days
		if err := u.retain(ctx, now); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := pool.QueryRow(ctx, `select count(*) from judgements`).Scan(&left); err != nil || left != c.left {
			t.Errorf("after %d days %d are left, not %d; %v", c.days, left, c.left, err)
		}
	}
	failed = errors.New("the settings cannot be read")
	if err := u.retain(ctx, now); !errors.Is(err, failed) {
		t.Error(err)
	}
}
