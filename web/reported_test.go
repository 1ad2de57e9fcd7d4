package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// TestReportsWhereNobodyDrives takes a report where no phone has felt anything from the form without scripts to the console and back to
// whoever sent it.
func TestReportsWhereNobodyDrives(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.City = "Krems" })
	form := w.at("Lindengasse", .5)
	says := func(what, body string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s does not say %q", what, word)
			}
		}
		for _, wrong := range wellFormed(body) {
			t.Errorf("%s: %s", what, wrong)
		}
	}
	send := func(email, words, category string) string {
		t.Helper()
		form["email"], form["words"], form["category"] = email, words, category
		v := w.visitor("192.0.2.1")
		v.report(form, picture(t))
		link := strings.TrimPrefix(linkIn.FindString(w.letters(email)[0]), w.http.URL)
		_, body := v.send(link, nil)
		says("the confirmed report", body, "the works department looks at it")
		return link
	}
	anna := send("anna@example.org", "Wheel broken <b>", "pothole")
	ben := send("ben@example.org", "Same hole", "other")

	desk := w.signIn(access.Dispatcher)
	_, body := desk.get("/console?view=review")
	says("the review list", body, "Lindengasse", "Residents", "Something else")
	ids := regexp.MustCompile(`/console/reviews/([\w-]+)`).FindAllStringSubmatch(body, -1)
	if len(ids) == 0 {
		t.Fatal("the review list leads nowhere")
	}
	var id, other string
	for _, m := range ids {
		if _, text := desk.get("/console/reviews/" + m[1]); strings.Contains(text, "Wheel broken &lt;b&gt;") {
			id = m[1]
		} else {
			other = m[1]
		}
	}
	_, body = desk.get("/console/reviews/" + id)
	says("the report", body, "Pothole, Lindengasse", "No phone has felt anything there", "Make an order", "/photos/1")
	if answer, _ := desk.get("/console/reviews/" + id + "/photos/1"); answer.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("its photo: %s", answer.Status)
	}
	if answer, _ := desk.get("/console/reviews/" + id + "/photos/2"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a photo that there is not: %s", answer.Status)
	}
	_, body = desk.get("/api/v1/reviews")
	reports := strings.Count(body, `"reported":true`)
	if reports != 2 || !strings.Contains(body, id) {
		t.Errorf("the interface lists %d reports: %s", reports, body)
	}
	// What a report does not say, the dispatcher must.
	if answer, _ := desk.send("/console/reviews/"+other, url.Values{"do": {"accept"}}); answer.StatusCode != http.StatusConflict {
		t.Errorf("an order of something: %s", answer.Status)
	}

	answer, body := desk.send("/console/reviews/"+id, url.Values{"do": {"accept"}, "class": {"pothole"}})
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Request.URL.Path, "/console/orders/") {
		t.Fatalf("accepted: %s %s", answer.Status, answer.Request.URL)
	}
	order := strings.TrimPrefix(answer.Request.URL.Path, "/console/orders/")
	says("the order", body, "Pothole, Lindengasse", "Wheel broken &lt;b&gt;", "Same hole", "/crew/orders/"+order+"/photos/r-")
	w.work()
	w.work() // told once
	for link, email := range map[string]string{anna: "anna@example.org", ben: "ben@example.org"} {
		_, body = desk.get(link)
		says("the report of "+email, body, "It is work order SP-0001", `href="/orders/`+order+`"`)
		if mails := w.letters(email); len(mails) != 2 || !strings.Contains(mails[1], "It is work order SP-0001") || !strings.Contains(mails[1], w.http.URL+"/orders/"+order) {
			t.Errorf("mails to %s: %q", email, mails)
		}
	}
	w.says(order, today(), "We come in May.", false)
	w.work()
	w.work() // told once
	for link, email := range map[string]string{anna: "anna@example.org", ben: "ben@example.org"} {
		_, body = desk.get(link)
		says("the report of "+email, body, "We come in May.")
		if mails := w.letters(email); len(mails) != 3 || !strings.Contains(mails[2], "The city writes:\n\nWe come in May.\n\nIt is work order SP-0001") {
			t.Errorf("mails to %s after a reply: %q", email, mails)
		}
	}
	answer, body = w.visitor("192.0.2.7").get("/orders/" + order)
	says("the order's page", body, "Pothole, Lindengasse", "SP-0001", "A resident has reported it.", "We come in May.")
	if answer.StatusCode != http.StatusOK || strings.Contains(body, "Wheel") || strings.Contains(body, "Same hole") {
		t.Errorf("the order's page: %s, or it tells what residents wrote", answer.Status)
	}
	if n, _ := w.reviewsOpen(desk); n != 0 {
		t.Errorf("%d are on the list still", n)
	}

	// Taken back, both wait again; then it is nothing.
	if answer, _ := desk.send("/console/undo", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("taken back: %s", answer.Status)
	}
	if n, body := w.reviewsOpen(desk); n != 2 {
		t.Errorf("%d are on the list again: %s", n, body)
	}
	if answer, _ := desk.send("/console/reviews/"+id, url.Values{"do": {"dismiss"}, "verdict": {"not_ours"}}); answer.StatusCode != http.StatusOK {
		t.Errorf("dismissed: %s", answer.Status)
	}
	if answer, _ := desk.send("/console/reviews/"+id, url.Values{"do": {"accept"}, "class": {"pothole"}}); answer.StatusCode != http.StatusNotFound {
		t.Errorf("decided twice: %s", answer.Status)
	}
	w.work()
	_, body = desk.get(anna)
	says("the dismissed report", body, "somebody else is responsible there")
	if mails := w.letters("anna@example.org"); len(mails) != 4 || !strings.Contains(mails[3], "somebody else is responsible there") {
		t.Errorf("mails: %q", mails)
	}
	if n := count(w, `select count(*) from audit where detail like '%report%'`); n != 3 {
		t.Errorf("%d decisions are in the log", n)
	}
	// A place that comes to be known there takes what is left.
	w.put(defect{ID: "plater1", Street: "Lindengasse", Share: .5, State: "confirmed", Severity: .8, Devices: 9, Days: 8, Order: dispatch.New})
	w.work()
	if n, _ := w.reviewsOpen(desk); n != 0 {
		t.Errorf("%d are on the list beside the place", n)
	}
	if _, body := desk.get(ben); !strings.Contains(body, "/places/plater1") {
		t.Error("the report has not joined the place")
	}
	// An order that is open already gets the place that comes to be known.
	form = w.at("Austraße", .5)
	eva := send("eva@example.org", "Edge broken", "pothole")
	_, body = desk.get("/api/v1/reviews")
	id = regexp.MustCompile(`"place":"([\w-]+)"`).FindStringSubmatch(body)[1]
	answer, _ = desk.send("/console/reviews/"+id, url.Values{"do": {"accept"}, "class": {"pothole"}})
	order = strings.TrimPrefix(answer.Request.URL.Path, "/console/orders/")
	w.put(defect{ID: "pjoined1", Street: "Austraße", Share: .5, State: "confirmed", Severity: .8, Devices: 9, Days: 8})
	ctx := context.Background()
	place, err := crowd.FindPlace(ctx, w.pool, "pjoined1")
	if err != nil {
		t.Fatal(err)
	}
	orders := count(w, `select count(*) from orders`)
	if err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		return dispatch.Office{}.Promote(ctx, tx, crowd.Confirmation{Place: place, Probability: .9, At: today()})
	}); err != nil {
		t.Fatal(err)
	}
	if n := count(w, `select count(*) from orders where id = $1 and place = 'pjoined1' and state = 'new' and devices = 9`, order); n != 1 || count(w, `select count(*) from orders`) != orders {
		t.Error("the order has not got its place, or there are two")
	}
	w.work()
	if _, body := desk.get(eva); !strings.Contains(body, "/places/pjoined1") {
		t.Error("the report has not joined the place of its order")
	}
	_, body = desk.get("/console/orders/" + order)
	says("the order with its place", body, "Edge broken", "Drivers feel it there as well", "/places/pjoined1")
}

// reviewsOpen counts what the interface lists to be reviewed.
func (w *town) reviewsOpen(v *visitor) (int, string) {
	w.t.Helper()
	_, body := v.get("/api/v1/reviews")
	return strings.Count(body, `"place":`), body
}
