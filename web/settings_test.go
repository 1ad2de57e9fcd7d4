package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/web"
)

// TestSettings changes what is set while two servers run on one database: both go by it.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.PromiseDays, c.RetainDays = 7, 90 })
	w.put(defect{ID: "pseen", Street: "Mitterweg", Share: .4, State: crowd.Suspected, Devices: 4, Days: 1, Severity: .5})
	root := w.signIn(access.Administrator)
	second, err := web.New(web.Config{Pool: w.pool, City: "Stein", Now: today})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- second.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ran; err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	other := func() string {
		answer := httptest.NewRecorder()
		second.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/list", nil))
		return answer.Body.String()
	}
	if !strings.Contains(other(), "Streetpulse Stein</title>") {
		t.Error("the second server has not the name of its flag")
	}
	form := func(do, version string, pairs ...string) (*http.Response, string) {
		f := url.Values{"do": {do}, "version": {version}}
		for i := 0; i+1 < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return root.send("/admin/settings", f)
	}
	root.read("/admin/settings", "Empty: Krems.", "Empty: 7.", "Empty: 90.", "Empty: About where.", "a probability of 85.1 %")
	if answer, body := form("try", "1", "false_order", "14", "missed_day", "2"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "not saved yet") || !strings.Contains(body, "a probability of 50 %") || !strings.Contains(body, "At most 1 of 1 suspected") {
		t.Errorf("try: %s", answer.Status)
	}
	for field, c := range map[string]struct{ value, want string }{
		"promise": {"-1", "A promise is 0 to 3650 days."}, "retain": {"3", "Days are whole: 0, or 14 to 3650."}, "false_order": {"1", "from 12.50 % on"}, "missed_day": {"x", "is no number"},
		"order_class": {"speed_bump", "Beside potholes that is"}, "suspected": {"maybe", "Choose one from the list."}, "city": {strings.Repeat("K", 81), "80 letters at most"},
	} {
		if answer, body := form("save", "1", field, c.value); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, c.want) {
			t.Errorf("%s: %s, and no %q", field, answer.Status, c.want)
		}
	}
	if _, body := w.get("/list"); !strings.Contains(body, "Mitterweg") {
		t.Error("the suspected place is not listed")
	}
	if answer, body := form("save", "1", "city", "Krems & Stein", "suspected", "no", "promise", "3,5", "retain", "30", "false_order", "50", "order_class", "casting"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "It counts from now on.") {
		t.Fatalf("save: %s", answer.Status)
	}
	if _, body := w.get("/list"); strings.Contains(body, "Mitterweg") || !strings.Contains(body, "Streetpulse Krems &amp; Stein</title>") {
		t.Error("it does not count at once")
	}
	if _, body := w.get("/api/v1/stats"); !strings.Contains(body, `"promise_days":3.5`) {
		t.Errorf("the promise: %s", body)
	}
	w.until(func() bool { return strings.Contains(other(), "Streetpulse Krems &amp; Stein</title>") })
	if answer, body := form("save", "1", "city", "Und"); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "city: (as started) → Krems &amp; Stein") || !strings.Contains(body, `value="Und"`) {
		t.Errorf("over somebody else's: %s", answer.Status)
	}
	root.read("/admin/log?action=settings", "Changed settings", "retain: (as started) → 30", "suspected: (as started) → no", "order_classes: (as started) → casting")
	root.read("/admin/settings", `value="casting" checked`, `value="rail">`)
	for _, c := range []struct {
		method, body string
		status       int
		want         string
	}{
		{"GET", "", 200, `"retain_days":30`},
		{"PUT", `{"version":2,"city":"Krems"}`, 200, `"retain_days":null`},
		{"PUT", `{"version":2,"city":"Krems"}`, 409, "version 3"},
		{"PUT", `{"version":3,"retain_days":2}`, 422, "14 to 3650"},
		{"PUT", `{"version":3,"order_classes":["pothole"]}`, 422, ""},
		{"PUT", `{"version":3,"order_classes":["rail","casting","rail"]}`, 200, `"order_classes":["casting","rail"]`},
	} {
		if answer, body := root.call(c.method, "/settings", c.body, ""); answer.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %s %s", c.method, c.body, answer.Status, body)
		}
	}
	w.categories(root)
	w.looks(root)
}
