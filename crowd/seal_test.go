package crowd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/ingest"
)

// mentions lists the tables of the whole database in which a text stands, in any column, as text or as bytes.
func mentions(t *testing.T, pool *pgxpool.Pool, text string) (tables []string) {
	t.Helper()
	ctx := context.Background()
	rows, err := pool.Query(ctx, `select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) < 20 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		var n int
		err := pool.QueryRow(ctx, fmt.Sprintf(`select count(*) from %s t where to_jsonb(t)::text like '%%' || $1 || '%%'
			or to_jsonb(t)::text like '%%' || encode($1::text::bytea, 'hex') || '%%'`, pgx.Identifier{name}.Sanitize()), text).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			tables = append(tables, name)
		}
	}
	slices.Sort(tables)
	return tables
}

// inhabited is a town in which some days have been judged, with a repair and a dismissal, and some events wait. It returns all events and
// those that have not been sent yet.
func inhabited(t *testing.T) (w *town, later []heard) {
	t.Helper()
	w = newTown(t)
	ctx := context.Background()
	hs := drive(11, 12, 150)
	sent := len(hs) * 2 / 3
	w.store(hs[:sent], 100)
	devices := []string{}
	for _, h := range hs {
		devices = append(devices, h.device)
	}
	if err := ingest.Ensure(ctx, w.pool, devices, hs[0].received); err != nil {
		t.Fatal(err)
	}
	w.judge(office())
	orders, err := dispatch.Orders(ctx, w.pool, dispatch.Filter{})
	if err != nil || len(orders) < 2 {
		t.Fatal(len(orders), err)
	}
	for _, state := range []dispatch.State{dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Repaired} {
		if err := dispatch.Transition(ctx, w.pool, orders[0].ID, dispatch.Step{At: w.at, State: state, Actor: dispatch.Crew}); err != nil {
			t.Fatal(err)
		}
	}
	waiting := hs[sent : sent+60]
	w.store(waiting, 20)
	return w, hs[sent+60:]
}

// standing is what must outlive erasure: orders to the letter, and places but for the times of their jolts.
func (w *town) standing() (out []string) {
	w.t.Helper()
	rows, err := w.pool.Query(context.Background(), `
		select to_jsonb(o)::text from orders o union all
		select concat_ws(' ', id, state, class, belief::text, lat, lon, devices, passes, ordered, repaired_at) from places union all
		select concat_ws(' ', order_id, explanation::text) from promotions order by 1`)
	if err != nil {
		w.t.Fatal(err)
	}
	if out, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *town) check(replace bool) crowd.Rebuilt {
	w.t.Helper()
	out, err := crowd.Rebuild(context.Background(), w.pool, eager(), replace, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// owns reads what a device's owner is given: all of it, and nothing of another's.
func (w *town) owns(device, other string) {
	w.t.Helper()
	var out bytes.Buffer
	if err := crowd.Own(context.Background(), w.pool, device, &out); err != nil {
		w.t.Fatal(err)
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &own); err != nil {
		w.t.Fatal(err)
	}
	for name, query := range map[string]string{"events": `from events where device = $1`, "learned": `from device_trust where device = $1`,
		"places": `from evidence where device = $1 and hits > 0`, "answers": `from device_answers where device = $1`, "unreadable": `from quarantine where device = $1`} {
		var rows []json.RawMessage
		var n int
		err := w.pool.QueryRow(context.Background(), `select count(*) `+query, device).Scan(&n)
		if json.Unmarshal(own[name], &rows) != nil || err != nil || n == 0 || len(rows) != n {
			w.t.Errorf("%s: %d are kept, the owner is given %d, %v", name, n, len(rows), err)
		}
	}
	for _, hidden := range []string{other, "ring", "invented"} {
		if bytes.Contains(out.Bytes(), []byte(hidden)) {
			w.t.Errorf("the owner is told of %s", hidden)
		}
	}
	if err := crowd.Own(context.Background(), w.pool, "nobody", &out); !errors.Is(err, crowd.ErrNoDevice) {
		w.t.Errorf("of nobody: %v", err)
	}
}

func TestAnErasedDeviceIsNowhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w, later := inhabited(t)
	var device, other string // both have been judged, and wait
	if err := w.pool.QueryRow(ctx, `select min(device), max(device) from (select p.device from pending_events p join device_trust t using (device)) d`).Scan(&device, &other); err != nil || device == other {
		t.Fatal(device, other, err)
	}
	for _, query := range []string{
		`insert into answer_marks (epoch, device, time, point, lat, lon, radius_m, street, cell) values (9e6, $1, now(), null, 1, 2, 3, 4, 5)`,
		`insert into last_answers values ($1, now(), 1, 2, 3)`, `insert into device_answers values ($1, now(), 1, 2)`,
		`insert into quarantine (received, device, source, reason, payload) values (now(), $1, 'mqtt', 'no', convert_to('of ' || $1, 'UTF8'))`,
	} {
		if _, err := w.pool.Exec(ctx, query, device); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"answer_marks", "device_answers", "device_trust", "devices", "events", "evidence", "judgements", "last_answers", "pending", "quarantine"} {
		if !slices.Contains(mentions(t, w.pool, device), table) {
			t.Errorf("the device is not in %s: the test proves nothing", table)
		}
	}
	memory, err := crowd.NewEngine(w.pool, office()) // it remembers the device, as a running server does
	if err != nil {
		t.Fatal(err)
	}
	if _, err := memory.Judge(ctx, w.at.Add(-4*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(mentions(t, w.pool, device), "pending") {
		t.Error("nothing of the device waits: the test proves less")
	}
	w.owns(device, other)
	before := w.standing()
	for _, d := range []string{device, other} {
		if _, err := crowd.AskErasure(ctx, w.pool, d, w.at); err != nil {
			t.Fatal(err)
		}
		if err := (crowd.Upkeep{Pool: w.pool}).EraseAsked(ctx, w.at.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if left := mentions(t, w.pool, d); len(left) > 0 {
			t.Errorf("%s is still in %v", d, left)
		}
	}
	if after := w.standing(); !slices.Equal(before, after) {
		t.Errorf("erasure has changed something: %s", firstDifference(before, after))
	}
	if out := w.check(false); out.Different != 0 || out.Places < 10 {
		t.Errorf("after the erasure: %+v", out)
	}
	if _, err := crowd.Erase(ctx, w.pool, device); !errors.Is(err, crowd.ErrNoDevice) {
		t.Errorf("erased again: %v", err)
	}
	var kept []heard
	for _, h := range later {
		if h.device != device && h.device != other {
			kept = append(kept, h)
		}
	}
	w.store(kept, 50)
	if n, err := memory.Judge(ctx, w.at.Add(30*time.Hour)); err != nil || n < len(kept) {
		t.Fatal(n, err)
	}
	if left := mentions(t, w.pool, device); len(left) > 0 {
		t.Errorf("a server that remembered it has written it to %v", left)
	}
	if left := mentions(t, w.pool, `"device": "~`); slices.Contains(left, "device_trust") {
		t.Error("something is known of a voice that is sealed")
	}
	if out := w.check(false); out.Different != 0 {
		t.Errorf("days after the erasure: %+v", out)
	}
	if _, err := w.pool.Exec(ctx, `update places set passes = passes + 1 where id = (select min(id) from places)`); err != nil {
		t.Fatal(err)
	}
	steps := func() (n int) {
		t.Helper()
		if err := w.pool.QueryRow(ctx, `select count(*) from place_steps`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	told := steps()
	if out := w.check(true); out.Different != 1 {
		t.Errorf("one was spoilt: %+v", out)
	}
	if out := w.check(false); out.Different != 0 || steps() != told {
		t.Errorf("it was rebuilt: %+v; %d steps, there were %d", out, steps(), told)
	}
}

func TestWhatHasOutlivedItsRetentionIsSealed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w, later := inhabited(t)
	w.judge(office())
	before := w.standing()
	cut := w.at.Add(-36 * time.Hour)
	out, err := crowd.Retain(ctx, w.pool, cut)
	if err != nil || out.Events < 100 || out.Voices < 20 {
		t.Fatal(out, err)
	}
	var old, young, sealed, open int
	err = w.pool.QueryRow(ctx, `select (select count(*) from events where received < $1), (select count(*) from events),
		(select count(*) from evidence where device like '~%'), (select count(*) from evidence where device not like '~%' and last_at < $1)`, cut).
		Scan(&old, &young, &sealed, &open)
	if err != nil || old > 0 || young == 0 || sealed != int(out.Voices) || open > 0 {
		t.Errorf("%d old events and %d in all; %d sealed voices, %d open ones that are old; %v", old, young, sealed, open, err)
	}
	if after := w.standing(); !slices.Equal(before, after) {
		t.Errorf("retention has changed something: %s", firstDifference(before, after))
	}
	if out := w.check(false); out.Different != 0 {
		t.Errorf("after retention: %+v", out)
	}
	w.store(later, 50)
	w.judge(office())
	if out := w.check(false); out.Different != 0 || out.Judged < len(later) {
		t.Errorf("days after: %+v", out)
	}
	var orders int
	if err := w.pool.QueryRow(ctx, `select count(*) from orders where state = 'new'`).Scan(&orders); err != nil || orders < strings.Count(strings.Join(before, "\n"), `"state": "new"`) {
		t.Errorf("%d orders are left, error %v", orders, err)
	}
}

// Two drivers who are sealed and come again are not four.
func TestSealedVoicesDoNotMultiply(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{true, false} {
		w := newTown(t)
		config := office()
		config.Rules = crowd.Rules{FalseOrder: 1, MissedDay: 1}
		w.jolt("a", 0, 1.8)
		w.jolt("b", 0, 1.8)
		w.judge(config)
		if again {
			w.at = w.at.AddDate(0, 0, 10)
			if _, err := crowd.Retain(context.Background(), w.pool, w.at.AddDate(0, 0, -1)); err != nil {
				t.Fatal(err)
			}
		}
		w.jolt("c", 0, 1.8)
		w.jolt("d", 0, 1.8)
		w.judge(config)
		if p := w.place(); p.Devices != 4 || (p.State == crowd.Confirmed) == again {
			t.Errorf("sealed between: %t; %d devices, %s at %.2f", again, p.Devices, p.State, p.Belief)
		}
	}
}
