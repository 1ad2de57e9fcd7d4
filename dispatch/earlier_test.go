package dispatch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// TestEarlierPlacesAreAlike lists what crews found near by: where the crowd believed alike first. What a desk has dismissed nobody has seen.
func TestEarlierPlacesAreAlike(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := newDepartment(t)
	for _, c := range []struct {
		id     string
		metres float64
		class  crowd.Class
		belief crowd.Belief
	}{
		{"casting", 100, crowd.Pothole, crowd.Belief{0.6, 0, 0.4}}, {"gone", 150, crowd.Pothole, crowd.Belief{0.6, 0.4}}, {"doubt", 200, crowd.Casting, crowd.Belief{0.4, 0.6}},
		{"joint", 50, crowd.Joint, crowd.Belief{0.3, 0, 0.7}}, {"desk", 20, crowd.Pothole, crowd.Belief{1}}, {"far", 400, crowd.Pothole, crowd.Belief{1}}, {"open", 10, crowd.Pothole, crowd.Belief{1}},
	} {
		p := place(t, o.pool, c.id)
		p.Class = c.class
		if _, err := o.pool.Exec(ctx, `update places set lat = 48.4 + $2::float8 / 111195 where id = $1`, c.id, c.metres); err != nil {
			t.Fatal(err)
		}
		err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
			return o.desk.Office.Promote(ctx, tx, crowd.Confirmation{Place: p, At: at(8), Explanation: crowd.Explanation{Belief: c.belief}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	o.do("desk", dispatch.Dismiss{Verdict: dispatch.NotOurs})
	o.do("casting", dispatch.Reclass{Class: crowd.Casting}) // corrected at the desk
	for _, p := range []string{"casting", "doubt", "joint", "far"} {
		o.do(p, dispatch.Assign{Crew: "one"}, dispatch.Repair{})
	}
	crew := o.by("carl")
	crew.Actor = dispatch.Crew
	if _, err := o.desk.Act(ctx, o.order("gone").ID, crew, dispatch.Dismiss{Verdict: dispatch.NotFound}); err != nil {
		t.Fatal(err)
	}
	list, err := dispatch.EarlierAround(ctx, o.pool, orb.Point{15.6, 48.4}, 300, crowd.Belief{0.5, 0.4, 0.1}, o.order("open").ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, fmt.Sprintf("%.0f %t said %s found %s %t", e.Metres, e.Alike, e.Said, e.Found, e.Right()))
	}
	want := "100 true said pothole found casting false|150 true said pothole found nothing false|200 true said casting found casting true|50 false said joint found joint true"
	if strings.Join(got, "|") != want {
		t.Errorf("listed are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.ReplaceAll(want, "|", "\n"))
	}
}
