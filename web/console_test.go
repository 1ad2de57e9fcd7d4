package web_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

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
	b.accessible("reply", string(axe))
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
	b.wait(`document.querySelector('.qr.cur') && document.querySelector('.det-in')?.dataset.version === '0' && ` + inHand)
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
