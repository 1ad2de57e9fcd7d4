package web_test

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// TestConsoleEdits says by keys what orders are of and where they are, splits, merges and photographs them, finds a repair good, and looks at every dialog.
func TestConsoleEdits(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.works()
	anna := w.person("anna@example.org", access.Dispatcher)
	axe, err := os.ReadFile("ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	order := func(id string) dispatch.Order {
		t.Helper()
		o, _, err := dispatch.FindOrder(t.Context(), w.pool, id)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	const id = "oringstrasse1"
	was := order(id)
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.enter(w, anna)
	b.view(1440, 900, false)
	b.open(w.http.URL + "/console?view=open&order=" + id)
	b.wait(`document.querySelector('main').dataset.ready === 'yes' && document.querySelector('main').dataset.live === 'yes' && document.querySelector('.det-in')?.dataset.id === '` + id + `'`)
	said := func(text string) {
		t.Helper()
		b.wait(`document.getElementById('said').textContent.includes('` + text + `')`)
	}
	dark := false
	opened := func(key, name string) {
		t.Helper()
		b.press(key)
		b.wait(`document.querySelector('#d-` + name + `[open]')`)
		if name == "split" || name == "spend" {
			dark = !dark
			b.view(1440, 900, dark)
		}
		b.accessible(name, string(axe))
		b.shoot("console-"+name, false)
	}
	fill := func(selector, text string) {
		t.Helper()
		eval[chromedp.Void](b, `void (document.querySelector('`+selector+`').value = '', document.querySelector('`+selector+`').focus())`)
		b.press(text)
	}
	undo := func() {
		t.Helper()
		b.press("z")
		said("as before")
		if now := order(id); now.State != was.State || now.Class != was.Class || now.Lat != was.Lat {
			t.Errorf("taken back: %+v, was %+v", now, was)
		}
	}

	opened("c", "reclass")
	b.press("2") // a casting
	said("reclassed.")
	if o := order(id); o.Class != crowd.Casting || o.State != was.State {
		t.Errorf("%s, %s", o.Class, o.State)
	}
	undo()
	opened("v", "move")
	fill("#dv", "48,4101 15,6102")
	b.press("Enter")
	said("moved.")
	if o := order(id); o.Lat != 48.4101 || o.Lon != 15.6102 {
		t.Errorf("at %f, %f", o.Lat, o.Lon)
	}
	undo()

	// A click on the map says where the second one is.
	b.wait(`cmap.dataset.ready === 'yes' && cmap.glmap.loaded()`)
	opened("s", "split")
	aim := eval[[]float64](b, `(() => { const r = cmap.getBoundingClientRect(); return [r.x + r.width / 2 + 90, r.y + r.height / 2 + 60]; })()`)
	centre := eval[string](b, `document.getElementById('dp').value`)
	run(b, chromedp.MouseClickXY(aim[0], aim[1]))
	b.wait(`document.getElementById('dp').value !== '` + centre + `'`)
	eval[chromedp.Void](b, `void document.getElementById('dp').focus()`)
	b.press("Enter")
	said(" split.")
	parts, err := dispatch.Parts(t.Context(), w.pool, id)
	if err != nil || len(parts) != 1 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	part := order(parts[0].ID)
	if part.Lat == was.Lat || part.SplitFrom != id {
		t.Errorf("%+v", part)
	}

	// The costs and the case's number of one, a reason to open another again; nothing is done.
	for _, d := range [][2]string{{"e", "spend"}, {"i", "refer"}, {"o", "reopen"}, {"n", "note"}, {"d", "dismiss"}, {"a", "assign"}, {"r", "repair"}} {
		opened(d[0], d[1])
		eval[chromedp.Void](b, `void document.querySelector('#d-`+d[1]+`[open] button[formnovalidate]').click()`)
		b.wait(`!document.querySelector('dialog[open]')`)
	}

	both := func() {
		t.Helper()
		for _, one := range []string{id, part.ID} {
			b.wait(`document.querySelector('.qr[data-id="` + one + `"]')`)
			eval[chromedp.Void](b, `void (document.getElementById('rows').focus(), document.querySelector('.qr[data-id="`+one+`"]').click())`)
			b.wait(`document.querySelector('.qr.cur').dataset.id === '` + one + `'`)
			b.press("x")
		}
		b.wait(`document.getElementById('picked').textContent === '2 selected'`)
	}

	// The two are one after all: the lesser goes into the more urgent.
	both()
	opened("m", "merge")
	eval[chromedp.Void](b, `void (dm.value = dm.value.replace('m', ''))`) // a browser that is driven writes the key nevertheless
	b.wait(`dm.value === '` + was.Number + `'`)
	b.press("Enter")
	said("dismissed.")
	if one, two := order(id), order(part.ID); (one.DuplicateOf == part.ID) == (two.DuplicateOf == id) {
		t.Errorf("neither is the other's duplicate: %+v, %+v", one, two)
	}
	b.press("z")
	said("as before")

	// A photo of both, which one key takes back.
	b.press("Escape")
	b.wait(`bulk.hidden`)
	both()
	opened("f", "photo")
	b.choose("#dialog-photo", picture(t))
	eval[chromedp.Void](b, `void document.querySelector('#d-photo button[value=go]').click()`)
	said("2 orders: the photo is kept.")
	if n := count(w, `select count(*) from order_actions where kind = 'photographed' and not undone`); n != 2 {
		t.Errorf("%d photos", n)
	}
	b.press("z")
	said("2 orders as before.")

	// What was split off was repaired, and somebody has looked at it.
	desk := dispatch.Desk{Pool: w.pool}
	for _, x := range []dispatch.Action{dispatch.Assign{Crew: "crew-1"}, dispatch.Repair{}} {
		if _, err := desk.Act(t.Context(), part.ID, dispatch.By{Actor: dispatch.Dispatcher, Person: anna.ID, At: w.now()}, x); err != nil {
			t.Fatal(err)
		}
	}
	b.open(w.http.URL + "/console?view=checked&order=" + part.ID)
	b.wait(`document.querySelector('main').dataset.ready === 'yes' && document.querySelector('.det-in [data-act=verify]') && document.querySelector('.qr.cur')?.dataset.id === '` + part.ID + `'`)
	opened("w", "verify")
	b.press("I drove over it.")
	eval[chromedp.Void](b, `void document.querySelector('#d-verify button[value=go]').click()`)
	b.wait(`!document.querySelector('.qr[data-id="` + part.ID + `"]')`)
	if o := order(part.ID); o.State != dispatch.Verified {
		t.Errorf("%s", o.State)
	}
	b.forget("/photos/") // that were taken back while the page asked for them
	b.clean("edits")
}
