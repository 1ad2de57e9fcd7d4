package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/access"
)

// TestWorksInterface goes an order's way by the interface, and a form's.
func TestWorksInterface(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.works()
	anna := w.signIn(access.Dispatcher)
	ask := func(path, body string, want int) (out worked) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, w.http.URL+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, text := anna.do(r)
		if answer.StatusCode != want {
			t.Errorf("%s %s: %s %s", path, body, answer.Status, text)
		}
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		return out
	}
	const id = "oringstrasse1"
	var version int64
	if err := w.pool.QueryRow(t.Context(), `update orders set state = 'new', crew = null where id = $1 returning version`, id).Scan(&version); err != nil {
		t.Fatal(err)
	}
	seen := fmt.Sprint(version)
	ask("/orders/"+id+"/assignment", `{"do":"assign","crew":"crew-1","version":`+seen+`}`, 200)
	if out := ask("/orders/"+id+"/transitions", `{"do":"dismiss","verdict":"not_ours","version":`+seen+`}`, 409); !out.Orders[0].Changed || !strings.HasPrefix(out.Orders[0].Why, "Someone else changed ") {
		t.Errorf("%+v", out)
	}
	for path, body := range map[string]string{"transitions": `{}`, "notes": `{"do":"repair"}`, "assignment": `{"do":"dismiss","verdict":"not_ours"}`, "merge": `{"do":"note","reason":"x"}`} {
		ask("/orders/"+id+"/"+path, body, 422)
	}
	ask("/orders/"+id+"/transitions", `{"do":"start"}`, 200)
	ask("/orders/"+id+"/notes", `{"do":"note","reason":"Cold mix is enough."}`, 200)
	ask("/orders/"+id+"/notes", `{"do":"reply","reason":"We come on Friday."}`, 200)
	w.replies(anna, id)
	ask("/orders/"+id+"/case", `{"do":"refer","number":"311-99"}`, 200)
	ask("/orders/"+id+"/costs", `{"do":"spend","what":"Cold mix","quantity":40,"unit":"kg","cents":1250}`, 200)
	ask("/orders/"+id+"/class", `{"do":"reclass","class":"joint","severity":0.9}`, 200)
	for _, nowhere := range []string{"", `,"lat":48.41`, `,"lat":0,"lon":0`} {
		ask("/orders/"+id+"/position", `{"do":"move"`+nowhere+`}`, 422)
		ask("/orders/"+id+"/split", `{"do":"split"`+nowhere+`}`, 422)
	}
	if out := ask("/orders/"+id+"/class", `{"do":"reclass","class":"nothing"}`, 422); !strings.HasPrefix(out.Message, "Where nothing is, dismiss") {
		t.Errorf("%+v", out)
	}
	ask("/orders/"+id+"/position", `{"do":"move","lat":48.4101,"lon":15.6102}`, 200)
	if out := ask("/orders/"+id+"/split", `{"do":"split","lat":48.4103,"lon":15.6105}`, 200); out.Orders[0].Made == "" {
		t.Errorf("%+v", out)
	} else {
		anna.read("/console/orders/"+id, "Split off it:", `href="/console/orders/`+out.Orders[0].Made)
		anna.read("/console/orders/"+out.Orders[0].Made, "It was split off", `href="/console/orders/`+id)
		anna.read("/console?view=open", "Broken joint, split off")
		part := out.Orders[0].Made
		anna.read("/places/pringstrasse1", "Another defect here", "was split off this one. New since ", `id="`+part, `href="/orders/`+part)
		if answer, _ := w.get("/orders/" + part); answer.Request.URL.Path != "/orders/"+part {
			t.Errorf("the public page of what was split off: %s, %s", answer.Status, answer.Request.URL)
		}
		anna.read("/orders/"+part, "It was split off another work order", `href="/places/pringstrasse1">KR-0`, "/api/v1/orders/"+part)
		anna.read("/api/v1/orders/"+part, `"id":"`+part, `/orders/`+part+`"`)
	}
	ask("/orders/undo", ``, 200)
	if _, body := w.get("/places/pringstrasse1"); strings.Contains(body, "Another defect here") {
		t.Error("a split that was taken back is told of still")
	}
	ask("/orders/"+id+"/transitions", `{"do":"repair"}`, 200)
	ask("/orders/undo", ``, 200)
	if _, body := w.get("/places/pringstrasse1?lang=de"); !strings.Contains(body, "Der letzte Schritt wurde zurückgenommen.") || strings.Contains(body, "taken back") {
		t.Error("why a step was taken is not said in German")
	}
	ask("/orders/"+id+"/transitions", `{"do":"repair"}`, 200)
	ask("/orders/"+id+"/transitions", `{"do":"repair"}`, 422)
	if answer, body := w.signIn(access.Dispatcher).send("/console/undo", url.Values{"view": {"crews"}}); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "There is nothing of yours to take back") {
		t.Errorf("who has done nothing takes it back: %s", answer.Status)
	}
	if out := ask("/orders/"+id+"/transitions", `{"do":"verify","reason":"it is"}`, 422); !strings.HasPrefix(out.Message, "Traffic verifies") {
		t.Errorf("%+v", out)
	}
	ask("/orders/"+id+"/assignment", `{"do":"assign","crew":"nobody"}`, 422)
	if out := ask("/orders/actions", `{"do":"dismiss","verdict":"duplicate","of":"KR-9999","orders":[{"id":"`+id+`"}]}`, 422); out.Detail == "" {
		t.Errorf("%+v", out)
	}
	var review string
	if err := w.pool.QueryRow(t.Context(), `select place from reviews limit 1`).Scan(&review); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and taken back in between
		if out := ask("/reviews/"+review, `{"do":"accept"}`, 200); out.Message != "An order was written." {
			t.Errorf("%+v", out)
		}
		if out := ask("/orders/undo", ``, 200); out.Message != "It is on the review list again." {
			t.Errorf("%+v", out)
		}
	}
	ask("/reviews/"+review, `{"do":"dismiss","verdict":"not_ours"}`, 200)
	ask("/orders/undo", ``, 200)
	for range 2 { // and by forms
		answer, body := anna.send("/console/reviews/"+review, url.Values{"do": {"dismiss"}, "verdict": {"not_ours"}})
		if answer.Request.URL.RawQuery != "view=review&said=done" || !strings.Contains(body, `<button class="plainb u" id="undo" data-act="undo">`) {
			t.Errorf("after a dismissal: %s", answer.Request.URL)
		}
		if answer, body := anna.send("/console/undo", url.Values{"view": {"review"}}); answer.StatusCode != http.StatusOK || !strings.Contains(body, "/console/reviews/"+review) {
			t.Errorf("a dismissal that was taken back: %s", answer.Status)
		}
	}
	if _, text := anna.get("/console/reviews/" + review + "?part=detail"); !strings.Contains(text, `data-version="0"`) {
		t.Error("what is on the review list again is not shown as that")
	}
	ask("/reviews/"+review, `{"do":"accept"}`, 200)
	if answer, text := anna.get("/console/reviews/" + review + "?part=detail"); answer.StatusCode != http.StatusOK || !strings.Contains(text, "KR-") {
		t.Errorf("whoever had the review open is not shown its order: %s", answer.Status)
	}
	// The public hears nothing of people, notes or costs.
	for _, path := range []string{"/api/v1/orders/" + id, "/places/pringstrasse1", "/api/v1/places/pringstrasse1"} {
		if _, body := w.get(path); strings.Contains(body, "Cold mix") || strings.Contains(body, "example.org") {
			t.Errorf("%s tells what is not public", path)
		}
	}
	if _, body := w.get("/places/pringstrasse1"); !strings.Contains(body, "The city replies") || !strings.Contains(body, "We come on Friday.") {
		t.Error("the public cannot read the reply")
	}
	answer, body := anna.get("/console/orders/" + id)
	for _, want := range []string{"Cold mix is enough.", "311-99", "12.50"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s: no %q", answer.Status, want)
		}
	}
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	// A form with an old version is told so on the order's own page.
	if answer, body := anna.send("/console/orders/"+id, url.Values{"do": {"note"}, "reason": {"late"}, "seen": {seen}}); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "Someone else changed") {
		t.Errorf("%s %s", answer.Status, body)
	}
	if answer, body := anna.send("/console/orders/"+id, url.Values{"do": {"reclass"}, "class": {"joint"}, "severity": {"deep"}, "seen": {seen}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "“deep” is no number") {
		t.Errorf("%s %s", answer.Status, body)
	}
	if answer, _ := anna.send("/console/views", url.Values{"name": {"Rails"}, "query": {"class=rail&evil=1"}}); answer.Request.URL.RawQuery != "class=rail" {
		t.Errorf("%s", answer.Request.URL)
	}
	ben := w.signIn(access.Supervisor)
	if body := ben.read("/console", "Saved views"); strings.Contains(body, ">Rails") {
		t.Error("somebody else's view is offered")
	}
	anna.send("/console/views", url.Values{"name": {"Rails"}, "query": {"class=rail"}, "shared": {"1"}})
	anna.read("/console", `<a href="/console?class=rail">Rails <span class="q s">for everybody</span></a>`)
	if body := ben.read("/console", `<a href="/console?class=rail">Rails <span class="q s">`); strings.Contains(body, `value="Rails"`) {
		t.Error("somebody else's view can be forgotten")
	}
	ben.send("/console/views", url.Values{"name": {"Rails"}, "forget": {"1"}})
	ben.read("/console", ">Rails <")
	anna.send("/console/views", url.Values{"name": {"Rails"}, "forget": {"1"}})
	if body := ben.read("/console", "Saved views"); strings.Contains(body, ">Rails") {
		t.Error("a view that was forgotten is offered")
	}
	anna.read("/console?view=open&class=rail", `href="/console/export/orders.csv?class=rail&amp;view=open"`) // of the view, without scripts too
	for format, want := range map[string]string{"csv": "KR-0", "geojson": `"FeatureCollection"`, "xlsx": "PK"} {
		answer, body := anna.get("/console/export/orders." + format + "?view=open")
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, want) || !strings.Contains(answer.Header.Get("Content-Disposition"), "orders-2026-03-11."+format) {
			t.Errorf("%s: %s %.80q", format, answer.Status, body)
		}
	}
	for file, want := range map[string]int{string(picture(t)): http.StatusOK, "no picture": http.StatusUnprocessableEntity, "": http.StatusUnprocessableEntity} {
		if answer, body := anna.upload("/console/orders/"+id, url.Values{"do": {"photo"}, "taken": {"after"}}, "photo", file); answer.StatusCode != want || want == http.StatusOK && !strings.Contains(body, "After the repair") {
			t.Errorf("a photo: %s", answer.Status)
		}
	}
	_, body = anna.get("/console/export/orders.csv?q=311-99")
	if !strings.Contains(body, ",12.5,Cold mix 40 kg,") {
		t.Errorf("what was spent is not in the file: %s", body)
	}
	w.approved(anna, ask)
	// A body that an order is handed over to is told so in its language.
	if _, err := w.pool.Exec(t.Context(), `update bodies set email = 'wasser@evn.example', language = 'de'`); err != nil {
		t.Fatal(err)
	}
	var handed, number string
	if err := w.pool.QueryRow(t.Context(), `select id, number from orders where state = 'new' and place is not null limit 1`).Scan(&handed, &number); err != nil {
		t.Fatal(err)
	}
	ask("/orders/"+handed+"/assignment", `{"do":"hand_over","body":"EVN Wasser"}`, 200)
	w.deliver("the body is told", func() bool { return len(w.letters("wasser@evn.example")) > 0 })
	if letter := w.letters("wasser@evn.example"); len(letter) != 1 || !strings.Contains(letter[0], number+" wird Ihnen übergeben") || !strings.Contains(letter[0], w.http.URL+"/places/") || !strings.Contains(letter[0], "Fällig ") {
		t.Errorf("the body is told %q", letter)
	}
	anna.read("/console/orders/"+handed, "handed it over to EVN Wasser, which is told by mail.")
	w.exported(anna)
	w.supervised(id)
	if _, body := anna.get("/console?lang=de"); !strings.Contains(body, "Leitstelle") {
		t.Error("no German console")
	}
	key := w.key(w.person("programs@example.org", access.Dispatcher), access.ScopeOrders)
	if answer, text := w.visitor("192.0.2.9").call(http.MethodPost, "/orders/"+handed+"/notes", `{"do":"note","reason":"From the asset system."}`, key); answer.StatusCode != http.StatusOK {
		t.Errorf("a program: %s %s", answer.Status, text)
	}
	if n := count(w, `select count(*) from audit where action = 'order.noted' and detail ~ '\(key [0-9]+, .+\)$'`); n != 1 {
		t.Errorf("the log has %d lines that a program wrote a note", n)
	}
	if n := count(w, `select count(*) from audit where action like 'order.%'`); n < 9 {
		t.Errorf("the audit log has %d lines", n)
	}
}

// replies keeps reply templates as a supervisor, and gives some to an order that is in progress as a dispatcher.
func (w *town) replies(anna *visitor, id string) {
	w.t.Helper()
	chief := w.signIn(access.Supervisor)
	chief.read("/admin/replies", "It takes longer", "Order {number} stays open", "Nothing was found")
	form := url.Values{"title-en": {"Friday"}, "text-en": {"Order {number}: we come to {street} by {day}."}, "title-de": {"Freitag"}, "text-de": {"{class}: bis {day}."}, "state": {"in_progress"}, "class": {"pothole"}}
	send := func(at, status int, want, key, value string) *http.Response {
		w.t.Helper()
		f := maps.Clone(form)
		if key != "" {
			f[key] = []string{value}
		}
		answer, body := chief.send([]string{"/admin/replies", "/admin/replies/longer"}[at], f)
		if answer.StatusCode != status || !strings.Contains(body, want) {
			w.t.Errorf("%s=%s: %s, and no %q", key, value, answer.Status, want)
		}
		for _, wrong := range wellFormed(body) {
			if status == http.StatusOK {
				w.t.Error(wrong)
			}
		}
		return answer
	}
	send(0, 422, "{name} is nothing that is filled in.", "text-en", "Dear {name}")
	send(0, 422, "A title has 1 to 80 letters.", "title-de", "")
	send(0, 422, "is no state", "state", "painted")
	made := send(0, 200, "The template is added.", "", "").Request.URL.Path
	send(1, 409, "Someone else changed Friday", "version", "7")
	send(1, 200, "Saved.", "version", "1")
	send(1, 200, "The template is removed.", "do", "remove")
	chief.read("/admin/replies?lang=de", "Antwortvorlagen", "Bis zu einem Tag soll es repariert sein")
	chief.read("/admin/replies?lang=en", "Changed a reply template", "Removed a reply template", "title en: It takes longer → Friday")

	number := ""
	if err := w.pool.QueryRow(w.t.Context(), `update orders set due_at = '2026-03-20 10:00Z' where id = $1 returning number`, id).Scan(&number); err != nil {
		w.t.Fatal(err)
	}
	filled := "Order " + number + ": we come to Ringstraße by 20 Mar 2026."
	anna.read("/api/v1/orders/"+id+"/replies", filled, "Schlagloch: bis 20. März 2026.", "A crew has this order and is to come by 20 Mar 2026.")
	if _, body := anna.get("/api/v1/orders/" + id + "/replies"); strings.Contains(body, "It was repaired on") {
		w.t.Error("what is in progress is offered that it was repaired")
	}
	anna.read("/console/orders/"+id+"?template="+strings.TrimPrefix(made, "/admin/replies/")+".en", ">"+filled+"</textarea>", "Freitag (Deutsch)")
	for path, body := range map[string]string{"notes": `{"do":"reply","reason":"Order {number} is yours, {street}."}`} {
		if answer, text := anna.call(http.MethodPost, "/orders/"+id+"/"+path, body, ""); answer.StatusCode != http.StatusOK {
			w.t.Errorf("%s: %s %s", body, answer.Status, text)
		}
	}
	if n := count(w, `select count(*) from order_actions where kind = 'replied' and reason = $1`, "Order "+number+" is yours, Ringstraße."); n != 1 {
		w.t.Error("a reply is not filled in")
	}
	if _, err := w.pool.Exec(w.t.Context(), `update orders set due_at = null where id = $1`, id); err != nil {
		w.t.Fatal(err)
	}
	if answer, text := anna.call(http.MethodPost, "/orders/"+id+"/notes", `{"do":"reply","reason":"By {day}."}`, ""); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "has nothing for {day}") {
		w.t.Errorf("a reply without its day: %s %s", answer.Status, text)
	}
	for _, c := range []struct {
		method, body string
		status       int
	}{
		{http.MethodPut, `{"titles":{"en":"Soon"},"texts":{"en":"We come soon."}}`, 200}, {http.MethodPut, `{"titles":{"en":"Soon"},"texts":{"en":"Soon."},"version":7}`, 409},
		{http.MethodPut, `{"titles":{"fr":"Bientôt"},"texts":{"fr":"Bientôt."}}`, 422}, {http.MethodDelete, ``, 204}, {http.MethodDelete, ``, 404},
	} {
		if answer, text := chief.call(c.method, "/replies/soon", c.body, ""); answer.StatusCode != c.status {
			w.t.Errorf("%s %s: %s %s", c.method, c.body, answer.Status, text)
		}
	}
	if _, body := anna.get("/api/v1/replies"); strings.Contains(body, "soon") {
		w.t.Error("what was removed is listed")
	}
}
