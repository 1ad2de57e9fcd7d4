package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// reported has a resident report a pothole where nobody drives, confirmed from their address.
func (w *town) reported(street, email string) {
	w.t.Helper()
	form := w.at(street, .5)
	form["email"] = email
	v := w.visitor("192.0.2.1")
	v.report(form)
	v.send(strings.TrimPrefix(linkIn.FindString(w.letters(email)[0]), w.http.URL), nil)
}

// accepts makes an order of the report that waits, and returns its id.
func (v *visitor) accepts() string {
	v.t.Helper()
	_, body := v.get("/api/v1/reviews")
	id := regexp.MustCompile(`"place":"([\w-]+)","reported":true`).FindStringSubmatch(body)
	if id == nil {
		v.t.Fatalf("no report waits: %s", body)
	}
	answer, _ := v.send("/console/reviews/"+id[1], url.Values{"do": {"accept"}, "class": {"pothole"}})
	order, ok := strings.CutPrefix(answer.Request.URL.Path, "/console/orders/")
	if !ok {
		v.t.Fatalf("accepted: %s %s", answer.Status, answer.Request.URL)
	}
	return order
}

// adopts has drivers feel a place where a report was, which the open order there is given.
func (w *town) adopts(place string) {
	w.t.Helper()
	ctx := context.Background()
	p, err := crowd.FindPlace(ctx, w.pool, place)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		return dispatch.Office{}.Promote(ctx, tx, crowd.Confirmation{Place: p, Probability: .9, At: today()})
	}); err != nil {
		w.t.Fatal(err)
	}
}

// drawn adds up how many the tiles of places hold, and tells how often one id is drawn by itself.
func (w *town) drawn(zoom maptile.Zoom, query, id string) (all, one int) {
	w.t.Helper()
	for _, f := range w.tiles("places", zoom, query) {
		all += int(f.Properties.MustFloat64("n"))
		if f.Properties["id"] == id {
			one++
		}
	}
	return all, one
}

// TestOrdersWithoutPlacesAreShown looks for a resident's order and for one that was split off on map, list and interface, until the first has a
// place.
func TestOrdersWithoutPlacesAreShown(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.City = "Krems" })
	w.settle()
	desk := w.signIn(access.Dispatcher)
	w.reported("Lindengasse", "anna@example.org")
	order := desk.accepts()
	_, body := desk.call("POST", "/orders/oringstrasse1/split", `{"do":"split","lat":48.4103,"lon":15.6105}`, "")
	part := regexp.MustCompile(`"made":"(\w+)"`).FindStringSubmatch(body)
	if part == nil {
		t.Fatal(body)
	}
	v := w.visitor("192.0.2.7")

	for _, zoom := range []maptile.Zoom{3, 8, 11, 13, 14, 15} {
		if all, _ := w.drawn(zoom, "", order); all != 39 {
			t.Errorf("at zoom %d %d, want 39", zoom, all)
		}
	}
	at := w.at("Lindengasse", .5)
	middle, _ := w.spot("Lindengasse", .5)
	for _, layer := range []string{"places", "orders"} {
		found := false
		for _, f := range w.tilesAround(layer, 17, "", middle) {
			if f.Properties["id"] == order {
				found = f.Properties["mark"] == "confirmed" && f.Properties["size"] == 19. && f.Properties["placeless"] == true && f.Properties["number"] != ""
			}
		}
		if !found {
			t.Errorf("%s at zoom 17 do not hold it", layer)
		}
	}
	for query, want := range map[string]int{"?show=open": 1, "?show=repaired": 0, "?class=pothole": 1, "?class=rail": 0} {
		if _, one := w.drawn(15, query, order); one != want {
			t.Errorf("with %s it is drawn %d times, want %d", query, one, want)
		}
	}

	v.read("/?place="+order, "Pothole, Lindengasse", `data-place="`+order, `data-mark="confirmed"`, "A resident has reported it.", "Work order", `href="/orders/`+order+`#follow"`)
	v.read("/?place="+part[1], "It was split off another work order", "Split off KR-0")
	v.read("/?places="+order+",pringstrasse1", "2 places here", `data-open="`+order)
	v.read("/?near="+at["lat"]+","+at["lon"], `data-open="`+order)
	v.read("/?place="+order, "Pothole, Lindengasse")
	v.read("/list?state=confirmed&class=pothole&order=newest", `href="/orders/`+order, `href="/orders/`+part[1], "reported by hand")
	v.read("/list", "to 25 of 39")
	if answer, _ := v.get("/panel"); answer.Header.Get("Count-All") != "39" {
		t.Errorf("the panel counts %s", answer.Header.Get("Count-All"))
	}
	if _, body := v.get("/list?state=repaired"); strings.Contains(body, order) {
		t.Error("it is listed as repaired")
	}
	v.read("/orders/"+order, "A resident has reported it.", "A work order has been written and waits to be accepted.", `action="/orders/`+order+`/follow"`, `href="/feeds/orders/`+order+`.atom"`, `href="/?place=`+order)
	w.visitor("192.0.2.8").read("/orders/"+order+"?lang=de", "Gemeldet wurde es von Anwohnern.", "Diesem Auftrag folgen")
	for path, word := range map[string]string{"/feeds/orders.atom": "/orders/" + order, "/feeds/orders/" + order + ".atom": "orders/" + order + "/steps/1"} {
		if _, body := v.get(path); !strings.Contains(body, word) {
			t.Errorf("%s: %s", path, body)
		}
	}
	v.read("/places/pringstrasse1", `href="/orders/`+part[1])
	for path, want := range map[string]int{"/api/v1/orders?limit=1000": 1, "/data/orders.csv": 1, "/api/v1/places?limit=1000": 0, "/data/places.csv": 0} {
		if _, body := v.get(path); strings.Count(body, `"number":"SP-`)+strings.Count(body, "\n"+order+",") > 1 || strings.Contains(body, order) != (want == 1) {
			t.Errorf("%s: want it %d times", path, want)
		}
	}
	for _, path := range []string{"/places/" + order, "/api/v1/places/" + order, "/api/v1/places/" + order + "/evidence", "/api/v1/places/" + order + "/votes", "/feeds/places/" + order + ".atom", "/feeds/orders/oringstrasse1", "/orders/pringstrasse1"} {
		if answer, _ := v.get(path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}

	// Where drivers feel it as well it is that place, and there alone.
	w.put(defect{ID: "pjoined1", Street: "Lindengasse", Share: .5, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8})
	w.adopts("pjoined1")
	for _, zoom := range []maptile.Zoom{11, 14, 15} {
		if all, one := w.drawn(zoom, "", order); all != 39 || one != 0 {
			t.Errorf("with its place it is drawn %d times at zoom %d, and all are %d", one, zoom, all)
		}
	}
	if _, one := w.drawn(15, "", "pjoined1"); one != 1 {
		t.Errorf("the place is drawn %d times", one)
	}
	v.read("/?place="+order, `data-place="pjoined1"`)
	v.read("/list", "to 25 of 39")
	for path, to := range map[string]string{"/orders/" + order: "/places/pjoined1", "/feeds/orders/" + order + ".atom": "/feeds/places/pjoined1.atom"} {
		if answer, _ := v.get(path); answer.Request.URL.Path != to || answer.StatusCode != http.StatusOK {
			t.Errorf("%s leads to %s: %s", path, answer.Request.URL, answer.Status)
		}
	}

	// Closed ones are what places with such orders are.
	if err := dispatch.Transition(context.Background(), w.pool, part[1], dispatch.Step{At: today(), State: dispatch.Dismissed, Actor: dispatch.Dispatcher, Reason: "Nothing."}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{"?show=dismissed": 1, "?show=open": 0} {
		if _, one := w.drawn(15, query, part[1]); one != want {
			t.Errorf("dismissed, it is drawn %d times with %s", one, query)
		}
	}
}

// TestOrdersWithoutPlacesAreNotSuspected shows them where a city keeps suspected places to itself, and counts their repair once.
func TestOrdersWithoutPlacesAreNotSuspected(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t, believing, func(c *web.Config) { c.City, c.Suspected = "Krems", crowd.Hidden })
	w.reported("Lindengasse", "anna@example.org")
	order := w.signIn(access.Dispatcher).accepts()
	for _, state := range []dispatch.State{dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Repaired} {
		if err := dispatch.Transition(ctx, w.pool, order, dispatch.Step{At: today(), State: state, Actor: dispatch.Crew}); err != nil {
			t.Fatal(err)
		}
	}
	for _, zoom := range []maptile.Zoom{11, 16} {
		if all, one := w.drawn(zoom, "", order); all != 1 || one != 1 {
			t.Errorf("at zoom %d it is drawn %d times of %d", zoom, one, all)
		}
	}
	v := w.visitor("192.0.2.7")
	v.read("/", "1 is repaired and being checked.")
	v.read("/orders/"+order, "somebody still looks whether it is good", "Somebody looks whether it is good.")
	if _, err := w.pool.Exec(ctx, `with o as (update orders set state = 'verified', state_at = $2 where id = $1)
		insert into order_steps select $1, 1 + max(n), $2, 'verified', 'dispatcher', '' from order_steps where order_id = $1`, order, today()); err != nil {
		t.Fatal(err)
	}
	v.read("/orders/"+order, "Verified by hand", "somebody has found the repair good", "Somebody has looked")
	v.read("/list", "Verified by hand")
	if _, err := dispatch.UpdateFigures(ctx, w.pool); err != nil {
		t.Fatal(err)
	}
	list, err := dispatch.WeeklyFigures(ctx, w.pool, dispatch.OfCity, time.Time{})
	if err != nil || len(list) != 1 || list[0].Repaired != 1 || list[0].Verified != 0 || list[0].Confirmed != 0 {
		t.Errorf("figures: %+v %v", list, err)
	}
}

// TestFollowingOrdersWithoutPlaces follows an order that has no place until it has one: nobody is told anything twice.
func TestFollowingOrdersWithoutPlaces(t *testing.T) {
	t.Parallel()
	now := today()
	w := newTown(t, believing, func(c *web.Config) { c.City, c.Now = "Krems", func() time.Time { return now } })
	w.reported("Lindengasse", "anna@example.org")
	order := w.signIn(access.Dispatcher).accepts()
	w.work()
	v := w.visitor("192.0.2.7")
	if answer, body := v.send("/orders/"+order+"/follow", url.Values{"email": {"nobody"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, `value="nobody"`) || !strings.Contains(body, "A resident has reported it.") {
		t.Errorf("no address: %s", answer.Status)
	}
	follow := func(path, email string) {
		t.Helper()
		if answer, body := v.send(path+"/follow", url.Values{"email": {email}}); answer.StatusCode != http.StatusOK || !strings.Contains(body, "One more step") {
			t.Fatalf("%s: %s", email, answer.Status)
		}
		mails := w.letters(email)
		link := strings.TrimPrefix(linkIn.FindString(mails[len(mails)-1]), w.http.URL)
		v.read(link, "Yes, follow it")
		if _, body := v.send(link, url.Values{"answer": {"yes"}}); !strings.Contains(body, `href="`+path+`"`) || !strings.Contains(body, "by e-mail.") {
			t.Errorf("%s does not follow %s", email, path)
		}
	}
	for _, email := range []string{"anna@example.org", "ben@example.org", "carl@example.org", "dora@example.org"} {
		follow("/orders/"+order, email)
	}
	had := map[string]int{}
	// news is how many mails came since it was asked last.
	news := func(what string, want map[string]int) {
		t.Helper()
		w.work()
		w.work() // told once
		for _, email := range []string{"anna@example.org", "ben@example.org", "carl@example.org", "dora@example.org"} {
			mails := w.letters(email)
			if n := len(mails) - had[email]; want != nil && n != want[email[:1]] {
				t.Errorf("%s: %d mails to %s: %q", what, n, email, mails[had[email]:])
			}
			had[email] = len(mails)
		}
	}
	last := func(email string) string { list := w.letters(email); return list[len(list)-1] }
	step := func(state dispatch.State) {
		t.Helper()
		now = now.Add(24 * time.Hour)
		if err := dispatch.Transition(context.Background(), w.pool, order, dispatch.Step{At: now, State: state, Actor: dispatch.Crew}); err != nil {
			t.Fatal(err)
		}
	}
	each := map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}
	news("before", nil)
	step(dispatch.Accepted)
	news("a step", each)
	if m := last("ben@example.org"); !strings.HasPrefix(m, "Pothole, Lindengasse: Ordered\n") || !strings.Contains(m, "A resident has reported it.") || !strings.Contains(m, w.http.URL+"/orders/"+order) || !strings.Contains(m, w.http.URL+"/follow/") {
		t.Errorf("the mail of a step: %q", m)
	}
	if m := last("anna@example.org"); !strings.Contains(m, "It is work order SP-0001") {
		t.Errorf("the reporter's mail: %q", m)
	}
	w.says(order, now, "We come in May.", false)
	news("a reply", each)
	if m := last("ben@example.org"); !strings.HasPrefix(m, "The city writes about Pothole, Lindengasse\n") || !strings.Contains(m, "We come in May.") {
		t.Errorf("the mail of a reply: %q", m)
	}
	now = now.Add(61 * 24 * time.Hour)
	news("two months", nil)
	if n := count(w, `select count(*) from follows where place = $1`, order); n != 4 {
		t.Errorf("%d follow an open order after two months", n)
	}

	// Drivers feel it as well. Carl had followed the place too; Dora had asked to, and not said yes.
	w.put(defect{ID: "pjoined1", Street: "Lindengasse", Share: .5, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8})
	follow("/places/pjoined1", "carl@example.org")
	v.send("/places/pjoined1/follow", url.Values{"email": {"dora@example.org"}})
	for email := range map[string]bool{"carl@example.org": true, "dora@example.org": true} {
		had[email] = len(w.letters(email))
	}
	w.adopts("pjoined1")
	news("its place", map[string]int{})
	if n, all := count(w, `select count(*) from follows where place = 'pjoined1' and confirmed_at is not null`), count(w, `select count(*) from follows`); n != 4 || all != 4 {
		t.Errorf("%d follow the place, and there are %d", n, all)
	}
	step(dispatch.Assigned)
	news("a step of the place's order", each)
	w.says(order, now, "We come in June.", false)
	news("a reply at the place", each)
	if m := last("carl@example.org"); !strings.Contains(m, w.http.URL+"/places/pjoined1") || !strings.Contains(m, "We come in June.") || strings.Contains(m, "May") {
		t.Errorf("the mail of a reply at the place: %q", m)
	}
	// Old addresses lead there.
	if answer, _ := v.send("/orders/"+order+"/follow", url.Values{"email": {"eva@example.org"}}); answer.StatusCode != http.StatusOK {
		t.Errorf("an old form: %s", answer.Status)
	}
	if n := count(w, `select count(*) from follows where place = 'pjoined1' and email = 'eva@example.org'`); n != 1 {
		t.Error("an old form does not lead to the place")
	}
}

// TestOrdersAreFollowedOverTheInterface asks to follow an order that has no place, one that has, and one that there is not.
func TestOrdersAreFollowedOverTheInterface(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.City = "Krems" })
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	w.reported("Lindengasse", "anna@example.org")
	desk := w.signIn(access.Dispatcher)
	order := desk.accepts()
	w.reported("Austraße", "ben@example.org")
	other := desk.accepts()
	for id, want := range map[string]int{order: 202, "none": 404, "oordered1": 202} {
		if answer, text := w.send(http.MethodPost, "/api/v1/orders/"+id+"/followers", `{"email":"carl@example.org"}`, "", ""); answer.StatusCode != want {
			t.Errorf("%s: %s %s", id, answer.Status, text)
		}
	}
	if n := count(w, `select count(*) from follows where place in ($1, 'pordered1')`, order); n != 2 {
		t.Errorf("%d are followed", n)
	}
	// What was merged into another is heard of by that one's news.
	if _, err := w.pool.Exec(t.Context(), `update follows set confirmed_at = now()`); err != nil {
		t.Fatal(err)
	}
	if answer, body := desk.call("POST", "/orders/"+order+"/merge", `{"do":"dismiss","verdict":"duplicate","of":"`+other+`"}`, ""); answer.StatusCode != http.StatusOK {
		t.Fatalf("merged: %s", body)
	}
	w.work()
	before := len(w.letters("carl@example.org"))
	if err := dispatch.Transition(t.Context(), w.pool, other, dispatch.Step{At: today(), State: dispatch.Accepted, Actor: dispatch.Dispatcher}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if n := len(w.letters("carl@example.org")) - before; n != 1 {
		t.Errorf("%d mails of what the other has become", n)
	}
}

// TestOrderWithoutPlaceJourney has a report accepted while somebody looks at the map, who opens it there and follows it to the next mail.
func TestOrderWithoutPlaceJourney(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.City = "Krems" })
	w.settle()
	w.reported("Lindengasse", "anna@example.org")
	desk := w.signIn(access.Dispatcher)
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1440, 900, false)
	b.open(w.http.URL + "/")
	at, _ := w.spot("Lindengasse", .5)
	eval[chromedp.Void](b, fmt.Sprintf(`void document.getElementById('map').glmap.jumpTo({center: [%f, %f], zoom: 16})`, at.Lon(), at.Lat()))
	b.wait(`document.getElementById('map').glmap.loaded()`)
	order := desk.accepts()
	const marks = `document.getElementById('map').glmap.queryRenderedFeatures({layers: ['marks']})`
	b.wait(fmt.Sprintf(marks+`.some(f => f.properties.id === '%s' && f.properties.mark === 'confirmed')`, order))
	b.wait(`document.querySelector('.tell').textContent.includes('Pothole, Lindengasse')`)
	spot := eval[[]float64](b, fmt.Sprintf(`(() => { const m = document.getElementById('map').glmap, p = m.project([%f, %f]), r = m.getCanvas().getBoundingClientRect(); return [r.x + p.x, r.y + p.y]; })()`, at.Lon(), at.Lat()))
	run(b, chromedp.MouseClickXY(spot[0], spot[1]))
	b.wait(`document.querySelector('#panel [data-place="` + order + `"]')`)
	b.reads("A resident has reported it.")
	b.shoot("placeless-panel", false)
	if !eval[bool](b, `location.search === '?place=`+order+`'`) {
		t.Error("the address does not name what is open")
	}
	b.tap(`#panel a[href="/orders/` + order + `#follow"]`)
	b.until(`document.querySelector('#follow-email') !== null`)
	b.shoot("placeless-page", true)
	run(b, chromedp.Evaluate[chromedp.Void](`void document.querySelector("#follow-email").focus()`))
	b.press("ben@example.org")
	b.press("Enter")
	b.reads("One more step")
	run(b, chromedp.Navigate(linkIn.FindString(w.letters("ben@example.org")[0])))
	b.tap(`[value=yes]`)
	b.reads("You follow this work order by e-mail.")
	if err := dispatch.Transition(t.Context(), w.pool, order, dispatch.Step{At: today(), State: dispatch.Accepted, Actor: dispatch.Dispatcher}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if mails := w.letters("ben@example.org"); len(mails) != 2 || !strings.HasPrefix(mails[1], "Pothole, Lindengasse: Ordered\n") {
		t.Errorf("mails: %q", mails)
	}
	b.open(w.http.URL + "/?place=" + order)
	b.wait(`document.querySelector('#panel [data-place="` + order + `"]')?.dataset.mark === 'ordered'`)
	b.clean("placeless")
}
