package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/consumer"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// asks sends a question as a form and as JSON, and returns the status, which must be the same.
func asks(t *testing.T, checks http.Handler, path string, members ...string) int {
	t.Helper()
	form, object := url.Values{}, map[string]string{}
	for i := 0; i < len(members); i += 2 {
		form.Set(members[i], members[i+1])
		object[members[i]] = members[i+1]
	}
	asJSON, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[int]bool{}
	for kind, body := range map[string][]byte{"application/x-www-form-urlencoded": []byte(form.Encode()), "application/json; charset=utf-8": asJSON} {
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		checks.ServeHTTP(w, r)
		var said struct {
			Result string
			OK     bool `json:"ok"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.OK != (w.Code == 200) || (said.Result == "allow") != said.OK {
			t.Errorf("%s as %s: %d %s", path, kind, w.Code, w.Body)
		}
		statuses[w.Code] = true
		if len(statuses) > 1 {
			t.Errorf("%s %v: the two forms differ", path, members)
		}
	}
	for status := range statuses {
		return status
	}
	return 0
}

func TestWhatABrokerIsTold(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	ctx := context.Background()
	checks, err := consumer.Checks(pool, "mqtt://streetpulse:ours@localhost")
	if err != nil {
		t.Fatal(err)
	}
	d, secret, err := ingest.Enrol(ctx, pool, ingest.Enrolment{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	gone, goneSecret, err := ingest.Enrol(ctx, pool, ingest.Enrolment{}, time.Now())
	if err == nil {
		err = ingest.Revoke(ctx, pool, gone.ID, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		status                       int
		username, password, clientID string
	}{
		"a device":              {200, d.ID, secret, d.ID},
		"another client id":     {403, d.ID, secret, "x"},
		"no client id":          {403, d.ID, secret, ""},
		"a wrong secret":        {403, d.ID, secret + "x", d.ID},
		"a revoked device":      {403, gone.ID, goneSecret, gone.ID},
		"nobody":                {403, "", "", ""},
		"ourselves":             {200, "streetpulse", "ours", "streetpulse-ingest-3"},
		"our name, not us":      {403, "streetpulse", "x", "streetpulse"},
		"our name, no password": {403, "streetpulse", "", "streetpulse"},
	} {
		if status := asks(t, checks, "/broker/auth", "username", test.username, "password", test.password, "clientid", test.clientID); status != test.status {
			t.Errorf("%s: %d", name, status)
		}
	}
	own := "streetpulse/v1/devices/" + d.ID + "/"
	for _, test := range []struct {
		status               int
		username, topic, acc string
	}{
		{200, d.ID, own + "events", "2"}, {200, d.ID, own + "events/pb", "2"}, {200, d.ID, own + "status", "2"}, {403, d.ID, own + "feedback", "2"},
		{403, d.ID, own + "events", "1"}, {403, d.ID, own + "events", "3"}, {403, d.ID, own + "events", "4"}, {403, d.ID, own + "events", "0"},
		{200, d.ID, own + "feedback", "4"}, {200, d.ID, own + "feedback", "1"}, {200, d.ID, "streetpulse/v1/regions/+/watch", "4"},
		{200, d.ID, "streetpulse/v1/detector/phone", "1"}, {403, d.ID, "streetpulse/v1/detector/phone", "2"}, {403, d.ID, "#", "4"},
		{403, d.ID, "streetpulse/v1/devices/" + gone.ID + "/events", "2"}, {403, d.ID, "streetpulse/v1/devices/+/feedback", "4"},
		{403, d.ID, "$share/streetpulse/streetpulse/v1/devices/+/events", "4"}, {403, d.ID, "$share/g/" + own + "feedback", "4"},
		{403, gone.ID, "streetpulse/v1/devices/" + gone.ID + "/events", "2"}, {403, "", "streetpulse/v1/devices//events", "2"},
		{200, "streetpulse", "$share/streetpulse/streetpulse/v1/devices/+/events", "4"}, {200, "streetpulse", "streetpulse/v1/devices/+/events/pb", "4"},
		{200, "streetpulse", own + "events", "1"}, {200, "streetpulse", own + "feedback", "2"}, {403, "streetpulse", own + "events", "2"},
		{200, "streetpulse", "streetpulse/v1/regions/871e1594bffffff/watch", "2"}, {403, "streetpulse", "#", "4"}, {403, "streetpulse", "$share/x", "4"},
	} {
		if status := asks(t, checks, "/broker/acl", "username", test.username, "clientid", test.username, "topic", test.topic, "acc", test.acc); status != test.status {
			t.Errorf("%s, %s, acc %s: %d", test.username, test.topic, test.acc, status)
		}
	}
	if status := asks(t, checks, "/broker/acl", "username", d.ID, "topic", own+"events", "action", "publish"); status != 200 {
		t.Error("EMQX's action:", status)
	}
	pool.Close()
	if status := asks(t, checks, "/broker/auth", "username", "new", "password", "x", "clientid", "new"); status != 503 {
		t.Error("without the database:", status)
	}
	for _, bad := range []string{"{", strings.Repeat("x", 100_000), "[]", `{"acc":true}`} {
		r := httptest.NewRequest(http.MethodPost, "/broker/acl", strings.NewReader(bad))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if checks.ServeHTTP(w, r); w.Code != 400 {
			t.Errorf("%.20s: %d", bad, w.Code)
		}
	}
	number := httptest.NewRequest(http.MethodPost, "/broker/acl", strings.NewReader(`{"username":"streetpulse","topic":"streetpulse/v1/detector/x","acc":2}`))
	number.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if checks.ServeHTTP(w, number); w.Code != 200 {
		t.Error("acc as a number:", w.Code)
	}
}
