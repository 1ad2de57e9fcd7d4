package web_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 300, 200))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// report sends the form with its photos.
func (v *visitor) report(fields map[string]string, photos ...[]byte) (*http.Response, string) {
	v.t.Helper()
	read, write := io.Pipe()
	form := multipart.NewWriter(write)
	go func() {
		for key, value := range fields {
			_ = form.WriteField(key, value)
		}
		for i, p := range photos {
			part, err := form.CreateFormFile("photos", fmt.Sprintf("photo%d<script>.jpg", i))
			if err == nil {
				_, _ = part.Write(p)
			}
		}
		_ = write.CloseWithError(form.Close())
	}()
	r, err := http.NewRequest(http.MethodPost, v.w.http.URL+"/report", read)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return v.do(r)
}

// letters reads what waits in the outbox for an address.
func (w *town) letters(to string) []string {
	w.t.Helper()
	var out []string
	if err := w.pool.QueryRow(context.Background(), `select coalesce(array_agg(subject || E'\n' || body order by id), '{}') from mails where recipient = $1`, to).Scan(&out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

var linkIn = regexp.MustCompile(`http://[^\s]+`)

func (w *town) at(street string, share float64) map[string]string {
	w.t.Helper()
	p, _ := w.spot(street, share)
	return map[string]string{"lat": fmt.Sprintf("%.6f", p.Lat()), "lon": fmt.Sprintf("%.6f", p.Lon()), "category": "pothole", "words": "Deep <script>alert(1)</script>", "email": "anna@example.org"}
}

func count(w *town, sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// TestReport goes the whole way of a report without scripts: form, mail, confirmation, what is stored, the link.
func TestReport(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: "confirmed", Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	anna := w.visitor("192.0.2.1")
	form := w.at("Ringstraße", .45)
	_, body := anna.get("/report?q=Rings")
	if !strings.Contains(body, `>Ringstraße</button>`) {
		t.Error("the search finds no Ringstraße")
	}
	_, body = anna.get("/report?lat=" + form["lat"] + "&lon=" + form["lon"])
	for _, word := range []string{"Is it one of these?", "Pothole, Ringstraße", "I mean this one", "5 m away.", "Move the pin 15 metres:", "#i-pin"} {
		if !strings.Contains(body, word) {
			t.Errorf("the form does not say %q", word)
		}
	}
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	answer, body := anna.report(form, picture(t), picture(t))
	if answer.Request.URL.Path != "/report/sent" || !strings.Contains(body, "Confirm it in the e-mail we sent.") {
		t.Fatalf("%s %s", answer.Status, answer.Request.URL)
	}
	if n := count(w, `select count(*) from hand_reports`); n != 0 {
		t.Error("a report counts that nobody has confirmed")
	}
	mails := w.letters("anna@example.org")
	if len(mails) != 1 || !strings.Contains(mails[0], "Confirm your report: Pothole or broken surface, Ringstraße") {
		t.Fatalf("mails: %q", mails)
	}
	link := strings.TrimPrefix(linkIn.FindString(mails[0]), w.http.URL)
	_, body = anna.get(link)
	if !strings.Contains(body, "Confirm the report") || strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;") {
		t.Error("the link does not ask to confirm, or what was said is not escaped")
	}
	if n := count(w, `select count(*) from hand_reports`); n != 0 {
		t.Error("looking at the link confirms the report")
	}
	for range 2 { // once more changes nothing
		answer, body = anna.send(link, nil)
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, `<a href="/places/pordered1">Pothole, Ringstraße</a>`) {
			t.Errorf("confirmed: %s %s", answer.Status, body)
		}
	}
	if n := count(w, `select count(*) from hand_reports where class = 'pothole'`); n != 1 {
		t.Errorf("%d reports count", n)
	}
	if n := count(w, `select count(*) from follows where place = 'pordered1' and confirmed_at is not null`); n != 1 {
		t.Errorf("%d follow the place", n)
	}
	answer, body = anna.get(link + "/photos/2")
	if answer.Header.Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(body, "\xFF\xD8") {
		t.Errorf("its photo: %s %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	for path, want := range map[string]int{link + "/photos/3": 404, link + "/photos/x": 404, "/reports/nothing": 404, "/reports/nothing/photos/1": 404} {
		if answer, _ := anna.get(path); answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
}

// TestReportLosesNothing sends wrong forms: each says what is wrong and keeps the rest.
func TestReportLosesNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	anna := w.visitor("192.0.2.1")
	for name, c := range map[string]struct {
		field, value, text string
		photos             [][]byte
	}{
		"no place":       {"lat", "", "Say where it is", nil},
		"nonsense":       {"lon", "NaN", "Say where it is", nil},
		"elsewhere":      {"lat", "50.1", "lies outside this city", nil},
		"no category":    {"category", "volcano", "Choose what it is.", nil},
		"too many words": {"words", strings.Repeat("ä", 1001), "at most 1000 letters", nil},
		"no address":     {"email", "anna", "Enter an e-mail address", nil},
		"two addresses":  {"email", "a@b.example, c@d.example", "Enter an e-mail address", nil},
		"a header":       {"email", "a@b.example\r\nBcc: c@d.example", "Enter an e-mail address", nil},
		"SVG":            {"", "", "no JPEG, PNG or WebP", [][]byte{[]byte(`<svg onload="alert(1)"/>`)}},
		"five photos":    {"", "", "At most 4 photos.", [][]byte{picture(t), picture(t), picture(t), picture(t), picture(t)}},
	} {
		form := w.at("Ringstraße", .45)
		form["words"] = "Left lane"
		if c.field != "" {
			form[c.field] = c.value
		}
		answer, body := anna.report(form, append(c.photos, picture(t))...)
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, c.text) || !strings.Contains(body, "There is a problem") {
			t.Errorf("%s: %s, and no %q", name, answer.Status, c.text)
		}
		if c.field != "words" && !strings.Contains(body, ">Left lane</textarea>") || c.field != "email" && !strings.Contains(body, `value="anna@example.org"`) {
			t.Errorf("%s: what was filled in is lost", name)
		}
		if draft := regexp.MustCompile(`name="draft" value="([^"]+)"`).FindStringSubmatch(body); draft == nil || !strings.Contains(body, "kept.") {
			t.Errorf("%s: the photo is lost", name)
		} else if c.field == "email" {
			form["email"], form["draft"] = "anna@example.org", draft[1]
			if answer, _ := anna.report(form); answer.Request.URL.Path != "/report/sent" {
				t.Errorf("%s, put right: %s", name, answer.Status)
			}
			if n := count(w, `select count(*) from report_photos p join reports r on r.id = p.report where r.id = $1`, draft[1]); n != 1 {
				t.Errorf("%s: the report has %d photos", name, n)
			}
		}
		for _, wrong := range wellFormed(body) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// TestReportMovesWithoutLoss looks for a street and moves the pin again and again: nothing is lost, no photo stays that is to go, and nobody
// is told that they have reported too often.
func TestReportMovesWithoutLoss(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.ReportLimit = 1 })
	anna := w.visitor("192.0.2.1")
	form := w.at("Ringstraße", .45)
	form["words"], form["category"] = "Left lane", "casting"
	form["do"], form["q"] = "find", "Austr"
	_, body := anna.report(form, picture(t), picture(t), picture(t))
	draft := regexp.MustCompile(`name="draft" value="([^"]+)"`).FindStringSubmatch(body)
	move := regexp.MustCompile(`value="(at:[^"]+)"[^>]*>Austraße`).FindStringSubmatch(body)
	if draft == nil || move == nil {
		t.Fatalf("no street, or no photo: %s", body)
	}
	form["draft"], form["do"], form["drop"] = draft[1], move[1], "2"
	for range 8 {
		answer, moved := anna.report(form)
		if at := strings.Split(strings.TrimPrefix(form["do"], "at:"), ","); answer.StatusCode != http.StatusOK || !strings.Contains(moved, `id="lat" value="`+at[0]+`"`) || !strings.Contains(moved, `id="lon" value="`+at[1]+`"`) {
			t.Fatalf("%s: %s", form["do"], answer.Status)
		}
		for _, kept := range []string{">Left lane</textarea>", `value="anna@example.org"`, `value="casting" checked`, "2 photos are kept.", draft[1] + `/2"`} {
			if !strings.Contains(moved, kept) {
				t.Errorf("%s: %q is lost", form["do"], kept)
			}
		}
		for _, wrong := range wellFormed(moved) {
			t.Error(wrong)
		}
		form["do"] = regexp.MustCompile(`value="(at:[^"]+)"[^>]*>north`).FindStringSubmatch(moved)[1]
		delete(form, "drop")
	}
	if answer, body := anna.get("/report/photos/" + draft[1] + "/2"); answer.Header.Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(body, "\xFF\xD8") {
		t.Errorf("a kept photo: %s", answer.Status)
	}
	form["do"], form["q"] = "enter", ""
	if answer, _ := anna.report(form, picture(t)); answer.Request.URL.Path != "/report/sent" {
		t.Errorf("sent: %s", answer.Status)
	}
	if n := count(w, `select count(*) from report_photos where report = $1 and n between 1 and 3`, draft[1]); n != 3 {
		t.Errorf("the report has %d photos", n)
	}
	form["do"], form["drop"] = "find", "1"
	anna.report(form)
	if n := count(w, `select count(*) from report_photos where report = $1`, draft[1]); n != 3 {
		t.Errorf("a report that was sent has %d photos", n)
	}
	for _, path := range []string{"/report/photos/" + draft[1] + "/1", "/report/photos/" + draft[1] + "/x", "/report/photos/x/1"} {
		if answer, _ := anna.get(path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
}

// TestHostileReports sends what no resident sends.
func TestHostileReports(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.ReportLimit = 30 })
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .7, State: "confirmed", Severity: .8, Devices: 9, Days: 8, Order: dispatch.New})
	form := w.at("Ringstraße", .45)
	mallory := w.visitor("203.0.113.9")
	answer, body := mallory.report(form, make([]byte, 100<<20))
	if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "larger than 12 MB") || !strings.Contains(body, `value="anna@example.org"`) {
		t.Errorf("100 MB: %s", answer.Status)
	}
	// Nobody's mailbox is filled.
	sent := 0
	for i := range 12 { // however it is written
		form["email"] = []string{"anna@example.org", "Anna@example.org", "aNNa@Example.org"}[i%3]
		if answer, _ := mallory.report(form); answer.Request.URL.Path == "/report/sent" {
			sent++
		} else if answer.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s", answer.Status)
		}
	}
	if n := count(w, `select count(*) from mails where lower(recipient) = 'anna@example.org'`); sent != 5 || n != 5 {
		t.Errorf("%d reports were taken for one address, %d mails sent", sent, n)
	}
	// Nor is the database, from one connection or from many.
	refused := 0
	for i := range 40 {
		form["email"], form["words"] = fmt.Sprintf("a%d@example.org", i), fmt.Sprintf("Hole %d", i)
		answer, body := mallory.report(form)
		if answer.StatusCode != http.StatusTooManyRequests {
			continue
		}
		refused++
		if answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "Many reports have come") || !strings.Contains(body, ">"+form["words"]+"</textarea>") || !strings.Contains(body, `value="`+form["email"]+`"`) {
			t.Errorf("the report %d is refused, and what was filled in is lost: %s", i, answer.Status)
		}
	}
	if n := count(w, `select count(*) from reports`); n != 30 || refused != 15 {
		t.Errorf("%d of 40 reports over one connection were refused, %d taken in all", refused, n)
	}
	if answer, _ := mallory.send("/places/pordered1/follow", url.Values{"email": {"mallory@example.org"}}); answer.StatusCode != http.StatusOK {
		t.Errorf("who has reported much may not follow: %s", answer.Status)
	}
	for i := range 32 { // their neighbours are many, and still one network
		for j := range 2 {
			form["email"] = fmt.Sprintf("n%d-%d@example.org", i, j)
			w.visitor(fmt.Sprintf("203.0.113.%d", 30+i)).report(form)
		}
	}
	if n := count(w, `select count(*) from reports`); n != 90 {
		t.Errorf("%d reports were taken from one network", n)
	}
	more := func(n int) {
		t.Helper()
		if _, err := w.pool.Exec(context.Background(), `insert into reports (id, token, category, lat, lon, email, language, created_at)
			select 'r' || i, ('r' || i)::bytea, 'pothole', 48.41, 15.6, i || '@example.org', 'en', $1 from generate_series(1, $2) i on conflict do nothing`, today(), n); err != nil {
			t.Fatal(err)
		}
	}
	form["email"] = "eva@example.org"
	eva := w.visitor("198.51.100.10")
	eva.report(form)
	more(2000)
	if answer, body := eva.report(form); answer.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "cannot take more reports") {
		t.Errorf("a second one after 2,000 in an hour: %s", answer.Status)
	}
	if answer, _ := w.visitor("198.51.100.11").report(form); answer.Request.URL.Path != "/report/sent" {
		t.Errorf("the first of somebody after 2,000 in an hour: %s", answer.Status)
	}
	more(20_000)
	if answer, body := w.visitor("198.51.100.12").report(form); answer.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "cannot take more reports") || !strings.Contains(body, `value="eva@example.org"`) {
		t.Errorf("after 20,000 in an hour: %s", answer.Status)
	}
	for _, wrong := range []string{"lat", strings.Repeat("x", 100)} {
		r, err := http.NewRequest(http.MethodPost, w.http.URL+"/report", strings.NewReader(wrong))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+wrong[:3])
		if answer, _ := w.visitor("203.0.113.11").do(r); answer.StatusCode/100 != 4 {
			t.Errorf("no form: %s", answer.Status)
		}
	}
}

// held is a body that says when it is first read, and then waits.
type held struct{ begun, end chan struct{} }

func (h held) Read([]byte) (int, error) {
	select {
	case h.begun <- struct{}{}:
	default:
	}
	<-h.end
	return 0, io.ErrUnexpectedEOF
}

// hold begins to send a large report over the interface, and returns nil where the server reads it, or what it answers before it does.
func (v *visitor) hold(end chan struct{}) *http.Response {
	v.t.Helper()
	body := held{make(chan struct{}, 1), end}
	r, err := http.NewRequest(http.MethodPost, v.w.http.URL+"/api/v1/reports", body)
	if err != nil {
		v.t.Fatal(err)
	}
	r.ContentLength = 16 << 20
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", v.address)
	r.Header.Set("Expect", "100-continue")
	answered := make(chan *http.Response, 1)
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}
	go func() {
		answer, err := client.Do(r)
		if err == nil {
			answer.Body.Close()
			answered <- answer
		}
	}()
	select {
	case <-body.begun:
		return nil
	case answer := <-answered:
		return answer
	}
}

// TestLargeReportsTakeTurns sends large bodies, of which none is read while there is no room for it, or who sends it has sent too much.
func TestLargeReportsTakeTurns(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.ReportLimit = 1 })
	end := make(chan struct{})
	defer close(end)
	refused := func(what string, answer *http.Response) {
		t.Helper()
		if answer == nil {
			t.Errorf("%s: it is read", what)
		} else if answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s", what, answer.Status)
		}
	}
	for i := range 4 {
		v := w.visitor(fmt.Sprintf("203.0.113.%d", 20+i))
		if answer := v.hold(end); answer != nil {
			t.Fatalf("the report %d: %s", i, answer.Status)
		}
		refused("a second one of an address", v.hold(end))
	}
	anna := w.visitor("192.0.2.1")
	refused("a fifth", anna.hold(end))
	form := w.at("Ringstraße", .45)
	r, err := http.NewRequest(http.MethodPost, w.http.URL+"/api/v1/reports", strings.NewReader(`{"lat":`+form["lat"]+`,"lon":`+form["lon"]+`,"category":"pothole","email":"anna@example.org"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if answer, body := anna.do(r); answer.StatusCode != http.StatusAccepted {
		t.Errorf("a small one: %s %s", answer.Status, body)
	}
	refused("after as many as one may send", anna.hold(end))
	if answer, _ := w.send(http.MethodPost, "/api/v1/places/x/followers", `{"email":"`+strings.Repeat("x", 70_000)+`"}`, "", ""); answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("70 kB to follow a place: %s", answer.Status)
	}
}

func TestReportsOverTheInterface(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	form := w.at("Ringstraße", .45)
	body := func(more string) string {
		return `{"lat":` + form["lat"] + `,"lon":` + form["lon"] + `,"category":"pothole","email":"anna@example.org"` + more + `}`
	}
	for text, want := range map[string]int{
		body(""): 202, body(`,"photos":["` + base64.StdEncoding.EncodeToString(picture(t)) + `"]`): 202, body(`,"photos":["PHN2Zz4="]`): 422,
		`{"lat":1,"lon":1,"category":"pothole","email":"anna@example.org"}`: 422, body(`,"category":"x"`): 422, "x": 400,
	} {
		if answer, got := w.send(http.MethodPost, "/api/v1/reports", text, "", ""); answer.StatusCode != want {
			t.Errorf("%.90s: %s %s", text, answer.Status, got)
		}
	}
	if n := count(w, `select count(*) from reports`); n != 2 {
		t.Errorf("%d reports", n)
	}
	_, text := w.get("/api/v1/streets?q=rings")
	var found struct {
		Streets []struct {
			Name string
			Lat  float64
		}
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil || len(found.Streets) == 0 || found.Streets[0].Name != "Ringstraße" || found.Streets[0].Lat < 48 {
		t.Errorf("%s %v", text, err)
	}
}

// TestReportingJourney reports a hole in a browser: with scripts by keyboard and map, then without scripts on a phone.
func TestReportingJourney(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: "confirmed", Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	b.view(1440, 900, false)
	b.open(w.http.URL + "/")
	b.tap(`.top .end [href="/report"]`)
	b.until(`document.getElementById('rmap')?.dataset.ready === 'yes'`)
	eval[chromedp.Void](b, `void document.getElementById('q').focus()`)
	b.press("Austr")
	b.press("Enter")
	b.wait(`document.activeElement.textContent === 'Austraße'`)
	b.press("Enter")
	b.wait(`document.getElementById('lat').value !== '' && document.querySelector('#near .here')?.textContent.includes('Austraße')`)
	b.tap(`#category-casting`)
	eval[chromedp.Void](b, `void document.getElementById('email').focus()`)
	b.press("ben@example.org")
	b.choose("#photos", picture(t))
	eval[chromedp.Void](b, `void document.getElementById('email').focus()`)
	b.press("Enter")
	b.reads("Your report is in")
	b.open(w.http.URL + "/report/sent")
	axe, err := os.ReadFile("ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("run npm ci in web/ui: %v", err)
	}
	b.accessible("sent", string(axe))
	b.clean("report")
	if n := count(w, `select count(*) from reports r join report_photos p on p.report = r.id where category = 'casting' and street = 'Austraße' and email = 'ben@example.org'`); n != 1 {
		t.Errorf("%d reports with a photo", n)
	}
	link := linkIn.FindString(w.letters("ben@example.org")[0])
	b.open(link)
	b.accessible("to confirm", string(axe))
	b.tap("main form button")
	b.reads("It is counted.")
	b.view(360, 780, true)
	b.open(link)
	b.accessible("confirmed", string(axe))
	if n := count(w, `select count(*) from hand_reports where class = 'casting'`); n != 1 {
		t.Errorf("%d reports count", n)
	}

	// Without scripts, on a phone: the street, the spot, and then it is known already.
	b.view(360, 780, true)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	form := w.at("Ringstraße", .45)
	run(b, chromedp.Navigate(w.http.URL+"/report?category=casting"))
	b.until(`document.getElementById('words') !== null`)
	run(b, chromedp.Evaluate[chromedp.Void](`void document.getElementById('words').focus()`))
	b.press("Left lane")
	b.choose("#photos", picture(t))
	run(b, chromedp.Evaluate[chromedp.Void](`void document.getElementById('q').focus()`))
	b.press("Ring")
	b.press("Enter")
	b.tap(`#hits button`)
	b.until(`document.getElementById('lat')?.value`)
	spot := run(b, chromedp.Evaluate[string](`lat.value + ',' + lon.value`))
	b.tap(`.nudges button`)
	b.until(fmt.Sprintf(`document.querySelector('.nudges button') && lat.value + ',' + lon.value !== %q`, spot))
	b.until(`document.querySelector('.kept img')?.naturalWidth === 300`)
	b.shoot("report-kept", true)
	if got := run(b, chromedp.Evaluate[string](`[words.value, document.querySelector('[name=category]:checked').value, document.querySelectorAll('.kept img').length, location.hash].join()`)); got != "Left lane,casting,1,#where" {
		t.Errorf("after looking for a street and moving the pin the form holds %s", got)
	}
	run(b, chromedp.Evaluate[chromedp.Void](`void document.getElementById('email').focus()`))
	b.press("cleo@example.org")
	b.press("Enter")
	b.reads("Your report is in")
	if n := count(w, `select count(*) from reports r join report_photos p on p.report = r.id where category = 'casting' and words = 'Left lane' and email = 'cleo@example.org'`); n != 1 {
		t.Errorf("%d reports of Cleo's with a photo", n)
	}
	run(b, chromedp.Navigate(w.http.URL+"/report?lat="+form["lat"]+"&lon="+form["lon"]))
	b.reads("Is it one of these?")
	if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the form is wider than the phone")
	}
	b.clean("without scripts")
}
