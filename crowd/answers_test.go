package crowd_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// answer stores a pass at a list's entry, which it names unless name is false.
func (w *town) answer(device string, l listed, name bool) {
	w.t.Helper()
	w.n++
	w.at = w.at.Add(5 * time.Second)
	cell, err := geo.FineCell(l.Lat, l.Lon)
	if err != nil {
		w.t.Fatal(err)
	}
	var place *string
	if name {
		place = &l.ID
	}
	_, err = w.pool.Exec(context.Background(), `
		with e as (insert into events (id, device, kind, time, received, lat, lon, accuracy_m, speed_mps, heading_deg, peak_g,
			duration_s, rate_hz, place, cell, region) values ($1, $2, 1, $3, $3, $4, $5, 5, 11, $6, 0, 0, 0, $7, $8, $9))
		insert into pending (region, arrival, received, size, offsets, times, ids, devices)
			values ($9, nextval('arrivals'), $3, 1, array[0], array[$3::timestamptz], array[$1::text], array[$2::text])`,
		fmt.Sprintf("e%06d", w.n), device, w.at, l.Lat, l.Lon, l.HeadingDeg, place, int64(cell), int64(geo.Region(cell)))
	if err != nil {
		w.t.Fatal(err)
	}
}

// Answers for control points are coverage by street and a device's exposure; a device that answers without having been asked,
// or without driving, is found out.
func TestAnswersAreCounted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	w.suspects(6)
	network := grid()
	watch := crowd.NewWatch(w.pool, network, crowd.WatchOptions{})
	renew(t, watch, w.at)
	var exact, every []listed
	for _, l := range all(lists(t, w.pool, network)) {
		if l.place == "" {
			every = append(every, l)
			if !l.stretch {
				exact = append(exact, l)
			}
		}
	}
	begin := w.at
	for _, l := range every {
		w.answer("bus", l, true)
		w.at = w.at.Add(2 * time.Minute)
	}
	w.answer("quiet", exact[0], false)
	w.answer("liar", listed{ID: "0000000000000000", Lat: 48.41, Lon: 15.6}, true)
	far := [2]listed{every[0], every[0]}
	for _, a := range every {
		for _, b := range every {
			if geo.Distance(a.point(), b.point()) > geo.Distance(far[0].point(), far[1].point()) {
				far = [2]listed{a, b}
			}
		}
	}
	w.answer("desk", far[0], true)
	w.answer("desk", far[1], true) // five seconds later
	ownNames := map[string]bool{}
	for _, l := range all(lists(t, w.pool, network)) {
		if l.place != "" {
			w.answer("honest", l, true)
			ownNames[l.place] = true
		}
	}
	w.judge(crowd.Config{})
	// Another database knows places by their own names only.
	if err := crowd.Log(ctx, w.pool, func(l wire.Line) error {
		if l.Device == "honest" && !ownNames[l.Place] {
			t.Errorf("an answer for a place is exported as one for %q", l.Place)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.at = begin.Add(26 * time.Hour)
	w.answer("late", listed{Lat: 48.41, Lon: 15.6}, false)
	w.judge(crowd.Config{})
	renew(t, watch, w.at)
	type counts struct{ control, impossible int }
	got := map[string]counts{}
	read := func() {
		clear(got)
		rows, err := w.pool.Query(ctx, `select device, sum(control_answers)::int, sum(impossible_answers)::int from device_answers group by 1`)
		if err != nil {
			t.Fatal(err)
		}
		var device string
		var c counts
		if _, err := pgx.ForEachRow(rows, []any{&device, &c.control, &c.impossible}, func() error { got[device] = c; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]counts{"bus": {len(every), 0}, "quiet": {1, 0}, "liar": {0, 1}, "desk": {2, 1}}
	read()
	for range 2 { // summing again changes nothing
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("counted %v, want %v", got, want)
		}
		if err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error { return crowd.SumAnswers(ctx, tx, w.at) }); err != nil {
			t.Fatal(err)
		}
		read()
	}
	var answers, streets, marks int
	if err := w.pool.QueryRow(ctx, `select sum(answers)::int, count(distinct street)::int, (select count(*)::int from answer_marks) from control_answers`).
		Scan(&answers, &streets, &marks); err != nil {
		t.Fatal(err)
	}
	if answers != len(every)+3 || streets < 5 || marks != 0 {
		t.Errorf("%d answers on %d streets, %d not summed", answers, streets, marks)
	}
}
