package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/web"
)

// TestSumsAreKeptUp changes places one by one: tiles and counts of a server that has heard of it are those of one that reads everything.
func TestSumsAreKeptUp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var config web.Config
	w := newTown(t, func(c *web.Config) { c.Suspected = crowd.Exact; config = *c })
	w.settle()
	w.announce("place", "", "")
	other, err := web.New(config) // hears of nothing
	if err != nil {
		t.Fatal(err)
	}
	ask := func(handler http.Handler, path string) string {
		t.Helper()
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.Code >= 300 {
			t.Fatalf("%s: %d %v", path, answer.Code, err)
		}
		return string(body)
	}
	middle := orb.Point{15.6105, 48.4085}
	seen := func(handler http.Handler) (all string) {
		t.Helper()
		for _, z := range []maptile.Zoom{8, 12, 13, 14, 15} {
			at := maptile.At(middle, z)
			for _, query := range []string{"", "?show=open", "?class=rail"} {
				all += ask(handler, fmt.Sprintf("/tiles/places/%d/%d/%d.mvt%s", z, at.X, at.Y, query))
			}
		}
		return all + fmt.Sprint(regexp.MustCompile(`\d+ (is|are) repaired|\d+ places`).FindAllString(ask(handler, "/list"), -1))
	}
	mine, theirs := w.server.Handler(), other.Handler()
	last := ""
	same := func(what string) {
		t.Helper()
		want := seen(theirs)
		if want == last {
			t.Fatalf("%s changes nothing", what)
		}
		last = want
		for until := time.Now().Add(20 * time.Second); seen(mine) != want; {
			if time.Now().After(until) {
				t.Fatalf("%s is not seen by who has heard of it", what)
			}
		}
	}
	same("the beginning")
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := w.pool.Exec(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	w.put(defect{ID: "pnew", At: &middle, State: crowd.Confirmed, Class: crowd.Pothole, Severity: .9, Devices: 9, Days: 4, Order: dispatch.New})
	w.announce("place", "pnew", "pnew")
	same("a new place")
	moved := geo.Destination(middle, 40, 260)
	cell, err := geo.FineCell(moved.Lat(), moved.Lon())
	if err != nil {
		t.Fatal(err)
	}
	exec(`update places set lat = $1, lon = $2, cell = $3 where id = 'pnew'`, moved.Lat(), moved.Lon(), int64(cell))
	w.announce("place", "pnew", "pnew")
	same("a place that is in another cell now")
	exec(`update orders set state = 'repaired' where place = 'pnew'`)
	w.announce("order", "onew", "pnew")
	same("an order's repair")
	w.put(defect{ID: "pgone", At: &middle, State: crowd.Suspected, Class: crowd.Pothole, Severity: .4, Devices: 3, Days: 4})
	w.announce("place", "pgone", "pgone")
	same("a suspected place")
	exec(`with gone as (delete from places where id = 'pgone') insert into places_gone (id, into_, epoch) values ('pgone', 'pnew', 1)`)
	w.announce("place", "pgone", "pgone")
	same("a place that was joined to another")
	exec(`update orders set state = 'dismissed' where place = 'pnew'`)
	w.announce("", "", "")
	same("whatever was changed")
}
