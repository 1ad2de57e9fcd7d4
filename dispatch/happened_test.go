package dispatch_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/notices"
)

// TestOthersAreTold follows an order through its life as another program hears of it.
func TestOthersAreTold(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t)
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		_, _, err := notices.AddWebhook(ctx, tx, notices.Webhook{URL: "https://example.org/hook"}, nil, at(8))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := promote(o.pool, place(t, o.pool, "hole")); err != nil {
		t.Fatal(err)
	}
	due := o.order("hole").DueAt
	for _, now := range []time.Time{due.Add(-4 * time.Hour), due, due.Add(72 * time.Hour)} {
		if _, err := dispatch.Clocks(ctx, o.pool, now); err != nil {
			t.Fatal(err)
		}
	}
	o.do("hole", dispatch.Assign{Crew: "one"}, dispatch.Note{}, dispatch.Repair{})
	rows, err := o.pool.Query(ctx, `select m.payload from webhook_messages m join webhook_deliveries d on d.message = m.id join river_job j on j.id = d.job
		where j.state = 'available' and j.args @> jsonb_build_object('delivery', d.id) order by d.id`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, text := range list {
		var m struct {
			Type string
			Data dispatch.Happened
		}
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		told = append(told, strings.Join([]string{m.Type, string(m.Data.From), string(m.Data.State), string(m.Data.Actor)}, " "))
		if m.Data.Number != "KR-0001" || m.Data.Place != "hole" || m.Data.Lat == 0 || m.Data.DueAt == nil || strings.Contains(text, "anna") || strings.Contains(text, "as seen") {
			t.Errorf("%s", text)
		}
	}
	want := "order.opened  new crowd|order.due_soon  new clock|order.overdue  new clock|order.escalated  new clock|" +
		"order.state_changed new assigned dispatcher|order.state_changed assigned repaired dispatcher|order.in_time  repaired clock"
	if got := strings.Join(told, "|"); got != want {
		t.Errorf("told   %s\nwanted %s", got, want)
	}
}

// TestBodiesAreWarned brings deadlines before the body that has the order and, when they are not kept, before those above it, one after the other.
func TestBodiesAreWarned(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t)
	bodies, err := dispatch.ReadBodies(strings.NewReader(`{"type":"FeatureCollection","features":[
		{"properties":{"name":"Roads East","parent":"Roads","email":"east@krems.example","language":"de"},"geometry":null},
		{"properties":{"name":"Roads","parent":"Krems"},"geometry":null},
		{"properties":{"name":"Krems","parent":"Region","email":"town@krems.example","classes":["joint"]},"geometry":null},
		{"properties":{"name":"Region","parent":"Land","email":"region@krems.example"},"geometry":null},
		{"properties":{"name":"Land","email":"land@krems.example"},"geometry":null},
		{"properties":{"name":"Rail","classes":["rail"]},"geometry":null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dispatch.SaveBodies(ctx, o.pool, bodies); err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"a", "b"} {
		p := place(t, o.pool, id)
		if _, err := o.pool.Exec(ctx, `update places set lat = lat + $2 where id = $1`, id, float64(i)/100); err != nil {
			t.Fatal(err)
		}
		if err := promote(o.pool, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.pool.Exec(ctx, `update orders set body = 'Roads East'`); err != nil {
		t.Fatal(err)
	}
	due := o.order("a").DueAt
	warned := func(now time.Time) string {
		t.Helper()
		if _, err := o.pool.Exec(ctx, `delete from river_job`); err != nil {
			t.Fatal(err)
		}
		if _, err := dispatch.Clocks(ctx, o.pool, now); err != nil {
			t.Fatal(err)
		}
		var out string
		if err := o.pool.QueryRow(ctx, `select coalesce(string_agg(format('%s %s %s', args->>'body', coalesce(args->>'to', args->>'escalated'), jsonb_array_length(args->'orders')), ', ' order by id), '')
			from river_job where kind = 'warning'`).Scan(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct {
		now  time.Time
		want string
	}{{due.Add(-100 * time.Hour), ""}, {due.Add(-4 * time.Hour), "roads-east false 2"}, {due, ""}, {due.Add(72 * time.Hour), "roads-east Krems 2, krems Krems 2"}, {due.Add(76 * time.Hour), ""},
		{due.Add(168 * time.Hour), "roads-east Region 2, region Region 2"}, {due.Add(170 * time.Hour), ""}, {due.Add(264 * time.Hour), "roads-east Land 2, land Land 2"},
		{due.Add(360 * time.Hour), ""}, {due.Add(361 * time.Hour), ""}} {
		if got := warned(c.now); got != c.want {
			t.Errorf("at %s: %q, want %q", c.now, got, c.want)
		}
	}
	if a, err := dispatch.FindAddressee(ctx, o.pool, "roads-east"); err != nil || a != (dispatch.Addressee{ID: "roads-east", Name: "Roads East", Email: "east@krems.example", Language: "de"}) {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := dispatch.ReadBodies(strings.NewReader(`{"type":"FeatureCollection","features":[{"properties":{"name":"A","email":"nobody"},"geometry":null}]}`)); err == nil {
		t.Error("no address is taken for one")
	}
	if got := o.order("a"); got.EscalatedTo != "Land" || !got.EscalatedAt.Equal(due.Add(264*time.Hour)) {
		t.Errorf("brought before %q at %s", got.EscalatedTo, got.EscalatedAt)
	}
	brought := func(place string) string {
		t.Helper()
		record, err := dispatch.Record(ctx, o.pool, o.order(place).ID)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, a := range record {
			if a.Kind == dispatch.DidEscalate && !a.Undone {
				out = append(out, a.Words.Body)
			}
		}
		return strings.Join(out, ", ")
	}
	if got := brought("a"); got != "Krems, Region, Land" {
		t.Errorf("the record has it before %s", got)
	}
	o.do("b", dispatch.Assign{Crew: "one"})
	// A crew's phone tells late of what was done in time: those who were told otherwise are told so, and the supervisor does not count it.
	if _, err := o.pool.Exec(ctx, `delete from river_job`); err != nil {
		t.Fatal(err)
	}
	by := o.by("carl")
	by.Actor, by.At, by.Said = dispatch.Crew, due.Add(400*time.Hour), due.Add(-time.Hour)
	repaired, err := o.desk.Act(ctx, o.order("b").ID, by, dispatch.Repair{})
	if err != nil {
		t.Fatal(err)
	}
	var told string
	if err := o.pool.QueryRow(ctx, `select coalesce(string_agg(format('%s %s %s', args->>'body', args->>'in_time', args->>'orders'), ', ' order by id), '') from river_job where kind = 'warning'`).Scan(&told); err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(`roads-east true ["ID"], krems true ["ID"], region true ["ID"], land true ["ID"]`, "ID", repaired.ID); told != want {
		t.Errorf("told that it was in time: %s, want %s", told, want)
	}
	record, err := dispatch.Record(ctx, o.pool, repaired.ID)
	if last := record[len(record)-1]; err != nil || last.Kind != dispatch.DidInTime || last.Actor != dispatch.Clock || last.Version != repaired.Version {
		t.Errorf("the record ends in %+v, %v", last, err)
	}
	if s, err := dispatch.Supervise(ctx, o.pool, dispatch.Works{}, at(0), o.now); err != nil || len(s.Deadlines) != 1 || s.Deadlines[0] != (dispatch.Kept{Body: "Roads East", Kept: 1, Missed: 1}) {
		t.Errorf("%+v, %v", s.Deadlines, err)
	}
	// Taken back, it is late again, and everybody is told so.
	if _, err := o.pool.Exec(ctx, `delete from river_job`); err != nil {
		t.Fatal(err)
	}
	by.At = by.At.Add(time.Minute)
	if _, err := o.desk.Undo(ctx, by); err != nil {
		t.Fatal(err)
	}
	if got := warned(by.At.Add(time.Minute)); got != "roads-east Krems 1, krems Krems 1" {
		t.Errorf("after the repair was taken back: %q", got)
	}
	if got := brought("b"); got != "Krems" {
		t.Errorf("after the repair was taken back the record has it before %s", got)
	}
	if n, err := dispatch.Lengths(ctx, o.pool, []dispatch.View{{Due: []dispatch.Due{dispatch.Escalated}}}, dispatch.Works{}, by.At); err != nil || n[0] != 2 {
		t.Errorf("%d orders are before others, %v", n, err)
	}
	if s, err := dispatch.Supervise(ctx, o.pool, dispatch.Works{}, at(0), o.now); err != nil || len(s.Deadlines) != 1 || s.Deadlines[0] != (dispatch.Kept{Body: "Roads East", Missed: 2}) {
		t.Errorf("after the repair was taken back: %+v, %v", s.Deadlines, err)
	}
	o.do("a", dispatch.Reclass{Class: crowd.Rail, Severity: 0.9})
	if got := o.order("a"); got.Body != "Rail" {
		t.Errorf("%+v", got)
	}
	if got := warned(o.order("a").DueAt.Add(200 * time.Hour)); got != "" {
		t.Errorf("a body without an address and none above: %q", got)
	}
}
