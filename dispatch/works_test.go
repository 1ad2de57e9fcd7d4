package dispatch_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func vienna(t interface{ Fatal(...any) }) *time.Location {
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// weekdays works from seven to four, and on Fridays to noon and from one to three.
func weekdays(t interface{ Fatal(...any) }) dispatch.Calendar {
	c := dispatch.Calendar{Zone: vienna(t), Holidays: map[string]bool{"2026-04-06": true, "2026-05-01": true}}
	for d := 1; d <= 4; d++ {
		c.Hours[d] = []dispatch.Span{{Opens: 7 * 60, Closes: 16 * 60}}
	}
	c.Hours[5] = []dispatch.Span{{Opens: 7 * 60, Closes: 12 * 60}, {Opens: 13 * 60, Closes: 15 * 60}}
	return c
}

func TestWorkingTime(t *testing.T) {
	t.Parallel()
	c := weekdays(t)
	day := func(text string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04", text, c.Zone)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, test := range []struct {
		from  string
		hours float64
		want  string
	}{
		{"2026-03-02 08:00", 2, "2026-03-02 10:00"},  // a Monday
		{"2026-03-02 15:00", 2, "2026-03-03 08:00"},  // over night
		{"2026-03-06 11:00", 3, "2026-03-06 15:00"},  // over lunch, to the end of the day
		{"2026-03-06 14:00", 2, "2026-03-09 08:00"},  // over the weekend
		{"2026-03-07 12:00", 1, "2026-03-09 08:00"},  // found on a Saturday
		{"2026-04-03 14:00", 2, "2026-04-07 08:00"},  // Easter Monday is one
		{"2026-03-27 14:00", 10, "2026-03-31 07:00"}, // clocks are put forward on the Sunday between
	} {
		want := day(test.want)
		if test.want == "2026-03-31 07:00" {
			want = day("2026-03-30 16:00")
		}
		if got := c.Add(day(test.from), time.Duration(test.hours*float64(time.Hour))); !got.Equal(want) {
			t.Errorf("%g h from %s end at %s, want %s", test.hours, test.from, got.In(c.Zone), want)
		}
	}
	night := dispatch.Calendar{Zone: c.Zone}
	night.Hours[0] = []dispatch.Span{{Opens: 0, Closes: 6 * 60}} // on the Sunday of the change it has an hour less
	if got := night.Between(day("2026-03-28 12:00"), day("2026-03-29 12:00")); got != 5*time.Hour {
		t.Errorf("the night of the change has %s of working time", got)
	}
	if got := night.Between(day("2026-10-24 12:00"), day("2026-10-25 12:00")); got != 7*time.Hour {
		t.Errorf("the night of the change back has %s of working time", got)
	}
	if got := (dispatch.Calendar{}).Add(at(8), 30*time.Hour); !got.Equal(at(8).Add(30 * time.Hour)) {
		t.Errorf("around the clock: %s", got)
	}
}

func TestWorkingTimeAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := dispatch.Calendar{Zone: vienna(t), Holidays: map[string]bool{}}
		for d := range 7 {
			opens := rapid.IntRange(0, 20).Draw(t, "opens") * 60
			if rapid.Bool().Draw(t, "works") {
				c.Hours[d] = []dispatch.Span{{Opens: opens, Closes: rapid.IntRange(opens/60+1, 24).Draw(t, "closes") * 60}}
			}
		}
		c.Hours[2] = []dispatch.Span{{Opens: 9 * 60, Closes: 10 * 60}}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 400*24*60).Draw(t, "from")) * time.Minute)
		for range rapid.IntRange(0, 5).Draw(t, "holidays") {
			c.Holidays[from.AddDate(0, 0, rapid.IntRange(0, 20).Draw(t, "day")).Format(time.DateOnly)] = true
		}
		a := time.Duration(rapid.IntRange(1, 40*60).Draw(t, "a")) * time.Minute
		b := time.Duration(rapid.IntRange(1, 40*60).Draw(t, "b")) * time.Minute
		there := c.Add(from, a)
		if got := c.Between(from, there); got != a {
			t.Fatalf("%s of work end at %s, and between lie %s", a, there, got)
		}
		if one, two := c.Add(from, a+b), c.Add(there, b); !one.Equal(two) {
			t.Fatalf("in one go to %s, in two to %s", one, two)
		}
		if !there.After(from) || c.Between(from, there.Add(-time.Minute)) >= a {
			t.Fatalf("%s is not the first moment", there)
		}
	})
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), postgrestest.New(t)
	w, err := dispatch.LoadWorks(ctx, pool)
	if err != nil {
		t.Fatal(err)
	}
	monday := at(8)
	for _, test := range []struct {
		street   string
		severity float64
		want     time.Time
	}{
		{"residential", 0.2, at(8).AddDate(0, 0, 14)},
		{"residential", 0.5, at(8).AddDate(0, 0, 7)},
		{"residential", 0.9, at(8).AddDate(0, 0, 1)},
		{"primary", 0.5, at(8).AddDate(0, 0, 2)},
		{"primary", 0.8, at(8).AddDate(0, 0, 1)},
	} {
		if got := w.Deadline(crowd.Pothole, test.street, test.severity, monday); !got.Equal(test.want) {
			t.Errorf("severity %g on a %s street: by %s, want %s", test.severity, test.street, got, test.want)
		}
	}
	w.Calendar = weekdays(t)
	w.Rules = append(w.Rules, dispatch.Rule{Class: crowd.Rail, Within: 4 * time.Hour})
	if err := w.Save(ctx, pool); err != nil {
		t.Fatal(err)
	}
	again, err := dispatch.LoadWorks(ctx, pool)
	if err != nil || len(again.Rules) != len(w.Rules) || again.Calendar.Zone.String() != "Europe/Vienna" || !again.Calendar.Holidays["2026-05-01"] || len(again.Calendar.Hours[5]) != 2 {
		t.Errorf("saved as %+v, %v", again, err)
	}
	if got := again.Deadline(crowd.Rail, "", 0.1, monday); !got.Equal(at(12)) {
		t.Errorf("rails by %s", got)
	}
}

func TestBodiesAreChecked(t *testing.T) {
	t.Parallel()
	square := `"geometry":{"type":"Polygon","coordinates":[[[15.5,48.3],[15.7,48.3],[15.7,48.5],[15.5,48.5],[15.5,48.3]]]}`
	file := func(features ...string) string {
		return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
	}
	for text, want := range map[string]string{
		`{"type":"Feature"}`: "FeatureCollection",
		file(`{"type":"Feature","properties":{},` + square + `}`):                                                               "feature 1 (without a name): the property name is missing",
		file(`{"properties":{"name":"A","parent":"B"},` + square + `}`):                                                         `its parent "B" is not in the file`,
		file(`{"properties":{"name":"A"},`+square+`}`, `{"properties":{"name":"A"},`+square+`}`):                                `feature 2 has the name "A"`,
		file(`{"properties":{"name":"A","classes":["hole"]},` + square + `}`):                                                   `class "hole"`,
		file(`{"properties":{"name":"A"},"geometry":{"type":"Point","coordinates":[1,2]}}`):                                     "its geometry is a Point",
		file(`{"properties":{"name":"A"},"geometry":{"type":"Polygon","coordinates":[[[1,2],[2,3],[3,1],[1,1]]]}}`):             "not closed",
		file(`{"properties":{"name":"A"},"geometry":{"type":"Polygon","coordinates":[[[448,15],[449,15],[449,16],[448,15]]]}}`): "off the globe",
		file(`{"properties":{"name":"A","parent":"B"},`+square+`}`, `{"properties":{"name":"B","parent":"A"},`+square+`}`):      "in a circle",
	} {
		if _, err := dispatch.ReadBodies(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	bodies, err := dispatch.ReadBodies(strings.NewReader(file(
		`{"properties":{"name":"Water","parent":"Krems","external":true,"classes":["casting"]},"geometry":null}`,
		`{"properties":{"name":"Krems"},`+square+`}`)))
	if err != nil || bodies[0].Name != "Krems" || bodies[1].Parent != "krems" || !bodies[1].External {
		t.Errorf("%+v, %v", bodies, err)
	}
}

// A file of bodies that no longer holds one with orders retires it; what an administrator has said of the others stays.
func TestImportingBodiesAgain(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "one", "two")
	save := func(text string) {
		t.Helper()
		bodies, err := dispatch.ReadBodies(strings.NewReader(`{"type":"FeatureCollection","features":[` + text + `]}`))
		if err == nil {
			_, err = dispatch.SaveBodies(ctx, o.pool, bodies)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a, b := `{"properties":{"name":"A","id":"a"},"geometry":null}`, `{"properties":{"name":"B","id":"b","parent":"a"},"geometry":null}`
	save(a + "," + b)
	if _, err := o.pool.Exec(ctx, `update bodies set email = 'a@example.org' where id = 'a'`); err != nil {
		t.Fatal(err)
	}
	if _, err := o.pool.Exec(ctx, `update orders set body = 'B'`); err != nil {
		t.Fatal(err)
	}
	save(`{"properties":{"name":"C","id":"c"},"geometry":null},` + strings.Replace(a, `"A"`, `"A2"`, 1))
	bodies, err := dispatch.Bodies(ctx, o.pool, true)
	if err != nil || len(bodies) != 3 {
		t.Fatalf("%+v, %v", bodies, err)
	}
	if b := bodies[0]; b.Name != "A2" || b.Email != "a@example.org" || b.Version != 2 {
		t.Errorf("what stays: %+v", b)
	}
	if b := bodies[1]; b.Name != "B" || b.RetiredAt.IsZero() || b.Parent != "" {
		t.Errorf("what orders name: %+v", b)
	}
	save(strings.Replace(a, `"A"`, `"C"`, 1) + `,{"properties":{"name":"A2","id":"c"},"geometry":null}`) // their names change places
}

// Rules that are laid down later are for orders from then on: one that no rule was for gets no deadline by them.
func TestLaterRulesAreForLaterOrders(t *testing.T) {
	t.Parallel()
	ctx, o := t.Context(), newDepartment(t, "one", "two")
	if _, err := o.pool.Exec(ctx, `update orders set due_at = null`); err != nil {
		t.Fatal(err)
	}
	var latest time.Time
	if err := o.pool.QueryRow(ctx, `select max(clock_from) from orders`).Scan(&latest); err != nil {
		t.Fatal(err)
	}
	works, err := dispatch.LoadWorks(ctx, o.pool)
	if err != nil {
		t.Fatal(err)
	}
	change := func(works dispatch.Works) error {
		return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
			_, _, err := dispatch.ChangeWorks(ctx, tx, works, latest.Add(time.Second))
			return err
		})
	}
	works.Rules = []dispatch.Rule{{Within: time.Hour}}
	if err := change(works); err != nil {
		t.Fatal(err)
	}
	var stale *dispatch.Stale
	if err := change(works); !errors.As(err, &stale) || stale.Version != works.Version+1 {
		t.Errorf("over another's change: %v", err)
	}
	if _, err := dispatch.Clocks(ctx, o.pool, latest.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var due int
	if err := o.pool.QueryRow(ctx, `select count(*) from orders where due_at is not null`).Scan(&due); err != nil || due != 0 {
		t.Errorf("%d orders from before have deadlines, %v", due, err)
	}
}
