package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

const testPassword = "a lamp in every street"

// person adds somebody who can log in, with no password.
func (w *town) person(email string, r access.Role) (p access.Person) {
	w.t.Helper()
	err := pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) (err error) {
		p, err = access.Add(context.Background(), tx, "", access.Person{Email: email, Role: r}, today())
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// loggedIn is a visitor who is logged in as a person, without having typed a password.
func (w *town) loggedIn(p access.Person) *visitor {
	w.t.Helper()
	v := w.visitor("192.0.2.9")
	u, err := url.Parse(w.http.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: w.session(p), Path: "/"}})
	return v
}

// session begins a session of a person and returns its cookie.
func (w *town) session(p access.Person) (token string) {
	w.t.Helper()
	err := pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) (err error) {
		token, err = access.Begin(context.Background(), tx, p.ID, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "", w.now())
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// signIn is a visitor with a role of their own.
func (w *town) signIn(r access.Role) *visitor {
	w.t.Helper()
	w.n++
	return w.loggedIn(w.person(string(r)+string(rune('a'+w.n%26))+time.Now().Format("150405.000000000")+"@example.org", r))
}

// password sets the tests' password of a person.
func (w *town) password(p access.Person) {
	w.t.Helper()
	if err := access.NewGate(w.pool, w.now, cheap).SetPassword(context.Background(), p, testPassword, ""); err != nil {
		w.t.Fatal(err)
	}
}

func sessionOf(answer *http.Response) *http.Cookie {
	for _, c := range answer.Cookies() {
		if c.Name == "session" {
			return c
		}
	}
	return nil
}

// still follows no redirect.
func (v *visitor) still() *visitor {
	c := *v.client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{v.t, v.w, &c, v.address}
}

func TestLoggingIn(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	w.password(w.person("anna@example.org", access.Dispatcher))
	anna := w.visitor("192.0.2.1").still()
	answer, _ := anna.get("/account?done=saved")
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/login?next="+url.QueryEscape("/account?done=saved") {
		t.Errorf("not logged in: %s to %s", answer.Status, answer.Header.Get("Location"))
	}
	// A session that somebody planted is not the one that login begins.
	u, _ := url.Parse(w.http.URL)
	planted := w.session(w.person("mallory@example.org", access.Resident))
	anna.client.Jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: planted, Path: "/"}})
	for next, want := range map[string]string{"/list": "/list", "//evil.example": "/account", "/\\evil.example": "/account", "https://evil.example/": "/account", "": "/account", "/list\r\nX: y": "/account"} {
		answer, _ = anna.send("/login", url.Values{"email": {"anna@example.org"}, "password": {testPassword}, "next": {next}})
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != want {
			t.Errorf("next %q: %s to %s", next, answer.Status, answer.Header.Get("Location"))
		}
	}
	c := sessionOf(answer)
	if c == nil || c.Value == planted || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Path != "/" {
		t.Fatalf("the cookie: %+v", c)
	}
	if n := count(w, `select count(*) from sessions`); n != 1 { // the planted one has ended, and so has each before
		t.Errorf("%d sessions", n)
	}
	answer, body := anna.get("/account")
	if !strings.Contains(body, "anna@example.org, Dispatcher") || answer.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%s %s: %s", answer.Status, answer.Header.Get("Cache-Control"), body)
	}
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	if answer, body = anna.get("/list"); !strings.Contains(body, "anna@example.org") || answer.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("a public page: %s", answer.Header.Get("Cache-Control"))
	}
	if answer, body = w.visitor("192.0.2.2").get("/list"); strings.Contains(body, "anna@") || answer.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(body, `href="/login"`) {
		t.Errorf("the same to others: %s", answer.Header.Get("Cache-Control"))
	}
	if answer, _ = anna.send("/logout", nil); answer.Header.Get("Location") != "/login?done=out" || sessionOf(answer).MaxAge >= 0 {
		t.Errorf("log out: %s %v", answer.Status, answer.Header)
	}
	if n := count(w, `select count(*) from sessions`); n != 0 {
		t.Errorf("%d sessions after logging out", n)
	}
	for _, form := range []url.Values{{"email": {"anna@example.org"}, "password": {"wrong"}}, {"email": {"nobody@example.org"}, "password": {testPassword}}} {
		answer, body := anna.send("/login", form)
		if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "The e-mail and password do not match. After 4 more tries we pause for 10 minutes.") || sessionOf(answer) != nil {
			t.Errorf("%v: %s %s", form, answer.Status, body)
		}
		for _, wrong := range wellFormed(body) {
			t.Error(wrong)
		}
	}
	for range 5 {
		answer, body = anna.send("/login", url.Values{"email": {"nobody@example.org"}, "password": {"guess"}})
	}
	if answer.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "Try again in 10 minutes.") {
		t.Errorf("after too many tries: %s", answer.Status)
	}
}

// Under TLS the cookie never goes out in the clear.
func TestSessionsUnderTLS(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.PublicURL = "https://city.example" })
	w.password(w.person("anna@example.org", access.Dispatcher))
	answer, _ := w.visitor("").still().send("/login", url.Values{"email": {"anna@example.org"}, "password": {testPassword}})
	if c := sessionOf(answer); c == nil || !c.Secure {
		t.Errorf("the cookie: %+v", c)
	}
}

// TestOtherSitesActForNobody sends what an administrator's browser would, told so by another site's page, to every page that takes a form
// and to every operation that changes something as somebody: what anybody may do, or a device with its secret, is done in nobody's name.
func TestOtherSitesActForNobody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	token := w.session(w.person("anna@example.org", access.Administrator))
	variable := regexp.MustCompile(`\{[a-z$]+\}`)
	from := func(method, path, kind, body string) int {
		r, err := http.NewRequest(method, w.http.URL+variable.ReplaceAllString(path, "1"), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.AddCookie(&http.Cookie{Name: "session", Value: token})
		answer, _ := w.visitor("").do(r)
		return answer.StatusCode
	}
	tried := 0
	for _, pattern := range w.server.Patterns() {
		if path, ok := strings.CutPrefix(pattern, "POST "); ok {
			tried++
			if got := from(http.MethodPost, path, "application/x-www-form-urlencoded", "end=others"); got != http.StatusForbidden {
				t.Errorf("%s: %d", pattern, got)
			}
		}
	}
	calls := whoCalls()
	for _, o := range w.operations() {
		if o.method == http.MethodGet || calls[o.id] == anybody || calls[o.id] == device {
			continue
		}
		tried++
		if got := from(o.method, o.path, "application/json", "{}"); got != http.StatusForbidden {
			t.Errorf("%s: %d", o.id, got)
		}
	}
	if n := count(w, `select count(*) from sessions`); n != 1 || tried < 80 {
		t.Errorf("%d sessions, %d tries", n, tried)
	}
}

func TestForgottenPassword(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	anna := w.person("anna@example.org", access.Dispatcher)
	w.password(anna)
	thief := w.loggedIn(anna)
	known := w.visitor("192.0.2.1")
	_, told := known.send("/login/forgotten", url.Values{"email": {"Anna@example.org"}})
	_, nobody := w.visitor("192.0.2.2").send("/login/forgotten", url.Values{"email": {"nobody@example.org"}})
	if told != nobody || !strings.Contains(told, "If there is an account with this address") {
		t.Errorf("the answers differ, or say something else: %s", told)
	}
	if n := count(w, `select count(*) from mails`); n != 1 {
		t.Errorf("%d mails", n)
	}
	mail := w.letters("anna@example.org")[0]
	link := strings.TrimPrefix(linkIn.FindString(mail), w.http.URL)
	if n := count(w, `select count(*) from people_links where token = $1`, []byte(strings.TrimPrefix(link, "/login/link/"))); n != 0 {
		t.Error("the link is stored as it is")
	}
	answer, body := known.get(link)
	if answer.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(body, "Choose a password") {
		t.Errorf("%s %s", answer.Status, body)
	}
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	if answer, body = known.send(link, url.Values{"password": {"short"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Choose a longer one") {
		t.Errorf("too short: %s", answer.Status)
	}
	if answer, body = known.send(link, url.Values{"password": {"quite another sentence"}}); answer.Request.URL.Path != "/login" || !strings.Contains(body, "Your password is set.") {
		t.Errorf("%s %s", answer.Status, answer.Request.URL)
	}
	if answer, _ = thief.get("/account"); answer.Request.URL.Path != "/login" {
		t.Error("whoever was in before is in still")
	}
	if answer, body = known.send(link, url.Values{"password": {"one more sentence"}}); answer.StatusCode != http.StatusGone || !strings.Contains(body, "This link has expired") {
		t.Errorf("used twice: %s", answer.Status)
	}
	if answer, _ = known.send("/login", url.Values{"email": {"anna@example.org"}, "password": {"quite another sentence"}}); answer.Request.URL.Path != "/account" {
		t.Errorf("the new password: %s", answer.Status)
	}
	for i := range 3 {
		if answer, _ = known.send("/login/forgotten", url.Values{"email": {"anna@example.org"}}); (answer.StatusCode == http.StatusTooManyRequests) != (i == 2) {
			t.Errorf("mail %d: %s", i+2, answer.Status)
		}
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	anna := w.person("anna@example.org", access.Resident)
	w.password(anna)
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: "confirmed", Severity: .8, Devices: 9, Days: 8, Order: "in_progress"})
	v, other := w.loggedIn(anna), w.loggedIn(anna)
	v.report(w.at("Ringstraße", .45))
	confirm := strings.TrimPrefix(linkIn.FindString(w.letters("anna@example.org")[0]), w.http.URL)
	v.send(confirm, nil)
	_, body := v.get("/account")
	for _, want := range []string{"What you reported", `href="/places/pordered1">Pothole, Ringstraße</a>`, "Stop following", "Firefox, Linux", "(here)"} {
		if !strings.Contains(body, want) {
			t.Errorf("the account does not say %q: %s", want, body)
		}
	}
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	if _, body = w.signIn(access.Resident).get("/account"); strings.Contains(body, "pordered1") {
		t.Error("others see it")
	}
	stop := regexp.MustCompile(`name="stop" value="(\d+)"`).FindStringSubmatch(func() string { _, b := v.get("/account"); return b }())
	if answer, _ := w.signIn(access.Resident).send("/account/follows", url.Values{"stop": {stop[1]}}); answer.StatusCode != http.StatusOK || count(w, `select count(*) from follows`) != 1 {
		t.Errorf("somebody else stops it: %s", answer.Status)
	}
	if _, body = v.send("/account/follows", url.Values{"stop": {stop[1]}}); !strings.Contains(body, "You no longer follow it.") || count(w, `select count(*) from follows`) != 0 {
		t.Error("it is followed still")
	}
	if _, body = v.send("/account", url.Values{"name": {"  Anna   <b>B</b> "}, "language": {"de"}}); !strings.Contains(body, `value="Anna &lt;b&gt;B&lt;/b&gt;"`) || !strings.Contains(body, "Ihr Konto") {
		t.Errorf("the name or the language: %s", body)
	}
	v.get("/?lang=en")
	if answer, body := v.send("/account/password", url.Values{"old": {"wrong"}, "new": {"quite another sentence"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "That is not your password.") {
		t.Errorf("without the old password: %s", answer.Status)
	}
	if answer, body := v.send("/account/password", url.Values{"old": {testPassword}, "new": {"quite another sentence"}}); answer.StatusCode != http.StatusOK || !strings.Contains(body, "The new password is set.") {
		t.Errorf("%s %s", answer.Status, body)
	}
	if answer, _ := other.get("/account"); answer.Request.URL.Path != "/login" {
		t.Error("the other browser is in still")
	}
	other = w.loggedIn(anna)
	id := regexp.MustCompile(`name="end" value="(\d+)"`).FindStringSubmatch(func() string { _, b := v.get("/account"); return b }())
	if _, body = v.send("/account/sessions", url.Values{"end": {id[1]}}); !strings.Contains(body, "Signed out there.") {
		t.Errorf("end a session: %s", body)
	}
	if answer, _ := other.get("/account"); answer.Request.URL.Path != "/login" {
		t.Error("an ended session goes on")
	}
	// Kept out, at once.
	err := pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) error { return access.Disable(context.Background(), tx, "", anna.ID, today()) })
	if err != nil {
		t.Fatal(err)
	}
	if answer, _ := v.get("/account"); answer.Request.URL.Path != "/login" {
		t.Error("who is kept out is in still")
	}
}

// key makes a key of a person.
func (w *town) key(p access.Person, scopes ...access.Scope) (text string) {
	w.t.Helper()
	err := pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) (err error) {
		_, text, err = access.MakeKey(context.Background(), tx, p, "Asset system", scopes, nil, w.now())
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// TestAccountJourney logs in, looks at the account and logs out, by keyboard, on a phone; axe looks at each page, and at those of
// administrators.
func TestAccountJourney(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.works() // for who supervises them
	anna := w.person("anna@example.org", access.Administrator)
	w.password(anna)
	w.session(anna)
	ben := w.person("ben.with.a.long.address@works.city.example.org", access.Crew)
	for _, r := range access.Roles() {
		w.signIn(r)
	}
	w.key(anna, access.ScopeRead, access.ScopeOrders)
	w.fleet()
	w.bodies()
	if _, err := dispatch.SaveCrew(t.Context(), w.pool, dispatch.Team{ID: "north", Name: "Crew North", Members: []string{ben.ID}, Yard: &orb.Point{15.6, 48.41}}); err != nil {
		t.Fatal(err)
	}
	axe, err := os.ReadFile("ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, strings.TrimPrefix(w.http.URL, "http://"))
	look := func(name string) { // on a desk by night and on a phone by day
		t.Helper()
		for _, dark := range []bool{true, false} {
			size := map[bool]int64{true: 1440, false: 390}[dark]
			b.view(size, 844, dark)
			where := fmt.Sprint(name, "-", size)
			b.shoot(where, true)
			b.clean(where)
			if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s is wider than the window", where)
			}
			b.accessible(where, string(axe))
		}
	}
	b.view(390, 844, false)
	b.open(w.http.URL + "/login")
	look("login")
	focus := func(selector string) {
		t.Helper()
		for range 60 {
			if eval[bool](b, `document.activeElement?.matches('`+selector+`') ?? false`) {
				return
			}
			b.press("\t")
		}
		t.Fatalf("the keyboard does not reach %s", selector)
	}
	focus("#email")
	b.press("anna@example.org")
	focus("#password")
	b.press(testPassword)
	b.press("Enter")
	b.reads("anna@example.org, Administrator")
	look("account")
	for name, path := range map[string]string{"people": "/admin", "person": "/admin/people/" + ben.ID, "keys": "/admin/keys", "devices": "/admin/devices", "device": "/admin/devices/stuck", "detectors": "/admin/detectors", "log": "/admin/log", "supervision": "/supervision", "erase": "/account/delete",
		"webhooks": "/admin/webhooks", "webhook": "/admin/webhooks/" + w.hook(),
		"crews": "/admin/crews", "team": "/admin/crews/north", "replies": "/admin/replies", "reply": "/admin/replies/planned",
		"bodies": "/admin/bodies?street=Obere+Land", "body": "/admin/bodies/stein", "deadlines": "/admin/deadlines", "settings": "/admin/settings", "categories": "/admin/categories",
		"forgotten": "/login/forgotten", "signup": "/signup"} {
		b.open(w.http.URL + path)
		look(name)
	}
	b.draws(w, "water")
	b.open(w.http.URL + "/account")
	focus("#sessions .lines button")
	b.press("Enter")
	b.reads("Signed out there.")
	focus(".menu summary")
	b.press("Enter")
	focus(".menu form button")
	b.shoot("menu-390", false)
	b.press("Enter")
	b.reads("You are signed out.")
	if n := count(w, `select count(*) from sessions where person = $1`, anna.ID); n != 0 {
		t.Errorf("%d sessions after logging out", n)
	}
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	run(b, chromedp.Navigate(w.http.URL+"/account"))
	b.reads("Sign in")
	b.clean("journey")
}
