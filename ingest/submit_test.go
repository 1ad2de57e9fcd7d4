package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func eventText(id string, at time.Time) string {
	return fmt.Sprintf(`{"id":%q,"kind":"pass","time":%q,"lat":51.05,"lon":3.72,"accuracy_m":5,"speed_mps":11}`, id, at.Format(time.RFC3339))
}

func batchText(events ...string) []byte {
	return []byte(`{"v":1,"events":[` + strings.Join(events, ",") + `]}`)
}

// What devices say on a day is counted for their health, and goes with them.
func TestHabits(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	in := ingest.New(pool, running(t, pool, ingest.WriterOptions{}), ingest.Wall{}, ingest.Options{Time: func() time.Time { return now }})
	ctx := context.Background()
	d, _, err := ingest.Enrol(ctx, pool, ingest.Enrolment{Kind: "vehicle"}, now)
	if err != nil {
		t.Fatal(err)
	}
	bump := func(id string, peak float64) string {
		return strings.Replace(eventText(id, now), `"kind":"pass"`, fmt.Sprintf(`"kind":"bump","peak_g":%g,"duration_s":0.2`, peak), 1)
	}
	for _, batch := range [][]byte{batchText(eventText("a", now), bump("b", 0.4)), batchText(bump("c", 0.9), bump("d", 0.3), `7`)} {
		for _, device := range []string{d.ID, "nobody"} {
			if _, err := in.Submit(ctx, device, batch, "mqtt"); err != nil {
				t.Fatal(err)
			}
		}
		if err := in.SaveHabits(ctx); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ingest.FindDevice(ctx, pool, d.ID, now)
	if err != nil || got.Jolts != 3 || got.Passes != 1 || got.Health != ingest.Fine || fmt.Sprintf("%.2f %.2f", got.LeastG, got.MostG) != "0.30 0.90" || got.SeenAt == nil {
		t.Errorf("%+v, %v", got, err)
	}
	if n := count(t, pool, "device_days"); n != 1 {
		t.Errorf("%d devices' days: nobody is no device", n)
	}
	if _, err := ingest.FindDevice(ctx, pool, "nobody", now); !errors.Is(err, ingest.ErrNoDevice) {
		t.Error(err)
	}
	now = now.AddDate(0, 2, 0)
	if _, err := in.Submit(ctx, d.ID, batchText(eventText("e", now)), "mqtt"); err != nil {
		t.Fatal(err)
	}
	if err := in.SaveHabits(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count(t, pool, "device_days"); n != 1 {
		t.Errorf("%d days are kept after two months", n)
	}
}

// What a device has sent to one process on a day counts at every other.
func TestProcessesCountADayTogether(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	ctx := context.Background()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	d, _, err := ingest.Enrol(ctx, pool, ingest.Enrolment{}, now)
	if err != nil {
		t.Fatal(err)
	}
	writer := running(t, pool, ingest.WriterOptions{})
	for i := range 3 {
		in := ingest.New(pool, writer, ingest.Wall{}, ingest.Options{DeviceDay: 4, Time: func() time.Time { return now }})
		if _, err := in.Submit(ctx, d.ID, batchText(eventText(fmt.Sprint(i, "a"), now), eventText(fmt.Sprint(i, "b"), now)), "mqtt"); err != nil {
			t.Fatal(err)
		}
		in.Pace().Spend(d.ID, 2, now)
		if err := in.SaveHabits(ctx); err != nil {
			t.Fatal(err)
		}
		in.Pace().Spend(d.ID, 1, now) // one more
		if wait := in.Pace().Delay(d.ID, now); (wait > 0) != (i > 0) {
			t.Errorf("after %d processes it waits %v", i+1, wait)
		}
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	registry := prometheus.NewRegistry()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	in := ingest.New(pool, running(t, pool, ingest.WriterOptions{Registerer: registry}), ingest.Wall{},
		ingest.Options{Registerer: registry, Time: func() time.Time { return now }})
	ctx := context.Background()

	got, err := in.Submit(ctx, "bus-7", batchText(eventText("a", now), eventText("a", now), eventText("b", now), eventText("old", now.AddDate(0, 0, -15)), `7`), "mqtt")
	if err != nil || got.Accepted != 3 || got.Quarantined || fmt.Sprint(got.Rejected) != "[refused: time is more than 14 days ago refused: event is not an object]" {
		t.Fatal(got, err)
	}
	if got, err = in.Submit(ctx, "bus-7", batchText(eventText("a", now), eventText("c", now)), "http"); err != nil || got.Accepted != 2 || got.Rejected == nil {
		t.Fatal(got, err)
	}
	if n, p := count(t, pool, "events"), count(t, pool, "pending_events"); n != 3 || p != 3 {
		t.Fatal(n, p)
	}
	if got, err = in.Submit(ctx, "bus-7", []byte("\x00\xff"), "http"); err != nil || got.Accepted != 0 || !got.Quarantined || len(got.Rejected) != 1 {
		t.Fatal(got, err)
	}
	if n := count(t, pool, `quarantine where device = 'bus-7' and source = 'http' and payload = '\x00ff' and reason like 'not JSON%'`); n != 1 {
		t.Fatal(n)
	}
	if _, err := registry.Gather(); err != nil {
		t.Fatal(err)
	}
}

// Nobody fills the disk with nonsense.
func TestTheQuarantineIsBounded(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	in := ingest.New(pool, running(t, pool, ingest.WriterOptions{}), ingest.Wall{}, ingest.Options{Time: func() time.Time { return now }})
	ctx := context.Background()
	for range 2500 {
		if got, err := in.Submit(ctx, "bus-7", []byte("x"), "mqtt"); err != nil || !got.Quarantined {
			t.Fatal(got, err)
		}
	}
	if n := count(t, pool, "quarantine"); n != 2000 {
		t.Fatal("at once:", n)
	}
	if _, err := pool.Exec(ctx, `insert into quarantine (received, device, source, reason, payload) select now(), 'x', 'mqtt', 'x', 'x' from generate_series(1, 10000)`); err != nil {
		t.Fatal(err)
	}
	now = now.Add(10 * time.Second)
	for range 300 {
		if _, err := in.Submit(ctx, "bus-7", []byte("x"), "mqtt"); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, pool, "quarantine"); n > 10_100 || n < 10_000 {
		t.Fatal("rows kept:", n)
	}
}

// renewTwice renews a secret whose first answer is lost. The former secret is good until the new one is used, here by another node.
func renewTwice(t *testing.T, pool *pgxpool.Pool, elsewhere *ingest.Credentials, device, secret string) string {
	t.Helper()
	ctx := context.Background()
	lost, err := ingest.Renew(ctx, pool, device, secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.Authenticate(ctx, device, secret); err != nil {
		t.Fatal("locked out by an answer that was lost:", err)
	}
	renewed, err := ingest.Renew(ctx, pool, device, secret)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Forget(device)
	if err := elsewhere.Authenticate(ctx, device, renewed); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]string{"former": secret, "lost": lost} {
		if err := elsewhere.Authenticate(ctx, device, wrong); !errors.Is(err, ingest.ErrUnauthorized) {
			t.Errorf("the %s secret is still good: %v", name, err)
		}
		if _, err := ingest.Open(ctx, pool, device, wrong); !errors.Is(err, ingest.ErrUnauthorized) {
			t.Errorf("the %s secret opens a connection: %v", name, err)
		}
		if _, err := ingest.Renew(ctx, pool, device, wrong); !errors.Is(err, ingest.ErrUnauthorized) {
			t.Errorf("the %s secret can be renewed: %v", name, err)
		}
	}
	return renewed
}

func TestDevices(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	ctx := context.Background()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	d, secret, err := ingest.Enrol(ctx, pool, ingest.Enrolment{Name: "bus 7", App: "unit", Kind: "fleet"}, now)
	if err != nil || len(secret) != 43 || len(d.ID) != 26 {
		t.Fatal(d, secret, err)
	}
	if _, _, err := ingest.Enrol(ctx, pool, ingest.Enrolment{Name: "\x00"}, now); !errors.Is(err, ingest.ErrInvalid) {
		t.Fatal(err)
	}
	credentials := ingest.NewCredentials(pool, func() time.Time { return now })
	if err := credentials.Authenticate(ctx, d.ID, secret); err != nil {
		t.Fatal(err)
	}
	if err := ingest.Ensure(ctx, pool, []string{"replayed", d.ID, "replayed"}, now); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][2]string{{d.ID, ""}, {d.ID, secret + "A"}, {"replayed", ""}, {"nobody", secret}, {"", ""}, {"a/b", secret}} {
		if err := credentials.Authenticate(ctx, wrong[0], wrong[1]); !errors.Is(err, ingest.ErrUnauthorized) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	renewed := renewTwice(t, pool, credentials, d.ID, secret)
	if _, err := ingest.Open(ctx, pool, d.ID, renewed); err != nil {
		t.Fatal(err)
	}
	secret = renewed
	if err := ingest.Revoke(ctx, pool, d.ID, now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(ingest.CacheAge)
	if err := credentials.Authenticate(ctx, d.ID, secret); !errors.Is(err, ingest.ErrUnauthorized) {
		t.Fatal(err)
	}
	if _, err := ingest.Open(ctx, pool, d.ID, secret); !errors.Is(err, ingest.ErrUnauthorized) {
		t.Fatal(err)
	}
	if _, err := ingest.Renew(ctx, pool, d.ID, secret); !errors.Is(err, ingest.ErrUnauthorized) {
		t.Fatal("a revoked device renews its secret:", err)
	}
	if err := ingest.Revoke(ctx, pool, "nobody", now); !errors.Is(err, ingest.ErrNoDevice) {
		t.Fatal(err)
	}
	list, err := ingest.SearchDevices(ctx, pool, ingest.DeviceSearch{}, time.Now())
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for _, l := range list {
		if l.ID == d.ID && (l.Name != "bus 7" || l.RevokedAt == nil) || l.ID == "replayed" && l.RevokedAt != nil {
			t.Errorf("%+v", l)
		}
	}
}

// A queue that is full makes Append wait; a database that is held up makes it fail, in time, and be tried again.
func TestAHeldUpDatabase(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	ctx := context.Background()
	w := running(t, pool, ingest.WriterOptions{Wait: 300 * time.Millisecond, Grace: 50 * time.Millisecond, MaxQueue: 10})
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `lock table events in exclusive mode`); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 30)
	for i := range cap(failed) {
		go func() {
			_, err := w.Append(ctx, []ingest.Record{bump(t, fmt.Sprint(i), "bus-7")})
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; !errors.Is(err, ingest.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for i := range cap(failed) {
		for {
			_, err := w.Append(ctx, []ingest.Record{bump(t, fmt.Sprint(i), "bus-7")})
			if err == nil {
				break
			}
			if !errors.Is(err, ingest.ErrUnavailable) || time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	if n, p := count(t, pool, "events"), count(t, pool, "pending_events"); n != 30 || p != 30 {
		t.Fatal(n, p)
	}
}
