package web_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

// works gives the town a works department: two crews, deadlines, priorities, something to review, and waveforms at one place.
func (w *town) works() {
	w.t.Helper()
	ctx := w.t.Context()
	w.settle()
	for _, c := range []dispatch.Team{{ID: "crew-1", Name: "Crew 1"}, {ID: "crew-2", Name: "Crew 2"}} {
		if _, err := dispatch.SaveCrew(ctx, w.pool, c); err != nil {
			w.t.Fatal(err)
		}
	}
	bodies, err := dispatch.ReadBodies(strings.NewReader(`{"type":"FeatureCollection","features":[{"properties":{"name":"EVN Wasser","external":true,"classes":["casting"]},"geometry":null}]}`))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := dispatch.SaveBodies(ctx, w.pool, bodies); err != nil {
		w.t.Fatal(err)
	}
	var wave []byte
	for i := range 200 {
		g := 0.0
		if at := float64(i-60) / 100; at > 0 {
			g = -1.2 * math.Exp(-at*6) * math.Sin(2*math.Pi*11*at)
		}
		wave = binary.LittleEndian.AppendUint16(wave, uint16(int16(g*1000)))
	}
	for _, sql := range []string{
		`insert into order_actions (order_id, version, at, kind, actor, state) select id, 1, promoted_at, 'promoted', 'crowd', 'new' from orders`,
		`update places p set steps = (select count(*) from place_steps s where s.place = p.id)`,
		`update orders set clock_from = promoted_at, crew = case state when 'in_progress' then 'crew-2' when 'assigned' then 'crew-1' end`,
		`insert into reviews (place, class, at) select id, class, state_at from places where state = 'suspected' and class in ('rail', 'joint', 'casting') and not ordered`,
	} {
		if _, err := w.pool.Exec(ctx, sql); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.pool.Exec(ctx, `update events set wave = $1, rate_hz = 100 where kind = 0`, wave); err != nil {
		w.t.Fatal(err)
	}
	if _, err := dispatch.Clocks(ctx, w.pool, w.now()); err != nil {
		w.t.Fatal(err)
	}
}

// enter has the browser be somebody.
func (b *browser) enter(w *town, p access.Person) {
	b.t.Helper()
	call(b, network.SetCookie, network.SetCookieParams{Name: "session", Value: w.session(p), URL: w.http.URL})
}

// state asks for an order's state.
func (w *town) state(number string) (state, crew string) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), `select state, coalesce(crew, '') from orders where number = $1`, number).Scan(&state, &crew); err != nil {
		w.t.Fatal(err)
	}
	return state, crew
}

// TestConsole works a queue by keyboard alone: triage, assign, dismiss, undo, a conflict with somebody else, and what they do live.
func TestConsole(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.works()
	anna, ben := w.person("anna@example.org", access.Dispatcher), w.person("ben@example.org", access.Dispatcher)
	axe, err := os.ReadFile("ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.enter(w, anna)
	b.view(1440, 900, false)
	b.open(w.http.URL + "/console")
	b.wait(`document.querySelector('main').dataset.ready === 'yes' && document.querySelector('main').dataset.live === 'yes' && document.querySelector('.qr.cur') && document.querySelector('.det-in')`)
	const current = `(document.querySelector('.det-in')?.dataset.number ?? '')`
	const inHand = `document.querySelector('.qr.cur')?.dataset.id === document.querySelector('.det-in')?.dataset.id`
	const said = `document.getElementById('said').textContent`
	b.wait(inHand)
	number, first := eval[string](b, current), eval[string](b, `document.querySelector('.det-in').dataset.id`)

	todo := eval[string](b, `document.querySelector('[data-count=todo]').textContent`)

	// The map draws what the queue lists; what is clicked on there comes to hand here.
	const drawn = `cmap.glmap.querySourceFeatures('places', {sourceLayer: 'places'})`
	b.wait(`cmap.dataset.ready === 'yes'`)
	b.wait(drawn + `.filter(f => f.properties.id).every(f => f.properties.mark !== 'repaired')`)
	other := eval[string](b, `[...document.querySelectorAll('.qr:not([hidden])')].map(r => r.dataset.id).find(id => id !== '`+first+`' && `+drawn+`.some(f => f.properties.id === id))`)
	spot := eval[[]float64](b, `(f => {
		cmap.glmap.jumpTo({center: f.geometry.coordinates, zoom: 17});
		const r = cmap.getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2];
	})(`+drawn+`.find(f => f.properties.id === '`+other+`'))`)
	const middle = `cmap.glmap.queryRenderedFeatures(cmap.glmap.project(cmap.glmap.getCenter()), {layers: ['marks']})`
	b.wait(middle + `.length > 0 && cmap.glmap.loaded()`)
	other = eval[string](b, middle+`[0].properties.ids.split(',')[0]`) // the one above, where several lie together
	run(b, chromedp.MouseClickXY(spot[0], spot[1]))
	b.wait(`document.querySelector('.qr.cur').dataset.id === '` + other + `' && ` + inHand)
	listed := eval[int](b, `document.querySelectorAll('.qr:not([hidden])').length`)
	eval[chromedp.Void](b, `void document.querySelector('.only').click()`)
	b.wait(fmt.Sprintf(`document.querySelectorAll('.qr:not([hidden])').length < %d && document.querySelector('.qr.cur').dataset.id === '%s'`, listed, other))
	b.shoot("console-only", false)
	eval[chromedp.Void](b, `void document.querySelector('.only').click()`)
	b.wait(fmt.Sprintf(`document.querySelectorAll('.qr:not([hidden])').length === %d`, listed))
	eval[chromedp.Void](b, `void (document.getElementById('rows').focus(), document.querySelector('.qr[data-id="`+first+`"]').click())`)
	b.wait(current + ` === '` + number + `'`)

	// The next, and back.
	b.press("j")
	b.wait(current + ` !== '` + number + `' && ` + current + ` !== ''`)
	b.press("k")
	b.wait(current + ` === '` + number + `'`)

	// Assigned by two keys; taken back by one.
	b.press("a")
	b.wait(`document.querySelector('#d-assign[open]')`)
	b.press("2")
	b.wait(said + `.includes('` + number + ` assigned.')`)
	if state, crew := w.state(number); state != "assigned" || crew != "crew-2" {
		t.Errorf("%s is %s with %q", number, state, crew)
	}
	b.press("z")
	b.wait(said + `.includes('as before')`)
	if state, crew := w.state(number); state == "assigned" || crew != "" {
		t.Errorf("%s is %s with %q", number, state, crew)
	}
	row := func(id string) string {
		return `[...document.querySelectorAll('.qr:not([hidden])')].some(r => r.dataset.id === '` + id + `')`
	}
	b.wait(row(first))

	// By one key each: accepted, assigned to the second crew, dismissed; and back.
	for _, c := range [][2]string{{"2", "assigned"}, {"D", "dismissed"}} {
		eval[chromedp.Void](b, `void document.querySelector('.qr[data-id="`+first+`"]').click()`)
		b.wait(`document.querySelector('.qr.cur').dataset.id === '` + first + `' && ` + inHand)
		b.press(c[0])
		b.wait(said + `.includes('` + number + ` ` + c[1] + `.')`)
		if state, _ := w.state(number); state != c[1] {
			t.Errorf("%s by %s: %s", number, c[0], state)
		}
		b.press("z")
		b.wait(said + `.includes('as before') && ` + row(first))
	}

	// Three at once, dismissed as speed bumps, and taken back in one stroke.
	b.press("x")
	b.press("J")
	b.press("J")
	b.wait(`document.getElementById('picked').textContent === '3 selected'`)
	b.press("d")
	b.wait(`document.querySelector('#d-dismiss[open]')`)
	b.press("2")
	b.wait(said + `.includes('3 orders dismissed.')`)
	if n := count(w, `select count(*) from order_actions where kind = 'dismissed' and words->>'found' = 'speed_bump'`); n != 3 {
		t.Errorf("%d were dismissed", n)
	}
	b.press("z")
	b.wait(said + `.includes('3 orders as before.') && document.querySelector('[data-count=todo]').textContent === '` + todo + `'`)

	// Somebody else is faster, and one hears so.
	had := eval[string](b, `document.querySelector('.qr.cur').dataset.id`)
	b.press("j")
	b.wait(`document.querySelector('.qr.cur').dataset.id !== '` + had + `' && ` + inHand)
	number = eval[string](b, current)
	id := eval[string](b, `document.querySelector('.det-in').dataset.id`)
	b.press("n")
	b.wait(`document.querySelector('#d-note[open]')`)
	desk := dispatch.Desk{Pool: w.pool}
	if _, err := desk.Act(t.Context(), id, dispatch.By{Actor: dispatch.Dispatcher, Person: ben.ID, At: w.now()}, dispatch.Assign{Crew: "crew-1"}); err != nil {
		t.Fatal(err)
	}
	// What ben did shows live; the dialog stays with what was seen when it was opened.
	b.wait(`!` + row(id))
	b.press("Looks deep.")
	eval[chromedp.Void](b, `void document.querySelector('#d-note button[value=go]').click()`)
	b.wait(said + `.includes('Someone else changed ` + number + `: ben@example.org assigned it at')`)
	b.shoot("console-conflict", false)

	// Views by G and a number; a search; a note on what is out with crews.
	b.press("g")
	b.press("4")
	b.wait(`new URLSearchParams(location.search).get('view') === 'crews' && ` + row(id))
	b.press("/")
	b.wait(`document.activeElement.id === 'cq'`)
	eval[chromedp.Void](b, `void (document.activeElement.value = '')`) // a browser that is driven writes the key nevertheless
	b.press(number)
	b.wait(`document.querySelectorAll('.qr:not([hidden])').length === 1 && document.querySelector('.qr.cur').dataset.id === '` + id + `' && ` + current + ` === '` + number + `'`)
	eval[chromedp.Void](b, `void document.getElementById('rows').focus()`)
	b.press("n")
	b.wait(`document.querySelector('#d-note[open]')`)
	b.press("Looks deep.")
	eval[chromedp.Void](b, `void document.querySelector('#d-note button[value=go]').click()`)
	b.wait(`document.querySelector('.det-in').innerText.includes('Looks deep.')`)
	// Its case's number, begun, repaired, and back.
	b.press("i")
	b.wait(`document.querySelector('#d-refer[open]')`)
	b.press("311-7")
	b.press("Enter")
	b.wait(`document.querySelector('.det-in').dataset.case.includes('311-7')`)
	b.press("b")
	b.wait(said + `.includes('` + number + ` started.') && document.querySelector('.det-in [data-act=repair]')`)
	b.shoot("console-acts", false)
	b.press("r")
	b.wait(`document.querySelector('#d-repair[open]')`)
	b.shoot("console-repair", false)
	eval[chromedp.Void](b, `void document.querySelector('#d-repair button[value=go]').click()`)
	b.wait(said + `.includes('` + number + ` repaired.')`)
	b.press("z")
	b.wait(said + `.includes('as before') && ` + row(id) + ` && ` + current + ` === '` + number + `'`)
	if state, _ := w.state(number); state != "in_progress" {
		t.Errorf("%s is %s", number, state)
	}
	// A reply from a template, filled in.
	b.press("p")
	b.wait(`document.querySelector('#d-reply[open]') && document.querySelectorAll('#dt option').length > 3 && document.activeElement.id === 'dt'`)
	eval[chromedp.Void](b, `void (dt.value = [...dt.options].find(o => o.text === 'It takes longer').value, dt.dispatchEvent(new Event('change')))`)
	b.press("Enter")
	b.wait(`dt.selectedOptions[0].text === 'It takes longer' && document.activeElement.id === 'dy' && dy.value.startsWith('The repair takes longer than planned. Order ` + number + ` stays')`)
	b.shoot("console-reply", false)
	eval[chromedp.Void](b, `void document.querySelector('#d-reply button[value=go]').click()`)
	b.wait(`document.querySelector('.det-in').innerText.includes('Order ` + number + ` stays open until it is done.')`)
	b.press("?")
	b.wait(`document.querySelector('#d-help[open]')`)
	b.shoot("console-keys", false)
	b.accessible("keys", string(axe))
	eval[chromedp.Void](b, `void document.querySelector('#d-help .btn').click()`)
	b.clean("keys")

	// The review list: two are taken off it in one stroke, and back; one becomes an order.
	b.press("g")
	b.press("3")
	b.wait(`new URLSearchParams(location.search).get('view') === 'review' && document.querySelector('.det-in')?.dataset.version === '0'`)
	b.wait(`document.querySelector('.det-in').innerText.includes('the severity alone')`)
	b.shoot("console-review", false)
	waiting := eval[string](b, `document.querySelector('[data-count=review]').textContent`)
	b.press("x")
	b.press("J")
	b.press("d")
	b.wait(`document.querySelector('#d-dismiss[open]')`)
	b.press("4")
	b.wait(said + `.includes('2 places were taken off the review list.') && !document.getElementById('undo').hidden`)
	b.press("z")
	b.wait(said + `.includes('2 places are on the review list again.') && document.querySelector('[data-count=review]').textContent === '` + waiting + `'`)
	before := count(w, `select count(*) from orders`)
	b.press("a")
	b.wait(said + `.includes('An order was written.') && !document.getElementById('undo').hidden`)
	if n := count(w, `select count(*) from orders`); n != before+1 {
		t.Errorf("%d orders after %d", n, before)
	}
	b.clean("review")
	for _, dark := range []bool{false, true} {
		for _, size := range [][2]int64{{1440, 900}, {1024, 768}, {390, 844}} {
			if dark != (size[0] == 390) && os.Getenv("STREETPULSE_SHOTS") == "" {
				continue
			}
			b.view(size[0], size[1], dark)
			b.open(w.http.URL + "/console?view=open&order=oringstrasse1")
			b.wait(`document.querySelector('main').dataset.ready === 'yes' && document.querySelector('.det-in')?.dataset.id === 'oringstrasse1' && (document.getElementById('cmap').dataset.ready === 'yes' || innerWidth < 1180)`)
			name := fmt.Sprintf("console-%d-%t", size[0], dark)
			b.shoot(name, false)
			b.clean(name)
			if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s is wider than the window", name)
			}
			b.accessible(name, string(axe))
		}
		b.view(1440, 900, dark)
		for _, page := range []string{"/console/orders/oringstrasse1", "/console/orders/oringstrasse1/sheet"} {
			b.open(w.http.URL + page)
			name := fmt.Sprintf("%s-%t", page[strings.LastIndex(page, "/")+1:], dark)
			b.shoot("order-"+name, true)
			b.accessible(name, string(axe))
		}
	}

	// Without scripts: the queue is a table, and forms do the same.
	b.view(1440, 900, false)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	run(b, chromedp.Navigate(w.http.URL+"/console"))
	b.until(`document.querySelectorAll('#plain tbody tr').length > 3`)
	b.shoot("console-plain", false)
	b.tap(`#plain tbody a`)
	b.until(`document.querySelector('form#assign')`)
	run(b, chromedp.Evaluate[chromedp.Void](`void document.querySelector('form#assign button').click()`))
	b.reads("Done.")
	b.reads("anna@example.org assigned it to Crew 1.")
	b.clean("plain")
}

// TestConsoleIsForDispatchers asks as others.
func TestConsoleIsForDispatchers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.works()
	for _, path := range []string{"/console", "/console/rows?offset=0&limit=10", "/console/orders/oringstrasse1", "/console/orders/oringstrasse1/sheet", "/console/export/orders.csv", "/console/at/oringstrasse1", "/console/tiles/14/8902/5660.mvt"} {
		if answer, _ := w.signIn(access.Crew).get(path); answer.StatusCode != http.StatusForbidden {
			t.Errorf("a crew at %s: %s", path, answer.Status)
		}
		if answer, _ := w.visitor("192.0.2.7").still().get(path); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("anybody at %s: %s", path, answer.Status)
		}
	}
	for _, path := range []string{"/api/v1/orders/actions", "/api/v1/orders/undo", "/api/v1/orders/oringstrasse1/transitions", "/api/v1/reviews/x"} {
		if answer, _ := w.send(http.MethodPost, path, `{}`, "", ""); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("anybody at %s: %s", path, answer.Status)
		}
	}
}

// TestConsoleMapIsTheQueue compares what the map draws with what the queue lists, near and far out.
func TestConsoleMapIsTheQueue(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.works()
	anna := w.signIn(access.Dispatcher)
	rows := func(query string) map[string]int {
		t.Helper()
		var list struct{ Rows []struct{ ID string } }
		if _, body := anna.get("/console/rows?offset=0&limit=500&" + query); json.Unmarshal([]byte(body), &list) != nil {
			t.Fatalf("%s: %s", query, body)
		}
		out := map[string]int{}
		for i, r := range list.Rows {
			out[r.ID] = i
		}
		return out
	}
	for _, query := range []string{"view=todo", "view=open", "view=crews", "view=checked", "view=review", "state=dismissed", "class=pothole", "q=Ring", "view=overdue",
		"severity=3", "view=review&class=rail", "view=review&q=zzzzz", "view=review&severity=2", "view=review&state=new"} {
		listed := rows(query)
		for _, zoom := range []maptile.Zoom{12, 14} {
			drawn := map[string]bool{}
			n := 0
			for _, f := range anna.consoleTiles(zoom, query) {
				n += f.Properties.MustInt("n")
				if id := f.Properties.MustString("id", ""); id != "" {
					drawn[id] = true
				}
			}
			if n != len(listed) {
				t.Errorf("%s: the map draws %d at zoom %d, and the queue lists %d", query, n, zoom, len(listed))
			}
			for id := range drawn {
				if _, ok := listed[id]; !ok {
					t.Errorf("%s: the map draws %s, and the queue does not list it", query, id)
				}
			}
		}
	}

	// The review list is narrowed as the queue is: its rows, its count and its file.
	for query, want := range map[string]string{"": "true", "&class=rail": "p.class = 'rail'", "&q=zzzzz": "false", "&severity=2": "p.severity >= 0.34", "&severity=3": "p.severity >= 0.67", "&crew=crew-1": "false"} {
		n := count(w, `select count(*) from reviews r join places p on p.id = r.place where `+want)
		var answer struct {
			Total  int
			Counts map[string]int
		}
		_, body := anna.get("/console/rows?offset=0&limit=1&counts=1&view=review" + query)
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Total != n || answer.Counts["review"] != n {
			t.Errorf("review list%s: %s, want %d", query, body, n)
		}
		if _, file := anna.get("/console/export/orders.csv?view=review" + query); strings.Count(file, "\n") != n+1 {
			t.Errorf("review list%s as a file: %s, want %d rows", query, file, n)
		}
	}

	// What is clicked on is found in the queue; what the queue does not list is there all the same.
	var at struct {
		Index int
		Row   struct{ ID string }
	}
	for _, c := range []struct {
		query, id string
		index     int
	}{{"view=open", "oringstrasse1", rows("view=open")["oringstrasse1"]}, {"view=checked", "oringstrasse1", -1}, {"view=review", slices.Collect(maps.Keys(rows("view=review")))[0], 0}} {
		_, body := anna.get("/console/at/" + c.id + "?" + c.query)
		if c.query == "view=review" {
			c.index = rows(c.query)[c.id]
		}
		if err := json.Unmarshal([]byte(body), &at); err != nil || at.Row.ID != c.id || at.Index != c.index {
			t.Errorf("%s: %s", c.query, body)
		}
	}

	// The queue bound to the map's window.
	var lat, lon float64
	if err := w.pool.QueryRow(t.Context(), `select lat, lon from places where id = 'pringstrasse1'`).Scan(&lat, &lon); err != nil {
		t.Fatal(err)
	}
	here := fmt.Sprintf("&bbox=%f,%f,%f,%f", lon-.0005, lat-.0005, lon+.0005, lat+.0005)
	if all, near := rows("view=open"), rows("view=open"+here); len(near) == 0 || len(near) >= len(all) {
		t.Errorf("%d of %d lie in the window", len(near), len(all))
	}
	if n := len(rows("view=review" + here)); n != 0 {
		t.Errorf("%d places to be reviewed lie in the window", n)
	}
}

// consoleTiles are all features of the console's map.
func (v *visitor) consoleTiles(zoom maptile.Zoom, query string) (out []*geojson.Feature) {
	v.t.Helper()
	low, high := maptile.At(orb.Point{15.54, 48.45}, zoom), maptile.At(orb.Point{15.70, 48.36}, zoom)
	for x := low.X; x <= high.X; x++ {
		for y := low.Y; y <= high.Y; y++ {
			answer, body := v.get(fmt.Sprintf("/console/tiles/%d/%d/%d.mvt?%s", zoom, x, y, query))
			if answer.StatusCode == http.StatusNoContent {
				continue
			}
			layers, err := mvt.Unmarshal([]byte(body))
			if err != nil {
				v.t.Fatalf("%s: %v", answer.Status, err)
			}
			for _, l := range layers {
				if l.Name == "places" {
					out = append(out, l.Features...)
				}
			}
		}
	}
	return out
}

// approved has an order that was split off repaired, and verified by hand: no traffic is asked about it.
func (w *town) approved(anna *visitor, ask func(path, body string, want int) worked) {
	w.t.Helper()
	var id, place string
	if err := w.pool.QueryRow(w.t.Context(), `select id, place from orders where state = 'new' and place is not null limit 1`).Scan(&id, &place); err != nil {
		w.t.Fatal(err)
	}
	part := ask("/orders/"+id+"/split", `{"do":"split","lat":48.4103,"lon":15.6105}`, 200).Orders[0].Made
	ask("/orders/"+part+"/assignment", `{"do":"assign","crew":"crew-1"}`, 200)
	ask("/orders/"+part+"/transitions", `{"do":"repair"}`, 200)
	anna.read("/console/orders/"+part, `id="verify"`, "The repair is good")
	anna.read("/console?view=checked", "To be looked at")
	anna.send("/console/orders/"+part, url.Values{"do": {"verify"}, "reason": {"Seen on the way."}})
	anna.read("/console/orders/"+part, "Verified by hand", "Seen on the way.")
	anna.read("/places/"+place, "Verified by hand")
}

// worked is what the interface answers to what was done.
type worked struct {
	Message, Detail string
	Orders          []struct {
		Why     string
		Changed bool
		Made    string
	}
}

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
		anna.read("/places/pringstrasse1", "Another defect here", "was split off this one. New since ", `id="`+part, "/api/v1/orders/"+part)
		if answer, _ := w.get("/orders/" + part); answer.Request.URL.Path != "/places/pringstrasse1" || answer.Request.URL.Fragment != part {
			t.Errorf("the public page of what was split off: %s, %s", answer.Status, answer.Request.URL)
		}
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
