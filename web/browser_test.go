package web_test

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// browser is one page of a Chromium that only the tests use. What it complains of, and what it asks of any other
// host, fails the test.
type browser struct {
	t    testing.TB
	ctx  context.Context
	host string

	mu     sync.Mutex
	wrongs []string
}

// chromium is the one process that all tests of this package share: each has cookies, storage and workers of its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	const program = "/usr/bin/chromium"
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("browser tests need Debian's chromium: %w", err)
	}
	// As Chromium does of itself where there is no graphics card: the processor draws the pages, and SwiftShader only what WebGL draws.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("use-gl", "angle"), chromedp.Flag("use-angle", "swiftshader-webgl"), chromedp.Flag("enable-unsafe-swiftshader", true),
		chromedp.Flag("disable-gpu", false), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-GB"), chromedp.Flag("force-prefers-reduced-motion", true),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	closeChromium = stop
	_, err := chromedp.Run(ctx, chromedp.Navigate("about:blank"))
	return ctx, err
})

// closeChromium ends the shared process, where there is one.
var closeChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	closeChromium()
	os.Exit(code)
}

func newBrowser(t testing.TB, host string) *browser {
	t.Helper()
	if entries, err := os.ReadDir("dist"); err != nil || len(entries) < 3 {
		t.Fatal("web/dist is empty: run make build, or npm ci && npm run build in web/ui")
	}
	shared, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, host: host}
	if err := chromedp.Listen(ctx, func(event any) { b.hear(event, host) }); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, cdpruntime.Enable, cdp.Empty{})
	return b
}

// call sends one command of the protocol to the page.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return run(b, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// run runs an action and returns its value.
func run[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.ctx, 90*time.Second)
	defer done()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.clean("before it failed")
		b.t.Fatal(err)
	}
	return value
}

func (b *browser) hear(event any, host string) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != host && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "ws" || u.Scheme == "wss") {
			b.wrong("asked another host: " + e.Request.URL)
		}
	case *cdpruntime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			words := []string{string(e.Type)}
			for _, a := range e.Args {
				words = append(words, string(a.Value), a.Description)
			}
			if text := strings.Join(words, " "); !strings.Contains(text, "GPU stall due to ReadPixels") {
				b.wrong("console: " + text)
			}
		}
	case *cdpruntime.EventExceptionThrown:
		b.wrong("exception: " + e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !strings.HasSuffix(e.Entry.URL, lostPath) {
			b.wrong("log: " + e.Entry.Text + " " + e.Entry.URL)
		}
	}
}

func (b *browser) wrong(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrongs = append(b.wrongs, what)
}

// clean fails the test if the browser complained since the last call.
func (b *browser) clean(where string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrongs {
		b.t.Errorf("%s: %s", where, w)
	}
	b.wrongs = nil
}

// sharpness is how many pixels are drawn for one of CSS's: half of them each way where nobody looks at pictures or measures, as drawing is
// half of the tests' work.
func (b *browser) sharpness() float64 {
	if _, measured := b.t.(*testing.B); measured || os.Getenv("STREETPULSE_SHOTS") != "" {
		return 1
	}
	return .5
}

// view sets the window's size, and light or dark.
func (b *browser) view(width, height int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: b.sharpness(), Mobile: width < 500})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// open goes to an address and waits for its map, where it has one.
func (b *browser) open(address string) {
	b.t.Helper()
	if page, _, mark := strings.Cut(address, "#"); mark && eval[string](b, `location.href.split('#')[0]`) == page {
		run(b, chromedp.Navigate("about:blank")) // else it would be the same page, further down
	}
	run(b, chromedp.Navigate(address))
	b.wait(`document.querySelector('main') && (!document.querySelector('#map, #rmap, #bmap') || document.querySelector('#map, #rmap, #bmap').dataset.ready === 'yes')`)
	b.wait(`document.fonts.status === 'loaded'`)
}

// wait waits until a condition in JavaScript holds.
func (b *browser) wait(condition string) {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.ctx, 70*time.Second)
	defer done()
	poll := chromedp.Poll[chromedp.Void]("!!("+condition+")", chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(60*time.Second))
	err := chromedp.Do(ctx, poll)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "Cannot find context") { // the page that was asked has just gone: ask the next
		err = chromedp.Do(ctx, poll)
	}
	if err != nil {
		b.clean("while waiting")
		b.t.Fatalf("waiting for %s: %v", condition, err)
	}
}

// eval returns the value of an expression in JavaScript, awaited.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// shoot keeps a picture of the page under STREETPULSE_SHOTS, where that is set: as PNG, or as STREETPULSE_SHOTS_AS says.
func (b *browser) shoot(name string, whole bool) {
	b.t.Helper()
	dir := os.Getenv("STREETPULSE_SHOTS")
	if dir == "" {
		return
	}
	format := cmp.Or(os.Getenv("STREETPULSE_SHOTS_AS"), "png")
	how := page.CaptureScreenshotParams{CaptureBeyondViewport: &whole, Format: page.CaptureScreenshotFormat(format)}
	if quality := int64(82); format != "png" {
		how.Quality = &quality
	}
	picture := call(b, page.CaptureScreenshot, how).Data
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+"."+format), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

const lostPath = "/nothing/here" // which Chromium reports as an error, as it should

// view is a page of the town, under the name of its picture.
type view struct {
	name, path string
	extra      bool // for the picture only
}

func views() []view {
	return []view{
		{"map", "/?place=pringstrasse1", false},
		{"list", "/list", false},
		{"place", "/places/pgoettweiger1", false},
		{"report", "/report?lat=48.4108&lon=15.6062", false},
		{"report-empty", "/report", true},
		{"data", "/data", false},
		{"developers", "/developers", false},
		{"privacy", "/privacy", false},
		{"judging", "/judging", true},
		{"accessibility", "/accessibility", true},
		{"home", "/", true},
		{"wide", "/?place=pringstrasse1#map=15/48.4072/15.6085", true},
		{"coarse", "/?place=pmitterweg1", true},
		{"coarse-place", "/places/pmitterweg1", true},
		{"near", "/?place=pringstrasse1#map=17.6/48.41095/15.6066", true},
		{"far", "/#map=12.4/48.4082/15.6103", true},
		{"lost", lostPath, true},
	}
}

// TestPictures looks at the pages on a desk and on a phone, by day and by night: none may complain, scroll sideways,
// or keep anybody out. With STREETPULSE_SHOTS it keeps pictures of these and of more.
func TestPictures(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.look(views())
}

// TestPicturesOfFigures does the same with a town that has a past.
func TestPicturesOfFigures(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.PromiseDays = 5 })
	w.live()
	w.drive()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.look([]view{{"stats", "/stats", false}, {"stats-year", "/stats?period=52w", true}, {"stats-german", "/stats?lang=de", true}})
}

// look opens every page on a desk and on phones, by day and by night.
func (b *browser) look(views []view) {
	b.t.Helper()
	axe, err := os.ReadFile("ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		b.t.Fatalf("run npm ci in web/ui: %v", err)
	}
	for _, dark := range []bool{false, true} {
		for _, size := range [][2]int64{{1440, 900}, {390, 844}, {360, 780}} {
			b.view(size[0], size[1], dark)
			for _, v := range views {
				// Every page on a desk by day and on the smallest phone by night; every size by day and by night where pictures are made.
				if (v.extra || size[0] == 390 || dark != (size[0] == 360)) && os.Getenv("STREETPULSE_SHOTS") == "" {
					continue
				}
				b.open("http://" + b.host + v.path)
				name := fmt.Sprintf("%s-%d", v.name, size[0])
				if dark {
					name += "-dark"
				}
				b.shoot(name, false)
				if v.whole() && os.Getenv("STREETPULSE_SHOTS") != "" {
					b.shoot(name+"-whole", true)
				}
				b.clean(name)
				if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
					b.t.Errorf("%s is wider than the window", name)
				}
				b.accessible(name, string(axe))
				if os.Getenv("STREETPULSE_SHOTS") == "" { // where pictures are made, the other theme has its turn
					b.view(size[0], size[1], !dark)
					b.accessible(name+" in the other theme", string(axe))
					b.view(size[0], size[1], dark)
				}
			}
		}
	}
}

// whole says whether the page is longer than its first window: the map's is not.
func (v view) whole() bool {
	return !strings.HasPrefix(v.path, "/?") && !strings.HasPrefix(v.path, "/#") && v.path != "/"
}

// accessible has axe-core look at the page: nothing may stand in anybody's way (WCAG 2.2 AA).
func (b *browser) accessible(name, axe string) {
	b.t.Helper()
	b.wait(`document.getAnimations().every(a => !(a instanceof CSSTransition))`) // colours on their way from day to night are neither
	if !eval[bool](b, `'axe' in window`) {
		eval[chromedp.Void](b, axe+"; void 0")
	}
	found := eval[[]string](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations']}).then(r =>
		r.violations.map(v => v.id + ': ' + v.help + ' ' +
			v.nodes.map(n => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join('; ')))`)
	for _, f := range found {
		b.t.Errorf("%s: %s", name, f)
	}
}

// TestLive proves that an order which appears in the database appears on an open map by itself.
func TestLive(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1440, 900, false)
	b.open(w.http.URL + "/")
	eval[chromedp.Void](b, `void (window.stays = true)`)
	const drawn = `document.getElementById('map').glmap.querySourceFeatures('places', {sourceLayer: 'places'})`
	eval[chromedp.Void](b, `void document.getElementById('map').glmap.jumpTo({center: [15.6103, 48.4082], zoom: 15})`)
	b.wait(drawn + `.length > 3`)

	// What is printed is what is seen, not an empty sheet.
	if n := eval[int](b, `(() => { dispatchEvent(new Event('beforeprint')); const c = document.querySelector('.printed'); return new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size; })()`); n < 20 {
		t.Errorf("the printed map has %d colours", n)
	}

	d := defect{ID: "pnewcomer", Street: "Ringstraße", Share: .6, State: "confirmed", Severity: .9, Devices: 9, Passes: 1, Days: 1, Order: dispatch.New}
	w.put(d)
	w.announce("order", "onewcomer", "pnewcomer")
	b.wait(drawn + `.some(f => f.properties.id === 'pnewcomer' && f.properties.mark === 'confirmed')`)
	b.wait(`document.querySelector('#panel [data-open=pnewcomer]')`)
	b.wait(`document.querySelector('.tell').textContent.includes('Pothole, Ringstraße')`)
	if !eval[bool](b, `window.stays === true`) {
		t.Error("the page was loaded anew")
	}

	// A selected place changes too.
	eval[chromedp.Void](b, `void document.querySelector('#panel [data-open=pnewcomer]').click()`)
	b.wait(`document.querySelector('#panel [data-place=pnewcomer]')`)
	if _, err := w.pool.Exec(b.ctx, `update orders set state = 'in_progress' where place = 'pnewcomer'`); err != nil {
		t.Fatal(err)
	}
	w.announce("order", "onewcomer", "pnewcomer")
	b.wait(`document.querySelector('#panel [data-place=pnewcomer]')?.dataset.mark === 'progress'`)
	b.wait(drawn + `.some(f => f.properties.id === 'pnewcomer' && f.properties.mark === 'progress')`)
	b.clean("live")

	// Night falls: the map takes other colours, and its marks with it.
	const land = `document.getElementById('map').glmap.getPaintProperty('land', 'background-color')`
	day := eval[string](b, land)
	b.view(1440, 900, true)
	b.wait(land + " !== '" + day + "' && document.getElementById('map').glmap.hasImage('mark-confirmed-24')")
	b.wait(drawn + `.length > 3`)

	// Escape closes what is open.
	eval[chromedp.Void](b, `void document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}))`)
	b.wait(`!document.querySelector('#panel [data-place]') && location.search === ''`)
	b.clean("night")
}

// press presses a key where the keyboard is.
func (b *browser) press(key string) {
	b.t.Helper()
	switch key {
	case "Enter":
		key = kb.Enter
	case "Escape":
		key = kb.Escape
	}
	run(b, chromedp.KeyEvent(key))
}

// tap clicks on an element, also where the page may run no scripts.
func (b *browser) tap(selector string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	run(b, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void document.querySelector(%q).click()`, selector)))
}

// choose gives a field a file.
func (b *browser) choose(selector string, content []byte) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "picture.png")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		b.t.Fatal(err)
	}
	root := call(b, dom.GetDocument, dom.GetDocumentParams{}).Root
	node := call(b, dom.QuerySelector, dom.QuerySelectorParams{NodeID: root.NodeID, Selector: selector}).NodeID
	call(b, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, NodeID: node})
}

// until waits for a condition where the page may run no scripts: it asks from outside.
func (b *browser) until(condition string) {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.ctx, 60*time.Second)
	defer done()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		// While a page is being left there is nothing to ask.
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")")); err == nil && ok {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			b.clean("while waiting")
			b.t.Fatalf("waiting for %s", condition)
		}
	}
}

// reads waits until the page says something, also where it may run no scripts.
func (b *browser) reads(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.body?.innerText.includes(%q)`, text))
}
