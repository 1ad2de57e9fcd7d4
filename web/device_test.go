package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// A device renews its secret, and reads what became of what it felt, as far as that is public.
func TestADeviceAsksAboutItself(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	enrol := func() (d struct{ ID, Secret string }) {
		t.Helper()
		if _, body := w.send(http.MethodPost, "/api/v1/devices", "", "", ""); json.Unmarshal([]byte(body), &d) != nil {
			t.Fatal(body)
		}
		return d
	}
	d, other := enrol(), enrol()
	own := "/api/v1/devices/" + d.ID

	var renewed struct{ ID, Secret string }
	answer, body := w.send(http.MethodPost, own+"/secret", "", d.ID, d.Secret)
	if err := json.Unmarshal([]byte(body), &renewed); err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "no-store" ||
		renewed.ID != d.ID || len(renewed.Secret) != 43 || renewed.Secret == d.Secret {
		t.Fatalf("renewed: %s %s %v", answer.Status, body, err)
	}
	for _, c := range []struct {
		path, user, secret string
		status             int
	}{
		{"/outcomes", d.ID, d.Secret, http.StatusOK}, // not yet used
		{"/outcomes", d.ID, renewed.Secret, http.StatusOK},
		{"/outcomes", d.ID, d.Secret, http.StatusUnauthorized},
		{"/outcomes", "", "", http.StatusUnauthorized},
		{"/outcomes", other.ID, other.Secret, http.StatusForbidden},
	} {
		if answer, body := w.send(http.MethodGet, own+c.path, "", c.user, c.secret); answer.StatusCode != c.status {
			t.Errorf("%+v: %s %s", c, answer.Status, body)
		}
	}
	if answer, _ := w.send(http.MethodPost, own+"/secret", "", other.ID, other.Secret); answer.StatusCode != http.StatusForbidden {
		t.Errorf("another device renews it: %s", answer.Status)
	}

	w.put(defect{ID: "pfelt", Street: "Ringstraße", Share: .3, State: crowd.Confirmed, Severity: .8, Devices: 9, Days: 12, Order: dispatch.InProgress})
	w.put(defect{ID: "palone", Street: "Ringstraße", Share: .5, State: crowd.Suspected, Severity: .4, Devices: 1, Days: 2})
	w.put(defect{ID: "ppassed", Street: "Ringstraße", Share: .7, State: crowd.Confirmed, Severity: .4, Devices: 5, Days: 9, Order: dispatch.New})
	w.put(defect{ID: "pothers", Street: "Ringstraße", Share: .9, State: crowd.Confirmed, Severity: .4, Devices: 5, Days: 9, Order: dispatch.New})
	for place, hits := range map[string]int{"pfelt": 2, "palone": 1, "ppassed": 0} {
		if _, err := w.pool.Exec(ctx, `insert into evidence (place, device, hits, misses, first_at, last_at, account, epoch) values ($1, $2, $3, 1, $4, $4, '', 0)`,
			place, d.ID, hits, today().AddDate(0, 0, -8)); err != nil {
			t.Fatal(err)
		}
	}
	// What seems to be wrong with it is for its driver to know.
	says := func(health string) {
		t.Helper()
		if _, body := w.send(http.MethodGet, own+"/outcomes", "", d.ID, renewed.Secret); !strings.Contains(body, `"health":"`+health+`"`) {
			t.Errorf("not %s: %s", health, body)
		}
	}
	says("unheard")
	if _, err := w.pool.Exec(ctx, `insert into device_days (device, day, jolts, passes, least_g, most_g, last_at) values ($1, $2::date, 12, 0, 0.5, 0.51, $2)`, d.ID, today()); err != nil {
		t.Fatal(err)
	}
	says("stuck")
	var out struct{ Outcomes []map[string]string }
	if _, body := w.send(http.MethodGet, own+"/outcomes?lang=de", "", d.ID, renewed.Secret); json.Unmarshal([]byte(body), &out) != nil || len(out.Outcomes) != 1 {
		t.Fatal(body)
	}
	var told bool
	if err := w.pool.QueryRow(ctx, `select told_at > '2020-01-01' from devices where id = $1`, d.ID).Scan(&told); err != nil || !told {
		t.Errorf("what it has fetched it would be told again: %v", err)
	}
	got := out.Outcomes[0]
	want := map[string]string{"place": "pfelt", "state": "in_progress", "mark": "progress", "class": "pothole", "title": "Schlagloch, Ringstraße", "felt": "2026-03-03"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
	if got["word"] == "" || slices.Contains([]string{"", "0001-01-01"}, got["since"]) {
		t.Errorf("%v", got)
	}
}
