package dispatch_test

import (
	"context"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestFiguresFollowWhatHappens(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	cell, err := geo.FineCell(48.41, 15.6)
	if err != nil {
		t.Fatal(err)
	}
	area, err := cell.Parent(10)
	if err != nil {
		t.Fatal(err)
	}
	update := func(want int) dispatch.Figures {
		t.Helper()
		if n, err := dispatch.UpdateFigures(ctx, pool); err != nil || n != want {
			t.Fatalf("%d weeks were due, want %d; %v", n, want, err)
		}
		if n, err := dispatch.UpdateFigures(ctx, pool); err != nil || n != 0 {
			t.Fatalf("%d weeks are due still; %v", n, err)
		}
		var sum dispatch.Figures
		weeks, err := dispatch.WeeklyFigures(ctx, pool, dispatch.OfCity, at(0).AddDate(0, -2, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range weeks {
			sum.Add(w)
		}
		return sum
	}
	for _, id := range []string{"one", "two"} {
		if err := promote(pool, place(t, pool, id)); err != nil {
			t.Fatal(err)
		}
		if _, err := pool.Exec(ctx, `insert into place_steps (place, n, at, kind, words) values ($1, 1, $2, 'suspected', '{}'), ($1, 2, $3, 'confirmed', '{}')`,
			id, at(8).AddDate(0, 0, -9), at(8)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(ctx, `update places set cell = $1, steps = 2`, int64(cell)); err != nil {
		t.Fatal(err)
	}
	if f := update(2); f.Found != 2 || f.Confirmed != 2 || f.Repaired != 0 {
		t.Errorf("%+v", f)
	}
	move := func(place string, days int, states ...dispatch.State) {
		t.Helper()
		o, _, err := dispatch.OrderOf(ctx, pool, place)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range states {
			step := dispatch.Step{At: at(8).AddDate(0, 0, days), State: s, Actor: dispatch.Crew, Reason: "as found"}
			if err := dispatch.Transition(ctx, pool, o.ID, step); err != nil {
				t.Fatal(err)
			}
		}
	}
	move("one", 3, dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Repaired)
	move("one", 20, dispatch.Reopened, dispatch.Assigned, dispatch.InProgress, dispatch.Repaired) // the first repair counts
	move("two", 10, dispatch.Dismissed)
	f := update(3)
	if f.Repaired != 2 || f.Reopened != 1 || f.Right != 1 || f.Wrong != 1 || len(f.RepairDays) != 1 || math.Abs(f.RepairDays[0]-3) > 1e-6 {
		t.Errorf("%+v", f)
	}
	areas, err := dispatch.WeeklyFigures(ctx, pool, dispatch.OfArea, time.Time{})
	if err != nil || len(areas) != 4 {
		t.Fatalf("%d weeks of areas, %v", len(areas), err)
	}
	for _, a := range areas {
		if a.Name != strconv.FormatInt(int64(area), 10) {
			t.Errorf("an area is %s, want %d", a.Name, int64(area))
		}
	}
	// What is taken away is counted no more.
	if _, err := pool.Exec(ctx, `delete from place_steps where place = 'two'`); err != nil {
		t.Fatal(err)
	}
	if f := update(3); f.Found != 1 || f.Confirmed != 1 || f.Repaired != 2 {
		t.Errorf("%+v", f)
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	f := dispatch.Figures{RepairDays: []float64{1, 2, 3, 4, 11}}
	for share, want := range map[float64]float64{0: 1, 0.5: 3, 0.9: 8.2, 1: 11} {
		if got, ok := f.Quantile(share); !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %g is %g, want %g", share, got, want)
		}
	}
	if f.Within(4) != 4 || f.Within(0.5) != 0 || f.Within(100) != 5 {
		t.Error("within is wrong")
	}
	if _, ok := (&dispatch.Figures{}).Quantile(0.5); ok {
		t.Error("nothing has a median")
	}
}
