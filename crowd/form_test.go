package crowd_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
)

// age gives everything that crowd keeps in a form of its own the form of a version that nobody remembers.
func (w *town) age() {
	w.t.Helper()
	for _, query := range []string{
		`update places set estimate = '\x00000000000000000102'`, `update sealed_places set estimate = '\x00000000000000000102'`,
		`update evidence set account = '\x0107' || substr(account, 1, 30)`, `update sealed_evidence set account = '\x0107' || substr(account, 1, 30)`,
		`update lessons set likeness = '{1,2,3}'`, `update sealed_lessons set likeness = '{1,2,3}'`,
		`delete from crowd_form`,
	} {
		if _, err := w.pool.Exec(context.Background(), query); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestAnOlderFolderIsComputedAnew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w, later := inhabited(t)
	w.judge(office())
	before, rows := w.standing(), remember(t, w.pool)
	w.age()
	if out, done, err := crowd.Upgrade(ctx, w.pool, eager()); err != nil || !done || out.Judged < 200 {
		t.Fatal(out, done, err)
	}
	if after := w.standing(); !slices.Equal(before, after) {
		t.Errorf("upgrading has changed something: %s", firstDifference(before, after))
	}
	if again := remember(t, w.pool); !slices.Equal(rows["trust"], again["trust"]) {
		t.Errorf("what is known of devices has changed: %s", firstDifference(rows["trust"], again["trust"]))
	}
	if _, done, err := crowd.Upgrade(ctx, w.pool, eager()); err != nil || done {
		t.Errorf("upgraded twice: %t, %v", done, err)
	}
	w.store(later, 50)
	w.judge(office())
	if out := w.check(false); out.Different != 0 {
		t.Errorf("days after: %+v", out)
	}
}

// Where the events are gone the counts are left, and no order goes; nor is one made that nobody was told of.
func TestAnOlderFolderWithoutItsEvents(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w, later := inhabited(t)
	w.judge(office())
	if _, err := crowd.Retain(ctx, w.pool, w.at.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	orders := func() (n, lost int) {
		t.Helper()
		if err := w.pool.QueryRow(ctx, `select (select count(*) from orders), (select count(*) from places
			where ordered <> exists (select 1 from orders o where o.place = places.id))`).Scan(&n, &lost); err != nil {
			t.Fatal(err)
		}
		return n, lost
	}
	had, lost := orders()
	if lost > 0 {
		t.Fatal(lost)
	}
	w.age()
	if _, done, err := crowd.Upgrade(ctx, w.pool, crowd.Rules{FalseOrder: 1, MissedDay: 10}); err != nil || !done { // a city that has lowered its line since
		t.Fatal(done, err)
	}
	if n, lost := orders(); n != had || lost > 0 {
		t.Errorf("%d orders, there were %d; %d places have an order that is none, or none where there is one", n, had, lost)
	}
	w.store(later, 50)
	w.judge(office())
	if out := w.check(false); out.Different != 0 || out.Judged < len(later) {
		t.Errorf("days after: %+v", out)
	}
}

// A server that begins before anybody has upgraded goes on judging.
func TestJudgingGoesOnOverAnOlderForm(t *testing.T) {
	t.Parallel()
	w, later := inhabited(t)
	w.age()
	w.store(later, 50)
	if n := w.judge(office()); n < len(later) {
		t.Errorf("judged %d of %d", n, len(later))
	}
}
