package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// One class of places alone: chosen on the map, by its address, and without scripts.
func TestMapOfOneClass(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(390, 844, false)
	b.open(w.http.URL + "/")
	const drawn = `document.getElementById('map').glmap.querySourceFeatures('places', {sourceLayer: 'places'})`
	eval[chromedp.Void](b, `void document.getElementById('map').glmap.jumpTo({center: [15.6103, 48.4082], zoom: 15})`)
	b.wait(drawn + `.some(f => f.properties.class === 'pothole')`)

	// Chosen by keyboard: it is in the address, on the map, in the panel and in the counts.
	eval[chromedp.Void](b, `void document.getElementById('kind').focus()`)
	b.press("S") // Sunken manhole
	b.wait(`location.search === '?class=casting'`)
	b.wait(drawn + `.length > 0 && ` + drawn + `.every(f => f.properties.class === 'casting')`)
	b.wait(`[...document.querySelectorAll('#panel .items b')].length > 0 && [...document.querySelectorAll('#panel .items b')].every(e => e.textContent.startsWith('Sunken manhole'))`)
	b.wait(`document.querySelector('[data-count=all]').textContent === '2' && document.querySelector('#panel .lead').textContent.startsWith('Sunken manhole: ')`)

	// Another group keeps the class, a place and back too.
	b.tap(`.seg [data-show=open]`)
	b.wait(`location.search === '?show=open&class=casting' && document.querySelector('#panel .items a')`)
	b.tap(`#panel .items a`)
	b.wait(`location.search.startsWith('?show=open&class=casting&place=') && document.querySelector('#panel [data-close]')`)
	b.tap(`#panel [data-close]`)
	b.wait(`location.search === '?show=open&class=casting'`)
	eval[chromedp.Void](b, `void history.go(-3)`)
	b.wait(`location.search === '?class=casting' && document.getElementById('kind').value === 'casting'`)
	b.clean("by keyboard")

	// The address says it all.
	b.open(w.http.URL + "/?class=rail&show=open#map=15/48.4082/15.6103")
	b.wait(`document.getElementById('kind').value === 'rail' && document.querySelector('#panel .items').innerText.includes('Rail crossing')`)
	b.wait(drawn + `.length > 0 && ` + drawn + `.every(f => f.properties.class === 'rail')`)
	b.clean("by address")

	// Without scripts the form does it.
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	run(b, chromedp.Navigate(w.http.URL+"/?show=open"))
	b.until(`document.querySelector('.kinds button') !== null`)
	run(b, chromedp.Evaluate[chromedp.Void](`void (document.getElementById('kind').value = 'casting')`))
	b.tap(`.kinds button`)
	b.until(`location.search === '?show=open&class=casting'`)
	b.reads("Sunken manhole")
	b.until(`!document.querySelector('#panel .items').innerText.includes('Pothole')`)
}

// Plates far out, the list and the tiles agree about a class; a class that nobody knows shows everything.
func TestTilesOfOneClass(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	_, all := w.get("/tiles/places/12/2225/1416.mvt")
	_, unknown := w.get("/tiles/places/12/2225/1416.mvt?class=dragon'--")
	_, rails := w.get("/tiles/places/12/2225/1416.mvt?class=rail")
	if len(all) == 0 || all != unknown || len(rails) == 0 || len(rails) >= len(all) {
		t.Errorf("tiles of %d bytes, %d for a class nobody knows, %d for rails", len(all), len(unknown), len(rails))
	}
	if _, page := w.get("/?class=dragon"); !strings.Contains(page, "24 places are open") {
		t.Error("a class that nobody knows is no filter")
	}
}
