package dispatch_test

import (
	"slices"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// TestSupervision counts what waits, who has it, how often the crowd was right, what came back and what was late.
func TestSupervision(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "right", "other", "nothing", "bump", "wrongly", "waits")
	crew := func(place string, x dispatch.Action) {
		t.Helper()
		by := o.by("carl")
		by.Actor, by.Reason = dispatch.Crew, "as seen"
		if _, err := o.desk.Act(ctx, o.order(place).ID, by, x); err != nil {
			t.Fatalf("%s: %T: %v", place, x, err)
		}
	}
	for _, p := range []string{"right", "other", "nothing", "bump", "wrongly"} {
		if _, err := o.pool.Exec(ctx, `insert into promotion_kinds select id, 'phone', 'drive', 3 from orders where place = $1`, p); err != nil {
			t.Fatal(err)
		}
		o.do(p, dispatch.Assign{Crew: "one"})
	}
	if _, err := o.pool.Exec(ctx, `insert into promotion_kinds select id, 'vehicle', 'unit', 1 from orders where place = 'right'`); err != nil {
		t.Fatal(err)
	}
	o.do("other", dispatch.Reclass{Class: crowd.Joint}) // a dispatcher's correction is not the crowd's
	crew("right", dispatch.Repair{})
	crew("other", dispatch.Repair{})
	crew("nothing", dispatch.Dismiss{Verdict: dispatch.NotFound})
	crew("bump", dispatch.Dismiss{Verdict: dispatch.NotDefect, Found: crowd.SpeedBump})
	crew("wrongly", dispatch.Dismiss{Verdict: dispatch.NotFound})
	o.do("wrongly", dispatch.TakeUp{}) // no longer settled
	o.do("right", dispatch.TakeUp{})   // the repair did not hold
	due := o.order("waits").DueAt
	if _, err := dispatch.Clocks(ctx, o.pool, due); err != nil {
		t.Fatal(err)
	}
	works, err := dispatch.LoadWorks(ctx, o.pool)
	if err != nil {
		t.Fatal(err)
	}
	got, err := dispatch.Supervise(ctx, o.pool, works, at(0), due.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if h := got.Classes; len(h) != 1 || h[0] != (dispatch.Hits{Class: crowd.Pothole, Right: 1, Other: 1, Nothing: 2}) {
		t.Errorf("by class: %+v", h)
	}
	want := []dispatch.Hits{{Kind: "phone", App: "drive", Right: 1, Other: 1, Nothing: 2}, {Kind: "vehicle", App: "unit", Right: 1}}
	if !slices.Equal(got.Kinds, want) {
		t.Errorf("by kind of device: %+v", got.Kinds)
	}
	if r := got.Reopened; len(r) != 1 || r[0].Number != o.order("right").Number || r[0].Crew != "Crew 1" || r[0].By != dispatch.Dispatcher || got.Repaired != 2 {
		t.Errorf("reopened: %+v of %d", r, got.Repaired)
	}
	if k := got.Deadlines; len(k) != 1 || k[0].Kept != 2 || k[0].Missed == 0 {
		t.Errorf("deadlines: %+v", k)
	}
	all, late := 0, 0
	for _, w := range got.Ages {
		all, late = all+w.All(), late+w.Overdue
	}
	if len(got.Ages) != 7 || all != 3 || late == 0 || len(got.Bodies) != 1 || got.Bodies[0].All() != all || got.Bodies[0].Overdue != late {
		t.Errorf("%d wait, %d late: %+v, %+v", all, late, got.Ages, got.Bodies)
	}
	if c := got.Crews; len(c) != 3 || c[0].Name != "Crew 1" || c[0].Members != 1 || c[0].Repaired != 2 || c[0].NotThere != 3 || c[2].Whose != dispatch.OfNobody || c[2].Open() != 3 {
		t.Errorf("crews: %+v", c)
	}
	if later, err := dispatch.Supervise(ctx, o.pool, works, due.Add(time.Hour), due.Add(time.Hour)); err != nil || len(later.Classes) != 0 || later.Repaired != 0 {
		t.Errorf("since then: %+v, %v", later, err)
	}
}
