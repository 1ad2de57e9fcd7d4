package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/paulmach/orb/maptile"
)

// onTop says whether the middle of an element can be touched where it is in view, undefined where there is no such element.
const onTop = `(selector => { const e = document.querySelector(selector), b = e.getBoundingClientRect(), x = b.x + b.width / 2, y = b.y + b.height / 2;
	return b.width > 0 && x > 0 && x < innerWidth && y > 0 && y < innerHeight && e.contains(document.elementFromPoint(x, y)); })`

// TestMapOnShortScreens reads a place on phones that lie on their side, and on a desk that is magnified fourfold.
func TestMapOnShortScreens(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	for _, size := range [][2]int64{{320, 256}, {740, 360}, {667, 375}} {
		b.view(size[0], size[1], false)
		b.open(w.http.URL + "/?place=pringstrasse1")
		name := fmt.Sprintf("short-%dx%d", size[0], size[1])
		b.shoot(name, false)
		b.shoot(name+"-whole", true)
		for _, what := range []string{`#panel h1`, `#panel .votes button`, `#panel section:last-child a`, `.filters [data-show=dismissed]`, `#kind`, `#canvas`} {
			eval[chromedp.Void](b, fmt.Sprintf(`void document.querySelector(%q).scrollIntoView({block: 'center'})`, what))
			if !eval[bool](b, onTop+fmt.Sprintf(`(%q)`, what)) {
				t.Errorf("%s: %s cannot be reached", name, what)
			}
		}
		if h := eval[float64](b, `document.getElementById('canvas').getBoundingClientRect().height / innerHeight`); h < .4 || h > .8 {
			t.Errorf("%s: the map takes %.2f of the window", name, h)
		}
		if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
			t.Errorf("%s is wider than the window", name)
		}
		// What is opened is what is seen.
		b.open(w.http.URL + "/")
		eval[chromedp.Void](b, `void document.querySelector('#panel .items li:nth-child(5) a').click()`)
		b.wait(`document.querySelector('#panel [data-place]')`)
		b.wait(onTop + `('#panel h1')`)
		b.clean(name)
	}
}

// TestPhoneSeesWhatIsDriven opens the map on the smallest phone: coverage is drawn, and what hides it says so in view. All filters are there.
func TestPhoneSeesWhatIsDriven(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(360, 740, false)
	b.open(w.http.URL + "/?show=repaired")
	b.shoot("phone-first", false)
	if n := eval[int](b, `document.getElementById('map').glmap.queryRenderedFeatures({layers: ['coverage']}).length`); n == 0 {
		t.Error("no coverage is drawn on the phone's first view")
	}
	for _, group := range []string{"all", "open", "repaired", "dismissed"} {
		if !eval[bool](b, onTop+fmt.Sprintf(`('.filters [data-show=%s]')`, group)) {
			t.Errorf("the filter %q cannot be touched", group)
		}
	}
	if !eval[bool](b, onTop+`('.filters [aria-current=true][data-show=repaired]')`) {
		t.Error("the filter in force is not seen")
	}
	eval[chromedp.Void](b, `void document.getElementById('map').glmap.jumpTo({zoom: 9})`)
	b.wait(`document.querySelector('.far-note').innerText.includes('Zoom in')`)
	b.shoot("phone-far", false)
	if !eval[bool](b, onTop+`('.far-note')`) {
		t.Error("nothing in view says that coverage is not drawn")
	}
	b.clean("phone")

	// Without scripts nothing covers what is said instead of the map.
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for _, size := range [][2]int64{{360, 740}, {740, 360}, {320, 256}} {
		b.view(size[0], size[1], false)
		run(b, chromedp.Navigate(w.http.URL+"/"))
		b.until(`document.querySelector('.noscript a') !== null`)
		b.shoot(fmt.Sprintf("noscript-%dx%d", size[0], size[1]), false)
		for _, what := range []string{`.noscript a`, `#kind`, `.kinds button`, `#q`} {
			run(b, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void document.querySelector(%q).scrollIntoView({block: 'center'})`, what)))
			if !run(b, chromedp.Evaluate[bool](onTop+fmt.Sprintf(`(%q)`, what))) {
				t.Errorf("without scripts at %d by %d: %s is covered", size[0], size[1], what)
			}
		}
	}
}

// TestCoverageOfACityFarOut draws coverage at the lowest zoom: what is told of each cell is little.
func TestCoverageOfACityFarOut(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.drive()
	found := w.tiles("coverage", 10, "")
	if len(found) == 0 {
		t.Fatal("no coverage at zoom 10")
	}
	at := maptile.At(w.network.Bound().Center(), 10)
	_, body := w.get(fmt.Sprintf("/tiles/coverage/10/%d/%d.mvt", at.X, at.Y))
	t.Logf("%d cells in %d bytes", len(found), len(body))
	if each := len(body) / len(found); each > 100 {
		t.Errorf("%d bytes a cell at zoom 10", each)
	}
}

// TestMapIsPrintedLight prints a dark map, by the page's button and by the browser's menu, and comes back to the dark.
func TestMapIsPrintedLight(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1000, 700, true)
	b.open(w.http.URL + "/?place=pringstrasse1")
	const (
		land   = `document.getElementById('map').glmap.getPaintProperty('land', 'background-color')`
		bright = `(() => { const c = document.querySelector('.printed'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
			let sum = 0; for (let i = 0; i < d.length; i += 4) sum += d[i] + d[i + 1] + d[i + 2]; const mean = sum / d.length / 192;
			return c.classList.contains('turned') ? 1 - mean : mean; })()`
	)
	night := eval[string](b, land)
	eval[chromedp.Void](b, `void (window.print = () => { dispatchEvent(new Event('beforeprint')); window.printed = true; })`)
	eval[chromedp.Void](b, `void document.querySelector('[data-do=print]').click()`)
	b.wait(`window.printed`)
	if v := eval[float64](b, bright); v < .6 {
		t.Errorf("printed by the button, the map's brightness is %.2f", v)
	}
	if eval[bool](b, `document.querySelector('.printed').classList.contains('turned')`) {
		t.Error("the button does not print the light colours themselves")
	}
	b.wait(land + ` === '` + night + `' && document.getElementById('map').glmap.hasImage('mark-confirmed-24') && document.getElementById('map').glmap.loaded()`)
	eval[chromedp.Void](b, `void dispatchEvent(new Event('beforeprint'))`)
	if v := eval[float64](b, bright); v < .6 {
		t.Errorf("printed by the menu, the map's brightness is %.2f", v)
	}
	b.clean("print")
}

// TestNearIsADeepLink opens the surroundings of a point by a link that has no map's position.
func TestNearIsADeepLink(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	streets := w.network.Search("Ringstraße", 1)
	p := streets[0].Point
	near := fmt.Sprintf("%.6f,%.6f", p.Lat(), p.Lon())
	for at, heading := range map[string]string{"Ringstraße": "Places around Ringstraße", "Call 0900-EVIL now": "Places around this point", "": "Places around this point"} {
		if _, body := w.get("/?near=" + near + "&at=" + url.QueryEscape(at)); !strings.Contains(body, heading) {
			t.Errorf("at=%s does not say %q", at, heading)
		}
	}
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1000, 700, false)
	b.open(w.http.URL + "/?near=" + near)
	if d := eval[float64](b, fmt.Sprintf(`(m => Math.max(Math.abs(m.getCenter().lat - %f), Math.abs(m.getCenter().lng - %f), Math.abs(m.getZoom() - 16)))(document.getElementById('map').glmap)`, p.Lat(), p.Lon())); d > .001 {
		t.Errorf("the map is %g away from the point and zoom 16", d)
	}
	b.clean("near")
}
