package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/web"
)

// visitor is somebody with a browser that keeps cookies, at an address of their own.
type visitor struct {
	t       testing.TB
	w       *town
	client  *http.Client
	address string
}

// believing lets the tests' visitors come from addresses of their own, as behind a proxy.
func believing(c *web.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func (w *town) visitor(address string) *visitor {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &visitor{w.t, w, &http.Client{Jar: jar}, address}
}

func (v *visitor) do(r *http.Request) (*http.Response, string) {
	v.t.Helper()
	r.Header.Set("X-Forwarded-For", v.address)
	answer, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer, string(b)
}

// send posts a form, as pages without scripts do.
func (v *visitor) send(path string, form url.Values) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodPost, v.w.http.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

func (v *visitor) get(path string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodGet, v.w.http.URL+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

// regions stores the regions' rows of the places that tests put in place: the engine makes them for what it judges.
func (w *town) regions() {
	w.t.Helper()
	if _, err := w.pool.Exec(context.Background(), `insert into regions (region) select distinct region from places on conflict do nothing`); err != nil {
		w.t.Fatal(err)
	}
}

func TestVotes(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.VoteLimit = 6 })
	id := w.judged("Ringstraße", .45, 2, 0)
	if _, err := w.pool.Exec(context.Background(), `update places set class = 'pothole', severity = 0.5 where id = $1`, id); err != nil {
		t.Fatal(err)
	}
	path := "/places/" + id + "/votes"
	anna, ben := w.visitor("192.0.2.1"), w.visitor("192.0.2.2")
	answer, body := anna.send(path, url.Values{"vote": {"known"}})
	if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/places/"+id || !strings.Contains(body, "Your answer is counted.") ||
		!strings.Contains(body, `value="known" aria-pressed="true">I know it <span class="n">1</span>`) || !strings.Contains(body, "1 person knows it.") {
		t.Errorf("%s %s: %s", answer.Status, answer.Request.URL, body)
	}
	if _, body = ben.get("/places/" + id); !strings.Contains(body, `value="known" aria-pressed="false">I know it <span class="n">1</span>`) {
		t.Errorf("ben sees: %s", body)
	}
	for _, c := range []struct {
		who    *visitor
		vote   string
		status int
		word   string
	}{
		{anna, "known", 200, "counted"}, {anna, "absent", 200, "1 says it is not there."}, {anna, "repaired", 200, "1 says it is repaired."},
		{anna, "known", 429, "You have voted here today. Come back tomorrow."}, {anna, "nonsense", 400, "cannot be read"},
		{ben, "repaired", 200, "2 say it is repaired."}, {w.visitor("192.0.2.1"), "known", 200, "1 person knows it."},
		{w.visitor("192.0.2.1"), "known", 429, "Come back in an hour."},
	} {
		answer, body := c.who.send(path, url.Values{"vote": {c.vote}})
		if answer.StatusCode != c.status || !strings.Contains(body, c.word) {
			t.Errorf("%s votes %s: %s, and no %q", c.who.address, c.vote, answer.Status, c.word)
		}
	}
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	var stored string
	if err := w.pool.QueryRow(context.Background(), `select coalesce(string_agg(v::text, ' '), '') || (select string_agg(k::text, ' ') from people_keys k) from votes v`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stored, "192.0.2") {
		t.Error("an address is stored")
	}
}

func TestVotesOverTheInterface(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.Suspected = crowd.Hidden })
	id := w.judged("Mitterweg", .4, 3, 0)
	w.put(defect{ID: "phidden1", Street: "Lindengasse", Share: .5, State: crowd.Suspected, Severity: .9, Devices: 1, Days: 1})
	w.regions()
	hidden := "/api/v1/places/" + id + "/votes"
	for path, want := range map[string]int{hidden: 404, "/api/v1/places/phidden1/votes": 404, "/api/v1/places/none/votes": 404} {
		if answer, _ := w.send(http.MethodPost, path, `{"vote":"known"}`, "", ""); answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
		if answer, _ := w.get(path); answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	if _, err := w.pool.Exec(context.Background(), `update places set state = 'confirmed' where id = $1`, id); err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{`{"vote":"gone"}`: 422, `{}`: 422, `x`: 400, `{"vote":"known"}`: 200} {
		answer, text := w.send(http.MethodPost, hidden, body, "", "")
		if answer.StatusCode != want {
			t.Errorf("%s: %s %s", body, answer.Status, text)
		}
		if want == 200 && !strings.Contains(answer.Header.Get("Set-Cookie"), "HttpOnly") {
			t.Errorf("its cookie: %q", answer.Header.Get("Set-Cookie"))
		}
	}
	_, text := w.get(hidden)
	var poll struct {
		Known int
		Text  string
	}
	if err := json.Unmarshal([]byte(text), &poll); err != nil || poll.Known != 1 || poll.Text != "1 person knows it." {
		t.Errorf("%s %v", text, err)
	}
	for _, path := range []string{hidden, "/places/" + id + "/votes"} {
		r, err := http.NewRequest(http.MethodPost, w.http.URL+path, strings.NewReader(`{"vote":"absent"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		answer, err := w.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("another site's page votes at %s: %s", path, answer.Status)
		}
	}
}

// TestVotingJourney votes in a browser: on the map by keyboard, then without scripts on a phone; and reads the database.
func TestVotingJourney(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id := w.judged("Ringstraße", .2, 3, 0)
	if _, err := w.pool.Exec(context.Background(), `update places set class = 'pothole' where id = $1`, id); err != nil {
		t.Fatal(err)
	}
	poll := func() crowd.Poll {
		p, _, err := crowd.PollOf(context.Background(), w.pool, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1440, 900, false)
	b.open(w.http.URL + "/?place=" + id)
	eval[chromedp.Void](b, `void document.querySelector('#panel .votes [value=known]').focus()`)
	b.press("Enter")
	b.wait(`document.querySelector('.tell').textContent === 'Your answer is counted.' && document.querySelector('#panel .votes [value=known][aria-pressed=true] .n')?.textContent === '1'`)
	if got := poll(); got != (crowd.Poll{Known: 1}) {
		t.Errorf("after voting on the map: %+v", got)
	}
	if eval[string](b, `document.activeElement.value ?? ''`) != "known" {
		t.Error("the keyboard is no longer where it was")
	}
	b.clean("map")

	b.view(360, 780, true)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	run(b, chromedp.Navigate(w.http.URL+"/places/"+id+"?lang=de"))
	b.tap(`.votes [value=absent]`)
	b.reads(`Ihre Antwort ist gezählt.`)
	if got := poll(); got != (crowd.Poll{Absent: 1}) {
		t.Errorf("after voting without scripts: %+v", got)
	}
	b.clean("without scripts")
}
