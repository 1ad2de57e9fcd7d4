package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// department is a works department with two crews, a water company, and one order for each place.
type department struct {
	t    *testing.T
	pool *pgxpool.Pool
	desk dispatch.Desk
	now  time.Time
}

func newDepartment(t *testing.T, places ...string) *department {
	t.Helper()
	pool := postgrestest.New(t)
	o := &department{t: t, pool: pool, now: at(9), desk: dispatch.Desk{Pool: pool, Office: dispatch.Office{Prefix: "KR"}}}
	for i, id := range places {
		if err := promote(pool, place(t, pool, id)); err != nil {
			t.Fatal(err)
		}
		// They lie apart, or each would be a failed repair of the other.
		if _, err := pool.Exec(t.Context(), `update places set lat = lat + $2 where id = $1`, id, float64(i)/100); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []dispatch.Team{{ID: "one", Name: "Crew 1", Members: []string{"carl"}}, {ID: "two", Name: "Crew 2"}} {
		if _, err := dispatch.SaveCrew(t.Context(), pool, c); err != nil {
			t.Fatal(err)
		}
	}
	bodies, err := dispatch.ReadBodies(strings.NewReader(`{"type":"FeatureCollection","features":[
		{"properties":{"name":"Water","external":true,"classes":["casting"]},"geometry":null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dispatch.SaveBodies(t.Context(), pool, bodies); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *department) order(place string) dispatch.Order {
	o.t.Helper()
	order, _, err := dispatch.OrderOf(o.t.Context(), o.pool, place)
	if err != nil {
		o.t.Fatal(err)
	}
	return order
}

func (o *department) by(person string) dispatch.By {
	o.now = o.now.Add(time.Second)
	return dispatch.By{Actor: dispatch.Dispatcher, Person: person, At: o.now}
}

// do acts on the order of a place, as anna, and fails the test where that is refused.
func (o *department) do(place string, actions ...dispatch.Action) dispatch.Done {
	o.t.Helper()
	var done dispatch.Done
	for _, x := range actions {
		by := o.by("anna")
		by.Reason = "as seen"
		var err error
		if done, err = o.desk.Act(o.t.Context(), o.order(place).ID, by, x); err != nil {
			o.t.Fatalf("%T: %v", x, err)
		}
	}
	return done
}

func TestActionsGoOnlyAllowedWays(t *testing.T) {
	t.Parallel()
	o := newDepartment(t, "hole", "other")
	other := o.order("other").ID
	reach := map[dispatch.State][]dispatch.Action{
		dispatch.New: {}, dispatch.Accepted: {dispatch.Accept{}}, dispatch.Assigned: {dispatch.Assign{Crew: "one"}},
		dispatch.InProgress: {dispatch.Assign{Crew: "one"}, dispatch.Start{}}, dispatch.Repaired: {dispatch.Assign{Crew: "one"}, dispatch.Repair{}}, dispatch.Verified: {dispatch.Assign{Crew: "one"}, dispatch.Repair{}},
		dispatch.Dismissed: {dispatch.Dismiss{Verdict: dispatch.NotOurs}}, dispatch.Reopened: {dispatch.Assign{Crew: "one"}, dispatch.Repair{}, dispatch.TakeUp{}},
	}
	open := []dispatch.State{dispatch.New, dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Reopened}
	every := dispatch.States()
	for _, test := range []struct {
		action dispatch.Action
		from   []dispatch.State
		to     dispatch.State // empty: it stays
	}{
		{dispatch.Accept{}, []dispatch.State{dispatch.New, dispatch.Assigned, dispatch.Reopened}, dispatch.Accepted},
		{dispatch.Assign{Crew: "two"}, open, dispatch.Assigned},
		{dispatch.HandOver{Body: "Water"}, open, dispatch.Assigned},
		{dispatch.TakeOver{}, nil, ""},
		{dispatch.Release{}, []dispatch.State{dispatch.Assigned}, dispatch.Accepted},
		{dispatch.Start{}, []dispatch.State{dispatch.Assigned}, dispatch.InProgress},
		{dispatch.Repair{}, []dispatch.State{dispatch.Assigned, dispatch.InProgress}, dispatch.Repaired},
		{dispatch.Dismiss{Verdict: dispatch.NotFound}, open, dispatch.Dismissed},
		{dispatch.Dismiss{Verdict: dispatch.NotDefect, Found: crowd.SpeedBump}, open, dispatch.Dismissed},
		{dispatch.Dismiss{Verdict: dispatch.Duplicate, Of: other}, open, dispatch.Dismissed},
		{dispatch.Approve{}, nil, ""}, // traffic does
		{dispatch.TakeUp{}, []dispatch.State{dispatch.Repaired, dispatch.Verified, dispatch.Dismissed}, dispatch.Reopened},
		{dispatch.Reclass{Class: crowd.Casting}, open, ""},
		{dispatch.Move{Lat: 48.5, Lon: 15.7}, open, ""},
		{dispatch.Split{Lat: 48.4, Lon: 15.6}, open, ""},
		{dispatch.Note{}, every, ""},
		{dispatch.Reply{}, every, ""},
		{dispatch.Photograph{Taken: dispatch.AfterRepair, JPEG: []byte("a picture"), Width: 1, Height: 1}, every, ""},
		{dispatch.Refer{Number: "311-7"}, every, ""},
		{dispatch.Spend{What: "asphalt", Quantity: 2, Unit: "t", Cents: 12_00}, every, ""},
	} {
		for state, way := range reach {
			// A fresh start for each: the database is made once, the place anew.
			id := fmt.Sprintf("p%d", o.now.UnixNano())
			if err := promote(o.pool, place(t, o.pool, id)); err != nil {
				t.Fatal(err)
			}
			o.do(id, way...)
			if state == dispatch.Verified {
				if err := dispatch.Transition(t.Context(), o.pool, o.order(id).ID, dispatch.Step{At: o.now, State: state, Actor: dispatch.Traffic, Reason: "nobody felt it"}); err != nil {
					t.Fatal(err)
				}
			}
			if got := o.order(id).State; got != state || len(reach) != len(every) {
				t.Fatalf("%s is reached by a way to %s", got, state)
			}
			by := o.by("anna")
			by.Reason, by.Seen = "as seen", o.order(id).Version
			done, err := o.desk.Act(t.Context(), o.order(id).ID, by, test.action)
			if may := slices.Contains(test.from, state); may != (err == nil) || err != nil && !errors.Is(err, dispatch.ErrTransition) {
				t.Errorf("%T while %s: %v", test.action, state, err)
				continue
			}
			after := o.order(id)
			want := test.to
			if err != nil || want == "" {
				want = state
			}
			if after.State != want || err == nil && (after.Version != by.Seen+1 || done.Version != after.Version) || err != nil && after.Version != by.Seen {
				t.Errorf("%T while %s: then %s, version %d after %d", test.action, state, after.State, after.Version, by.Seen)
			}
		}
	}
}

func TestWhatIsChangedMeanwhileIsNotOverwritten(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "hole")
	seen := o.order("hole")
	o.do("hole", dispatch.Assign{Crew: "one"})
	by := o.by("ben")
	by.Seen = seen.Version
	_, err := o.desk.Act(ctx, seen.ID, by, dispatch.Dismiss{Verdict: dispatch.NotOurs})
	var c *dispatch.Changed
	if !errors.As(err, &c) || !errors.Is(err, dispatch.ErrChanged) || c.Number != "KR-0001" || c.Kind != dispatch.DidAssign || c.Person != "anna" || c.Version != seen.Version+1 {
		t.Errorf("%v", err)
	}
	// Sent again by a phone that heard no answer, it is done once.
	by = o.by("carl")
	by.Key = "carl-17"
	for range 2 {
		if done, err := o.desk.Act(ctx, seen.ID, by, dispatch.Start{}); err != nil || done.State != dispatch.InProgress || done.Version != c.Version+1 {
			t.Errorf("%+v, %v", done, err)
		}
	}
	for _, x := range []dispatch.Action{dispatch.Assign{Crew: "nine"}, dispatch.HandOver{Body: "Nobody"}, dispatch.Reclass{Class: "hole"}, dispatch.Dismiss{Verdict: "dull"}, dispatch.Move{Lat: 100}, dispatch.Move{}, dispatch.Split{}} {
		if _, err := o.desk.Act(ctx, seen.ID, o.by("ben"), x); !errors.Is(err, dispatch.ErrUnknown) {
			t.Errorf("%T: %v", x, err)
		}
	}
	if _, err := o.desk.Act(ctx, seen.ID, o.by("ben"), dispatch.Note{}); !errors.Is(err, dispatch.ErrReason) {
		t.Errorf("an empty note: %v", err)
	}
}

func TestTheLastStrokeIsTakenBack(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "a", "b", "c")
	stroke := o.by("anna")
	stroke.Batch = "three at once"
	for _, p := range []string{"a", "b", "c"} {
		if _, err := o.desk.Act(ctx, o.order(p).ID, stroke, dispatch.Dismiss{Verdict: dispatch.NotDefect, Found: crowd.SpeedBump}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.desk.Act(ctx, o.order("b").ID, dispatch.By{Actor: dispatch.Dispatcher, Person: "ben", At: o.now, Reason: "no, it is ours"}, dispatch.TakeUp{}); err != nil {
		t.Fatal(err)
	}
	undone, err := o.desk.Undo(ctx, o.by("anna"))
	if err != nil || len(undone) != 3 {
		t.Fatalf("%+v, %v", undone, err)
	}
	for _, u := range undone {
		var c *dispatch.Changed
		if u.ID == o.order("b").ID {
			if !errors.As(u.Err, &c) || c.Person != "ben" {
				t.Errorf("what ben has changed: %v", u.Err)
			}
		} else if u.Err != nil || u.State != dispatch.New {
			t.Errorf("%+v", u)
		}
	}
	if _, steps, err := dispatch.OrderOf(ctx, o.pool, "a"); err != nil || len(steps) != 3 || steps[2].State != dispatch.New || steps[2].Reason == "" {
		t.Errorf("the story is %+v, %v", steps, err)
	}
	if p, err := crowd.FindPlace(ctx, o.pool, "a"); err != nil || p.State != crowd.Confirmed {
		t.Errorf("the place is %s, %v", p.State, err)
	}
	// It is not taken back twice, nor by anybody else, nor after a while.
	if _, err := o.desk.Undo(ctx, o.by("carl")); !errors.Is(err, dispatch.ErrNothing) {
		t.Errorf("by somebody else: %v", err)
	}
	if again, err := o.desk.Undo(ctx, o.by("anna")); err == nil && again[0].Err == nil {
		t.Errorf("twice: %+v", again)
	}
	o.do("a", dispatch.Assign{Crew: "one"}, dispatch.Repair{})
	verdict := func() (v string) {
		t.Helper()
		if err := o.pool.QueryRow(ctx, `select verdict || coalesce(repaired_at::text, '') from places where id = 'a'`).Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := verdict(); !strings.HasPrefix(v, "pothole20") {
		t.Errorf("the repair says %q", v)
	}
	// A repair is withdrawn: from the crowd, and from the figures, but not from the story.
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || u[0].Err != nil || u[0].State != dispatch.Assigned || verdict() != "" {
		t.Errorf("a repair: %+v, %v, verdict %q", u, err, verdict())
	}
	if _, steps, _ := dispatch.OrderOf(ctx, o.pool, "a"); len(steps) < 3 || steps[len(steps)-1].State != dispatch.Assigned || !steps[len(steps)-1].Undone || !steps[len(steps)-2].Undone || !steps[len(steps)-3].Undone || steps[len(steps)-4].Undone {
		t.Errorf("the story is %+v", steps)
	}
	o.do("a", dispatch.Repair{Found: crowd.Casting})
	o.by("anna")
	if _, err := o.pool.Exec(ctx, `delete from put_aside`); err != nil {
		t.Fatal(err)
	}
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || !errors.Is(u[0].Err, dispatch.ErrFinal) || o.order("a").State != dispatch.Repaired {
		t.Errorf("a repair before which nothing is known any more: %+v, %v", u, err)
	}
	// What a crew found instead is the crowd's to learn at once, stands whatever becomes of the order, and is withdrawn when it is taken back.
	o.do("c", dispatch.Assign{Crew: "one"})
	found := func() (v string) {
		t.Helper()
		if err := o.pool.QueryRow(ctx, `select verdict || ' ' || state || (select ' ' || kind from decisions where place = 'c' order by n desc limit 1) from places where id = 'c'`).Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	crew := o.by("carl")
	crew.Actor = dispatch.Crew
	if _, err := o.desk.Act(ctx, o.order("c").ID, crew, dispatch.Reclass{Class: crowd.Joint}); err != nil || found() != "joint confirmed confirmed" {
		t.Errorf("a crew's other class: %v, %q", err, found())
	}
	for _, x := range []dispatch.Dismiss{{Verdict: dispatch.NotOurs}, {Verdict: dispatch.Duplicate, Of: o.order("b").ID}} {
		if o.do("c", x); found() != "joint dismissed dismissed" {
			t.Errorf("%s: the crowd has %q", x.Verdict, found())
		}
		if o.do("c", dispatch.TakeUp{}); found() != "joint confirmed confirmed" {
			t.Errorf("reopened: the crowd has %q", found())
		}
	}
	o.do("c", dispatch.Dismiss{Verdict: dispatch.NotFound})
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || u[0].Err != nil || found() != "joint confirmed confirmed" {
		t.Errorf("a dismissal: %+v, %v, the crowd has %q", u, err, found())
	}
	crew.At = o.by("carl").At
	if _, err := o.desk.Act(ctx, o.order("c").ID, crew, dispatch.Reclass{Class: crowd.Rail}); err != nil || found() != "rail confirmed confirmed" {
		t.Errorf("another one: %v, %q", err, found())
	}
	if u, err := o.desk.Undo(ctx, o.by("carl")); err != nil || u[0].Err != nil || o.order("c").Class != crowd.Joint || found() != "joint confirmed confirmed" {
		t.Errorf("another one: %+v, %v, the crowd has %q", u, err, found())
	}
	if _, err := o.desk.Act(ctx, o.order("c").ID, crew, dispatch.Reclass{Class: crowd.Nothing}); !errors.Is(err, dispatch.ErrNoDefect) {
		t.Errorf("nothing as a class: %v", err)
	}
	o.do("c", dispatch.Assign{Crew: "one"})
	o.do("c", dispatch.Move{Lat: 48.6, Lon: 15.6})
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || u[0].Err != nil || o.order("c").Moved || o.order("c").CrewName != "Crew 1" {
		t.Errorf("a move: %+v, %v", u, err)
	}
	o.now = o.now.Add(time.Hour)
	if _, err := o.desk.Undo(ctx, o.by("anna")); !errors.Is(err, dispatch.ErrNothing) {
		t.Errorf("after an hour: %v", err)
	}
	record, err := dispatch.Record(ctx, o.pool, o.order("c").ID)
	if err != nil || record[len(record)-1].Kind != dispatch.DidUndo || record[len(record)-1].Words.Undoes != dispatch.DidMove || !record[len(record)-2].Undone {
		t.Errorf("the record is %+v, %v", record, err)
	}
}

func TestDuplicatesAndSplits(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "a", "b")
	o.do("b", dispatch.Dismiss{Verdict: dispatch.Duplicate, Of: o.order("a").ID})
	if b := o.order("b"); b.DuplicateOf != o.order("a").ID || b.State != dispatch.Dismissed {
		t.Errorf("%+v", b)
	}
	if _, err := o.desk.Act(ctx, o.order("a").ID, o.by("anna"), dispatch.Dismiss{Verdict: dispatch.Duplicate, Of: o.order("b").ID}); !errors.Is(err, dispatch.ErrTransition) {
		t.Errorf("of one that is a duplicate itself: %v", err)
	}
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || u[0].Err != nil || o.order("b").DuplicateOf != "" {
		t.Errorf("%+v, %v", u, err)
	}
	done := o.do("a", dispatch.Split{Lat: 48.45, Lon: 15.61, Class: crowd.Casting})
	off, steps, err := dispatch.FindOrder(ctx, o.pool, done.Made)
	if err != nil || off.Place != "" || off.SplitFrom != o.order("a").ID || off.Number != "KR-0003" || off.Body != "Water" || off.Lat != 48.45 || len(steps) != 1 || off.Version != 1 || off.DueAt.IsZero() {
		t.Errorf("%+v, %v", off, err)
	}
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || u[0].Err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	if off, steps, err = dispatch.FindOrder(ctx, o.pool, done.Made); err != nil || off.State != dispatch.Dismissed {
		t.Errorf("%+v, %v", off, err)
	}
	for reason, want := range map[string]string{steps[0].Reason: "split KR-0001", steps[1].Reason: "split_taken_back ", "It is the same as KR-0001.": "duplicate KR-0001", "It is the same as the one there.": " ", "Looks deep.": " "} {
		if name, number := dispatch.Unsaid(reason); name+" "+number != want {
			t.Errorf("%q is %s %s", reason, name, number)
		}
	}
	all, err := dispatch.Orders(ctx, o.pool, dispatch.Filter{})
	if err != nil || len(all) != 3 {
		t.Errorf("%d orders: none ever vanishes; %v", len(all), err)
	}
	// What is split off a part belongs to the place as well.
	part := o.do("a", dispatch.Split{Lat: 48.45, Lon: 15.61})
	again, err := o.desk.Act(ctx, part.Made, o.by("anna"), dispatch.Split{Lat: 48.46, Lon: 15.61})
	if err != nil {
		t.Fatal(err)
	}
	if parts, err := dispatch.Parts(ctx, o.pool, o.order("a").ID); err != nil || len(parts) != 2 || parts[0].ID != part.Made || parts[1].ID != again.Made {
		t.Errorf("%+v, %v", parts, err)
	}
	for _, id := range []string{o.order("a").ID, part.Made, again.Made} {
		if place, err := dispatch.PlaceOf(ctx, o.pool, id); err != nil || place != "a" {
			t.Errorf("the place of %s: %q, %v", id, place, err)
		}
	}
	if _, err := dispatch.PlaceOf(ctx, o.pool, "none"); !errors.Is(err, dispatch.ErrNotFound) {
		t.Error(err)
	}
	// What passes over a place in four weeks makes all that is there more urgent.
	for _, sql := range []string{`insert into coverage (cell, day, events) values (1, '2026-03-10', 5000)`,
		`insert into place_days (place, day, jolts, passes) values ('a', '2026-03-10', 11, 20), ('a', '2026-02-10', 900, 900)`} {
		if _, err := o.pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dispatch.Clocks(ctx, o.pool, o.now); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{o.order("a").ID, part.Made, again.Made} {
		if x, _, err := dispatch.FindOrder(ctx, o.pool, id); err != nil || x.Priority.Traffic != 10 {
			t.Errorf("%s: %+v, %v", x.Number, x.Priority, err)
		}
		by := o.by("anna")
		by.Reason = "Looks deep."
		if _, err := o.desk.Act(ctx, id, by, dispatch.Note{}); err != nil {
			t.Fatal(err)
		}
		if x, _, err := dispatch.FindOrder(ctx, o.pool, id); err != nil || x.Priority.Traffic != 10 {
			t.Errorf("%s after a note: %+v, %v", x.Number, x.Priority, err)
		}
	}
	// No traffic is asked about what was split off: a dispatcher says that its repair is good, with a reason, and no figure counts it as traffic's.
	off, _, err = dispatch.FindOrder(ctx, o.pool, o.do("a", dispatch.Split{Lat: 48.46, Lon: 15.62}).Made)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		actor  dispatch.Actor
		reason string
		x      dispatch.Action
		want   error
	}{
		{dispatch.Dispatcher, "", dispatch.Assign{Crew: "one"}, nil},
		{dispatch.Dispatcher, "too early", dispatch.Approve{}, dispatch.ErrTransition},
		{dispatch.Crew, "", dispatch.Repair{}, nil},
		{dispatch.Crew, "my own work", dispatch.Approve{}, dispatch.ErrTraffic},
		{dispatch.Dispatcher, "", dispatch.Approve{}, dispatch.ErrReason},
		{dispatch.Dispatcher, "I drove over it.", dispatch.Approve{}, nil},
	} {
		by := o.by("anna")
		by.Actor, by.Reason = c.actor, c.reason
		if _, err := o.desk.Act(ctx, off.ID, by, c.x); !errors.Is(err, c.want) {
			t.Errorf("%T by %s: %v, want %v", c.x, c.actor, err, c.want)
		}
	}
	if off, steps, err = dispatch.FindOrder(ctx, o.pool, off.ID); err != nil || off.State != dispatch.Verified || steps[len(steps)-1].Reason != "I drove over it." {
		t.Errorf("%+v, %+v, %v", off, steps, err)
	}
	var counted int
	if _, err := dispatch.UpdateFigures(ctx, o.pool); err != nil {
		t.Fatal(err)
	}
	if err := o.pool.QueryRow(ctx, `select sum(repaired) * 10 + sum(verified) from week_figures where scope = 'city'`).Scan(&counted); err != nil || counted != 10 {
		t.Errorf("one was repaired, none verified by traffic: %d, %v", counted, err)
	}
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || u[0].Err != nil || u[0].State != dispatch.Repaired {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestBodiesTakeOver(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "hole", "dry")
	if _, err := o.pool.Exec(ctx, `update bodies set email = 'water@krems.example' where name = 'Water'`); err != nil {
		t.Fatal(err)
	}
	o.do("hole", dispatch.HandOver{Body: "Water"}, dispatch.TakeOver{})
	if got := o.order("hole"); got.Body != "Water" || got.HandedAt.IsZero() || got.TakenAt.IsZero() || got.Crew != "" {
		t.Errorf("%+v", got)
	}
	o.do("hole", dispatch.Assign{Crew: "two"})
	if got := o.order("hole"); !got.HandedAt.IsZero() || got.CrewName != "Crew 2" || got.State != dispatch.Assigned {
		t.Errorf("%+v", got)
	}
	// It is told of each, in the same transaction, and the record says so.
	o.do("dry", dispatch.HandOver{Body: "Water"})
	if _, err := o.desk.Undo(ctx, o.by("anna")); err != nil {
		t.Fatal(err)
	}
	var told string
	if err := o.pool.QueryRow(ctx, `select string_agg(o.place || ' ' || coalesce(j.args->>'back', 'handed') || ' ' || (j.args->>'body'), ', ' order by j.id)
		from river_job j join orders o on o.id = j.args->>'order' where j.kind = 'handover'`).Scan(&told); err != nil || told != "hole handed water, hole true water, dry handed water, dry true water" {
		t.Errorf("told is %s, %v", told, err)
	}
	if record, err := dispatch.Record(ctx, o.pool, o.order("hole").ID); err != nil || !record[1].Words.Told || record[2].Words.Told || record[3].Words.Told {
		t.Errorf("%+v, %v", record, err)
	}
	if mine, err := dispatch.CrewsOf(ctx, o.pool, "carl"); err != nil || len(mine) != 1 || mine[0] != "one" {
		t.Errorf("%v, %v", mine, err)
	}
}

func TestFailedRepairs(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "hole")
	o.do("hole", dispatch.Assign{Crew: "one"}, dispatch.Repair{})
	if err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error { return dispatch.Reopen(ctx, tx, "hole", at(20), 3) }); err != nil {
		t.Fatal(err)
	}
	got := o.order("hole")
	if !got.Failed || !got.ClockFrom.Equal(at(20)) || got.Crew != "" || got.Priority.Age < 2 {
		t.Errorf("%+v", got)
	}
	// Another place, twelve metres on, is the same repair that failed.
	later := func(id string, metres float64, days int) {
		t.Helper()
		p := place(t, o.pool, id)
		p.Lat, p.Lon = 48.4+metres/111_319.49, 15.6
		if err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
			return o.desk.Office.Promote(ctx, tx, crowd.Confirmation{Place: p, Probability: 0.9, At: at(21).AddDate(0, 0, days)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	later("beside", 12, 0)
	if beside := o.order("beside"); beside.Recurs != got.ID || !beside.Failed {
		t.Errorf("%+v", beside)
	}
	later("apart", 40, 0)
	if apart := o.order("apart"); apart.Failed {
		t.Errorf("%+v", apart)
	}
	// A repair has held that has held for a year.
	for days, failed := range map[int]bool{364: true, 366: false} {
		id := fmt.Sprintf("after-%d", days)
		later(id, -12, days)
		if again := o.order(id); again.Failed != failed || (again.Recurs == got.ID) != failed {
			t.Errorf("%s: %+v", id, again)
		}
	}
}

func TestClocksRing(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "hole")
	due := o.order("hole").DueAt
	works, err := dispatch.LoadWorks(ctx, o.pool)
	if err != nil || due.IsZero() {
		t.Fatal(due, err)
	}
	version := o.order("hole").Version
	for _, test := range []struct {
		now   time.Time
		noted int
		due   dispatch.Due
	}{
		{due.Add(-100 * time.Hour), 0, dispatch.DueOn},
		{due.Add(-4 * time.Hour), 1, dispatch.DueSoon},
		{due.Add(-3 * time.Hour), 0, dispatch.DueSoon},
		{due, 1, dispatch.Overdue},
		{due.Add(72 * time.Hour), 1, dispatch.Overdue},
		{due.Add(73 * time.Hour), 0, dispatch.Overdue},
	} {
		n, err := dispatch.Clocks(ctx, o.pool, test.now)
		if got := works.Due(o.order("hole"), test.now); err != nil || n != test.noted || got != test.due {
			t.Errorf("at %s %d were noted, want %d; it is %q; %v", test.now, n, test.noted, got, err)
		}
	}
	record, err := dispatch.Record(ctx, o.pool, o.order("hole").ID)
	if err != nil || len(record) != 4 || record[3].Kind != dispatch.DidEscalate || record[3].Actor != dispatch.Clock {
		t.Errorf("%+v, %v", record, err)
	}
	if got := o.order("hole"); got.Version != version || got.Priority.Deadline != 20 || got.EscalatedAt.IsZero() {
		t.Errorf("the clock gets in the way: %+v", got)
	}
	o.do("hole", dispatch.Reclass{Class: crowd.Joint, Severity: 0.9})
	if got := o.order("hole"); math.Abs(got.Severity-0.9) > 1e-6 || !got.DueAt.Before(due) || !got.EscalatedAt.IsZero() || got.Priority.Severity != 36 {
		t.Errorf("%+v", got)
	}
}

func TestReviewsBecomeOrdersOrNot(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t)
	for _, id := range []string{"rail", "joint"} {
		place(t, o.pool, id)
		if _, err := o.pool.Exec(ctx, `with c as (update places set state = 'suspected', class = $1 where id = $1) insert into reviews values ($1, $1, $2)`, id, at(7)); err != nil {
			t.Fatal(err)
		}
	}
	for class, want := range map[string]int{"nothing": 1, "joint": 2} { // by now, and again
		if _, err := o.pool.Exec(ctx, `update places set class = $1 where id = 'joint'`, class); err != nil {
			t.Fatal(err)
		}
		if list, err := o.desk.Reviews(ctx); err != nil || len(list) != want {
			t.Fatalf("a joint that is believed to be %s: %+v, %v", class, list, err)
		}
		if n, err := dispatch.ReviewsOpen(ctx, o.pool); err != nil || n != want {
			t.Fatalf("a joint that is believed to be %s: %d are counted, %v", class, n, err)
		}
	}
	if _, err := o.pool.Exec(ctx, `update places set class = 'joint' where id = 'joint'`); err != nil {
		t.Fatal(err)
	}
	id, err := o.desk.AcceptReview(ctx, "rail", o.by("anna"), crowd.Explanation{Class: crowd.Rail})
	if err != nil {
		t.Fatal(err)
	}
	order, steps, err := dispatch.FindOrder(ctx, o.pool, id)
	p, _ := crowd.FindPlace(ctx, o.pool, "rail")
	if err != nil || order.Class != crowd.Rail || order.State != dispatch.New || steps[0].Actor != dispatch.Dispatcher || p.State != crowd.Confirmed || !p.Ordered {
		t.Errorf("%+v of %+v, %v", order, p, err)
	}
	if _, err := o.desk.AcceptReview(ctx, "rail", o.by("ben"), crowd.Explanation{}); !errors.Is(err, dispatch.ErrChanged) {
		t.Errorf("twice: %v", err)
	}
	if err := o.desk.DismissReview(ctx, "joint", o.by("ben"), dispatch.Dismiss{Verdict: dispatch.NotDefect, Found: crowd.SpeedBump}); err != nil {
		t.Fatal(err)
	}
	if n, err := dispatch.ReviewsOpen(ctx, o.pool); err != nil || n != 0 {
		t.Errorf("%d are left, %v", n, err)
	}

	// Both think again: nothing is decided, and the verdict is withdrawn.
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || len(u) != 1 || u[0].Err != nil || !u[0].Review || u[0].ID != id {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := o.desk.Undo(ctx, o.by("ben")); err != nil || len(u) != 1 || u[0].Err != nil || u[0].ID != "joint" {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := o.desk.Undo(ctx, o.by("ben")); !errors.Is(err, dispatch.ErrNothing) {
		t.Errorf("twice: %v", err)
	}
	// Two decided in one stroke are taken back in one.
	together := o.by("anna")
	together.Batch = "both"
	if _, err := o.desk.AcceptReview(ctx, "rail", together, crowd.Explanation{Class: crowd.Rail}); err != nil {
		t.Fatal(err)
	}
	if err := o.desk.DismissReview(ctx, "joint", together, dispatch.Dismiss{Verdict: dispatch.NotOurs}); err != nil {
		t.Fatal(err)
	}
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || len(u) != 2 || u[0].Err != nil || u[1].Err != nil || !u[0].Review || !u[1].Review {
		t.Errorf("both: %+v, %v", u, err)
	}
	if list, err := o.desk.Reviews(ctx); err != nil || len(list) != 2 || list[0].State != crowd.Suspected || list[0].Ordered || list[1].State != crowd.Suspected {
		t.Errorf("%+v, %v", list, err)
	}
	if got := o.order("rail"); got.State != dispatch.Dismissed || got.Number != order.Number {
		t.Errorf("%+v", got)
	}
	// It becomes work after all: the order is taken up again, and once somebody has worked on it the decision stands.
	if again, err := o.desk.AcceptReview(ctx, "rail", o.by("anna"), crowd.Explanation{Class: crowd.Rail}); err != nil || again != id || o.order("rail").State != dispatch.Reopened || o.order("rail").Failed {
		t.Errorf("%s, %+v, %v", again, o.order("rail"), err)
	}
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || u[0].Err != nil || o.order("rail").State != dispatch.Dismissed {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := o.desk.AcceptReview(ctx, "rail", o.by("anna"), crowd.Explanation{Class: crowd.Rail}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.desk.Act(ctx, id, o.by("ben"), dispatch.Assign{Crew: "one"}); err != nil {
		t.Fatal(err)
	}
	if u, err := o.desk.Undo(ctx, o.by("anna")); err != nil || !errors.Is(u[0].Err, dispatch.ErrChanged) || o.order("rail").State != dispatch.Assigned {
		t.Errorf("after ben: %+v, %v", u, err)
	}
}

// Two dispatchers and a crew act on the same orders for a while, with and without having seen the newest version. Every order's record
// must then be a chain of versions without gaps whose states follow from each other, and the order must be what it ends in.
func TestManyActAtOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := newDepartment(t, "a", "b", "c", "d")
	var ids []string
	for _, p := range []string{"a", "b", "c", "d"} {
		ids = append(ids, o.order(p).ID)
	}
	until, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var group errgroup.Group
	counts := make([]int, 4)
	for who, person := range []string{"anna", "ben", "carl", "traffic"} {
		group.Go(func() error {
			r := rand.New(rand.NewPCG(uint64(who), 7))
			for until.Err() == nil {
				err := o.random(ctx, r, person, ids)
				switch {
				case err == nil:
					counts[who]++
				case errors.Is(err, dispatch.ErrChanged), errors.Is(err, dispatch.ErrTransition), errors.Is(err, dispatch.ErrNothing):
				default:
					return fmt.Errorf("%s: %w", person, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("actions that counted: %v", counts)
	for _, id := range ids {
		o.checkRecord(id)
	}
}

func (o *department) random(ctx context.Context, r *rand.Rand, person string, ids []string) error {
	id := ids[r.IntN(len(ids))]
	now := at(9).Add(time.Duration(r.IntN(60)) * time.Second)
	if person == "traffic" {
		place := string("abcd"[r.IntN(4)])
		return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
			if err := crowd.Hold(ctx, tx, place); err != nil { // as the engine does
				return err
			}
			if r.IntN(2) == 0 {
				return dispatch.Verify(ctx, tx, place, now, 3)
			}
			return dispatch.Reopen(ctx, tx, place, now, 3)
		})
	}
	by := dispatch.By{Actor: dispatch.Dispatcher, Person: person, At: now, Reason: "so it is"}
	if r.IntN(3) > 0 {
		seen, _, err := dispatch.FindOrder(ctx, o.pool, id)
		if err != nil {
			return err
		}
		by.Seen = seen.Version
	}
	actions := []dispatch.Action{dispatch.Accept{}, dispatch.Assign{Crew: "one"}, dispatch.Assign{Crew: "two"}, dispatch.Release{}, dispatch.Dismiss{Verdict: dispatch.NotOurs},
		dispatch.Dismiss{Verdict: dispatch.Duplicate, Of: ids[r.IntN(len(ids))]}, dispatch.TakeUp{}, dispatch.Note{}, dispatch.Reclass{Class: crowd.Casting}, dispatch.Move{Lat: 48.4, Lon: 15.6}, nil}
	if person == "carl" {
		by.Actor = dispatch.Crew
		actions = []dispatch.Action{dispatch.Start{}, dispatch.Repair{}, dispatch.Dismiss{Verdict: dispatch.NotFound}, dispatch.Note{}, nil}
	}
	x := actions[r.IntN(len(actions))]
	if x == nil {
		_, err := o.desk.Undo(ctx, by)
		return err
	}
	_, err := o.desk.Act(ctx, id, by, x)
	return err
}

func (o *department) checkRecord(id string) {
	o.t.Helper()
	order, steps, err := dispatch.FindOrder(o.t.Context(), o.pool, id)
	if err != nil {
		o.t.Fatal(err)
	}
	record, err := dispatch.Record(o.t.Context(), o.pool, id)
	if err != nil {
		o.t.Fatal(err)
	}
	state := dispatch.New
	for i, a := range record {
		if a.Version != int64(i+1) {
			o.t.Fatalf("%s: action %d has version %d", order.Number, i+1, a.Version)
		}
		back := a.Kind == dispatch.DidUndo
		between := state == dispatch.New && a.State == dispatch.Assigned || state == dispatch.Assigned && a.State == dispatch.Repaired
		if a.State != state && !back && !between && !state.May(a.State) {
			o.t.Errorf("%s: %s from %s to %s", order.Number, a.Kind, state, a.State)
		}
		state = a.State
	}
	if last := record[len(record)-1]; order.State != last.State || order.Version != last.Version || steps[len(steps)-1].State != order.State {
		o.t.Errorf("%s is %s, version %d; its record ends in %s, version %d, its story in %s", order.Number, order.State, order.Version, last.State, last.Version, steps[len(steps)-1].State)
	}
	if order.State == dispatch.Assigned && order.Crew == "" {
		o.t.Errorf("%s is assigned to nobody", order.Number)
	}
	if order.DuplicateOf != "" && order.State != dispatch.Dismissed {
		o.t.Errorf("%s is %s and a duplicate", order.Number, order.State)
	}
}

// TestARepairIsWhenItWasDone tells repairs later than they were done, with clocks that are right and wrong.
func TestARepairIsWhenItWasDone(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "late", "early", "ahead")
	for _, id := range []string{"late", "early", "ahead"} {
		o.do(id, dispatch.Assign{Crew: "one"})
	}
	o.now = o.now.Add(3 * time.Hour)
	for id, c := range map[string]struct{ said, want time.Duration }{"late": {-2 * time.Hour, -2 * time.Hour}, "early": {-9 * time.Hour, -3 * time.Hour}, "ahead": {time.Hour, 0}} {
		by := o.by("carl")
		by.Actor, by.Said = dispatch.Crew, by.At.Add(c.said)
		if _, err := o.desk.Act(ctx, o.order(id).ID, by, dispatch.Repair{}); err != nil {
			t.Fatal(err)
		}
		order, steps, err := dispatch.OrderOf(ctx, o.pool, id)
		if err != nil {
			t.Fatal(err)
		}
		var repaired time.Time
		if err := o.pool.QueryRow(ctx, `select repaired_at from places where id = $1`, id).Scan(&repaired); err != nil {
			t.Fatal(err)
		}
		at := steps[len(steps)-1].At
		if !at.Equal(order.StateAt) || !at.Equal(repaired) || at.Sub(by.At.Add(c.want)).Abs() > time.Minute || at.Before(steps[len(steps)-2].At) {
			t.Errorf("%s: said to be at %s, it is at %s, and for the crowd at %s", id, by.Said, at, repaired)
		}
		// It can be taken back by the time at which it was told.
		if u, err := o.desk.Undo(ctx, o.by("carl")); err != nil || u[0].Err != nil || u[0].State != dispatch.Assigned {
			t.Errorf("%+v, %v", u, err)
		}
	}
	// A stroke of several things is taken back whole.
	by := o.by("carl")
	by.Batch = "stroke"
	for _, x := range []dispatch.Action{dispatch.Repair{}, dispatch.Spend{What: "Cold mix", Quantity: 1, Unit: "kg"}, dispatch.Note{}} {
		by.Reason = "As ordered."
		if _, err := o.desk.Act(ctx, o.order("late").ID, by, x); err != nil {
			t.Fatal(err)
		}
	}
	u, err := o.desk.Undo(ctx, o.by("carl"))
	if err != nil || len(u) != 3 || o.order("late").State != dispatch.Assigned {
		t.Errorf("%+v, %v", u, err)
	}
	for _, one := range u {
		if one.Err != nil {
			t.Errorf("%+v", one)
		}
	}
}
