package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/web"
)

const (
	anybody = access.Action("anybody") // without logging in
	device  = access.Action("device")  // with a device's own secret
)

// whoOpens says of every route of the mux who may open it. Every new one needs its line here.
func whoOpens() map[string]access.Action {
	out := map[string]access.Action{}
	for _, pattern := range strings.Split(`GET /{$}|GET /panel|GET /list|GET /places/{id}|GET /orders/{id}|GET /stats|GET /stats/{file}|GET /report|POST /report|GET /report/near|GET /report/sent|GET /report/photos/{draft}/{n}|`+
		`GET /reports/{token}|POST /reports/{token}|GET /reports/{token}/photos/{n}|GET /data|GET /developers|GET /judging|GET /privacy|GET /accessibility|GET /data/{file}|GET /feeds/orders.atom|GET /feeds/places/{file}|GET /feeds/orders/{file}|`+
		`POST /places/{id}/follow|POST /orders/{id}/follow|GET /follow/{token}|POST /follow/{token}|POST /places/{id}/votes|/|GET /assets/|GET /look/{file}|GET /favicon.ico|GET /tiles/{layer}/{z}/{x}/{y}|`+
		`GET /tiles/{layer}|/api/v1/|GET /api/v1/stream|GET /healthz|GET /readyz|GET /metrics|GET /mqtt|POST /broker/|`+
		`GET /login|POST /login|POST /logout|GET /login/forgotten|POST /login/forgotten|GET /login/link/{token}|POST /login/link/{token}|GET /signup|POST /signup|`+
		`GET /login/oidc|GET /login/oidc/callback|GET /drive|GET /drive/manifest.webmanifest|GET /drive/assets/|GET /drive/offline.js|GET /crew/offline.js|GET /crew/manifest.webmanifest`, "|") {
		out[pattern] = anybody
	}
	for _, pattern := range strings.Split(`GET /account|POST /account|GET /account/delete|POST /account/delete|POST /account/password|POST /account/sessions|POST /account/follows`, "|") {
		out[pattern] = access.KeepAccount
	}
	out["POST /account/keys"] = access.MakeKeys
	for _, pattern := range strings.Split(`GET /admin|POST /admin|GET /admin/people/{id}|POST /admin/people/{id}|GET /admin/keys|POST /admin/keys|`+
		`GET /admin/webhooks|POST /admin/webhooks|GET /admin/webhooks/{id}|POST /admin/webhooks/{id}|`+
		`GET /admin/bodies|POST /admin/bodies|GET /admin/bodies/new|GET /admin/bodies/{id}|POST /admin/bodies/{id}|GET /admin/deadlines|POST /admin/deadlines|GET /admin/settings|POST /admin/settings|POST /admin/settings/look|GET /admin/categories|POST /admin/categories`, "|") {
		out[pattern] = access.Administer
	}
	for _, pattern := range strings.Split(`GET /admin/devices|POST /admin/devices|GET /admin/devices/{id}|POST /admin/devices/{id}|GET /admin/detectors|POST /admin/detectors`, "|") {
		out[pattern] = access.ManageDevices
	}
	for _, pattern := range strings.Split(`GET /console|GET /console/rows|GET /console/at/{id}|GET /console/tiles/{z}/{x}/{y}|GET /console/orders/{id}|POST /console/orders/{id}|GET /console/orders/{id}/sheet|`+
		`GET /console/reviews/{id}|GET /console/reviews/{id}/photos/{n}|POST /console/reviews/{id}|POST /console/undo|POST /console/views|GET /console/export/{file}|GET /api/v1/orders/stream`, "|") {
		out[pattern] = access.TriageOrders
	}
	for _, pattern := range strings.Split(`GET /supervision|GET /supervision/{file}|GET /admin/log|GET /admin/log/{file}|GET /admin/crews|POST /admin/crews|GET /admin/crews/new|GET /admin/crews/{id}|POST /admin/crews/{id}|`+
		`GET /admin/replies|POST /admin/replies|GET /admin/replies/new|GET /admin/replies/{id}|POST /admin/replies/{id}`, "|") {
		out[pattern] = access.Supervise
	}
	for _, pattern := range strings.Split(`GET /crew|GET /crew/orders/{id}|POST /crew/orders/{id}|GET /crew/orders/{id}/photos/{name}`, "|") {
		out[pattern] = access.WorkOrders
	}
	return out
}

// whoCalls says of every operation of the interface who may call it. Every new one needs its line here.
func whoCalls() map[string]access.Action {
	out := map[string]access.Action{}
	for action, ids := range map[access.Action]string{
		anybody: `list-places get-place get-evidence get-votes cast-vote get-stats send-report list-report-categories find-streets follow-place follow-order list-orders get-order
			enrol-device stream log-in send-password-link sign-up use-password-link`,
		device:             `erase-device send-events renew-device-secret device-outcomes device-data`,
		access.KeepAccount: `log-out get-account change-account erase-account change-password list-sessions end-sessions end-session stop-following`,
		access.MakeKeys:    `list-keys make-key revoke-key`,
		access.Administer: `list-people invite-person change-person end-sessions-of-person send-link-to-person list-all-keys revoke-any-key
			list-webhooks add-webhook change-webhook remove-webhook renew-webhook-secret test-webhook list-deliveries deliver-again deliver-all-again list-dead-mails mail-again
			list-bodies get-body add-body change-body retire-body preview-routing
			get-deadlines change-deadlines import-holidays preview-deadline get-settings change-settings get-report-categories change-report-categories get-look change-look`,
		access.ManageDevices: `list-devices get-device revoke-device list-enrolment-codes make-enrolment-code revoke-enrolment-code list-detector-revisions roll-out-detector change-detector-share take-back-detector`,
		access.TriageOrders: `act-on-orders undo transition-order note-order merge-order split-order move-order reclass-order refer-order spend-order order-record
			list-reviews decide-review list-crews list-replies offer-replies console-stream`,
		access.WorkOrders:   `crew-day crew-act crew-photo crew-undo`,
		access.AssignOrders: `assign-order`,
		access.Supervise:    `save-crew save-reply remove-reply get-supervision read-audit`,
	} {
		for _, id := range strings.Fields(ids) {
			out[id] = action
		}
	}
	return out
}

// operation is one of the interface.
type operation struct {
	id, method, path string
	scopes           []string // of keys that open it
}

func (w *town) operations() (out []operation) {
	w.t.Helper()
	_, body := w.get("/api/v1/openapi.json")
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
		}
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		w.t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			o := operation{id: op.OperationID, method: strings.ToUpper(method), path: "/api/v1" + path}
			for _, way := range op.Security {
				o.scopes = append(o.scopes, way["key"]...)
			}
			out = append(out, o)
		}
	}
	return out
}

// knock asks for an address and says how it was refused, empty where it was not.
func (v *visitor) knock(method, path, authorization string) string {
	v.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop() // of a stream
	body, kind := "", "application/x-www-form-urlencoded"
	if method != http.MethodGet {
		body = "{}"
	}
	if strings.HasPrefix(path, "/api/") {
		kind = "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, method, v.w.http.URL+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := v.still().client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	to := answer.Header.Get("Location")
	switch {
	case answer.StatusCode == http.StatusSeeOther && (to == "/login" || strings.HasPrefix(to, "/login?next=")):
		return "log in"
	case answer.StatusCode == http.StatusUnauthorized && strings.HasPrefix(path, "/api/"):
		return "log in"
	case answer.StatusCode == http.StatusForbidden:
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			v.t.Fatal(err)
		}
		if strings.Contains(string(text), "Your account may not open this") || strings.Contains(string(text), "Your role may not do this") || strings.Contains(string(text), "has not the scope") {
			return "another role"
		}
		return string(text)
	}
	return ""
}

// TestEveryRouteHasItsRoles opens every page and calls every operation as everybody, and compares with the table.
func TestEveryRouteHasItsRoles(t *testing.T) {
	t.Parallel()
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	w := newTown(t, func(c *web.Config) {
		c.Registry, c.WebSocket, c.BrokerChecks = prometheus.NewRegistry(), nothing, nothing
	})
	variable := regexp.MustCompile(`\{[a-z$]+\}`)
	try := func(name, method, path string, action access.Action) {
		t.Helper()
		path = variable.ReplaceAllStringFunc(path, func(v string) string {
			if v == "{$}" {
				return ""
			}
			return "1"
		})
		for _, role := range append([]access.Role{""}, access.Roles()...) {
			who, want := w.visitor("192.0.2.9"), ""
			if role != "" {
				who = w.signIn(role)
			}
			switch {
			case action == anybody:
			case action == device || role == "":
				want = "log in"
			case !access.May(role, action):
				want = "another role"
			}
			if got := who.knock(method, path, ""); got != want {
				t.Errorf("%s as %q: %q, want %q", name, role, got, want)
			}
		}
	}
	pages := whoOpens()
	for _, pattern := range w.server.Patterns() {
		action, ok := pages[pattern]
		if !ok {
			t.Errorf("nobody has decided who may open %s: put it into whoOpens", pattern)
			continue
		}
		delete(pages, pattern)
		method, path, found := strings.Cut(pattern, " ")
		if !found {
			method, path = http.MethodGet, pattern
		}
		if !strings.HasPrefix(path, "/api/") || path == "/api/v1/stream" {
			try(pattern, method, path, action)
		}
	}
	for pattern := range pages {
		t.Errorf("%s is not there", pattern)
	}
	calls := whoCalls()
	for _, o := range w.operations() {
		action, ok := calls[o.id]
		if !ok {
			t.Errorf("nobody has decided who may call %s (%s %s): put it into whoCalls", o.id, o.method, o.path)
			continue
		}
		delete(calls, o.id)
		try(o.id, o.method, o.path, action)
	}
	for id := range calls {
		t.Errorf("%s is not there", id)
	}
}

// TestEveryOperationHasItsScope calls every operation with keys of one scope each, of an administrator, who may everything.
func TestEveryOperationHasItsScope(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	calls := whoCalls()
	root := w.person("root@example.org", access.Administrator)
	crew := w.person("crew@example.org", access.Crew)
	key := func(p access.Person, s ...access.Scope) (text string, err error) {
		err = pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) error {
			_, text, err = access.MakeKey(context.Background(), tx, p, "test", s, nil, today())
			return err
		})
		return text, err
	}
	if _, err := key(crew, access.ScopeRead); err == nil {
		t.Error("a crew makes a key")
	}
	if _, err := key(w.person("dispatcher@example.org", access.Dispatcher), access.ScopeDevices); err == nil {
		t.Error("a dispatcher makes a key that revokes devices")
	}
	variable := regexp.MustCompile(`\{[a-z]+\}`)
	for _, scope := range append(access.Scopes(), "") {
		text := "sp_nonsense"
		if scope != "" {
			var err error
			if text, err = key(root, scope); err != nil {
				t.Fatal(err)
			}
		}
		for _, o := range w.operations() {
			if calls[o.id] == anybody || calls[o.id] == device {
				continue
			}
			want := "another role"
			if scope == "" {
				want = "log in"
			} else if slices.Contains(o.scopes, string(scope)) {
				want = ""
			}
			if got := w.visitor("").knock(o.method, variable.ReplaceAllString(o.path, "1"), "Bearer "+text); got != want {
				t.Errorf("%s with the scope %q: %q, want %q", o.id, scope, got, want)
			}
		}
	}
	// A key opens no pages, and nothing once its owner is kept out.
	text, err := key(root, access.ScopeRead)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.visitor("").knock(http.MethodGet, "/admin", "Bearer "+text); got != "log in" {
		t.Errorf("a key opens a page: %q", got)
	}
	if got := w.visitor("").knock(http.MethodGet, "/api/v1/devices", "Bearer "+text); got != "" {
		t.Errorf("the devices: %q", got)
	}
	if _, err := w.pool.Exec(context.Background(), `update people set disabled_at = now()`); err != nil {
		t.Fatal(err)
	}
	if got := w.visitor("").knock(http.MethodGet, "/api/v1/devices", "Bearer "+text); got != "log in" {
		t.Errorf("its owner is kept out, and it opens: %q", got)
	}
}

// Whoever tries to rise does not: not by forms, not over the interface, not by naming somebody else.
func TestNobodyRisesByThemselves(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	anna := w.person("anna@example.org", access.Supervisor)
	v := w.loggedIn(anna)
	for _, try := range []struct{ method, path, body string }{
		{"POST", "/admin/people/" + anna.ID, "do=role&role=administrator"},
		{"POST", "/admin", "email=me@example.org&role=administrator"},
		{"POST", "/account", "name=A&language=&role=administrator"},
		{"PATCH", "/api/v1/people/" + anna.ID, `{"role":"administrator"}`},
		{"POST", "/api/v1/people", `{"email":"me@example.org","role":"administrator"}`},
		{"PUT", "/api/v1/account", `{"name":"A","language":"","role":"administrator"}`},
		{"POST", "/api/v1/account/keys", `{"name":"A","scopes":["devices:write"]}`},
		{"POST", "/api/v1/account/keys", `{"name":"A","scopes":["everything"]}`},
	} {
		r := httptest.NewRequest(try.method, w.http.URL+try.path, strings.NewReader(try.body))
		r.RequestURI = ""
		r.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "application/x-www-form-urlencoded"}[strings.HasPrefix(try.body, "{")])
		answer, _ := v.do(r)
		if strings.HasPrefix(try.path, "/admin") && answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s: %s", try.method, try.path, answer.Status)
		}
		if n := count(w, `select count(*) from people where role = 'administrator'`) + count(w, `select count(*) from api_keys`) + count(w, `select count(*) - 1 from people`); n != 0 {
			t.Fatalf("%s %s %s: %s, and it worked", try.method, try.path, try.body, fmt.Sprint(answer.Status))
		}
	}
}
