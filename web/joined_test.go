package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// TestAPlaceThatJoinedAnother follows and reports a place that turns out to be one with another, twice over: links, followers and reports
// lead to the last, unless that is hidden.
func TestAPlaceThatJoinedAnother(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.Suspected = crowd.Hidden })
	w.put(defect{ID: "pkept1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	w.put(defect{ID: "phid1", Street: "Mitterweg", Share: .45, State: crowd.Suspected, Severity: .8, Devices: 3, Days: 8})
	w.regions()
	ctx := context.Background()
	for _, sql := range []string{`insert into places_gone (id, into_, epoch) values ('pfirst1', 'psecond1', 1), ('psecond1', 'pkept1', 1), ('pthird1', 'phid1', 1), ('plost1', 'pnone1', 1)`,
		`insert into reports (id, token, category, lat, lon, email, language, created_at, confirmed_at, place)
			select 'r1', 't1', 'pothole', lat, lon, 'anna@example.org', 'en', now(), now(), 'pfirst1' from places where id = 'pkept1'`,
		`insert into follows (place, email, language, token, secret, created_at, confirmed_at, told) values
			('pfirst1', 'anna@example.org', 'en', 'a', 'a', now(), now(), 9), ('psecond1', 'Anna@example.org', 'en', 'b', 'b', now(), null, 0),
			('psecond1', 'ben@example.org', 'en', 'c', 'c', now(), now(), 9), ('pkept1', 'ben@example.org', 'en', 'd', 'd', now(), null, 0)`} {
		if _, err := w.pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	v := w.visitor("192.0.2.1")
	for path, want := range map[string]string{"/places/pfirst1": "/places/pkept1", "/places/psecond1?lang=de": "/places/pkept1?lang=de", "/api/v1/places/pfirst1": "/api/v1/places/pkept1",
		"/api/v1/places/pfirst1/evidence": "/api/v1/places/pkept1/evidence", "/api/v1/places/pfirst1/votes": "/api/v1/places/pkept1/votes", "/feeds/places/pfirst1.atom": "/feeds/places/pkept1.atom"} {
		answer, _ := v.still().get(path)
		if to := strings.TrimPrefix(answer.Header.Get("Location"), w.http.URL); answer.StatusCode != http.StatusPermanentRedirect || to != want {
			t.Errorf("%s: %s to %q, want %s", path, answer.Status, to, want)
		}
	}
	if answer, body := v.get("/?place=pfirst1"); answer.StatusCode != http.StatusOK || !strings.Contains(body, `data-place="pkept1"`) {
		t.Errorf("the map: %s", answer.Status)
	}
	if answer, _ := v.still().send("/places/pfirst1/votes", url.Values{"vote": {"known"}}); answer.StatusCode != http.StatusPermanentRedirect || answer.Header.Get("Location") != "/places/pkept1/votes" {
		t.Errorf("a vote: %s", answer.Status)
	}
	for _, path := range []string{"/places/pthird1", "/api/v1/places/pthird1", "/places/plost1"} {
		if answer, _ := v.still().get(path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s leads to what is hidden: %s %s", path, answer.Status, answer.Header.Get("Location"))
		}
	}
	w.work()
	w.work()
	if n := count(w, `select count(*) from reports where place = 'pkept1'`); n != 1 {
		t.Error("the report is of a place that there is not")
	}
	if n := count(w, `select count(*) from follows where place = 'pkept1' and confirmed_at is not null`); n != 2 || count(w, `select count(*) from follows`) != 2 {
		t.Errorf("%d follow the place, %d rows", n, count(w, `select count(*) from follows`))
	}
	for _, email := range []string{"anna@example.org", "ben@example.org"} {
		if mails := w.letters(email); len(mails) != 1 || !strings.Contains(mails[0], "/places/pkept1") {
			t.Errorf("mails to %s: %q", email, mails)
		}
	}
}
