package web_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

func (v *visitor) read(path string, words ...string) string {
	v.t.Helper()
	answer, body := v.get(path)
	for _, word := range words {
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, word) {
			v.t.Errorf("%s: %s, and no %q", path, answer.Status, word)
		}
	}
	for _, wrong := range wellFormed(body) {
		v.t.Errorf("%s: %s", path, wrong)
	}
	return body
}

// TestAdministration invites somebody, gives them another role, keeps them out, and reads in the log that it was done.
func TestAdministration(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	rootPerson := w.person("root@example.org", access.Administrator)
	root := w.loggedIn(rootPerson)
	root.read("/admin", "root@example.org", "Invite somebody", `href="/admin/log"`)
	invite := func(email, role string) (*http.Response, string) {
		return root.send("/admin", url.Values{"email": {email}, "name": {"Ben <i>B</i>"}, "role": {role}})
	}
	for _, c := range []struct {
		email, role string
		status      int
		text        string
	}{{"ben", "crew", 422, "Enter an e-mail address"}, {"ROOT@example.org", "crew", 422, "is here already"}, {"ben@example.org", "emperor", 400, ""}, {"ben@example.org", "crew", 200, "The invitation is on its way."}} {
		if answer, body := invite(c.email, c.role); answer.StatusCode != c.status || !strings.Contains(body, c.text) {
			t.Errorf("invite %s as %s: %s", c.email, c.role, answer.Status)
		}
	}
	ben := w.visitor("192.0.2.2")
	link := strings.TrimPrefix(linkIn.FindString(w.letters("ben@example.org")[0]), w.http.URL)
	if answer, _ := ben.send(link, url.Values{"password": {testPassword}}); answer.Request.URL.Path != "/login" {
		t.Fatalf("ben chooses a password: %s", answer.Status)
	}
	ben.send("/login", url.Values{"email": {"ben@example.org"}, "password": {testPassword}})
	ben.read("/account", "ben@example.org, Crew")
	id := regexp.MustCompile(`href="/admin/people/([^"]+)">Ben &lt;i&gt;`).FindStringSubmatch(root.read("/admin?q=BEN%40", "Ben &lt;i&gt;"))
	if id == nil {
		t.Fatal("ben is not listed")
	}
	page := "/admin/people/" + id[1]
	root.read(page, "Change the role", "Added", "crew")
	deed := func(do, role, want string, status int) {
		t.Helper()
		if answer, body := root.send(page, url.Values{"do": {do}, "role": {role}}); answer.StatusCode != status || !strings.Contains(body, want) {
			t.Errorf("%s: %s, and no %q", do, answer.Status, want)
		}
	}
	deed("role", "dispatcher", "The role is changed.", 200)
	if answer, _ := ben.get("/account"); answer.Request.URL.Path != "/login" {
		t.Error("ben goes on under his old role")
	}
	deed("end", "", "They are signed out everywhere.", 200)

	// Crews: into two, out of one, out of all; what is no crew changes nothing.
	for _, c := range []dispatch.Team{{ID: "north", Name: "Crew North"}, {ID: "south", Name: "Crew <South>"}} {
		if _, err := dispatch.SaveCrew(t.Context(), w.pool, c); err != nil {
			t.Fatal(err)
		}
	}
	w.crewsPage(root, id[1])
	root.read(page, `value="north">Crew North`, `value="south">Crew &lt;South&gt;`)
	for _, c := range []struct {
		crews  []string
		status int
		want   string
		in     int
	}{
		{[]string{"north", "south"}, 200, `value="north" checked>Crew North`, 2}, {[]string{"south"}, 200, `value="south" checked>`, 1},
		{[]string{"south", "nowhere"}, 400, "", 1}, {nil, 200, "The crews are saved.", 0}, {[]string{"north"}, 200, `value="north" checked>`, 1},
	} {
		answer, body := root.send(page, url.Values{"do": {"crews"}, "crew": c.crews})
		if answer.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("crews %v: %s, and no %q", c.crews, answer.Status, c.want)
		}
		if n := count(w, `select count(*) from crew_members where person = $1`, id[1]); n != c.in {
			t.Errorf("crews %v: ben is in %d", c.crews, n)
		}
	}
	root.read("/admin/log?action=person.crews", "Put in crews", "north, south", `href="/admin/log/log.xlsx?action=person.crews"`)
	answer, body := root.get("/admin/log/log.csv?action=person.")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if n := count(w, `select count(*) from audit where starts_with(action, 'person.')`); err != nil || len(rows) != n+1 || n < 3 || !strings.Contains(body, "north, south") {
		t.Errorf("the log as a file: %s, %d lines of %d, %v", answer.Status, len(rows), n, err)
	}
	if _, body := root.get("/admin/log/log.xlsx?action=person."); !slices.EqualFunc(w.sheet(body), rows, sameCells) {
		t.Errorf("the log as XLSX: %v", w.sheet(body))
	}
	deed("link", "", "The link is on its way.", 200)
	deed("nonsense", "", "", 400)
	deed("disable", "", "They are kept out from now on.", 200)
	deed("link", "", "", 400)
	if answer, _ := ben.send("/login", url.Values{"email": {"ben@example.org"}, "password": {testPassword}}); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("who is kept out logs in: %s", answer.Status)
	}
	deed("enable", "", "They may sign in again.", 200)
	if answer, body := root.send("/admin/people/"+rootPerson.ID, url.Values{"do": {"role"}, "role": {"crew"}}); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "Nobody else could administer") {
		t.Errorf("the last administrator: %s", answer.Status)
	}
	for path, words := range map[string][]string{
		"/admin/log": {"Changed the role", "crew to dispatcher", "Kept out", "Signed in"}, "/admin/log?action=person.&what=ben%40example.org": {"Let in again"},
		"/admin/log?by=ben%40example.org": {"Set a password"}, "/admin/log?what=none": {"Nothing like that was done."}, "/admin/keys": {"No keys."}, "/admin?q=zzz": {"Nobody is called that."},
	} {
		body := root.read(path, words...)
		if strings.Contains(path, "by=ben") && strings.Contains(body, "Changed the role") {
			t.Errorf("%s: what others did", path)
		}
	}
	if answer, _ := root.get("/admin/people/none"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("nobody: %s", answer.Status)
	}
}

// crewsPage makes a crew on its page, changes it, and retires it; north and south are there, and one person of the role crew.
func (w *town) crewsPage(root *visitor, member string) {
	w.t.Helper()
	version := regexp.MustCompile(`name="version" value="(\d+)"`)
	page, seen := crewsAt+"/new", "0"
	send := func(status int, want string, form url.Values) {
		w.t.Helper()
		form.Set("version", seen)
		answer, body := root.send(strings.TrimSuffix(page, "/new"), form)
		if answer.StatusCode != status || !strings.Contains(body, want) {
			w.t.Errorf("%v: %s, and no %q", form, answer.Status, want)
		}
		for _, wrong := range wellFormed(body) {
			w.t.Errorf("%v: %s", form, wrong)
		}
		if found := version.FindStringSubmatch(body); status == http.StatusOK && found != nil {
			page, seen = answer.Request.URL.Path, found[1]
		}
	}
	root.read(crewsAt, "Crew &lt;South&gt;", "Nobody is in it yet", "No yard")
	send(422, "Enter a name.", url.Values{"name": {" "}})
	send(422, "Another crew has this name", url.Values{"name": {"crew north"}})
	send(422, "No street begins with “Nowhere”", url.Values{"name": {"East"}, "yard": {"Nowhere"}})
	send(422, "far from all streets", url.Values{"name": {"East"}, "yard": {"15.6, 48.4"}})
	send(400, "", url.Values{"name": {"East"}, "member": {"nobody"}})
	send(200, "The crew is added.", url.Values{"name": {"East"}, "member": {member}, "yard": {"ringstr"}})
	east := strings.TrimPrefix(page, crewsAt+"/")
	if n := count(w, `select count(*) from crews c join crew_members m on m.crew = c.id where c.id = $1 and m.person = $2 and c.lat between 48.39 and 48.43`, east, member); n != 1 {
		w.t.Error("East has no yard, or nobody in it")
	}
	first := seen
	send(200, "Saved.", url.Values{"name": {"Crew East"}, "yard": {"48.41, 15.61"}})
	seen = first
	send(409, "Someone else changed Crew South-East", url.Values{"name": {"Crew South-East"}})
	root.read(page, "48.410000, 15.610000", "name: East → Crew East", "members: Ben")
	seen = version.FindStringSubmatch(root.read(page))[1]
	send(200, "The crew is retired.", url.Values{"do": {"retire"}})
	root.read(crewsAt, "One retired crew", "retired: – → yes")
	send(200, "The crew works again.", url.Values{"do": {"restore"}})
	send(400, "", url.Values{"do": {"paint"}})
	root.read(page+"?lang=de", "Trupp auflösen", "Wer dabei ist")
	root.get(page + "?lang=en")
	if answer, _ := root.get(crewsAt + "/none"); answer.StatusCode != http.StatusNotFound {
		w.t.Errorf("no crew: %s", answer.Status)
	}
	for body, status := range map[string]int{`{"name":"Crew East","members":["nobody-such"]}`: 422, `{"name":"Crew North"}`: 422, `{"name":"Crew East","version":1}`: 409, `{"name":"Crew East"}`: 204} {
		if answer, text := root.call(http.MethodPut, "/crews/"+east, body, ""); answer.StatusCode != status {
			w.t.Errorf("%s: %s %s", body, answer.Status, text)
		}
	}
	chief := w.signIn(access.Supervisor)
	if body := chief.read(crewsAt, "Crew East"); strings.Contains(body, `href="/admin/settings"`) {
		w.t.Error("a supervisor is offered what an administrator may open")
	}
}

const crewsAt = "/admin/crews"

// call calls an operation with a key, or as who is logged in.
func (v *visitor) call(method, path, body, key string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest(method, v.w.http.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return v.do(r)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	now := today()
	w := newTown(t, believing, func(c *web.Config) { c.Now = func() time.Time { return now } })
	anna := w.loggedIn(w.person("anna@example.org", access.Administrator))
	anna.read("/account", "Keys for programs", "Revoke devices")
	if answer, body := anna.send("/account/keys", url.Values{"name": {"Asset system"}, "days": {"90"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Choose at least one thing") {
		t.Errorf("a key for nothing: %s", answer.Status)
	}
	_, body := anna.send("/account/keys", url.Values{"name": {"Asset <b>system</b>"}, "days": {"90"}, "scope": {"read", "devices:write", "read"}})
	made := regexp.MustCompile(`>(sp_[A-Za-z0-9_-]{43})<`).FindStringSubmatch(body)
	if made == nil || !strings.Contains(body, "It is shown this once.") {
		t.Fatalf("no key: %s", body)
	}
	key := made[1]
	if body = anna.read("/account", key[:8]+"…", "Asset &lt;b&gt;", "9 Jun 2026"); strings.Contains(body, key) {
		t.Error("the key is shown again")
	}
	if n := count(w, `select count(*) from api_keys where strpos(api_keys::text, $1) > 0`, key[4:]); n != 0 {
		t.Error("the key is stored as it is")
	}
	program := w.visitor("192.0.2.3")
	answer, text := program.call(http.MethodGet, "/devices", "", key)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("the program reads: %s %s", answer.Status, text)
	}
	_, text = program.call(http.MethodPost, "/devices", `{}`, "")
	var device struct{ ID string }
	if err := json.Unmarshal([]byte(text), &device); err != nil {
		t.Fatal(err)
	}
	if answer, text = program.call(http.MethodPost, "/devices/"+device.ID+"/revocation", "", key); answer.StatusCode != http.StatusNoContent || count(w, `select count(*) from devices where revoked_at is not null`) != 1 {
		t.Errorf("revoke a device: %s %s", answer.Status, text)
	}
	if answer, _ = program.call(http.MethodPost, "/devices/none/revocation", "", key); answer.StatusCode != http.StatusNotFound {
		t.Errorf("revoke none: %s", answer.Status)
	}
	anna.read("/account", "Today")
	now = now.AddDate(0, 0, 91)
	if answer, _ = program.call(http.MethodGet, "/devices", "", key); answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("after 91 days: %s %s", answer.Status, answer.Header.Get("WWW-Authenticate"))
	}
	now = today()
	other := w.signIn(access.Dispatcher)
	id := regexp.MustCompile(`name="revoke" value="(\d+)"`).FindStringSubmatch(anna.read("/admin/keys", "anna@example.org"))[1]
	other.send("/account/keys", url.Values{"revoke": {id}})
	if answer, _ = program.call(http.MethodGet, "/devices", "", key); answer.StatusCode != http.StatusOK {
		t.Errorf("somebody else revokes it: %s", answer.Status)
	}
	if _, body = anna.send("/account/keys", url.Values{"revoke": {id}}); !strings.Contains(body, "That key no longer works.") {
		t.Error("the key is not revoked")
	}
	if answer, _ = program.call(http.MethodGet, "/devices", "", key); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a revoked key: %s", answer.Status)
	}
}

// The owner of a fleet sees and revokes its own devices with a key, and learns of no others.
func TestAFleetsKey(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.fleet()
	if _, err := w.pool.Exec(context.Background(), `update devices set fleet = case when id in ('fine', 'stuck', 'loose') then 'City buses' when id = 'away' then 'Taxis' else '' end`); err != nil {
		t.Fatal(err)
	}
	anna := w.loggedIn(w.person("anna@example.org", access.Administrator))
	_, body := anna.send("/account/keys", url.Values{"name": {"Bus company"}, "days": {"90"}, "scope": {"read"}, "fleet": {"City buses"}})
	made := regexp.MustCompile(`>(sp_[A-Za-z0-9_-]{43})<`).FindStringSubmatch(body)
	if made == nil || !strings.Contains(body, "See and revoke the devices of one fleet: City buses") {
		t.Fatalf("no key: %s", body)
	}
	key, company := made[1], w.visitor("192.0.2.3")
	for query, want := range map[string]string{"": "[fine fine][loose loose][stuck stuck]", "?fleet=City+buses&health=stuck": "[stuck stuck]", "?fleet=Taxis": "", "?health=away": ""} {
		var list struct {
			Devices []struct{ ID, Fleet, Health string }
		}
		answer, text := company.call(http.MethodGet, "/devices"+query, "", key)
		if err := json.Unmarshal([]byte(text), &list); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status, text)
		}
		slices.SortFunc(list.Devices, func(a, b struct{ ID, Fleet, Health string }) int { return strings.Compare(a.ID, b.ID) })
		said := ""
		for _, d := range list.Devices {
			said += "[" + d.ID + " " + d.Health + "]"
		}
		if said != want {
			t.Errorf("%q: %s, want %s", query, said, want)
		}
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/devices/fine", "", 200}, {"GET", "/devices/away", "", 404}, {"GET", "/devices/none", "", 404}, {"POST", "/devices/away/revocation", "", 404},
		{"POST", "/devices/stuck/revocation", "", 204}, {"GET", "/detectors", "", 403}, {"POST", "/detectors/phone", `{"parameters":{"version":1},"share":1}`, 403},
		{"GET", "/enrolment-codes", "", 403}, {"POST", "/enrolment-codes", `{"fleet":"City buses","most":1}`, 403}, {"GET", "/people", "", 403}, {"GET", "/account", "", 403},
		{"POST", "/account/keys", `{"name":"more","scopes":["read"]}`, 403},
	} {
		if answer, text := company.call(c.method, c.path, c.body, key); answer.StatusCode != c.status {
			t.Errorf("%s %s: %s %s", c.method, c.path, answer.Status, text)
		}
	}
	if n := count(w, `select count(*) from devices where revoked_at is not null and id = 'stuck'`) - count(w, `select count(*) from devices where revoked_at is not null and id <> 'stuck'`); n != 1 {
		t.Error("another device is revoked")
	}
	for body, status := range map[string]int{
		`{"name":"Taxis","scopes":["fleet"],"fleet":"Taxis"}`: 201, `{"name":"Taxis","scopes":["fleet"]}`: 422, `{"name":"Taxis","scopes":["read"],"fleet":"Taxis"}`: 422,
		`{"name":"Taxis","scopes":["fleet","read"],"fleet":"Taxis"}`: 422} {
		if answer, text := anna.call(http.MethodPost, "/account/keys", body, ""); answer.StatusCode != status {
			t.Errorf("%s: %s %s", body, answer.Status, text)
		}
	}
	if answer, text := w.signIn(access.Dispatcher).call(http.MethodPost, "/account/keys", `{"name":"Taxis","scopes":["fleet"],"fleet":"Taxis"}`, ""); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a dispatcher makes one: %s %s", answer.Status, text)
	}
	anna.read("/admin/log?action=key.", "fleet City buses")
}

// TestAccountsOverTheInterface does what the pages do, by the operations.
func TestAccountsOverTheInterface(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	p := w.person("anna@example.org", access.Administrator)
	w.password(p)
	anna := w.visitor("192.0.2.1")
	ben := w.person("ben@example.org", access.Crew)
	for _, c := range []struct {
		method, path, body string
		status             int
		word               string
	}{
		{"GET", "/account", "", 401, ""}, {"POST", "/session", `{"email":"anna@example.org","password":"wrong"}`, 401, "After 4 more tries"},
		{"POST", "/session", `{"email":"anna@example.org","password":"` + testPassword + `"}`, 200, `"may":["account","work"`},
		{"GET", "/account", "", 200, `"role":"administrator"`}, {"PUT", "/account", `{"name":"Anna","language":"de"}`, 200, `"name":"Anna"`},
		{"PUT", "/account", `{"name":"Anna","language":"xx"}`, 422, ""}, {"PUT", "/account/password", `{"old":"x","new":"quite another sentence"}`, 422, "not your password"},
		{"PUT", "/account/password", `{"old":"` + testPassword + `","new":"quite another sentence"}`, 204, ""}, {"GET", "/account/sessions", "", 200, `"own":true`},
		{"DELETE", "/account/sessions", "", 204, ""}, {"DELETE", "/account/sessions/999999", "", 404, ""}, {"DELETE", "/account/follows/1", "", 204, ""},
		{"POST", "/account/keys", `{"name":"x","scopes":["read"],"days":1}`, 201, `"key":"sp_`}, {"GET", "/account/keys", "", 200, `"scopes":["read"]`},
		{"DELETE", "/account/keys/999999", "", 404, ""}, {"GET", "/keys", "", 200, `"start":"sp_`}, {"DELETE", "/keys/1", "", 204, ""},
		{"GET", "/people?q=ben", "", 200, `"role":"crew"`}, {"POST", "/people", `{"email":"carl@example.org","role":"crew"}`, 201, `"invited":true`},
		{"POST", "/people", `{"email":"carl@example.org","role":"crew"}`, 422, "already"}, {"PATCH", "/people/" + ben.ID, `{"role":"dispatcher"}`, 200, `"role":"dispatcher"`},
		{"PATCH", "/people/" + ben.ID, `{"disabled":true}`, 200, `"disabled":true`}, {"PATCH", "/people/" + ben.ID, `{"disabled":false}`, 200, `"disabled":false`},
		{"PATCH", "/people/" + p.ID, `{"disabled":true}`, 409, "administrator"}, {"PATCH", "/people/none", `{"disabled":true}`, 404, ""},
		{"DELETE", "/people/" + ben.ID + "/sessions", "", 204, ""}, {"POST", "/people/" + ben.ID + "/link", "", 204, ""}, {"DELETE", "/people/none/sessions", "", 404, ""},
		{"GET", "/audit?action=person.role&by=anna@example.org", "", 200, `"detail":"crew to dispatcher"`},
		{"POST", "/password-links", `{"email":"anna@example.org"}`, 202, "on its way"}, {"POST", "/accounts", `{"email":"dora@example.org"}`, 202, "on its way"},
		{"POST", "/passwords", `{"link":"x","password":"` + testPassword + `"}`, 410, "used already"},
		{"POST", "/account/erasure", `{"password":"quite another sentence"}`, 409, "administrator"},
		{"DELETE", "/session", "", 204, ""}, {"GET", "/account", "", 401, ""},
	} {
		answer, text := anna.call(c.method, c.path, c.body, "")
		if answer.StatusCode != c.status || !strings.Contains(text, c.word) {
			t.Errorf("%s %s: %s %s", c.method, c.path, answer.Status, text)
		}
	}
	letter := w.letters("dora@example.org")
	secret := linkIn.FindString(letter[0])
	secret = secret[strings.LastIndex(secret, "/")+1:]
	if answer, text := anna.call("POST", "/passwords", `{"link":"`+secret+`","password":"`+testPassword+`","name":"Dora"}`, ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("dora: %s %s %q", answer.Status, text, letter)
	}
	if n := count(w, `select count(*) from people where name = 'Dora' and role = 'resident'`); n != 1 {
		t.Errorf("%d Doras", n)
	}
}

// TestResident signs up, speaks of places from two devices as one person, and goes without a trace.
func TestResident(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	id := w.judged("Ringstraße", .45, 3, 0)
	if _, err := w.pool.Exec(context.Background(), `update places set class = 'pothole', severity = 0.5 where id = $1`, id); err != nil {
		t.Fatal(err)
	}
	w.put(defect{ID: "pordered1", Street: "Lindengasse", Share: .45, State: "confirmed", Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	w.regions()
	w.password(w.person("known@example.org", access.Resident))
	phone, desk, third := w.visitor("192.0.2.1"), w.visitor("192.0.2.2"), w.visitor("192.0.2.3")
	_, fresh := phone.send("/signup", url.Values{"email": {"anna@example.org"}})
	_, known := desk.send("/signup", url.Values{"email": {"known@example.org"}})
	if fresh != known || !strings.Contains(fresh, "A link is on its way") {
		t.Error("signing up tells who is known")
	}
	if letter := w.letters("known@example.org"); len(letter) != 1 || strings.Contains(letter[0], "/login/link/") || !strings.Contains(letter[0], "There is one already.") {
		t.Errorf("to who is known: %q", letter)
	}
	votes := "/places/" + id + "/votes"
	phone.send(votes, url.Values{"vote": {"known"}}) // before anybody logs in: it becomes theirs
	link := strings.TrimPrefix(linkIn.FindString(w.letters("anna@example.org")[0]), w.http.URL)
	phone.read(link, "Make your account", `autocomplete="new-password"`)
	phone.send(link, url.Values{"password": {testPassword}, "name": {"Anna"}})
	for _, v := range []*visitor{phone, desk, third} {
		v.send("/login", url.Values{"email": {"anna@example.org"}, "password": {testPassword}})
	}
	poll := func() crowd.Poll {
		t.Helper()
		p, _, err := crowd.PollOf(context.Background(), w.pool, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	desk.read("/places/"+id, `value="known" aria-pressed="true"`)
	desk.send(votes, url.Values{"vote": {"known"}})
	third.send(votes, url.Values{"vote": {"absent"}})
	if got := poll(); got != (crowd.Poll{Absent: 1}) {
		t.Errorf("one person on three devices counts as %+v", got)
	}
	form := w.at("Lindengasse", .45)
	desk.read("/report", `value="anna@example.org"`)
	desk.report(form, picture(t))
	letters := w.letters("anna@example.org")
	desk.send(strings.TrimPrefix(linkIn.FindString(letters[len(letters)-1]), w.http.URL), nil)
	phone.read("/account", "Anna", "Not there", `href="/places/pordered1"`, "Stop following")
	if n := count(w, `select count(*) from people where strpos(people::text, 'anna') > 0`); n != 1 {
		t.Errorf("%d annas", n)
	}
	phone.read("/account/delete", "This cannot be undone.")
	if answer, body := phone.send("/account/delete", url.Values{"password": {"wrong"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "That is not your password.") {
		t.Errorf("with another password: %s", answer.Status)
	}
	if answer, body := phone.send("/account/delete", url.Values{"password": {testPassword}}); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Your account is deleted.") {
		t.Errorf("%s %s", answer.Status, body)
	}
	if answer, _ := desk.get("/account"); answer.Request.URL.Path != "/login" {
		t.Error("who is gone is in still")
	}
	if got := poll(); got != (crowd.Poll{Absent: 1}) {
		t.Errorf("what was said is %+v", got)
	}
	if n := count(w, `select count(*) from hand_reports`); n != 1 {
		t.Errorf("%d reports count", n)
	}
	// Nothing names her: not a row of any table has her address, her name or her words.
	for _, table := range []string{"people", "sessions", "people_links", "audit", "reports", "follows", "mails", "votes", "api_keys"} {
		if n := count(w, `select count(*) from `+table+` x where lower(x::text) ~ 'anna|alert'`); n != 0 {
			t.Errorf("%s names her still, in %d rows", table, n)
		}
	}
	if n := count(w, `select count(*) from report_photos`) + count(w, `select count(*) from votes where voter is not null`); n != 0 {
		t.Errorf("%d photos and votes are hers still", n)
	}
}

// TestCityAccount logs in by another service, as a browser does.
func TestCityAccount(t *testing.T) {
	t.Parallel()
	const home = "http://city.invalid"
	service := newProvider(t, home+"/login/oidc/callback")
	service.people["u1"] = &storage.User{ID: "u1", Username: "anna", Password: testPassword, Email: "Anna@example.org", EmailVerified: true, FirstName: "Anna", LastName: "Arbeit"}
	service.people["u2"] = &storage.User{ID: "u2", Username: "ben", Password: testPassword, Email: "ben@example.org"}
	service.groups["u1"] = []string{"choir", "works"}
	on, err := access.NewSignOn(access.SignOnOptions{Issuer: service.issuer, ClientID: providerClient, ClientSecret: providerSecret, Redirect: home + "/login/oidc/callback",
		RoleClaim: "groups", Roles: map[string]access.Role{"works": access.Dispatcher}})
	if err != nil {
		t.Fatal(err)
	}
	w := newTown(t, believing, func(c *web.Config) { c.SignOn = on })
	v := w.visitor("192.0.2.1").still()
	v.read("/login?next=/list", "City of Krems account", `href="/login/oidc?next=%2Flist"`)
	come := func(name string) (back string) {
		t.Helper()
		answer, _ := v.get("/login/oidc?next=/list")
		at, err := url.Parse(answer.Header.Get("Location"))
		if err != nil || at.Query().Get("code_challenge_method") != "S256" || at.Query().Get("nonce") == "" {
			t.Fatalf("to the service: %s %s", answer.Status, at)
		}
		if back, said := service.logIn(at.String(), name, "a wrong password"); back != "" || !strings.Contains(said, "password wrong") {
			t.Errorf("with a wrong password: %s %s", back, said)
		}
		back, said := service.logIn(at.String(), name, testPassword)
		if !strings.HasPrefix(back, home) {
			t.Fatalf("logged in there: %s %s", back, said)
		}
		return strings.TrimPrefix(back, home)
	}
	back := come("anna")
	if answer, body := w.visitor("192.0.2.2").get(back); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "was not begun in this browser") {
		t.Errorf("in another browser: %s", answer.Status)
	}
	answer, _ := v.get(back)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/list" || sessionOf(answer) == nil {
		t.Errorf("back: %s to %s", answer.Status, answer.Header.Get("Location"))
	}
	if body := v.read("/account", "anna@example.org, Dispatcher"); strings.Contains(body, "Change the password") {
		t.Error("a password can be set beside the service")
	}
	if n := count(w, `select count(*) from people where name = 'Anna Arbeit' and subject = 'u1'`); n != 1 {
		t.Error("her name is not taken over")
	}
	if answer, body := v.get(come("ben")); answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "does not vouch") {
		t.Errorf("an address that nobody has checked: %s", answer.Status)
	}
}
