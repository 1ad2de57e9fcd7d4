package notices_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/streetpulse/streetpulse/notices"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// verify holds a message against a secret, as a receiver does.
func verify(t *testing.T, secret string, r received) error {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return w.Verify([]byte(r.body), r.head)
}

// TestWebhooksAreTold tells receivers that work, that fail at first, that fail for ever, that are gone, that are slow, and that point
// elsewhere.
func TestWebhooksAreTold(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	release := make(chan struct{})
	defer close(release)
	elsewhere := openReceiver(t, nil)
	good := openReceiver(t, nil)
	shaky := openReceiver(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	broken := openReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		http.Error(w, "no", http.StatusInternalServerError)
	})
	gone := openReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusGone) })
	slow := openReceiver(t, func(_ http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	})
	pointing := openReceiver(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		http.Redirect(w, r, elsewhere.url, http.StatusTemporaryRedirect)
	})
	hooks := map[*receiver]notices.Webhook{}
	secrets := map[*receiver]string{}
	for _, r := range []*receiver{good, shaky, broken, gone, slow, pointing} {
		hooks[r], secrets[r] = register(t, pool, r.url, notices.OrderOpened)
	}
	deliverWith(t, notices.Options{Pool: pool, Inside: loopback(), Within: 2 * time.Second})
	happens(t, pool, notices.OrderEscalated, "KR-0001") // which nobody wants to know
	happens(t, pool, notices.OrderOpened, "KR-0002")
	until(t, "all is decided", func() bool {
		return number(t, pool, `select count(*) from webhook_deliveries where state = 'waiting'`) == 0
	})
	for r, want := range map[*receiver]struct {
		state         notices.DeliveryState
		tries, status int
	}{good: {notices.Delivered, 1, 204}, shaky: {notices.Delivered, 3, 200}, broken: {notices.GivenUp, 10, 500}, gone: {notices.GivenUp, 1, 410},
		slow: {notices.Delivered, 2, 200}, pointing: {notices.GivenUp, 10, 307}} {
		d := last(t, pool, hooks[r].ID)
		// A machine may be so busy that a good receiver is too slow for once: it is tried more often then.
		if d.State != want.state || d.Status != want.status || d.Tries < want.tries || d.Tries != len(r.got()) || d.NextAt != nil || d.TriedAt == nil {
			t.Errorf("%+v; want %+v", d, want)
		}
		for _, m := range r.got() {
			if m.id != d.Message || verify(t, secrets[r], m) != nil || verify(t, secrets[elsewhereOf(r, good, shaky)], m) == nil {
				t.Errorf("%s of %s: signatures", m.id, d.Message)
			}
		}
	}
	if len(elsewhere.got()) != 0 {
		t.Error("a redirect is followed")
	}
	var p struct {
		Type      string
		Timestamp time.Time
		Data      struct{ Number string }
	}
	if err := json.Unmarshal([]byte(good.got()[0].body), &p); err != nil || p.Type != "order.opened" || p.Timestamp.IsZero() || p.Data.Number != "KR-0002" {
		t.Errorf("%s: %v", good.got()[0].body, err)
	}
	off, err := notices.FindWebhook(ctx, pool, hooks[gone].ID)
	if err != nil || off.DisabledAt == nil || off.DisabledWhy != "gone" {
		t.Errorf("who has answered 410: %+v %v", off, err)
	}

	// Who asks to be told later is told later, within bounds.
	patient := openReceiver(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Retry-After", "9000000")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	later, _ := register(t, pool, patient.url, notices.OrderDueSoon)
	happens(t, pool, notices.OrderDueSoon, "KR-0003")
	until(t, "it waits for a day", func() bool {
		return number(t, pool, `select count(*) from webhook_deliveries d join river_job j on j.id = d.job where d.state = 'waiting' and j.state in ('retryable', 'scheduled')
			and d.next_at - d.tried_at between interval '23 hours' and interval '25 hours' and j.scheduled_at between d.next_at - interval '1 minute' and d.next_at + interval '1 minute'`) == 1
	})
	if d := last(t, pool, later.ID); d.Status != http.StatusTooManyRequests || d.Tries != 1 {
		t.Errorf("%+v", d)
	}

	// What was given up can be sent again, under its old id.
	dead := last(t, pool, hooks[broken].ID)
	broken.set(nil)
	within(t, pool, func(tx pgx.Tx) error { return notices.SendAgain(ctx, tx, dead.Webhook, dead.ID, time.Now()) })
	until(t, "it is delivered", func() bool { return last(t, pool, hooks[broken].ID).State == notices.Delivered })
	if list := broken.got(); list[len(list)-1].id != dead.Message {
		t.Error("it has another id")
	}
	for d, want := range map[notices.Delivery]error{dead: notices.ErrNone, last(t, pool, hooks[gone].ID): notices.ErrDisabled} {
		if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return notices.SendAgain(ctx, tx, d.Webhook, d.ID, time.Now()) }); !errors.Is(err, want) {
			t.Errorf("again: %v, want %v", err, want)
		}
	}
}

// elsewhereOf returns another receiver than r.
func elsewhereOf(r, a, b *receiver) *receiver {
	if r == a {
		return b
	}
	return a
}

// TestSecretsAreRenewed has the old secret sign beside the new one.
func TestSecretsAreRenewed(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	r := openReceiver(t, nil)
	hook, old := register(t, pool, r.url)
	var renewed string
	within(t, pool, func(tx pgx.Tx) (err error) {
		renewed, err = notices.RenewSecret(ctx, tx, hook.ID, time.Now())
		return err
	})
	deliverWith(t, notices.Options{Pool: pool, Inside: loopback()})
	within(t, pool, func(tx pgx.Tx) error { return notices.TryWebhook(ctx, tx, hook.ID, time.Now()) })
	until(t, "it is tried", func() bool { return len(r.got()) == 1 })
	if m := r.got()[0]; verify(t, old, m) != nil || verify(t, renewed, m) != nil || old == renewed || !strings.Contains(m.body, "webhook.test") {
		t.Errorf("%+v", m)
	}
	if _, err := pool.Exec(ctx, `update webhooks set old_until = now()`); err != nil {
		t.Fatal(err)
	}
	happens(t, pool, notices.ReportReceived, "1")
	until(t, "it is told", func() bool { return len(r.got()) == 2 })
	if m := r.got()[1]; verify(t, old, m) == nil || verify(t, renewed, m) != nil {
		t.Error("the old secret signs for ever")
	}
}

// TestNothingIsSentInside tries to make the server talk to its own networks.
func TestNothingIsSentInside(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	for text, ok := range map[string]bool{
		"https://example.org/hook?x=1": true, "https://93.184.216.34/": true, "https://[2606:2800:220:1::1]/": true,
		"http://example.org/": false, "ftp://example.org/": false, "https://": false, "https://user:word@example.org/": false, "https://example.org/#x": false,
		"https://127.0.0.1/": false, "https://10.1.2.3/": false, "https://172.16.0.1/": false, "https://192.168.1.1/": false, "https://169.254.169.254/latest/": false,
		"https://100.64.0.1/": false, "https://0.0.0.0/": false, "https://255.255.255.255/": false, "https://224.0.0.1/": false, "https://198.18.0.1/": false,
		"https://[::1]/": false, "https://[::]/": false, "https://[fe80::1]/": false, "https://[fd00::1]/": false, "https://[::ffff:10.0.0.1]/": false,
		"https://[64:ff9b::7f00:1]/": false, "https://[2002:7f00:1::]/": false, "https://[ff02::1]/": false,
	} {
		if err := notices.CheckURL(text, nil); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	inside := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for text, ok := range map[string]bool{"http://10.0.0.7:8080/": true, "https://10.0.0.7/": true, "http://11.0.0.7/": false, "https://192.168.0.1/": false, "http://assets.internal/": true} {
		if err := notices.CheckURL(text, inside); (err == nil) != ok {
			t.Errorf("%s where 10.0.0.0/8 is allowed: %v", text, err)
		}
	}
	// A name that leads inside is found out when it is dialled.
	r := openReceiver(t, nil)
	hook, _ := register(t, pool, strings.Replace(r.url, "127.0.0.1", "localhost", 1))
	direct, _ := register(t, pool, r.url)
	deliverWith(t, notices.Options{Pool: pool, Inside: inside})
	happens(t, pool, notices.OrderOpened, "KR-0001")
	until(t, "it is given up", func() bool {
		return number(t, pool, `select count(*) from webhook_deliveries where state = 'given_up'`) == 2
	})
	for _, id := range []string{hook.ID, direct.ID} {
		if d := last(t, pool, id); d.Status != 0 || !strings.Contains(d.Error, "https only") || strings.Contains(d.Error, "http://") {
			t.Errorf("%+v", d)
		}
	}
	if len(r.got()) != 0 {
		t.Error("it was sent inside")
	}
	if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, _, err := notices.AddWebhook(ctx, tx, notices.Webhook{URL: "https://example.org", Kinds: []notices.Kind{"order.vanished"}}, nil, time.Now())
		return err
	}); !errors.Is(err, notices.ErrKind) {
		t.Errorf("a kind that does not exist: %v", err)
	}
}

const killedDatabase = "STREETPULSE_TEST_NOTICES_DATABASE"

// TestWorkerProcess is no test: it is the process that TestKilled kills.
func TestWorkerProcess(t *testing.T) {
	at := os.Getenv(killedDatabase)
	if at == "" {
		t.Skip("another test runs it")
	}
	pool, err := postgres.Connect(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := notices.New(notices.Options{Pool: pool, Inside: loopback()})
	if err != nil {
		t.Fatal(err)
	}
	t.Fatal(c.Run(context.Background()))
}

// TestKilled kills a worker in the middle of deliveries: nothing is lost, and nothing is sent again that is known to be delivered.
func TestKilled(t *testing.T) {
	t.Parallel()
	ctx, at := context.Background(), postgrestest.URL(t)
	pool, err := postgres.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	const n, first = 30, 10
	hold := make(chan struct{})
	r := openReceiver(t, func(_ http.ResponseWriter, q *http.Request, i int) {
		if i > first { // the first process hears no more answers
			select {
			case <-hold:
			case <-q.Context().Done():
			}
		}
	})
	hook, secret := register(t, pool, r.url)
	for range n {
		happens(t, pool, notices.OrderOpened, "KR-0001")
	}
	worker := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestWorkerProcess$", "-test.v")
	worker.Env = append(os.Environ(), killedDatabase+"="+at, "PGAPPNAME=killed")
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	known := func() int {
		return number(t, pool, `select count(*) from webhook_deliveries where state = 'delivered'`)
	}
	sessions := func() int {
		return number(t, pool, `select count(*) from pg_stat_activity where datname = current_database() and application_name = 'killed'`)
	}
	until(t, "the process is in the middle", func() bool { return known() == first && len(r.got()) > first && sessions() > 0 })
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = worker.Wait() // it was killed
	// PostgreSQL carries out what it was asked for last, as to hand out more work.
	until(t, "its sessions have ended", func() bool { return sessions() == 0 })
	close(hold)
	delivered := map[string]bool{}
	list, err := notices.Deliveries(ctx, pool, hook.ID, notices.Delivered, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		delivered[d.Message] = true
	}
	if left := number(t, pool, `select count(*) from river_job where state = 'running'`); left == 0 {
		t.Error("nothing was under way")
	}
	before := len(r.got())
	// The minutes pass after which its work is taken for lost, and its leadership as well.
	if _, err := pool.Exec(ctx, `update river_job set attempted_at = attempted_at - interval '1 hour' where state = 'running'`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `delete from river_leader`); err != nil {
		t.Fatal(err)
	}
	deliverWith(t, notices.Options{Pool: pool, Inside: loopback()})
	until(t, "all is delivered", func() bool { return known() == n })
	for _, m := range r.got()[before:] {
		if delivered[m.id] {
			t.Errorf("%s was delivered, and is again", m.id)
		}
		delivered[m.id] = true
		if err := verify(t, secret, m); err != nil {
			t.Error(err)
		}
	}
	if len(delivered) != n {
		t.Errorf("%d messages have arrived, want %d", len(delivered), n)
	}
}
