package dispatch_test

import (
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// BenchmarkQueue lists and counts the views of a dispatcher over 20,000 open orders; each must stay below 200 ms.
func BenchmarkQueue(b *testing.B) {
	ctx, pool := b.Context(), postgrestest.New(b)
	for _, sql := range []string{
		`insert into regions (region) values (1)`,
		`insert into places (id, region, cell, lat, lon, uncertainty_m, state, state_at, class, belief, severity, devices, passes, first_at, last_at, shown, reviewed, steps, estimate)
		select 'p' || i, 1, 1, 48.3 + random() / 5, 15.5 + random() / 5, 2, 'confirmed', now(), 'pothole', '{1,0,0,0,0,0}', random(), 7, 1, now(), now(), true, false, 1, '' from generate_series(1, 20000) i`,
		`insert into crews (id, name) select 'c' || i, 'Crew ' || i from generate_series(1, 20) i`,
		`insert into orders (id, seq, number, place, class, severity, probability, devices, state, street, body, promoted_at, state_at, clock_from, due_at, crew)
		select 'o' || i, i, 'KR-' || lpad(i::text, 5, '0'), 'p' || i, (array['pothole','casting','joint'])[1 + i % 3], random(), 0.9, 7,
			(array['new','accepted','assigned','in_progress','reopened'])[1 + i % 5], 'Street ' || i % 700, 'Body ' || i % 9, now() - random() * interval '30 days', now(), now() - interval '9 days',
			now() + (random() * 20 - 10) * interval '1 day', case when i % 5 in (2, 3) then 'c' || 1 + i % 20 end from generate_series(1, 20000) i`,
		`analyze`,
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			b.Fatal(err)
		}
	}
	works, err := dispatch.LoadWorks(ctx, pool)
	if err != nil {
		b.Fatal(err)
	}
	now := at(9)
	b.Run("Clocks", func(b *testing.B) {
		for b.Loop() {
			if _, err := dispatch.Clocks(ctx, pool, now); err != nil {
				b.Fatal(err)
			}
		}
	})
	now = time.Now()
	for _, v := range []struct {
		name string
		view dispatch.View
	}{
		{"All", dispatch.View{Limit: 100}},
		{"Deep", dispatch.View{Limit: 100, Offset: 19_800}},
		{"State", dispatch.View{States: []dispatch.State{dispatch.New, dispatch.Reopened}, Limit: 100}},
		{"Crew", dispatch.View{Crews: []string{"c3"}, Limit: 100}},
		{"Body", dispatch.View{Bodies: []string{"Body 3"}, Classes: []crowd.Class{crowd.Casting}, Limit: 100}},
		{"Text", dispatch.View{Text: "street 12", Limit: 100}},
		{"Overdue", dispatch.View{Due: []dispatch.Due{dispatch.Overdue}, Order: dispatch.Deadline, Limit: 100}},
	} {
		b.Run(v.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := dispatch.Queue(ctx, pool, v.view, works, now); err != nil {
					b.Fatal(err)
				}
				if _, err := dispatch.Lengths(ctx, pool, []dispatch.View{v.view}, works, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
