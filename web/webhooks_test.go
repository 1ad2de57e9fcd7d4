package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/notices"
	"github.com/streetpulse/streetpulse/web"
)

func inside() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// deliver works off jobs until a condition holds.
func (w *town) deliver(what string, done func() bool) {
	w.t.Helper()
	c, err := notices.New(notices.Options{Pool: w.pool, Inside: inside(), Workers: w.server.AddWorkers, Look: 20 * time.Millisecond,
		Wait: func(int) time.Duration { return time.Millisecond }, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	defer running.Wait()
	defer stop()
	limit := time.After(90 * time.Second) // machines are busy
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit:
			w.t.Errorf("waited in vain until %s", what)
			return
		case <-tick.C:
		}
	}
}

// hook puts a webhook into the town that failed once, and a mail that was given up, and returns its id.
func (w *town) hook() string {
	w.t.Helper()
	if _, err := w.pool.Exec(context.Background(), `with h as (insert into webhooks (id, url, name, kinds, secret, created_at) values ('wh_1', 'https://assets-1.example.org/', 'Asset system', '{}', '', now())),
			m as (insert into webhook_messages (id, kind, at, payload) values ('msg_1', 'order.opened', now(), '{}')),
			d as (insert into webhook_deliveries (webhook, message, state, tries, status, error, created_at, tried_at) values ('wh_1', 'msg_1', 'given_up', 10, 500, 'it answers Internal Server Error', now(), now()))
		insert into mails (recipient, subject, body, created_at, tries, error, given_up_at) values ('ben@example.org', 'Hello', 'Text', now(), 17, 'mailbox full', now())`); err != nil {
		w.t.Fatal(err)
	}
	return "wh_1"
}

// TestWebhooks registers another program on the page, has it told of a report, fails, is sent again, and is removed.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing, func(c *web.Config) { c.WebhookInside, c.Now = inside(), time.Now })
	var mu sync.Mutex
	var got []string
	secret, answer := "", http.StatusInternalServerError
	program := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		hook, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = hook.Verify(body, r.Header)
		}
		if err != nil {
			t.Errorf("%v: %s", err, body)
		}
		got = append(got, string(body))
		out.WriteHeader(answer)
	}))
	t.Cleanup(program.Close)
	root := w.signIn(access.Administrator)
	root.read("/admin/webhooks", "No other program is told what happens.", "A report is confirmed")
	for _, c := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"url": {program.URL}}, "Choose at least one thing"},
		{url.Values{"url": {"ftp://example.org"}, "kind": {"order.opened"}}, "begins with https://."},
		{url.Values{"url": {"https://10.0.0.1/"}, "kind": {"order.opened"}}, "inside a private network"},
		{url.Values{"url": {program.URL}, "kind": {"order.vanished"}}, "Choose at least one thing"},
	} {
		if a, body := root.send("/admin/webhooks", c.form); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, c.want) || !strings.Contains(body, `value="`+c.form.Get("url")+`"`) {
			t.Errorf("%v: %s", c.form, a.Status)
		}
	}
	_, body := root.send("/admin/webhooks", url.Values{"url": {program.URL + "/hook?key=letmein"}, "name": {"Asset <b>system</b>"}, "kind": {"report.received", "order.opened"}})
	made := regexp.MustCompile(`>(whsec_[A-Za-z0-9+/=&#;]+)<`).FindStringSubmatch(body)
	id := regexp.MustCompile(`action="(/admin/webhooks/wh_[a-z0-9]+)"`).FindStringSubmatch(body)
	if made == nil || id == nil {
		t.Fatalf("no secret: %s", body)
	}
	mu.Lock()
	secret = strings.ReplaceAll(made[1], "&#43;", "+")
	mu.Unlock()
	page := id[1]
	if body = root.read(page, "Asset &lt;b&gt;", "Nothing yet."); strings.Contains(body, "whsec_") {
		t.Error("the secret is shown again")
	}
	// A report is confirmed; the program fails for ever.
	anna := w.visitor("192.0.2.1")
	anna.report(w.at("Ringstraße", .45))
	anna.send(strings.TrimPrefix(linkIn.FindString(w.letters("anna@example.org")[0]), w.http.URL), nil)
	w.deliver("it is given up", func() bool { return count(w, `select count(*) from webhook_deliveries where state = 'given_up'`) == 1 })
	root.read(page, "Given up", "One message was given up.", "report.received", "The other side did not take it.", "Internal Server Error")
	root.read(page+"?lang=de", "Aufgegeben", "Die Gegenseite hat es nicht angenommen.")
	root.read(page+"?lang=en", "Given up")
	root.read("/admin/webhooks", "One other program is told what happens.", "One message was given up.", "one given up")
	mu.Lock()
	answer = http.StatusOK
	if !strings.Contains(got[0], `"type":"report.received"`) || !strings.Contains(got[0], `"street":"Ringstraße"`) || strings.Contains(got[0], "anna") {
		t.Errorf("told: %s", got[0])
	}
	mu.Unlock()
	if _, body = root.send(page, url.Values{"do": {"again"}}); !strings.Contains(body, "is on its way again") {
		t.Error("it is not sent again")
	}
	root.send(page, url.Values{"do": {"test"}})
	w.deliver("both are delivered", func() bool { return count(w, `select count(*) from webhook_deliveries where state = 'delivered'`) == 2 })
	root.read(page, "Delivered", "webhook.test")
	// The interface does the same.
	name := strings.TrimPrefix(page, "/admin/webhooks/")
	call := func(method, path, body string, want int) string {
		t.Helper()
		a, text := root.call(method, path, body, "")
		if a.StatusCode != want {
			t.Errorf("%s %s: %s %s", method, path, a.Status, text)
		}
		return text
	}
	if text := call(http.MethodGet, "/webhooks", "", 200); !strings.Contains(text, name) || strings.Contains(text, "whsec_") {
		t.Error(text)
	}
	call(http.MethodPost, "/webhooks", `{"url":"http://192.168.0.1/"}`, 422)
	var other struct{ ID, Secret string }
	if err := json.Unmarshal([]byte(call(http.MethodPost, "/webhooks", `{"url":"https://assets-1.example.org/"}`, 201)), &other); err != nil || !strings.HasPrefix(other.Secret, "whsec_") {
		t.Errorf("%+v %v", other, err)
	}
	if text := call(http.MethodPatch, "/webhooks/"+other.ID, `{"disabled":true,"kinds":["order.overdue"]}`, 200); !strings.Contains(text, `"disabled_why":"hand"`) {
		t.Error(text)
	}
	call(http.MethodPost, "/webhooks/"+other.ID+"/test", "", 409)
	if text := call(http.MethodPost, "/webhooks/"+name+"/secret", "", 200); !strings.Contains(text, "whsec_") {
		t.Error(text)
	}
	if text := call(http.MethodGet, "/webhooks/"+name+"/deliveries?state=delivered", "", 200); strings.Count(text, `"state":"delivered"`) != 2 {
		t.Error(text)
	}
	call(http.MethodPost, "/webhooks/"+name+"/deliveries/1/again", "", 404)
	if text := call(http.MethodPost, "/webhooks/"+name+"/again", "", 200); !strings.Contains(text, `"deliveries":0`) {
		t.Error(text)
	}
	call(http.MethodDelete, "/webhooks/"+other.ID, "", 204)
	call(http.MethodDelete, "/webhooks/"+other.ID, "", 404)
	root.send(page, url.Values{"do": {"change"}, "url": {"https://assets-1.example.org/"}, "kind": {"order.opened"}})
	root.read(page, "is switched off, and is told nothing")
	if answer, body := root.send(page, url.Values{"do": {"remove"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Nothing is removed yet.") {
		t.Errorf("it does not ask before: %s", answer.Status)
	}
	if _, body = root.send(page, url.Values{"do": {"remove"}, "sure": {"1"}}); !strings.Contains(body, "The webhook is removed.") {
		t.Error("it is not removed")
	}
	if body = root.read("/admin/log?action=webhook.", "Added a webhook", "Gave a webhook a new secret", "Removed a webhook"); strings.Contains(body, "letmein") {
		t.Error("the log holds a secret part of an address")
	}
}

// TestDeadMailsAndWarnings lists mails that were given up, sends one again, and words mails to bodies.
func TestDeadMailsAndWarnings(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t, func(c *web.Config) { c.Now = time.Now })
	w.put(defect{ID: "pordered1", Street: "Ringstraße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.InProgress})
	if _, err := w.pool.Exec(ctx, `with o as (update orders set due_at = '2026-03-12 13:00Z'), b as (insert into bodies (id, name, external, area_m2, min_lat, min_lon, max_lat, max_lon, email, language)
			values ('roads', 'Straßenamt', false, 1, 0, 0, 1, 1, 'roads@krems.example', 'de'))
		insert into mails (recipient, subject, body, created_at, tries, error, given_up_at) values ('ben@example.org', 'Hello', 'Text', now(), 17, 'mailbox full', now())`); err != nil {
		t.Fatal(err)
	}
	w.put(defect{ID: "prepaired1", Street: "Wiener Straße", Share: .45, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 8, Order: dispatch.Repaired})
	if _, err := w.pool.Exec(ctx, `update orders set due_at = state_at + interval '1 hour' where id = 'orepaired1'`); err != nil {
		t.Fatal(err)
	}
	for _, of := range []dispatch.Warning{{}, {Escalated: true}, {InTime: true}} {
		of.Body, of.Orders = "roads", []string{"oordered1", "orepaired1", "none"}
		if err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error { return notices.Queue(ctx, tx, of) }); err != nil {
			t.Fatal(err)
		}
	}
	w.deliver("all are worded", func() bool { return len(w.letters("roads@krems.example")) == 3 })
	all := strings.Join(w.letters("roads@krems.example"), "\n")
	for _, want := range []string{"Ein Auftrag wird bald fällig", "nicht rechtzeitig erledigt", "Straßenamt: bald fällig", "Richtigstellung: Ein Auftrag wurde rechtzeitig erledigt", "Schlagloch, Wiener Straße\nErledigt ", "Schlagloch, Ringstraße", ", 13:00\n", w.http.URL + "/places/pordered1"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in %s", want, all)
		}
	}
	root := w.signIn(access.Administrator)
	root.read("/admin/webhooks", "One mail was given up.", "ben@example.org", "mailbox full")
	_, text := root.call(http.MethodGet, "/mails/given-up", "", "")
	if !strings.Contains(text, "mailbox full") {
		t.Error(text)
	}
	if _, body := root.send("/admin/webhooks", url.Values{"mail": {"1"}}); !strings.Contains(body, "The mail is on its way again.") {
		t.Error("it is not sent again")
	}
	if n := count(w, `select count(*) from mails m join river_job j on j.id = m.job where m.given_up_at is null and recipient = 'ben@example.org'`); n != 1 {
		t.Errorf("%d are on their way", n)
	}
	if answer, _ := root.call(http.MethodPost, "/mails/1/again", "", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("once more: %s", answer.Status)
	}
}

// TestVotersFollow has somebody with an account hear what becomes of a place that they have voted on, until they stop it from their mail
// program.
func TestVotersFollow(t *testing.T) {
	t.Parallel()
	now := today()
	w := newTown(t, believing, func(c *web.Config) { c.Now = func() time.Time { return now } })
	place := w.judged("Ringstraße", .45, 11, 2)
	w.order(defect{ID: place, Street: "Ringstraße", Class: crowd.Pothole, Severity: .8, Devices: 11, Order: dispatch.InProgress}, today().AddDate(0, 0, -3))
	anna := w.loggedIn(w.person("anna@example.org", access.Resident))
	w.visitor("192.0.2.7").send("/places/"+place+"/votes", url.Values{"vote": {"known"}}) // without an account: nobody to tell
	anna.send("/places/"+place+"/votes", url.Values{"vote": {"known"}})
	if n := count(w, `select count(*) from follows where email = 'anna@example.org' and confirmed_at is not null`); n != 1 || count(w, `select count(*) from follows`) != 1 {
		t.Fatalf("%d follow", n)
	}
	now = now.Add(time.Hour)
	if err := dispatch.Transition(context.Background(), w.pool, "o"+place[1:], dispatch.Step{At: now, State: dispatch.Repaired, Actor: dispatch.Crew}); err != nil {
		t.Fatal(err)
	}
	w.work()
	w.work()
	mails := w.letters("anna@example.org")
	if len(mails) != 1 || !strings.Contains(mails[0], "Repaired") {
		t.Fatalf("told: %q", mails)
	}
	var stop string
	if err := w.pool.QueryRow(context.Background(), `select stop from mails where recipient = 'anna@example.org'`).Scan(&stop); err != nil || !strings.Contains(mails[0], stop) {
		t.Fatalf("%q %v", stop, err)
	}
	w.visitor("192.0.2.8").send(strings.TrimPrefix(stop, w.http.URL), url.Values{"List-Unsubscribe": {"One-Click"}})
	anna.send("/places/"+place+"/votes", url.Values{"vote": {"repaired"}})
	if n := count(w, `select count(*) from follows`); n != 0 {
		t.Error("who has stopped it follows again")
	}
}
