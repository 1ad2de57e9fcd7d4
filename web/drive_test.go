package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/recording"
	"github.com/streetpulse/streetpulse/firmware-sim/unit"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
	"github.com/streetpulse/streetpulse/web"
)

// newDriveTown is a town that takes events, over HTTP and MQTT. It publishes what lists says when its broker begins.
func newDriveTown(t *testing.T, lists func(w *town), change ...func(*web.Config)) *town {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	var b *broker.Broker
	var writer *ingest.Writer
	w := newTown(t, append([]func(*web.Config){func(c *web.Config) {
		writer = ingest.NewWriter(c.Pool, ingest.WriterOptions{Log: log})
		c.Ingest = ingest.New(c.Pool, writer, ingest.Wall{}, ingest.Options{Log: log})
		var err error
		if b, err = broker.New(broker.Options{Ingest: c.Ingest, Pool: c.Pool, Log: log}); err != nil {
			t.Fatal(err)
		}
		c.WebSocket, c.Now = b.WebSocket(), time.Now
	}}, change...)...)
	lists(w)
	serving, stopServing := context.WithCancel(context.Background())
	writing, stopWriting := context.WithCancel(context.Background())
	var ran sync.WaitGroup
	for _, run := range []func() error{func() error { defer stopWriting(); return b.Serve(serving) }, func() error { return writer.Run(writing) }} {
		ran.Go(func() {
			if err := run(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		stopServing()
		ran.Wait()
	})
	return w
}

// road is the network between a browser and a server: it can be cut.
type gate struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool
	weak  bool // nothing that is sent arrives
	conns map[net.Conn]bool
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: l, to: to, conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.pass(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		g.close(true)
		serving.Wait()
	})
	return g
}

func (g *gate) pass(c net.Conn) {
	defer c.Close()
	g.mu.Lock()
	cut, weak := g.cut, g.weak
	g.conns[c] = true
	g.mu.Unlock()
	if cut {
		return
	}
	if weak {
		_, _ = io.Copy(io.Discard, c)
		return
	}
	server, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer server.Close()
	g.mu.Lock()
	g.conns[server] = true
	g.mu.Unlock()
	go func() {
		_, _ = io.Copy(server, c)
		server.Close()
	}()
	_, _ = io.Copy(c, server)
}

// weaken lets the network take everything and bring nothing, until it is cut or mended.
func (g *gate) weaken() {
	g.close(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut, g.weak = false, true
}

// close cuts the network, or mends it.
func (g *gate) close(cut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if cut || g.weak {
		for c := range g.conns {
			c.Close()
		}
		clear(g.conns)
	}
	g.cut, g.weak = cut, false
}

// fakeSensors gives the page a clock, a position and a motion sensor that the test moves: samples come as fast as it likes. The clock begins at a time in ms.
const fakeSensors = `(() => {
	const sim = window.sim = {now: 1000, began: %d, files: []};
	performance.now = () => sim.now;
	Date.now = () => sim.began + sim.now;
	navigator.geolocation.watchPosition = (found) => { sim.found = found; return 1; };
	navigator.geolocation.clearWatch = () => { sim.found = undefined; };
	const url = URL.createObjectURL.bind(URL);
	URL.createObjectURL = (b) => { sim.files.push(b); return url(b); };
	HTMLAnchorElement.prototype.click = new Proxy(HTMLAnchorElement.prototype.click, {apply(f, a, args) { if (!a.download) Reflect.apply(f, a, args); }});
	sim.feed = (rows) => {
		for (const [t, x, y, z, lat, lon, speed, accuracy] of rows) {
			sim.now = t * 1000;
			if (lat !== undefined) sim.found?.({coords: {latitude: lat, longitude: lon, speed, accuracy, heading: null}, timestamp: Date.now()});
			const e = new DeviceMotionEvent('devicemotion', {accelerationIncludingGravity: {x, y, z}, rotationRate: {alpha: 1, beta: 0, gamma: 0}, interval: 16});
			Object.defineProperty(e, 'timeStamp', {value: sim.now});
			dispatchEvent(e);
		}
	};
})()`

// felt is a simulated drive as a phone feels it, and what the phone should make of it: the same code, compiled for this machine.
type felt struct {
	epoch   float64 // Unix time when the page's clock stood at 0, s
	samples []firmwaresim.RawSample
	fixes   []bool // whether a position comes with the sample
	events  []unit.Event
	at      []float64 // when each event may be sent, s
	state   unit.State
}

const warmUpS = 10.0 // the drive's samples begin at this time of the page's clock

func feel(t *testing.T, began time.Time, seed uint64, seconds, withhold float64, watched []unit.Watched) *felt {
	t.Helper()
	d, err := firmwaresim.NewDrive(firmwaresim.DriveOptions{Seed: seed, Seconds: seconds, RateHz: 60, Calm: true})
	if err != nil {
		t.Fatal(err)
	}
	f := &felt{epoch: float64(began.UnixMilli()) / 1000, samples: d.Samples, fixes: make([]bool, len(d.Samples))}
	now := 0.0
	u := unit.New(unit.Options{Detector: detector.Standard(), WithholdM: withhold, Out: func(e unit.Event) { f.events, f.at = append(f.events, e), append(f.at, now) }})
	u.Watch("here", watched)
	lat := math.NaN()
	for i, s := range d.Samples {
		s.T += warmUpS
		f.samples[i] = s
		now = s.T
		s.T = f.epoch + s.T*1000/1000 // rounded as the page rounds
		if !math.IsNaN(s.Lat) && s.Lat != lat {
			lat, f.fixes[i] = s.Lat, true
			u.Fix(detector.Fix{T: s.T, Lat: s.Lat, Lon: s.Lon, Speed: s.SpeedMPS, Heading: math.NaN(), AcM: s.AccuracyM})
		}
		u.Sample(detector.Sample{T: s.T, Acc: s.Acc, Turn: math.Pi / 180})
	}
	u.End()
	f.state = u.State()
	return f
}

// play feeds the page the samples between two times of the drive.
func (f *felt) play(b *browser, from, to float64) {
	b.t.Helper()
	var rows [][]float64
	for i, s := range f.samples {
		if s.T < from || s.T >= to {
			continue
		}
		row := []float64{s.T, s.Acc[0], s.Acc[1], s.Acc[2]}
		if f.fixes[i] {
			row = append(row, s.Lat, s.Lon, s.SpeedMPS, s.AccuracyM)
		}
		rows = append(rows, row)
	}
	text, err := json.Marshal(rows)
	if err != nil {
		b.t.Fatal(err)
	}
	eval[chromedp.Void](b, `void sim.feed(`+string(text)+`)`)
}

// sent counts the events that may be sent before a time of the drive.
func (f *felt) sent(before float64) (n int) {
	for _, at := range f.at {
		if at < before {
			n++
		}
	}
	return n
}

func (f *felt) end() float64 { return f.samples[len(f.samples)-1].T + 1 }

// stored returns how many events are in the database, and how many different ones.
func (w *town) stored() (n, different int) {
	w.t.Helper()
	if err := w.pool.QueryRow(context.Background(), `select count(*), count(distinct (time, kind)) from events`).Scan(&n, &different); err != nil {
		w.t.Fatal(err)
	}
	return n, different
}

// TestDrive drives with simulated sensors: it loses the network, is closed and opened again without one, comes back, and is
// forgotten. The server has in the end what the same code makes of the same drive here, every event once.
func TestDrive(t *testing.T) {
	t.Parallel()
	const withhold, seconds, seed = 100, 300, 11
	began := time.Now().Add(-30 * time.Minute).Truncate(time.Millisecond)
	watched := watchedOn(feel(t, began, seed, seconds, withhold, nil))
	f := feel(t, began, seed, seconds, withhold, watched)
	if len(f.events) < 6 || f.state.Withheld == 0 || f.state.Passes == 0 {
		t.Fatalf("a dull drive: %d events, %+v", len(f.events), f.state)
	}
	w := newDriveTown(t, func(w *town) {
		w.asks(f, watched)
		if err := pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) error { // what nearly all phones try is what they have
			_, err := ingest.GiveOut(context.Background(), tx, ingest.Revision{Profile: "phone", Parameters: []byte(`{"version":1}`), Share: 0.999_999, At: began})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.put(defect{ID: "pfelt", Street: "Ringstraße", Share: .3, Severity: .8, Devices: 9, Days: 12, State: "confirmed", Order: "in_progress"})
	})
	g := newGate(t, strings.TrimPrefix(w.http.URL, "http://"))
	b := newBrowser(t, g.listener.Addr().String())
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: fmt.Sprintf(fakeSensors, began.UnixMilli())})
	b.view(390, 844, true)
	address := "http://" + g.listener.Addr().String() + "/drive"
	b.open(address)
	b.wait(`navigator.serviceWorker.controller`)
	if n, _ := w.devices(); n != 0 {
		t.Error("a page that is only looked at enrols a device")
	}
	eval[chromedp.Void](b, `void (withhold.value = 100, withhold.dispatchEvent(new Event('change')), record.click())`)
	axe, err := os.ReadFile("ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("run npm ci in web/ui: %v", err)
	}
	looked := func(name string, sizes ...[2]int64) {
		t.Helper()
		for i, s := range sizes {
			for _, dark := range []bool{true, false} {
				if (i > 0 || !dark && name != "before") && os.Getenv("STREETPULSE_SHOTS") == "" {
					continue
				}
				b.view(s[0], s[1], dark)
				shot := fmt.Sprintf("drive-%s-%dx%d", name, s[0], s[1])
				if dark {
					shot += "-dark"
				}
				b.shoot(shot, name != "driving")
				if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
					t.Errorf("%s is wider than the window", shot)
				}
				b.accessible(shot, string(axe))
			}
		}
		b.view(390, 844, true)
	}
	eval[chromedp.Void](b, `void (document.querySelector('details').open = true)`)
	looked("before", [2]int64{360, 780}, [2]int64{390, 844}, [2]int64{1440, 900})

	// The first stretch, with a network: the lists of the cells around come with the first position.
	b.tap("#start")
	b.wait(`sim.found`)
	f.play(b, 0, warmUpS+3)
	b.wait(`document.querySelector('main').dataset.screen === 'driving' && document.querySelector('main').dataset.lists > 0`)
	b.wait(`!end.hidden && say.textContent === 'Standing.'`)
	looked("standing", [2]int64{390, 844})
	lost := f.at[2] + 0.5 // three events are on their way, or there
	f.play(b, warmUpS+3, lost)
	b.wait(`document.querySelector('main').dataset.waiting === '0' && Number(jolts.textContent) > 0 && end.hidden`)
	w.until(func() bool { n, _ := w.stored(); return n == f.sent(lost) })
	looked("driving", [2]int64{844, 390}, [2]int64{390, 844}, [2]int64{360, 780})
	b.clean("driving")

	// No network: what is felt stays here, also when the page is closed.
	g.close(true)
	f.play(b, lost, f.end())
	waiting := len(f.events) - f.sent(lost)
	b.wait(fmt.Sprintf(`document.querySelector('main').dataset.link === 'none' && document.querySelector('main').dataset.waiting === '%d'`, waiting))
	b.wait(fmt.Sprintf(`jolts.textContent === '%d'`, f.state.Jolts))
	if os.Getenv("STREETPULSE_SHOTS") != "" {
		looked("offline", [2]int64{390, 844})
	}
	eval[chromedp.Void](b, `void document.getElementById('end').click()`)
	b.wait(`document.querySelector('main').dataset.screen === 'after'`)
	looked("after", [2]int64{360, 780}, [2]int64{390, 844})
	b.forgive()
	g.weaken()
	b.open(address) // from what the phone keeps, as the network brings nothing
	b.wait(fmt.Sprintf(`document.querySelector('main').dataset.waiting === '%d'`, waiting))

	// Back: nothing is lost, nothing comes twice.
	g.close(false)
	b.wait(`document.querySelector('main').dataset.waiting === '0'`)
	w.sameAs(f)
	b.wait(`document.querySelector('main').dataset.link !== 'none'`)
	b.forgive()
	if hourly := eval[float64](b, `Number(document.querySelector('main').dataset.bytes)`) * 3600 / seconds; hourly > 1e6 || hourly < 1e4 {
		t.Errorf("%.0f kB an hour", hourly/1e3)
	} else {
		t.Logf("%d jolts and answers, %.0f kB an hour", len(f.events), hourly/1e3)
	}
	w.tellsWhatBecame(b, looked)

	// The recording is what the detector reads.
	eval[chromedp.Void](b, `void document.querySelector('#recordings [data-do=export]').click()`)
	b.wait(`sim.files.length > 0`)
	rec, err := recording.Read(strings.NewReader(eval[string](b, `sim.files[0].text()`)), nil)
	if err != nil || len(rec.Rows) != len(f.samples) {
		t.Fatalf("%d rows of %d, %v", len(rec.Rows), len(f.samples), err)
	}
	n := 0
	rec.Detect(detector.Standard(), func(detector.Jolt, detector.Place) { n++ })
	if n != f.state.Jolts+f.state.Ignored {
		t.Errorf("the recording has %d jolts, the drive had %d and %d", n, f.state.Jolts, f.state.Ignored)
	}

	// On the next drive it tries what a share of the phones tries, and says so.
	b.tap("#start")
	w.until(func() bool {
		var revision string
		err := w.pool.QueryRow(context.Background(), `select coalesce(status->>'detector', '') from devices`).Scan(&revision)
		return err == nil && revision == "1"
	})
	b.wait(`document.querySelector('main').dataset.screen === 'driving'`)
	eval[chromedp.Void](b, `void document.getElementById('end').click()`)
	b.wait(`document.querySelector('main').dataset.screen === 'after'`)
	eval[chromedp.Void](b, `void document.getElementById('done').click()`)
	b.wait(`document.querySelector('main').dataset.screen === 'before'`)
	eval[chromedp.Void](b, `void (document.querySelector('details').open = true)`)

	// Forgotten, here and there.
	b.tap("#forget")
	b.tap("#forget-now")
	b.wait(`problem.textContent.includes('Forgotten, here and on the server')`)
	if n, gone := w.devices(); n != 1 || gone != 1 {
		t.Errorf("%d devices, %d of them to be erased", n, gone)
	}
	b.open(address)
	b.wait(`known.textContent.includes('does not know this phone')`)
	if left := eval[string](b, `new Promise(done => { const r = indexedDB.open('streetpulse-drive'); r.onsuccess = async () => {
		const counts = {}; for (const s of r.result.objectStoreNames) counts[s] = await new Promise(ok => { const q = r.result.transaction(s).objectStore(s).count(); q.onsuccess = () => ok(q.result) });
		r.result.close(); done(JSON.stringify(counts)) } })`); left != `{"events":0,"kept":0,"lists":0,"rows":0}` {
		t.Errorf("left on the phone: %s", left)
	}
	if n, _ := w.devices(); n != 1 {
		t.Error("a phone that was forgotten enrols again by itself")
	}
	b.clean("forgotten")
}

// TestDriveWithoutMQTT drives where no broker can be reached, in German, keeps a second worker waiting, is revoked, runs out of storage, and
// enrols anew.
func TestDriveWithoutMQTT(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const ahead = 3 * time.Hour // the phone's clock
	began := time.Now().Add(ahead - 30*time.Minute).Truncate(time.Millisecond)
	f := feel(t, began, 11, 110, 0, nil)
	half := f.at[len(f.at)/2] + 0.5
	var asked atomic.Int64
	w := newDriveTown(t, func(*town) {}, func(c *web.Config) {
		c.WebSocket = http.NotFoundHandler()                                                          // as where something on the way lets none through
		c.Now = func() time.Time { return time.Now().Add(time.Duration(asked.Add(1)) * time.Minute) } // nothing is believed for long
	})
	server := storageGate(t, w.http.URL, ahead)
	b := newBrowser(t, strings.TrimPrefix(server, "http://"))
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: fmt.Sprintf(fakeSensors, began.UnixMilli())})
	b.view(360, 780, true)
	b.open(server + "/drive?lang=de")
	eval[chromedp.Void](b, `void (withhold.value = 0, withhold.dispatchEvent(new Event('change')), record.click())`)
	b.tap("#start")
	b.wait(`sim.found`)
	f.play(b, 0, half)
	w.until(func() bool { n, _ := w.stored(); return n == f.sent(half) && n > 0 })
	b.wait(`document.querySelector('main').dataset.waiting === '0'`)
	b.shoot("drive-driving-360-german", false)
	b.forgive()
	b.clean("over HTTP")
	// Another tab's worker would take this one's connection away: it waits.
	if told := eval[string](b, `new Promise(done => { const main = document.querySelector('main'), w = new Worker(main.dataset.worker, {type: 'module'});
		w.onmessage = (e) => { w.terminate(); done(e.data.is + ' ' + e.data.what) }; w.postMessage({do: 'open', wasm: main.dataset.wasm, lang: 'en'}) })`); told != "failed elsewhere" {
		t.Errorf("a second worker says %q", told)
	}

	var id string
	if err := w.pool.QueryRow(ctx, `select id from devices`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	if err := ingest.Revoke(ctx, w.pool, id, time.Now()); err != nil {
		t.Fatal(err)
	}
	stored, _ := w.stored()
	// The storage runs full: the recording ends, jolts stay in memory, and are put in when there is room again.
	full := f.at[len(f.at)*3/4] + 0.5
	b.runFull(true)
	f.play(b, half, full)
	waits := fmt.Sprintf(`document.querySelector('main').dataset.waiting === '%d'`, f.sent(full)-stored)
	b.wait(waits + ` && say.textContent.includes('Kein Platz')`)
	if kept := eval[int](b, keptEvents); kept != 0 {
		t.Errorf("%d events are kept where there is no room", kept)
	}
	b.shoot("drive-full-360-german", false)
	b.runFull(false)
	f.play(b, full, f.end())
	b.wait(`document.querySelector('main').dataset.link === 'unknown' && say.textContent.includes('Die Aufzeichnung ist beendet')`)
	eval[chromedp.Void](b, `void document.getElementById('end').click()`)
	b.wait(`document.querySelector('main').dataset.screen === 'after'`)
	eval[chromedp.Void](b, `void document.getElementById('done').click()`)
	b.open(server + "/drive?lang=de")
	b.wait(`document.querySelector('main').dataset.link === 'unknown' && unknown.hidden === false`)
	if kept := eval[int](b, keptEvents); kept != len(f.events)-stored {
		t.Errorf("%d events are kept, want %d", kept, len(f.events)-stored)
	}
	b.shoot("drive-unknown-360-german", true)
	if n, _ := w.stored(); n != stored {
		t.Errorf("%d events of a revoked device are stored, %d were before", n, stored)
	}
	eval[string](b, `new Promise(done => { const r = indexedDB.open('streetpulse-drive'); r.onsuccess = () => {
		const tx = r.result.transaction('events', 'readwrite'); tx.objectStore('events').put({id: '0', body: '{"id":"0","kind":"bump"}'}); tx.oncomplete = () => { r.result.close(); done('') } } })`)
	b.tap("#enrol")
	b.wait(`document.querySelector('main').dataset.waiting === '0'`)
	if n, different := w.stored(); n != len(f.events) || different != n {
		t.Errorf("%d events are stored, %d different ones, %d were felt", n, different, len(f.events))
	}
	if n, _ := w.devices(); n != 2 {
		t.Errorf("%d devices", n)
	}
	// Times are right though the phone's clock is not; what was refused is told.
	b.wait(`refused.textContent.includes('geht 3 Stunden vor') && refused.textContent.includes('Ein Ereignis wurde abgelehnt')`)
	var off float64
	if err := w.pool.QueryRow(ctx, `select extract(epoch from min(time)) from events`).Scan(&off); err != nil || math.Abs(off+ahead.Seconds()-f.byTime()[0].At) > 3 {
		t.Errorf("the first event is %.1f s off, %v", off+ahead.Seconds()-f.byTime()[0].At, err)
	}

	// What it was before is kept until its owner has decided; the file holds what the server has of both.
	b.wait(`former.hidden === false && document.getElementById('former-text').textContent.includes('` + id + `')`)
	eval[chromedp.Void](b, `void (document.querySelector('details').open = true)`)
	b.shoot("drive-former-360-german", true)
	b.tap("#data")
	b.wait(`sim.files.length === 2`)
	var kept struct {
		Device struct{ ID string }
		Events []struct{ ID string }
	}
	if text := eval[string](b, `sim.files[1].text()`); json.Unmarshal([]byte(text), &kept) != nil || kept.Device.ID != id || len(kept.Events) != stored {
		t.Errorf("of the former device the phone is given %s", text)
	}
	b.tap("#erase-former")
	b.wait(`former.hidden === true`)
	if n, gone := w.devices(); n != 2 || gone != 1 {
		t.Errorf("%d devices, %d to be erased", n, gone)
	}
	// A server that does not take the secret has forgotten nothing, and nobody says that it has.
	if _, err := w.pool.Exec(ctx, `update devices set secret_sha256 = sha256('another') where erase_at is null`); err != nil {
		t.Fatal(err)
	}
	b.tap("#forget")
	b.tap("#forget-now")
	b.wait(`problem.textContent.includes('nahm das Geheimnis') && farewell.textContent.includes('Fragen Sie die Stadt')`)
	eval[chromedp.Void](b, `void (document.querySelector('details').open = true)`)
	b.shoot("drive-refused-360-german", true)
}

// storageGate stands before a server and lets a page's storage run full (see runFull), and its worker's clock be ahead.
func storageGate(t *testing.T, server string, ahead time.Duration) string {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Sprintf(`const now = Date.now; Date.now = () => now() + %d;`, ahead.Milliseconds()) + `{ let full = false; const put = IDBObjectStore.prototype.put; new BroadcastChannel('storage').onmessage = (e) => { full = e.data; e.target.postMessage('done') };
		IDBObjectStore.prototype.put = function (...a) { if (full) throw new DOMException('no room', 'QuotaExceededError'); return put.apply(this, a) } };`
	gate := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding")
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasPrefix(r.Request.URL.Path, "/drive/assets/drive-worker-") {
				return nil
			}
			r.Header.Del("Content-Length")
			r.ContentLength = -1
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(strings.NewReader(patch), r.Body), r.Body}
			return nil
		},
	})
	t.Cleanup(gate.Close)
	return gate.URL
}

// runFull lets the storage of a page behind a storageGate run full, or gives it room again.
func (b *browser) runFull(full bool) {
	eval[string](b, fmt.Sprintf(`new Promise(done => { const c = new BroadcastChannel('storage'); c.onmessage = () => { c.close(); done('') }; c.postMessage(%t) })`, full))
}

// keptEvents counts the events in the page's database.
const keptEvents = `new Promise(done => { const r = indexedDB.open('streetpulse-drive'); r.onsuccess = () => {
	const q = r.result.transaction('events').objectStore('events').count(); q.onsuccess = () => { r.result.close(); done(q.result) } } })`

// watchedOn makes a watch list of the drive: a point where nothing is felt, and one where something is.
func watchedOn(f *felt) []unit.Watched {
	var list []unit.Watched
	heading := func(i int) float64 { // from a fix to one a second later
		a, b := f.samples[i], f.samples[i+60]
		return geo.Bearing([2]float64{a.Lon, a.Lat}, [2]float64{b.Lon, b.Lat})
	}
	calm := func(t float64) bool {
		for _, e := range f.events {
			if math.Abs(e.At-t) < 8 {
				return false
			}
		}
		return true
	}
	for i, s := range f.samples[:len(f.samples)-61] {
		if f.fixes[i] && s.T > 60 && s.SpeedMPS > 8 && calm(f.epoch+s.T) {
			list = append(list, unit.Watched{ID: "watchedcalm", Lat: s.Lat, Lon: s.Lon, HeadingDeg: heading(i), RadiusM: 20})
			break
		}
	}
	for i, s := range f.samples[:len(f.samples)-61] {
		if f.fixes[i] && math.Abs(f.epoch+s.T-f.events[len(f.events)-1].At) < 1 {
			list = append(list, unit.Watched{ID: "watchedfelt", Lat: s.Lat, Lon: s.Lon, HeadingDeg: heading(i), RadiusM: 20})
			break
		}
	}
	return list
}

// asks stores a watch list for the region of the drive's first position.
func (w *town) asks(f *felt, watched []unit.Watched) {
	w.t.Helper()
	type entry struct {
		ID         string  `json:"id"`
		Lat        float64 `json:"lat"`
		Lon        float64 `json:"lon"`
		HeadingDeg float64 `json:"heading_deg"`
		RadiusM    float64 `json:"radius_m"`
	}
	var places []entry
	for _, x := range watched {
		places = append(places, entry(x))
	}
	payload, err := json.Marshal(map[string]any{"v": 1, "places": places})
	if err != nil {
		w.t.Fatal(err)
	}
	for i, s := range f.samples {
		if !f.fixes[i] {
			continue
		}
		cell, err := geo.FineCell(s.Lat, s.Lon)
		if err != nil {
			w.t.Fatal(err)
		}
		_, err = w.pool.Exec(context.Background(), `insert into watch_lists (region, version, payload, updated_at, seen, day) values ($1, 1, $2, now(), 1, now()::date)`,
			int64(geo.Region(cell)), string(payload))
		if err != nil {
			w.t.Fatal(err)
		}
		return
	}
}

// devices counts devices, and those of them that are to be erased.
func (w *town) devices() (n, gone int) {
	w.t.Helper()
	if err := w.pool.QueryRow(context.Background(), `select count(*), count(erase_at) from devices`).Scan(&n, &gone); err != nil {
		w.t.Fatal(err)
	}
	return n, gone
}

// until waits until something holds in the database.
func (w *town) until(holds func() bool) {
	w.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(60 * time.Second); !holds(); {
		select {
		case <-again.C:
		case <-limit:
			w.t.Fatal("waited a minute in vain")
		}
	}
}

// sameAs holds what is stored against what the drive should have given.
func (w *town) sameAs(f *felt) {
	w.t.Helper()
	rows, err := w.pool.Query(context.Background(), `select kind, time, lat, lon, accuracy_m, speed_mps, heading_deg is null, peak_g, length(wave), coalesce(place, '')
		from events order by time`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var kind int
		var at time.Time
		var lat, lon, accuracy, speed, peak float64
		var headless bool
		var wave *int
		var place string
		if err := rows.Scan(&kind, &at, &lat, &lon, &accuracy, &speed, &headless, &peak, &wave, &place); err != nil {
			w.t.Fatal(err)
		}
		if n >= len(f.events) {
			continue
		}
		e := f.byTime()[n]
		off := float64(at.UnixMilli())/1000 - e.At
		if math.Abs(off) > 0.003 || math.Abs(lat-e.Where.Lat) > 2e-6 || math.Abs(lon-e.Where.Lon) > 2e-6 || math.Abs(accuracy-e.Where.AcM) > 0.06 ||
			math.Abs(speed-e.Where.Speed) > 0.02 || headless != math.IsNaN(e.Where.Heading) {
			w.t.Errorf("event %d is %.3f s off, at %f, %f; %.1f m, %.2f m/s; want %+v", n, off, lat, lon, accuracy, speed, e.Where)
		}
		if e.Jolt == nil && (kind != 1 || place != e.Watch) || e.Jolt != nil && (kind != 0 || math.Abs(peak-e.Jolt.PeakG) > 0.002 || wave == nil || *wave != 2*len(e.Jolt.Wave)) {
			w.t.Errorf("event %d is of kind %d, %q, %.3f g; want %q", n, kind, place, peak, e.Watch)
		}
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	if n != len(f.events) {
		w.t.Errorf("%d events are stored, %d were felt", n, len(f.events))
	}
}

// byTime is the events in order of time: answers may be handed out after later jolts.
func (f *felt) byTime() []unit.Event {
	out := append([]unit.Event(nil), f.events...)
	for i := range out {
		for j := i; j > 0 && out[j].At < out[j-1].At; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// tellsWhatBecame gives the phone evidence of a place that is being repaired, and more jolts than any road has, and looks for both on the page.
func (w *town) tellsWhatBecame(b *browser, looked func(string, ...[2]int64)) {
	w.t.Helper()
	if _, err := w.pool.Exec(context.Background(), `insert into evidence (place, device, hits, misses, first_at, last_at, account, epoch)
		select 'pfelt', id, 1, 0, now(), now(), '', 0 from devices`); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.pool.Exec(context.Background(), `insert into device_days (device, day, jolts, passes, least_g, most_g, last_at)
		select id, (now() at time zone 'UTC')::date, 900, 0, 0.1, 2, now() from devices`); err != nil {
		w.t.Fatal(err)
	}
	b.open("http://" + b.host + "/drive")
	b.wait(`news.hidden === false && outcomes.textContent.includes('Pothole, Ringstraße') && outcomes.textContent.includes('In progress')`)
	b.wait(`health.hidden === false && health.textContent.includes('It may swing in its holder')`)
	eval[chromedp.Void](b, `void (document.querySelector('details').open = true)`)
	looked("again", [2]int64{390, 844})
	b.clean("again")
}

// forgive forgets complaints of a network that was cut.
func (b *browser) forgive() { b.forget("net::ERR_", "WebSocket connection", "Failed to fetch") }

// forget forgets complaints that hold one of these texts.
func (b *browser) forget(texts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrongs = slices.DeleteFunc(b.wrongs, func(w string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(w, text) })
	})
}

// TestDrivePageAsItIsServed reads what is served for the drive page.
func TestDrivePageAsItIsServed(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	answer, body := w.get("/drive?lang=de")
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "braucht JavaScript") || strings.Contains(answer.Header.Get("Content-Security-Policy"), "wasm") {
		t.Errorf("the page: %s", answer.Status)
	}
	worker := regexp.MustCompile(`data-worker="([^"]+)" data-wasm="([^"]+)"`).FindStringSubmatch(body)
	if worker == nil {
		t.Fatal("no worker and no detector: run make build")
	}
	for i, kind := range []string{"text/javascript", "application/wasm"} {
		answer, _ := w.get(worker[i+1])
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) ||
			!strings.Contains(answer.Header.Get("Content-Security-Policy"), "'wasm-unsafe-eval'") || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s %v", worker[i+1], answer.Status, answer.Header)
		}
	}
	if answer, _ := w.get(strings.Replace(worker[1], "/drive/", "/", 1)); strings.Contains(answer.Header.Get("Content-Security-Policy"), "wasm") {
		t.Error("elsewhere the worker may compile as well")
	}
	answer, body = w.get("/drive/offline.js")
	if answer.Header.Get("Service-Worker-Allowed") != "/drive" || !strings.Contains(body, worker[1]) || !strings.Contains(body, worker[2]) || !strings.Contains(body, "overpass") {
		t.Errorf("the service worker: %s %v", answer.Status, answer.Header)
	}
	answer, body = w.get("/drive/manifest.webmanifest?lang=de")
	var manifest struct {
		Name, Lang, Scope string
		StartURL          string `json:"start_url"`
		Icons             []struct{ Src, Sizes string }
	}
	if err := json.Unmarshal([]byte(body), &manifest); err != nil || manifest.Name != "Streetpulse Krems" || manifest.Lang != "de" || manifest.Scope != "/drive" ||
		manifest.StartURL != "/drive" || len(manifest.Icons) != 6 || answer.Header.Get("Content-Type") != "application/manifest+json" {
		t.Errorf("%s %v", body, err)
	}
	for _, i := range manifest.Icons {
		if answer, _ := w.get(i.Src); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", i.Src, answer.Status)
		}
	}
}

// TestDriveTextsAreThere holds the texts that the drive page's scripts ask for against those that there are.
func TestDriveTextsAreThere(t *testing.T) {
	t.Parallel()
	texts := readTexts(t, "en")
	files, err := filepath.Glob("ui/src/drive/*.ts")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	asks := regexp.MustCompile(`\b(tn?)\('([a-z.]+)'[,)]`)
	found := 0
	for _, file := range append(files, "ui/src/drive.ts") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asks.FindAllStringSubmatch(string(b), -1) {
			found++
			key := "drive." + m[2]
			if m[1] == "tn" {
				key += ".one"
			}
			if texts[key] == "" {
				t.Errorf("%s asks for %q", file, key)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d texts are asked for", found)
	}
}
