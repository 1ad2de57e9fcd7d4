package web_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

func (w *town) work() {
	w.t.Helper()
	if err := w.server.WorkOnce(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// TestFollowing follows a place from the form to the last mail.
func TestFollowing(t *testing.T) {
	t.Parallel()
	now := today()
	w := newTown(t, believing, func(c *web.Config) { c.Now = func() time.Time { return now } })
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	w.regions()
	anna := w.visitor("192.0.2.1")
	if answer, body := anna.send("/places/pordered1/follow", url.Values{"email": {"nobody"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Enter an e-mail address") || !strings.Contains(body, `value="nobody"`) {
		t.Errorf("no address: %s", answer.Status)
	}
	for _, email := range []string{"anna@example.org", "ANNA@Example.org"} { // asked twice, one mail
		if answer, body := anna.send("/places/pordered1/follow", url.Values{"email": {email}}); answer.StatusCode != http.StatusOK || !strings.Contains(body, "One more step") {
			t.Errorf("%s: %s", answer.Status, body)
		}
	}
	if n := count(w, `select count(*) from mails where lower(recipient) = 'anna@example.org'`); n != 1 {
		t.Errorf("%d mails to one address, however it is written", n)
	}
	step := func(state dispatch.State) {
		t.Helper()
		now = now.Add(24 * time.Hour)
		if err := dispatch.Transition(context.Background(), w.pool, "oordered1", dispatch.Step{At: now, State: state, Actor: dispatch.Crew}); err != nil {
			t.Fatal(err)
		}
		w.work()
		w.work() // told once
	}
	step(dispatch.Repaired)
	mails := w.letters("anna@example.org")
	if len(mails) != 1 || !strings.HasPrefix(mails[0], "Follow: Pothole, Ringstraße") {
		t.Fatalf("before it is confirmed: %q", mails)
	}
	link := strings.TrimPrefix(linkIn.FindString(mails[0]), w.http.URL)
	if _, body := anna.get(link); !strings.Contains(body, "Yes, follow it") {
		t.Error("the link does not ask")
	}
	if answer, body := anna.send(link, url.Values{"answer": {"yes"}}); answer.StatusCode != http.StatusOK || !strings.Contains(body, "You follow this place") {
		t.Errorf("%s %s", answer.Status, body)
	}
	w.work() // the step before is told now: it came after the wish
	w.says("oordered1", now, "We look {stop} after it.", false)
	w.says("oordered1", now, "Another street, sorry.", true)
	w.work()
	w.work() // told once
	if err := dispatchVerify(w, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.work()
	now = now.Add(22 * 24 * time.Hour)
	w.work()
	w.work() // asked once
	mails = w.letters("anna@example.org")
	subjects := ""
	for _, m := range mails {
		subjects += strings.SplitN(m, "\n", 2)[0] + "|"
	}
	if want := "Follow: Pothole, Ringstraße|Pothole, Ringstraße: Repaired|The city writes about Pothole, Ringstraße|Pothole, Ringstraße: Verified by traffic|Is the repair good? Pothole, Ringstraße|"; subjects != want {
		t.Errorf("mails: %s\nwant   %s", subjects, want)
	}
	if len(mails) == 5 && (!strings.Contains(mails[2], "The city writes:\n\nWe look {stop} after it.\n\n") || strings.Contains(mails[2]+mails[3], "sorry") || strings.Contains(mails[3], "The city writes")) {
		t.Errorf("what the city has said: %q", mails[2:4])
	}
	if last := mails[len(mails)-1]; !strings.Contains(last, w.http.URL+"/places/pordered1#votes") || !strings.Contains(last, "/follow/") {
		t.Errorf("the question: %s", last)
	}
	if answer, body := anna.send(link, url.Values{"answer": {"stop"}}); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Your address is deleted.") {
		t.Errorf("%s", answer.Status)
	}
	if n := count(w, `select count(*) from follows`); n != 0 {
		t.Errorf("%d follow still", n)
	}
	if answer, _ := anna.get(link); answer.StatusCode != http.StatusNotFound {
		t.Errorf("after the end: %s", answer.Status)
	}
	for body, want := range map[string]int{`{"email":"ben@example.org"}`: 202, `{"email":"ben"}`: 422, `x`: 400} {
		if answer, text := w.send(http.MethodPost, "/api/v1/places/pordered1/followers", body, "", ""); answer.StatusCode != want {
			t.Errorf("%s: %s %s", body, answer.Status, text)
		}
	}
	if answer, _ := w.send(http.MethodPost, "/api/v1/places/none/followers", `{"email":"ben@example.org"}`, "", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a place that is not there: %s", answer.Status)
	}
}

// says has the city say something about an order to everybody; undone: it was taken back at once.
func (w *town) says(order string, at time.Time, text string, undone bool) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), `insert into order_actions (order_id, version, at, actor, kind, state, reason, undone)
		select $1, 9000 + count(*), $2, 'dispatcher', 'replied', (select state from orders where id = $1), $3, $4 from order_actions where kind = 'replied'`, order, at, text, undone); err != nil {
		w.t.Fatal(err)
	}
}

func dispatchVerify(w *town, at time.Time) error {
	_, err := w.pool.Exec(context.Background(), `with o as (update orders set state = 'verified', state_at = $1 where id = 'oordered1')
		insert into order_steps select 'oordered1', 1 + max(n), $1, 'verified', 'traffic', '7 drivers passed and felt nothing.' from order_steps where order_id = 'oordered1'`, at)
	return err
}

// TestReportsBecomePlaces lets a place appear where somebody reported one, and time pass.
func TestReportsBecomePlaces(t *testing.T) {
	t.Parallel()
	now := today()
	w := newTown(t, believing, func(c *web.Config) { c.Now = func() time.Time { return now } })
	anna := w.visitor("192.0.2.1")
	anna.report(w.at("Ringstraße", .45), picture(t))
	link := strings.TrimPrefix(linkIn.FindString(w.letters("anna@example.org")[0]), w.http.URL)
	if _, body := anna.send(link, nil); !strings.Contains(body, "No place is known there yet") {
		t.Error(body)
	}
	form := w.at("Austraße", .5)
	form["email"] = "ben@example.org"
	anna.report(form)
	w.put(defect{ID: "pnew1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.New})
	w.work()
	if _, body := anna.get(link); !strings.Contains(body, `/places/pnew1`) {
		t.Error("the report does not know its place")
	}
	if n := count(w, `select count(*) from follows where place = 'pnew1' and confirmed_at is not null`); n != 1 {
		t.Errorf("%d follow it", n)
	}
	now = now.Add(8 * 24 * time.Hour)
	w.work()
	if n := count(w, `select count(*) from reports where email = 'ben@example.org'`); n != 0 {
		t.Error("a report that nobody confirmed is kept")
	}
}

// TestOpenData holds the files against the interface, and counts who fetched them.
func TestOpenData(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	for name, want := range map[string]int{"orders": len(w.all("/api/v1/orders?limit=1000")), "places": len(w.all("/api/v1/places?limit=1000"))} {
		answer, body := w.get("/data/" + name + ".csv")
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || len(rows) != want+1 || answer.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(answer.Header.Get("Link"), `rel="license"`) {
			t.Errorf("%s.csv: %d rows, want %d; %s %v", name, len(rows)-1, want, answer.Status, err)
		}
		_, body = w.get("/data/" + name + ".geojson")
		var c collection
		if err := json.Unmarshal([]byte(body), &c); err != nil || len(c.Features) != want {
			t.Errorf("%s.geojson: %d features, want %d; %v", name, len(c.Features), want, err)
		}
		_, page := w.get("/data")
		for _, column := range rows[0] {
			if !strings.Contains(page, `>`+column+`</th>`) {
				t.Errorf("the column %s of %s is not explained", column, name)
			}
		}
	}
	w.get("/data/orders.csv")
	_, page := w.get("/data?lang=de")
	for _, word := range []string{"Offene Daten", "CC BY 4.0", "März 2026", `<td class="num">2</td><td class="num">1</td>`} {
		if !strings.Contains(page, word) {
			t.Errorf("the page does not say %q", word)
		}
	}
	for _, wrong := range wellFormed(page) {
		t.Error(wrong)
	}
	for path, want := range map[string]int{"/data/orders.xml": 404, "/data/none.csv": 404, "/data/orders": 404, "/feeds/places/none.atom": 404, "/feeds/places/pringstrasse1": 404} {
		if answer, _ := w.get(path); answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	for path, want := range map[string]int{"/feeds/orders.atom": 20, "/feeds/places/pgoettweiger1.atom": 6} {
		answer, body := w.get(path)
		var feed struct {
			ID      string `xml:"id"`
			Updated string `xml:"updated"`
			Entries []struct {
				Title   string `xml:"title"`
				Updated string `xml:"updated"`
			} `xml:"entry"`
		}
		if err := xml.Unmarshal([]byte(body), &feed); err != nil || len(feed.Entries) < want || feed.ID == "" || answer.Header.Get("Content-Type") != "application/atom+xml; charset=utf-8" {
			t.Errorf("%s: %d entries, %v: %.300s", path, len(feed.Entries), err, body)
		}
		if strings.Contains(path, "places") && !strings.HasSuffix(feed.Entries[0].Updated, "T00:00:00Z") {
			t.Errorf("%s tells times: %s", path, feed.Entries[0].Updated)
		}
	}
}

// TestDataAndFollowJourney downloads a file and follows a place in a browser, the latter without scripts.
func TestDataAndFollowJourney(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(360, 780, false)
	b.open(w.http.URL + "/stats")
	b.tap(`.menu summary`)
	b.tap(`.menu a[href="/data"]`)
	b.reads("Every work order and every public place, as files.")
	n := eval[int](b, `fetch(document.querySelector('#orders a[href$=".csv"]').href).then(r => r.text()).then(t => t.trim().split('\n').length)`)
	if n != 2 || count(w, `select n from downloads where dataset = 'orders' and format = 'csv'`) != 1 {
		t.Errorf("%d lines of orders", n)
	}
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	run(b, chromedp.Navigate(w.http.URL+"/places/pordered1"))
	b.until(`document.querySelector('#follow-email') !== null`)
	run(b, chromedp.Evaluate[chromedp.Void](`void document.querySelector('#follow-email').focus()`))
	b.press("anna@example.org")
	b.press("Enter")
	b.reads("One more step")
	run(b, chromedp.Navigate(linkIn.FindString(w.letters("anna@example.org")[0])))
	b.tap(`[value=yes]`)
	b.reads("You follow this place by e-mail.")
	if n := count(w, `select count(*) from follows where confirmed_at is not null`); n != 1 {
		t.Errorf("%d follow it", n)
	}
	b.clean(fmt.Sprint("follow ", n))
}

// atom is a feed as RFC 4287 has it.
type atom struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Author  string   `xml:"author>name"`
	Links   []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"link"`
	Entries []struct {
		ID      string `xml:"id"`
		Title   string `xml:"title"`
		Updated string `xml:"updated"`
		Summary string `xml:"summary"`
	} `xml:"entry"`
}

// TestFeedsAreAtom checks that feeds have what they must, and that an entry keeps its id while the story goes on.
func TestFeedsAreAtom(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	tag := regexp.MustCompile(`^tag:127\.0\.0\.1,\d{4}(-\d\d-\d\d)?:[A-Za-z0-9/_-]+$`)
	read := func(path string) (feed atom) {
		t.Helper()
		_, body := w.get(path)
		if err := xml.Unmarshal([]byte(body), &feed); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if feed.Title == "" || feed.Author == "" || !tag.MatchString(feed.ID) {
			t.Errorf("%s: title %q, author %q, id %q", path, feed.Title, feed.Author, feed.ID)
		}
		rels := map[string]string{}
		for _, l := range feed.Links {
			rels[l.Rel] = l.Href
		}
		if rels["self"] != w.http.URL+path || rels["alternate"] == "" || rels["alternate"] == rels["self"] {
			t.Errorf("%s: links %v", path, rels)
		}
		seen := map[string]bool{feed.ID: true}
		for _, e := range feed.Entries {
			if _, err := time.Parse(time.RFC3339, e.Updated); err != nil || e.Title == "" || seen[e.ID] || !tag.MatchString(e.ID) || e.Updated > feed.Updated {
				t.Errorf("%s: %+v", path, e)
			}
			seen[e.ID] = true
		}
		if _, err := time.Parse(time.RFC3339, feed.Updated); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return feed
	}
	read("/feeds/orders.atom")
	const path = "/feeds/places/pgoettweiger1.atom"
	before := map[string]string{}
	for _, e := range read(path).Entries {
		before[e.ID] = e.Title
	}
	// The city says something, and something comes to light that was before all.
	order := "ogoettweiger1"
	w.says(order, today().AddDate(0, 0, -2), "We come <soon> & repair it.", false)
	if _, err := w.pool.Exec(t.Context(), `insert into place_steps (place, n, at, kind, words) values ('pgoettweiger1', 99, $1, 'suspected', '{}')`, today().AddDate(0, 0, -200)); err != nil {
		t.Fatal(err)
	}
	after := read(path)
	if len(after.Entries) != len(before)+2 {
		t.Errorf("%d entries, before %d", len(after.Entries), len(before))
	}
	said := false
	for _, e := range after.Entries {
		said = said || e.Summary == "We come <soon> & repair it."
		if title, ok := before[e.ID]; ok && title != e.Title {
			t.Errorf("%s was %q, and is %q", e.ID, title, e.Title)
		}
	}
	if !said {
		t.Error("the feed leaves out what the city said")
	}
	empty := newTown(t)
	_, body := empty.get("/feeds/orders.atom")
	if !strings.Contains(body, "<updated>2026-03-11T00:00:00Z</updated>") {
		t.Errorf("a feed of nothing: %s", body)
	}
}
