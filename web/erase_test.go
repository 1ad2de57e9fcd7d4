package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/web"
)

// A device erases itself and nobody else; from then on it is unknown.
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
	for _, test := range []struct {
		id, user, secret string
		status           int
	}{
		{mine.ID, "", "", http.StatusUnauthorized},
		{mine.ID, mine.ID, "wrong", http.StatusUnauthorized},
		{other.ID, mine.ID, mine.Secret, http.StatusForbidden},
		{mine.ID, mine.ID, mine.Secret, http.StatusAccepted},
		{mine.ID, mine.ID, mine.Secret, http.StatusUnauthorized},
	} {
		if answer, body := w.send(http.MethodDelete, "/api/v1/devices/"+test.id, "", test.user, test.secret); answer.StatusCode != test.status {
			t.Errorf("%+v: %s %s", test, answer.Status, body)
		}
	}
	if err := (crowd.Upkeep{Pool: w.pool}).EraseAsked(ctx, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := w.pool.QueryRow(ctx, `select string_agg(id, ' ') from devices`).Scan(&left); err != nil || left != other.ID {
		t.Errorf("left are %q, %v", left, err)
	}
}
