package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func at(hour int) time.Time { return time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC) }

// place stores a confirmed place.
func place(t *testing.T, pool *pgxpool.Pool, id string) crowd.Place {
	t.Helper()
	p := crowd.Place{ID: id, Class: crowd.Pothole, Severity: 0.5, Devices: 7}
	_, err := pool.Exec(context.Background(), `
		with r as (insert into regions (region) values (1) on conflict do nothing)
		insert into places (id, region, cell, lat, lon, uncertainty_m, state, state_at, class, belief, severity, devices, passes,
			first_at, last_at, shown, reviewed, steps, estimate)
		values ($1, 1, 1, 48.4, 15.6, 2, 'confirmed', $2, 'pothole', '{1,0,0,0,0,0}', 0.5, 7, 1, $2, $2, true, false, 1, '')`, id, at(7))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func promote(pool *pgxpool.Pool, p crowd.Place) error {
	return pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
		return dispatch.Office{Prefix: "KR"}.Promote(context.Background(), tx, crowd.Confirmation{Place: p, Probability: 0.94, At: at(8)})
	})
}

func TestAPlaceHasOneOrderAndNumbersHaveNoGaps(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	var group errgroup.Group
	for i := range 12 {
		p := place(t, pool, fmt.Sprintf("place%02d", i))
		for range 2 {
			group.Go(func() error { return promote(pool, p) })
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	orders, err := dispatch.Orders(context.Background(), pool, dispatch.Filter{})
	if err != nil || len(orders) != 12 {
		t.Fatalf("%d orders for 12 places, error %v", len(orders), err)
	}
	numbers := map[string]bool{}
	for _, o := range orders {
		numbers[o.Number] = true
		if o.State != dispatch.New || !o.PromotedAt.Equal(at(8)) || o.Devices != 7 {
			t.Errorf("order %+v", o)
		}
	}
	for i := range 12 {
		if n := dispatch.Number("KR", int64(i+1)); !numbers[n] {
			t.Errorf("no order %s", n)
		}
	}
}

func TestAnOrderGoesOnlyAllowedWays(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	if err := promote(pool, place(t, pool, "hole")); err != nil {
		t.Fatal(err)
	}
	order, _, err := dispatch.OrderOf(ctx, pool, "hole")
	if err != nil {
		t.Fatal(err)
	}
	move := func(to dispatch.State, reason string) error {
		return dispatch.Transition(ctx, pool, order.ID, dispatch.Step{At: at(9), State: to, Actor: dispatch.Crew, Reason: reason})
	}
	if err := move(dispatch.Repaired, ""); !errors.Is(err, dispatch.ErrTransition) {
		t.Errorf("new to repaired: %v", err)
	}
	if err := move(dispatch.Dismissed, ""); !errors.Is(err, dispatch.ErrReason) {
		t.Errorf("dismissed without a reason: %v", err)
	}
	for _, to := range []dispatch.State{dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Repaired} {
		if err := move(to, ""); err != nil {
			t.Fatalf("to %s: %v", to, err)
		}
	}
	if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return dispatch.Verify(ctx, tx, "hole", at(12), 5) }); err != nil {
		t.Fatal(err)
	}
	order, steps, err := dispatch.FindOrder(ctx, pool, order.ID)
	if err != nil || order.State != dispatch.Verified || len(steps) != 6 || steps[5].Actor != dispatch.Traffic {
		t.Errorf("state %s after %d steps, error %v", order.State, len(steps), err)
	}
	if !order.PromotedAt.Equal(at(8)) {
		t.Errorf("the time of promotion has moved to %s", order.PromotedAt)
	}
	if err := dispatch.Transition(ctx, pool, "nowhere", dispatch.Step{State: dispatch.Accepted}); !errors.Is(err, dispatch.ErrNotFound) {
		t.Errorf("an unknown order: %v", err)
	}
}

func TestADismissalSettlesThePlace(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	if err := promote(pool, place(t, pool, "hole")); err != nil {
		t.Fatal(err)
	}
	order, _, err := dispatch.OrderOf(ctx, pool, "hole")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []dispatch.Step{
		{At: at(9), State: dispatch.Dismissed, Actor: dispatch.Dispatcher, Reason: "not ours"},
		{At: at(10), State: dispatch.Reopened, Actor: dispatch.Dispatcher, Reason: "it is"},
	} {
		if err := dispatch.Transition(ctx, pool, order.ID, step); err != nil {
			t.Fatal(err)
		}
		p, err := crowd.FindPlace(ctx, pool, "hole")
		want := map[dispatch.State]crowd.State{dispatch.Dismissed: crowd.Dismissed, dispatch.Reopened: crowd.Confirmed}[step.State]
		if err != nil || p.State != want {
			t.Errorf("after %s the place is %s, want %s; error %v", step.State, p.State, want, err)
		}
	}
}

func TestNothingLeadsOutOfTheStates(t *testing.T) {
	t.Parallel()
	known := map[dispatch.State]bool{}
	for _, s := range dispatch.States() {
		known[s] = true
	}
	reached := map[dispatch.State]bool{dispatch.New: true}
	for _, s := range dispatch.States() {
		for _, to := range s.Next() {
			if !known[to] || to == s {
				t.Errorf("%s leads to %s", s, to)
			}
			reached[to] = true
		}
	}
	if len(reached) != len(known) {
		t.Errorf("reached are %v", reached)
	}
}
