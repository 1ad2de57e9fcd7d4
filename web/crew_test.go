package web_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// staff gives the town two crews, carl in the first, which has eight orders for today.
func (w *town) staff() (carl access.Person, orders []string) {
	w.t.Helper()
	carl = w.person("carl@example.org", access.Crew)
	for _, c := range []dispatch.Team{{ID: "crew-1", Name: "Crew 1", Members: []string{carl.ID}, Yard: &orb.Point{15.6035, 48.4068}}, {ID: "crew-2", Name: "Crew 2"}} {
		if _, err := dispatch.SaveCrew(w.t.Context(), w.pool, c); err != nil {
			w.t.Fatal(err)
		}
	}
	for i, street := range []string{"Ringstraße", "Göttweigergasse", "Mitterweg", "Austraße", "Hohensteinstraße", "Ringstraße", "Wiener Straße", "Dammstraße"} {
		id := fmt.Sprintf("pcrew%d", i)
		w.put(defect{ID: id, Street: street, Share: .15 + .09*float64(i), State: "confirmed", Severity: .3 + .08*float64(i), Devices: 5 + i, Passes: 1, Days: 4, Order: dispatch.New})
		orders = append(orders, "o"+id[1:])
		w.assign(orders[i], "crew-1")
	}
	if _, err := w.pool.Exec(w.t.Context(), `update places p set steps = (select count(*) from place_steps s where s.place = p.id)`); err != nil {
		w.t.Fatal(err)
	}
	if _, err := dispatch.Clocks(w.t.Context(), w.pool, w.now()); err != nil {
		w.t.Fatal(err)
	}
	return carl, orders
}

func (w *town) assign(order, crew string) {
	w.t.Helper()
	by := dispatch.By{Actor: dispatch.Dispatcher, At: w.now().Add(-time.Hour)}
	if _, err := (dispatch.Desk{Pool: w.pool}).Act(w.t.Context(), order, by, dispatch.Assign{Crew: crew}); err != nil {
		w.t.Fatal(err)
	}
}

// fill posts a form of an order as a browser without scripts does.
func (v *visitor) fill(order string, fields map[string]string, photos map[string][]byte) (*http.Response, string) {
	v.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			v.t.Fatal(err)
		}
	}
	for name, b := range photos {
		part, err := form.CreateFormFile(name, name+".png")
		if err == nil {
			_, err = part.Write(b)
		}
		if err != nil {
			v.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		v.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, v.w.http.URL+"/crew/orders/"+order, &body)
	r.RequestURI = ""
	r.Header.Set("Content-Type", form.FormDataContentType())
	return v.do(r)
}

// A crew without scripts reads its day and says what it did; it touches no other crew's orders, and its photos are the works department's.
func TestCrewWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	carl, orders := w.staff()
	other := "o" + "fother"
	w.put(defect{ID: "pfother", Street: "Austraße", Share: .6, State: "confirmed", Severity: .5, Devices: 5, Days: 4, Order: dispatch.New})
	w.assign(other, "crew-2")
	v := w.loggedIn(carl)
	v.read("/crew", "Crew 1", "8 stops, ", "Ringstraße", "Dammstraße", `class="line way on"`)
	v.read("/crew/orders/"+orders[0], "Pothole, Ringstraße", "Found and repaired", "geo:48.", "5 drivers felt it")
	first := `{"do":"start","key":"k1","version":2}`
	if answer, body := v.call("POST", "/crew/orders/"+orders[0]+"/actions", first, ""); answer.StatusCode != http.StatusOK {
		t.Errorf("start: %s %s", answer.Status, body)
	}
	fields := map[string]string{"do": "repair", "seen": "3", "key": "form1", "what": "Cold mix", "quantity": "20", "unit": "kg", "cost": "9,50", "reason": ""}
	for range 2 { // sent twice, done once
		if answer, body := v.still().fill(orders[0], fields, map[string][]byte{"before": picture(t), "after": picture(t)}); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("repaired: %s %s", answer.Status, body)
		}
	}
	if answer, _ := v.fill(orders[1], map[string]string{"do": "dismiss", "verdict": "not_found", "seen": "1", "key": "form2"}, nil); answer.StatusCode != http.StatusConflict {
		t.Errorf("an order that was seen as it was before: %s", answer.Status)
	}
	for _, path := range []string{"/crew/orders/" + other, "/crew/orders/" + other + "/photos/x"} {
		if answer, _ := v.get(path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s of another crew: %s", path, answer.Status)
		}
	}
	for what, body := range map[string]string{"/actions": `{"do":"repair"}`, "/photos": "x"} {
		if answer, text := v.call("POST", "/crew/orders/"+other+what, body, ""); answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("%s of another crew: %s %s", what, answer.Status, text)
		}
	}
	for _, deed := range []string{`"assign","crew":"crew-2"`, `"hand_over","body":"Krems"`, `"take_over"`, `"accept"`, `"release"`, `"reopen"`, `"move","lat":48.41,"lon":15.61`,
		`"split","lat":48.41,"lon":15.61`, `"refer","number":"311"`, `"reply"`, `"dismiss","verdict":"not_ours"`, `"dismiss","verdict":"duplicate","of":"` + orders[2] + `"`} {
		answer, text := v.call("POST", "/crew/orders/"+orders[1]+"/actions", `{"reason":"because","do":`+deed+`}`, "")
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "This is done at the console.") {
			t.Errorf("a crew does %s: %s %s", deed, answer.Status, text)
		}
	}
	if n := count(w, `select count(*) from order_actions where person = $1`, carl.ID); n != 5 {
		t.Errorf("%d actions of carl: start, repaired, material, two photos", n)
	}
	// What a phone sent in one stroke it takes back in one.
	for _, deed := range []string{`"repair","key":"S"`, `"spend","what":"Cold mix","cents":950,"key":"S/1"`} {
		if answer, text := v.call("POST", "/crew/orders/"+orders[3]+"/actions", `{"stroke":"S","do":`+deed+`}`, ""); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", deed, answer.Status, text)
		}
	}
	if answer, text := v.call("POST", "/crew/undo", `{"key":"S"}`, ""); answer.StatusCode != http.StatusOK {
		t.Errorf("a stroke: %s %s", answer.Status, text)
	}
	if n := count(w, `select count(*) from orders o where id = $1 and state = 'assigned' and not exists (select 1 from order_actions where order_id = o.id and kind in ('spent', 'repaired') and not undone)`, orders[3]); n != 1 {
		t.Error("a stroke is taken back in part")
	}
	if answer, _ := v.fill(orders[3], map[string]string{"do": "note", "cost": "40", "key": "form3"}, nil); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an amount for nothing: %s", answer.Status)
	}
	var photo string
	if err := w.pool.QueryRow(t.Context(), `select id from order_photos where order_id = $1 and taken = 'after'`, orders[0]).Scan(&photo); err != nil {
		t.Fatal(err)
	}
	src := "/crew/orders/" + orders[0] + "/photos/" + photo
	w.signIn(access.Dispatcher).read("/console/orders/"+orders[0], src, "carl@example.org repaired it.", "Cold mix, 20.0 kg")
	if answer, body := v.get(src); answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "image/jpeg" || len(body) < 100 {
		t.Errorf("the photo: %s", answer.Status)
	}
	for _, who := range []*visitor{w.visitor("192.0.2.8").still(), w.signIn(access.Resident), w.signIn(access.Crew)} {
		if answer, _ := who.get(src); answer.StatusCode == http.StatusOK {
			t.Errorf("somebody else gets the photo: %s", answer.Status)
		}
	}
}

// road is the way to a server, which can be cut, and on which answers can be lost after the server has done what was asked.
type road struct {
	next http.Handler
	cut  atomic.Bool
	lose atomic.Int32 // answers to posts of the interface yet to be lost
	weak atomic.Bool  // the page does not come, until whoever waits for it goes
	kept atomic.Int32 // requests for the page that have waited so
}

func (r *road) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if r.cut.Load() {
		panic(http.ErrAbortHandler)
	}
	if r.weak.Load() && q.URL.Path == "/crew" {
		r.kept.Add(1)
		<-q.Context().Done()
		return
	}
	if q.Method == http.MethodPost && strings.HasPrefix(q.URL.Path, "/api/v1/crew/") && r.lose.Add(-1) >= 0 {
		r.next.ServeHTTP(httptest.NewRecorder(), q)
		panic(http.ErrAbortHandler)
	}
	r.next.ServeHTTP(w, q)
}

// offline cuts the network, for the page and for its service worker, or mends it.
func (b *browser) offline(r *road, cut bool) {
	b.t.Helper()
	r.cut.Store(cut)
	call(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: cut, DownloadThroughput: -1, UploadThroughput: -1})
	if !cut {
		eval[chromedp.Void](b, `void dispatchEvent(new Event('online'))`)
	}
}

// pardon forgets a refusal, which is an error to the browser, and complaints of a network that was cut.
func (b *browser) pardon() {
	b.forgive()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrongs = slices.DeleteFunc(b.wrongs, func(w string) bool { return strings.Contains(w, "status of 409") })
}

// says fills in a form of an order and sends it. Fields are filled in by JavaScript, photos drawn.
func (b *browser) says(order, act, fill string) {
	b.t.Helper()
	if !eval[bool](b, `location.pathname === '/crew/orders/`+order+`'`) {
		if eval[bool](b, `location.pathname !== '/crew'`) {
			eval[chromedp.Void](b, `void document.getElementById('back').click()`)
		}
		b.wait(`document.querySelector('#stops a[href="/crew/orders/` + order + `"]')`)
		eval[chromedp.Void](b, `void document.querySelector('#stops a[href="/crew/orders/`+order+`"]').click()`)
	}
	b.wait(`document.querySelector('#stop [data-id="` + order + `"]')`)
	before := eval[string](b, `document.body.dataset.waiting`)
	eval[chromedp.Void](b, `(async () => {
		const button = document.querySelector('#stop button[name=do][value=`+act+`]'), form = button.form;
		const photo = async (name, colour) => {
			const c = Object.assign(document.createElement('canvas'), {width: 1200, height: 900}), x = c.getContext('2d');
			x.fillStyle = colour; x.fillRect(0, 0, 1200, 900); x.fillStyle = '#333'; x.fillRect(400, 400, 300, 160);
			const d = new DataTransfer();
			d.items.add(new File([await new Promise(r => c.toBlob(r, 'image/png'))], name + '.png', {type: 'image/png'}));
			form.elements[name].files = d.files;
		};
		`+fill+`
		form.requestSubmit(button);
	})()`)
	b.wait(`document.body.dataset.waiting !== '` + before + `'`)
}

// A day without a network: ten things are done and two photos taken, the page is closed and opened again, and then the network is there, but
// loses answers. Everything arrives, nothing twice, and what a dispatcher changed meanwhile is asked about.
func TestCrewDayOffline(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.Now = time.Now })
	carl, orders := w.staff()
	anna := w.person("anna@example.org", access.Dispatcher)
	way := &road{next: w.server.Handler()}
	server := httptest.NewServer(way)
	t.Cleanup(server.Close)
	axe, err := os.ReadFile("ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, strings.TrimPrefix(server.URL, "http://"))
	b.enter(w, carl)
	b.view(390, 844, false)
	b.open(server.URL + "/crew")
	b.wait(`document.body.dataset.ready === 'yes' && navigator.serviceWorker.controller && document.querySelectorAll('#stops li').length === 8`)
	b.wait(`caches.match('/crew', {ignoreVary: true}).then(r => !!r)`)
	look := func(name string) {
		b.shoot("crew-"+name, false)
		b.accessible(name, string(axe))
		if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
			t.Errorf("%s is wider than the window", name)
		}
	}
	look("day-390")
	b.view(390, 844, true)
	look("day-390-dark")
	b.view(390, 844, false)

	// What is taken back at once has never happened.
	b.says(orders[5], "note", `form.elements.reason.value = 'Not meant.';`)
	eval[chromedp.Void](b, `void document.getElementById('undo').click()`)
	b.wait(`document.body.dataset.waiting === '0' && document.getElementById('toast-text').textContent === 'It is as before.'`)
	b.clean("with a network")

	b.offline(way, true)
	b.says(orders[0], "start", "")
	b.says(orders[0], "repair", `await photo('before', '#999'); await photo('after', '#bbb');
		Object.assign(form.elements.what, {value: 'Cold mix'}); form.elements.quantity.value = '20,5'; form.elements.unit.value = 'kg'; form.elements.cost.value = '9.50';`)
	b.says(orders[1], "repair", `form.elements.found.value = 'casting';`)
	b.says(orders[2], "dismiss", "")
	b.says(orders[3], "other", `form.elements.is.value = 'speed_bump';`)
	b.says(orders[4], "other", `form.elements.is.value = 'joint'; form.elements.reason.value = 'Of the bridge.';`)
	b.says(orders[5], "note", `form.elements.reason.value = 'The parked lorry is in the way.';`)
	b.says(orders[6], "start", "")
	b.says(orders[7], "repair", "")
	const waiting = "12"
	b.wait(`document.body.dataset.waiting === '` + waiting + `' && document.getElementById('off').innerText.includes('12 not sent yet, safe on this phone')`)
	look("off-390")
	// Closed, and opened without a network.
	b.open(server.URL + "/crew")
	b.wait(`document.body.dataset.ready === 'yes' && document.body.dataset.waiting === '` + waiting + `' && document.querySelectorAll('#stops li').length === 8`)
	eval[chromedp.Void](b, `void document.querySelector('#stops a[href="/crew/orders/`+orders[0]+`"]').click()`)
	b.wait(`document.querySelector('#stop .waits').innerText.includes('repaired')`)
	if n := count(w, `select count(*) from order_actions where person = $1`, carl.ID); n != 0 {
		t.Errorf("%d actions came through a network that was cut", n)
	}
	b.forgive()

	// Meanwhile a dispatcher changes one of them.
	if _, err := (dispatch.Desk{Pool: w.pool}).Act(t.Context(), orders[7], dispatch.By{Actor: dispatch.Dispatcher, Person: anna.ID, At: time.Now()}, dispatch.Reclass{Class: "casting"}); err != nil {
		t.Fatal(err)
	}
	way.lose.Store(2)
	b.offline(way, false)
	b.wait(`document.body.dataset.waiting === '0' && document.body.dataset.parked === '1'`)
	b.pardon()
	for sql, want := range map[string]int{
		`select count(*) from order_actions where person = $1`: 11, `select count(distinct key) from order_actions where person = $1`: 11,
		`select count(*) from order_photos where $1 <> ''`:                                                                    2,
		`select count(*) from orders where state = 'repaired' and crew = 'crew-1' and $1 <> ''`:                               2,
		`select count(*) from orders where state = 'dismissed' and crew = 'crew-1' and $1 <> ''`:                              2,
		`select count(*) from orders where state = 'in_progress' and $1 <> ''`:                                                1,
		`select count(*) from orders where id = '` + orders[4] + `' and class = 'joint' and $1 <> ''`:                         1,
		`select count(*) from order_actions where kind = 'spent' and person = $1 and (words->>'cents')::int = 950`:            1,
		`select count(*) from order_actions where kind = 'noted' and person = $1`:                                             1,
		`select count(*) from order_actions where kind = 'repaired' and words->>'found' = 'casting' and person = $1`:          1,
		`select count(*) from places where verdict = 'speed_bump' and state = 'dismissed' and id = 'pcrew3' and $1 <> ''`:     1,
		`select count(*) from order_actions where kind = 'noted' and reason = 'The parked lorry is in the way.' and $1 <> ''`: 1,
	} {
		if n := count(w, sql, carl.ID); n != want {
			t.Errorf("%d, not %d: %s", n, want, sql)
		}
	}
	// A network that brings no page holds nobody up.
	way.weak.Store(true)
	b.open(server.URL + "/crew")
	b.wait(`document.body.dataset.ready === 'yes' && document.body.dataset.parked === '1'`)
	if way.kept.Load() == 0 {
		t.Error("the page was not asked for")
	}
	way.weak.Store(false)
	b.wait(`document.getElementById('parked').innerText.includes('anna@example.org reclassed it')`)
	look("conflict-390")
	eval[chromedp.Void](b, `void document.querySelector('#parked button').click()`)
	b.wait(`document.body.dataset.parked === '0' && document.body.dataset.waiting === '0' && document.getElementById('parked').hidden`)
	if n := count(w, `select count(*) from orders where id = $1 and state = 'repaired'`, orders[7]); n != 1 {
		t.Error("the repair that was meant anyway is not done")
	}
	b.clean("in the end")
	for _, size := range []struct {
		w, h int64
		dark bool
		name string
	}{{1440, 900, false, "stop-1440"}, {1440, 900, true, "stop-1440-dark"}, {390, 844, true, "stop-390-dark"}, {360, 780, false, "stop-360"}} {
		b.view(size.w, size.h, size.dark)
		run(b, chromedp.Navigate(server.URL+"/crew/orders/"+orders[6]))
		b.until(`document.body?.dataset.ready === 'yes' && document.fonts.status === 'loaded'`)
		eval[chromedp.Void](b, `void document.querySelectorAll('#stop details').forEach(d => d.open = true)`)
		look(size.name)
	}
	b.clean("in the end")
}
