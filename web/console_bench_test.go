package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"github.com/streetpulse/streetpulse/access"
)

// BenchmarkConsole is a queue of 20,000 open orders in a browser without a graphics card, server and browser on one machine: how many
// frames a second it draws while it is scrolled through, how long it takes from the press of a filter's button until the rows of another
// selection stand there (the aim is 200 ms on a machine that does nothing else), and how long the server takes for the map's tiles of a selection, the first time
// and after that.
func BenchmarkConsole(b *testing.B) {
	w := newTown(b)
	w.queued(b)
	anna := w.person("anna@example.org", access.Dispatcher)
	page := newBrowser(b, strings.TrimPrefix(w.http.URL, "http://"))
	page.enter(w, anna)
	page.view(1440, 900, false)
	page.open(w.http.URL + "/console?view=open")
	page.wait(`document.querySelector('main').dataset.ready === 'yes' && document.getElementById('cmap').dataset.ready === 'yes' && document.querySelector('[data-count=open]').textContent === '20000'`)
	b.Run("floor", func(b *testing.B) { // what the browser draws while nothing but the time changes
		for b.Loop() {
			frames(b, page, `new Promise(done => setTimeout(done, 3000))`)
		}
	})
	b.Run("scroll", func(b *testing.B) {
		for b.Loop() {
			frames(b, page, `new Promise(done => {
				const list = document.getElementById('scroller'), began = performance.now();
				const step = now => {
					list.scrollTop = (now - began) * 2.2; // fifty rows a second
					now - began < 5000 ? requestAnimationFrame(step) : done();
				};
				requestAnimationFrame(step);
			})`)
		}
	})
	b.Run("filter", func(b *testing.B) {
		for b.Loop() {
			var took []float64
			for range 3 {
				for _, f := range []string{"class=casting", "crew=c3", "body=Body 3", "state=new", "due=overdue", "q=Street 12", "sort=deadline", ""} {
					took = append(took, page.filter(f))
				}
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "p50-ms")
			b.ReportMetric(took[len(took)*95/100], "p95-ms")
			b.ReportMetric(took[len(took)-1], "max-ms")
			b.ReportMetric(0, "ns/op")
		}
	})
	who := w.loggedIn(anna)
	for name, query := range map[string]string{"rows": "view=open", "rows-counted": "view=open&counts=1", "rows-found": "view=open&q=Street+12"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var took []float64
				for range 15 {
					began := time.Now()
					who.get("/console/rows?offset=0&limit=100&" + query)
					took = append(took, float64(time.Since(began).Microseconds())/1000)
				}
				slices.Sort(took)
				b.ReportMetric(took[len(took)/2], "p50-ms")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
	for _, zoom := range []maptile.Zoom{11, 12, 14, 16} {
		b.Run(fmt.Sprintf("tile-z%d", zoom), func(b *testing.B) {
			for b.Loop() {
				t := maptile.At(orb.Point{15.61, 48.41}, zoom)
				ask := func() float64 {
					began := time.Now()
					who.get(fmt.Sprintf("/console/tiles/%d/%d/%d.mvt?view=open", zoom, t.X, t.Y))
					return float64(time.Since(began).Microseconds()) / 1000
				}
				w.announce("work", "order00000000000", "")
				first := ask()
				var again []float64
				for range 20 {
					again = append(again, ask())
				}
				slices.Sort(again)
				b.ReportMetric(first, "first-ms")
				b.ReportMetric(again[10], "p50-ms")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// filter asks for another selection by the console's own form, and returns how long it took until its first rows were drawn, ms.
func (b *browser) filter(query string) float64 {
	b.t.Helper()
	name, value, _ := strings.Cut(query, "=")
	return eval[float64](b, fmt.Sprintf(`(async () => {
		const form = document.querySelector('.qf'), fields = form.querySelectorAll('[name]:not([type=hidden])');
		for (const f of fields) f.type === 'checkbox' ? f.checked = false : f.value = '';
		if (%[1]q) form.querySelector('[name=%[1]s]').value = %[2]q;
		const q = new URLSearchParams([...new FormData(form)]);
		const {total, rows} = await (await fetch('/console/rows?offset=0&limit=1&' + q)).json();
		if (rows.length === 0) throw new Error('nothing is listed under ' + q);
		for (const li of document.querySelectorAll('.qr')) li.dataset.id = '';
		const map = document.getElementById('cmap').glmap; // what was asked for before is drawn, as it is when people ask
		await new Promise(done => setTimeout(done, 150));
		while (!map.loaded() || map.isMoving()) await new Promise(done => setTimeout(done, 50));
		const began = performance.now();
		form.requestSubmit();
		const there = () => {
			const drawn = [...document.querySelectorAll('.qr:not([hidden])')];
			return drawn.length >= Math.min(total, 15) && drawn.every(r => r.dataset.id !== '' && !r.classList.contains('wait')) && drawn.some(r => r.dataset.id === rows[0].id)
				&& document.getElementById('rows').style.height === total * 44 + 'px';
		};
		while (!there()) {
			await new Promise(requestAnimationFrame);
			if (performance.now() - began > 20000) throw new Error('the rows do not come');
		}
		return performance.now() - began;
	})()`, name, value))
}

// queued gives the town 20,000 open orders.
func (w *town) queued(b *testing.B) {
	b.Helper()
	w.crowded(50_000, 22_000, 22_000)
	for _, sql := range []string{
		`insert into crews (id, name) select 'c' || i, 'Crew ' || i from generate_series(1, 20) i`,
		`update orders o set state = (array['new','accepted','assigned','in_progress','reopened'])[1 + n % 5], class = (array['pothole','casting','joint'])[1 + n % 3],
			street = 'Street ' || n % 700, body = 'Body ' || n % 9, promoted_at = promoted_at - random() * interval '30 days', priority = floor(random() * 100),
			due_at = promoted_at + (random() * 20 - 10) * interval '1 day', crew = case when n % 5 in (2, 3) then 'c' || 1 + n / 5 % 20 end
			from (select id, row_number() over () as n from orders) r where r.id = o.id`,
		`insert into bodies (id, name) select 'b' || i, 'Body ' || i from generate_series(0, 8) i`,
		`analyze`,
	} {
		if _, err := w.pool.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
}
