package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/web"
)

// fleet puts devices into the town, each as its id says.
func (w *town) fleet() {
	w.t.Helper()
	now := today()
	add := func(id string, enrolled int, status string, seen, jolts, passes int, least, most float64) {
		w.t.Helper()
		ctx := context.Background()
		at := now.AddDate(0, 0, -seen)
		_, err := w.pool.Exec(ctx, `insert into devices (id, name, app, kind, enrolled_at, online, status, status_at)
			values ($1, 'Bus ' || $1, 'streetpulse-unit', 'vehicle', $2, $1 = 'fine', nullif($3, '')::jsonb, case when $3 <> '' then $4::timestamptz end)`,
			id, now.AddDate(0, 0, -enrolled), status, at)
		if err == nil && jolts+passes > 0 {
			_, err = w.pool.Exec(ctx, `insert into device_days (device, day, jolts, passes, least_g, most_g, last_at) values ($1, $2::date, $3, $4, $5, $6, $7)`,
				id, at.UTC().Format(time.DateOnly), jolts, passes, least, most, at)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	const said = `{"online":true,"app":"streetpulse-unit","firmware":"1.0","queued":3`
	add("fine", 20, said+`,"detector":7}`, 0, 12, 4, 0.2, 0.9)
	add("same", 20, said+`}`, 1, 12, 4, 0.5, 0.505)
	add("stuck", 20, said+`}`, 0, 0, 25, 0, 0)
	add("deaf", 20, said+`}`, 0, 0, 0, 0, 0)
	add("young", 2, said+`}`, 0, 0, 0, 0, 0)
	add("loose", 20, said+`,"mount":"loose"}`, 0, 3, 4, 0.2, 0.9)
	add("rattles", 20, `{"online":true,"firmware":"0.9"}`, 0, 900, 4, 0.2, 0.9)
	add("full", 20, said+`,"dropped":5}`, 0, 3, 4, 0.2, 0.9)
	add("odd", 20, `{"online":true,"queued":"many","dropped":{"a":1},"firmware":7}`, 0, 3, 4, 0.2, 0.9)
	add("away", 60, said+`}`, 16, 3, 4, 0.2, 0.9)
	add("unheard", 60, "", 0, 0, 0, 0, 0)
}

// Devices of a fleet enrol with its code, as many as it is for, whatever their address has done.
func TestEnrolmentCodes(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.EnrolLimit, c.EnrolCodes = 2, true })
	expired := today().AddDate(0, 0, -1)
	_, code, err := ingest.MakeCode(context.Background(), w.pool, "buses", 3, nil, today())
	if err != nil {
		t.Fatal(err)
	}
	_, old, err := ingest.MakeCode(context.Background(), w.pool, "buses", 3, &expired, today())
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		body   string
		status int
	}{
		{`{"code":"` + code + `"}`, 201}, {`{"code":"` + code + `"}`, 201}, {`{"code":"` + code + `","name":"` + strings.Repeat("x", 201) + `"}`, 422},
		{`{"code":"` + code + `"}`, 201}, {`{"code":"` + code + `"}`, 403}, {`{"code":"` + old + `"}`, 403}, {`{}`, 429},
	} {
		if answer, body := w.send(http.MethodPost, "/api/v1/devices", c.body, "", ""); answer.StatusCode != c.status {
			t.Errorf("%d: %s %s", i, answer.Status, body)
		}
	}
	if n := count(w, `select count(*) from devices where fleet = 'buses'`); n != 3 {
		t.Errorf("%d devices of the fleet", n)
	}
	root := w.loggedIn(w.person("root@example.org", access.Administrator))
	root.read("/admin/devices?fleet=buses", "3 devices are enrolled", "<option selected>buses</option>", "3 of 3", "Used up", "Past its time")

	// One is made on the page, one over the interface; both are taken back, and let nobody in any more.
	_, body := root.send("/admin/devices", url.Values{"fleet": {" City  <b>trams</b> "}, "most": {"5"}, "days": {"30"}})
	shown := regexp.MustCompile(`<code class="mono"[^>]*>([A-Za-z0-9_-]{43})</code>`).FindStringSubmatch(body)
	if shown == nil || !strings.Contains(body, "The code for City &lt;b&gt;trams&lt;/b&gt;:") {
		t.Fatal(body)
	}
	var made struct {
		ID   int64
		Code string
	}
	if answer, text := root.call(http.MethodPost, "/enrolment-codes", `{"fleet":"taxis","most":2}`, ""); json.Unmarshal([]byte(text), &made) != nil || answer.StatusCode != http.StatusCreated || len(made.Code) != 43 {
		t.Fatal(answer.Status, text)
	}
	for _, text := range []string{shown[1], made.Code} {
		if answer, body := w.send(http.MethodPost, "/api/v1/devices", `{"code":"`+text+`"}`, "", ""); answer.StatusCode != http.StatusCreated {
			t.Errorf("%s %s", answer.Status, body)
		}
	}
	if answer, _ := root.send("/admin/devices", url.Values{"revoke": {fmt.Sprint(made.ID - 1)}}); answer.StatusCode != http.StatusOK {
		t.Error(answer.Status)
	}
	for _, status := range []int{http.StatusNoContent, http.StatusNotFound} {
		if answer, text := root.call(http.MethodDelete, "/enrolment-codes/"+fmt.Sprint(made.ID), "", ""); answer.StatusCode != status {
			t.Errorf("%s %s", answer.Status, text)
		}
	}
	for _, text := range []string{shown[1], made.Code} {
		if answer, body := w.send(http.MethodPost, "/api/v1/devices", `{"code":"`+text+`"}`, "", ""); answer.StatusCode/100 != 4 {
			t.Errorf("taken back: %s %s", answer.Status, body)
		}
	}
	if err := ingest.Revoke(context.Background(), w.pool, last(w, "buses"), today()); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Codes []struct {
			Fleet, Start string
			Used, Active int
			RevokedAt    *time.Time `json:"revoked_at"`
		}
	}
	if _, text := root.call(http.MethodGet, "/enrolment-codes", "", ""); json.Unmarshal([]byte(text), &list) != nil || strings.Contains(text, made.Code) {
		t.Fatal(text)
	}
	said := ""
	for _, c := range list.Codes {
		said += fmt.Sprintf("%s %d/%d %t; ", c.Fleet, c.Active, c.Used, c.RevokedAt != nil)
	}
	if said != "taxis 1/1 true; City <b>trams</b> 1/1 true; buses 0/0 false; buses 2/3 false; " {
		t.Error(said)
	}
	root.read("/admin/log?action=code.", "Made an enrolment code", "taxis, 2", "Took an enrolment code back")
	root.read("/admin/devices?done=code", "The code lets nobody in any more.", "Taken back")
	for _, wrong := range []url.Values{{"fleet": {" "}, "most": {"5"}, "days": {"30"}}, {"fleet": {"x"}, "most": {"0"}, "days": {"30"}}, {"fleet": {"x"}, "most": {"1000000"}, "days": {"30"}}} {
		if answer, body := root.send("/admin/devices", wrong); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "from 1 to 100000") {
			t.Errorf("%v: %s", wrong, answer.Status)
		}
	}
}

// last returns the device of a fleet that enrolled last.
func last(w *town, fleet string) (id string) {
	w.t.Helper()
	if err := w.pool.QueryRow(context.Background(), `select id from devices where fleet = $1 order by id desc limit 1`, fleet).Scan(&id); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// TestDevices looks at the devices as an administrator: how each is, which are like that, and revokes one, on the page and over the
// interface.
func TestDevices(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.fleet()
	root := w.loggedIn(w.person("root@example.org", access.Administrator))
	want := map[string]string{"fine": "fine", "same": "stuck", "stuck": "stuck", "deaf": "stuck", "young": "fine", "loose": "loose", "rattles": "loose", "full": "full",
		"odd": "fine", "away": "away", "unheard": "unheard"}
	var all struct {
		Devices []struct {
			ID, Health, Firmware string
			Queued, Detector     int64
		}
	}
	if _, body := root.call(http.MethodGet, "/devices", "", ""); json.Unmarshal([]byte(body), &all) != nil || len(all.Devices) != len(want) {
		t.Fatal(body)
	}
	for _, d := range all.Devices {
		if d.Health != want[d.ID] {
			t.Errorf("%s is %s, not %s", d.ID, d.Health, want[d.ID])
		}
		if d.ID == "fine" && (d.Firmware != "1.0" || d.Queued != 3 || d.Detector != 7) {
			t.Errorf("%+v", d)
		}
	}
	// Pages of the list hold together.
	seen := map[string]bool{}
	for after := ""; ; {
		_, body := root.call(http.MethodGet, "/devices?limit=4&after="+after, "", "")
		all.Devices = nil
		if err := json.Unmarshal([]byte(body), &all); err != nil || len(all.Devices) == 0 {
			break
		}
		for _, d := range all.Devices {
			after = d.ID
			if seen[d.ID] {
				t.Fatalf("%s stands on two pages", d.ID)
			}
			seen[d.ID] = true
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d devices on all pages", len(seen))
	}
	root.read("/admin/devices", "11 devices are enrolled.", "1 is online.", "6 seem to have something wrong", "Bus rattles", "Feels nothing (3)")
	root.read("/admin/devices?lang=de", "11 Geräte sind angemeldet.", "Spürt nichts")
	for path, hidden := range map[string]string{"health=stuck&lang=en": "Bus fine", "q=RATT&lang=en": "Bus fine", "firmware=0.9&lang=en": "Bus fine", "kind=phone&lang=en": "Bus"} {
		if body := root.read("/admin/devices?" + path); strings.Contains(body, hidden) {
			t.Errorf("%s shows %s", path, hidden)
		}
	}
	root.read("/admin/devices?kind=phone", "No device is like that.")
	if answer, _ := root.get("/admin/devices?health=ill"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("no such health: %s", answer.Status)
	}
	root.read("/admin/devices/stuck", "its sensor may be stuck", "Revoke")
	if answer, _ := root.get("/admin/devices/none"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("no such device: %s", answer.Status)
	}
	for do, status := range map[string]int{"nonsense": http.StatusBadRequest, "revoke": http.StatusOK} {
		if answer, _ := root.send("/admin/devices/stuck", url.Values{"do": {do}}); answer.StatusCode != status {
			t.Errorf("%s: %s", do, answer.Status)
		}
	}
	root.read("/admin/devices/stuck", "It may not send any more.", "Revoked a device")
	if answer, _ := root.send("/admin/devices/none", url.Values{"do": {"revoke"}}); answer.StatusCode != http.StatusNotFound {
		t.Errorf("revoke none: %s", answer.Status)
	}
	if answer, body := root.call(http.MethodPost, "/devices/loose/revocation", "", ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("revoke over the interface: %s %s", answer.Status, body)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/detectors/vehicle", `{"parameters":{"version":1,"least_g":0.3},"share":0.1,"note":"buses hear less"}`, 201},
		{"POST", "/detectors/vehicle", `{"parameters":{"version":1,"least_g":30},"share":0.1}`, 422},
		{"POST", "/detectors/vehicle", `{"parameters":{"version":1},"share":0}`, 422},
		{"PATCH", "/detectors/revisions/1", `{"share":0.5}`, 204},
		{"DELETE", "/detectors/revisions/1", "", 204},
		{"DELETE", "/detectors/revisions/1", "", 404},
		{"PATCH", "/detectors/revisions/1", `{"share":1}`, 404},
	} {
		if answer, body := root.call(c.method, c.path, c.body, ""); answer.StatusCode != c.status {
			t.Errorf("%s %s %s: %s %s", c.method, c.path, c.body, answer.Status, body)
		}
	}
	if _, body := root.call(http.MethodGet, "/detectors", "", ""); !strings.Contains(body, `"least_slow_g":0.21`) || !strings.Contains(body, `"share":0.5`) || strings.Contains(body, `"ended_at":null`) {
		t.Error(body)
	}
	root.read("/admin/log?action=detector.", "Gave out detector parameters", "vehicle, 10 %", "Took them back")
	rollsOutOnThePage(t, root)
	if _, body := root.call(http.MethodGet, "/devices/loose", "", ""); !strings.Contains(body, `"health":"revoked"`) {
		t.Error(body)
	}
}

// rollsOutOnThePage gives parameters out on the page, to a share, to all, and rolls back.
func rollsOutOnThePage(t *testing.T, root *visitor) {
	t.Helper()
	const path = "/admin/detectors"
	page := root.read(path, "Revision 7", "No revision", "buses hear less", "Least jolt, g 0.3", "Rolled back", `name="least_slow_g" type="number" min="0.05" max="2"`)
	if strings.Contains(page, `value="back"`) {
		t.Error("what was rolled back can be rolled back")
	}
	root.read(path+"?from=1", `name="least_g" type="number" min="0.05" max="2" step="any" required value="0.3"`)
	for i, c := range []struct {
		form   url.Values
		status int
		says   []string
	}{
		{url.Values{"do": {"give"}, "profile": {"vehicle"}, "share": {"12.5"}, "note": {"try <it>"}, "least_g": {"0,4"}}, 200, []string{"Given out.", "Least jolt, g 0.4", "try &lt;it&gt;", `value="12.5"`, "0 of 7"}},
		{url.Values{"do": {"give"}, "profile": {"vehicle"}, "share": {"0"}}, 422, []string{"A share is a number"}},
		{url.Values{"do": {"give"}, "profile": {"vehicle"}, "share": {"NaN"}}, 422, []string{"A share is a number"}},
		{url.Values{"do": {"give"}, "profile": {"Bus/#"}, "share": {"10"}}, 422, []string{"cannot be named"}},
		{url.Values{"do": {"give"}, "profile": {"vehicle"}, "share": {"10"}, "least_g": {"30"}}, 422, []string{"Least jolt, g: from 0.05 to 2.", `value="30"`}},
		{url.Values{"do": {"share"}, "revision": {"2"}, "share": {"100"}}, 200, []string{"The share is changed.", `value="100"`}},
		{url.Values{"do": {"share"}, "revision": {"2"}, "share": {"101"}}, 422, []string{"A share is a number"}},
		{url.Values{"do": {"back"}, "revision": {"2"}}, 200, []string{"Rolled back. Devices return"}},
		{url.Values{"do": {"back"}, "revision": {"2"}}, 200, []string{"was rolled back already"}},
		{url.Values{"do": {"back"}}, 400, nil},
	} {
		answer, body := root.send(path, c.form)
		if answer.StatusCode != c.status {
			t.Errorf("%d %v: %s", i, c.form, answer.Status)
		}
		for _, want := range c.says {
			if !strings.Contains(body, want) {
				t.Errorf("%d %v: not %q in %s", i, c.form, want, body)
			}
		}
	}
	if _, body := root.call(http.MethodGet, "/detectors", "", ""); !strings.Contains(body, `{"profile":"vehicle","revision":7,"devices":1}`) || strings.Contains(body, `"ended_at":null`) {
		t.Error(body)
	}
}
