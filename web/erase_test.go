package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/web"
)

// A device reads what is kept about it and erases itself, also when it was revoked, and nobody else; from then on it is unknown.
func TestADeviceErasesItself(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := time.Now()
	w := newTown(t, func(c *web.Config) {
		c.Now = func() time.Time { now = now.Add(time.Minute); return now } // nothing is believed for long
	})
	type device struct{ ID, Secret string }
	enrol := func() (d device) {
		t.Helper()
		answer, body := w.send(http.MethodPost, "/api/v1/devices", "", "", "")
		if err := json.Unmarshal([]byte(body), &d); err != nil || answer.StatusCode/100 != 2 {
			t.Fatalf("enrol: %s %s %v", answer.Status, body, err)
		}
		return d
	}
	mine, other := enrol(), enrol()
	ask := func(method, path string, by device) (int, string) {
		t.Helper()
		answer, body := w.send(method, "/api/v1/devices/"+path, "", by.ID, by.Secret)
		return answer.StatusCode, body
	}
	var kept struct {
		Device struct {
			ID      string
			Revoked *time.Time `json:"revoked_at"`
		}
		Days, Unreadable []map[string]any
		Events           []struct {
			Device string
			wire.Event
		}
	}
	for i, d := range []device{mine, other, mine} {
		if _, err := w.pool.Exec(ctx, `insert into events (id, device, kind, time, received, lat, lon, accuracy_m, speed_mps, peak_g, duration_s, rate_hz, wave, cell, region)
			values ($1, $2, 0, now(), now(), 48.4, 15.6, 4, 11, 0.8, 0.2, 50, '\xe803', 1, 1)`, fmt.Sprint("e", i), d.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.pool.Exec(ctx, `insert into quarantine (received, device, source, reason, payload) values (now(), $1, 'http', 'no batch', 'x')`, mine.ID); err != nil {
		t.Fatal(err)
	}
	if err := ingest.Revoke(ctx, w.pool, mine.ID, now); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(http.MethodGet, mine.ID+"/outcomes", mine); status != http.StatusUnauthorized {
		t.Errorf("a revoked device may do more than read and erase: %d", status)
	}
	status, body := ask(http.MethodGet, mine.ID+"/data", mine)
	if err := json.Unmarshal([]byte(body), &kept); err != nil || status != http.StatusOK || kept.Device.ID != mine.ID || kept.Device.Revoked == nil ||
		len(kept.Events) != 2 || kept.Events[1].ID != "e2" || kept.Events[1].PeakG != 0.8 || len(kept.Events[1].WaveG) != 1 || len(kept.Unreadable) != 1 {
		t.Errorf("what is kept: %d %v %s", status, err, body)
	}
	for _, secret := range []string{other.ID, "sha256", "e1"} {
		if strings.Contains(body, secret) {
			t.Errorf("%s is in what is kept of another: %s", secret, body)
		}
	}
	for _, by := range []device{{}, {mine.ID, "wrong"}, {other.ID, other.Secret}} {
		if status, _ := ask(http.MethodGet, mine.ID+"/data", by); status != http.StatusUnauthorized && status != http.StatusForbidden {
			t.Errorf("%q reads it: %d", by.ID, status)
		}
	}
	for _, test := range []struct {
		id, user, secret string
		status           int
	}{
		{mine.ID, "", "", http.StatusUnauthorized},
		{mine.ID, mine.ID, "wrong", http.StatusUnauthorized},
		{other.ID, mine.ID, mine.Secret, http.StatusForbidden},
		{mine.ID, mine.ID, mine.Secret, http.StatusAccepted},
		{mine.ID, mine.ID, mine.Secret, http.StatusAccepted}, // the answer may have been lost
	} {
		if answer, body := w.send(http.MethodDelete, "/api/v1/devices/"+test.id, "", test.user, test.secret); answer.StatusCode != test.status {
			t.Errorf("%+v: %s %s", test, answer.Status, body)
		}
	}
	if err := (crowd.Upkeep{Pool: w.pool}).EraseAsked(ctx, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(http.MethodDelete, mine.ID, mine); status != http.StatusNotFound {
		t.Errorf("erased, and asked again: %d", status)
	}
	var left string
	if err := w.pool.QueryRow(ctx, `select string_agg(id, ' ') from devices`).Scan(&left); err != nil || left != other.ID {
		t.Errorf("left are %q, %v", left, err)
	}
}
