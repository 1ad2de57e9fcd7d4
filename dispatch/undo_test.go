package dispatch_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// TestUndoKeepsWhatOthersDid takes actions back after the clock has run, a body was renamed, and later ones were taken back before.
func TestUndoKeepsWhatOthersDid(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "a", "b")
	bodies, err := dispatch.ReadBodies(strings.NewReader(`{"type":"FeatureCollection","features":[
		{"properties":{"id":"city","name":"City","level":"city"},"geometry":null},
		{"properties":{"name":"Water","external":true,"classes":["casting"]},"geometry":null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dispatch.SaveBodies(ctx, o.pool, bodies); err != nil {
		t.Fatal(err)
	}
	undo := func() {
		t.Helper()
		if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || len(u) != 1 || u[0].Err != nil {
			t.Fatalf("taken back: %+v, %v", u, err)
		}
	}
	o.do("a", dispatch.Reclass{Class: crowd.Pothole}) // which asks who is responsible
	if a := o.order("a"); a.Body != "City" {
		t.Fatalf("it is with %q", a.Body)
	}

	// A body that does not want it, and one that had it before a crew got it, have it no longer.
	o.do("a", dispatch.HandOver{Body: "Water"}, dispatch.Release{})
	if a := o.order("a"); a.Body != "City" || a.State != dispatch.Accepted {
		t.Errorf("after it was handed over and taken back: %q, %s", a.Body, a.State)
	}
	o.do("a", dispatch.HandOver{Body: "Water"}, dispatch.Assign{Crew: "one"})
	if a := o.order("a"); a.Body != "City" || a.CrewName != "Crew 1" {
		t.Errorf("after it was handed over and assigned: %q, %q", a.Body, a.CrewName)
	}

	// One after the other is taken back.
	undo()
	if a := o.order("a"); a.Body != "Water" || a.HandedAt.IsZero() {
		t.Errorf("taken back once: %q", a.Body)
	}
	undo()
	if a := o.order("a"); a.Body != "City" || a.State != dispatch.Accepted {
		t.Errorf("taken back twice: %q, %s", a.Body, a.State)
	}

	// What the clock has noted is not noted again.
	o.do("a", dispatch.Refer{Number: "311-7"})
	if _, err := o.pool.Exec(ctx, `update orders set due_at = $1`, o.now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	rung := func() (n int) {
		t.Helper()
		if _, err := dispatch.Clocks(ctx, o.pool, o.now); err != nil {
			t.Fatal(err)
		}
		if err := o.pool.QueryRow(ctx, `select count(*) from order_actions where order_id = $1 and kind = 'overdue'`, o.order("a").ID).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := o.pool.Exec(ctx, `update order_actions set before = jsonb_set(before::jsonb, '{due_at}', to_jsonb($1::timestamptz)) where kind = 'referred'`, o.now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n := rung(); n != 1 {
		t.Fatalf("%d notes that it is overdue", n)
	}
	undo()
	if n := rung(); n != 1 || o.order("a").ExternalID != "" {
		t.Errorf("taken back: %d notes that it is overdue", n)
	}

	// A body that has another name by now has it under that.
	o.do("a", dispatch.Refer{Number: "311-8"})
	for _, sql := range []string{`update bodies set name = 'City of Krems' where name = 'City'`, `update orders set body = 'City of Krems' where body = 'City'`} {
		if _, err := o.pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	undo()
	if a := o.order("a"); a.Body != "City of Krems" {
		t.Errorf("taken back: it is with %q", a.Body)
	}
}

// TestContradictionsAreRefused says of orders what cannot be.
func TestContradictionsAreRefused(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "a", "b")
	o.do("b", dispatch.Assign{Crew: "one"}, dispatch.Repair{})
	for _, c := range []struct {
		x    dispatch.Action
		want error
	}{
		{dispatch.Dismiss{Verdict: dispatch.NotDefect, Found: crowd.Pothole}, dispatch.ErrVerdict},
		{dispatch.Dismiss{Verdict: dispatch.Duplicate, Of: o.order("b").ID}, dispatch.ErrClosed},
		{dispatch.Repair{Found: crowd.Nothing}, dispatch.ErrNoDefect},
		{dispatch.Spend{What: "Tar", Cents: -1}, dispatch.ErrAmount},
		{dispatch.Spend{What: "Tar", Cents: 1 << 62}, dispatch.ErrAmount},
		{dispatch.Spend{What: "Tar", Quantity: -1}, dispatch.ErrAmount},
	} {
		if _, err := o.desk.Act(ctx, o.order("a").ID, o.by("anna"), c.x); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.x, err)
		}
	}

	// A key is one action's on one order.
	by := o.by("anna")
	by.Reason, by.Key = "Looks deep.", "k1"
	for range 2 {
		if _, err := o.desk.Act(ctx, o.order("a").ID, by, dispatch.Note{}); err != nil {
			t.Fatal(err)
		}
	}
	other := by
	other.Person = "ben"
	for name, f := range map[string]func() error{
		"something else":   func() error { _, err := o.desk.Act(ctx, o.order("a").ID, by, dispatch.Refer{Number: "7"}); return err },
		"on another order": func() error { _, err := o.desk.Act(ctx, o.order("b").ID, by, dispatch.Note{}); return err },
		"somebody else":    func() error { _, err := o.desk.Act(ctx, o.order("a").ID, other, dispatch.Note{}); return err },
	} {
		if err := f(); !errors.Is(err, dispatch.ErrKey) {
			t.Errorf("%s under a key that was used: %v", name, err)
		}
	}

	// A crew that is retired keeps what it has, and its people see it.
	o.do("a", dispatch.Assign{Crew: "one"})
	if _, err := dispatch.SaveCrew(ctx, o.pool, dispatch.Team{ID: "one", Name: "Crew 1", Members: []string{"carl"}, ClosedAt: o.now}); err != nil {
		t.Fatal(err)
	}
	if crews, err := dispatch.CrewsOf(ctx, o.pool, "carl"); err != nil || len(crews) != 1 {
		t.Errorf("a retired crew that has an order: %v, %v", crews, err)
	}
	o.do("a", dispatch.Repair{})
	if crews, err := dispatch.CrewsOf(ctx, o.pool, "carl"); err != nil || len(crews) != 0 {
		t.Errorf("a retired crew that has none: %v, %v", crews, err)
	}
}

// TestHolidaysAcrossClockChanges reads all-day events on days of 25 and 23 hours.
func TestHolidaysAcrossClockChanges(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	event := func(from, to string) string {
		return "BEGIN:VEVENT\r\nUID:" + from + "\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:x\r\nDTSTART;VALUE=DATE:" + from + "\r\nDTEND;VALUE=DATE:" + to + "\r\nEND:VEVENT\r\n"
	}
	file := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + event("20271031", "20271101") + event("20281027", "20281031") + event("20270328", "20270329") + "END:VCALENDAR\r\n"
	days, err := dispatch.ReadCalendar(strings.NewReader(file), zone, at(9))
	var got []string
	for _, d := range days {
		got = append(got, d.Day)
	}
	if want := "2027-10-31 2028-10-27 2028-10-28 2028-10-29 2028-10-30 2027-03-28"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v, %v", got, err)
	}
}
