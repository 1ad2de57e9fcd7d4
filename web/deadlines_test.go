package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/web"
)

// holidays is a calendar file: a day that comes again each year, two days in one event, one that is cancelled.
const holidays = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20200101T000000Z\r\nDTSTART;VALUE=DATE:20201226\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Stefanitag\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20200101T000000Z\r\nDTSTART;VALUE=DATE:20260312\r\nDTEND;VALUE=DATE:20260314\r\nSUMMARY:Days <b>off</b>\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:3\r\nDTSTAMP:20200101T000000Z\r\nDTSTART;VALUE=DATE:20260401\r\nSTATUS:CANCELLED\r\nSUMMARY:Not off\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// TestDeadlinesPage tries deadlines, saves them, and finds that they count for what is opened from then on. Today is Wednesday, 14:00 UTC.
func TestDeadlinesPage(t *testing.T) {
	t.Parallel()
	now := today()
	w := newTown(t, func(c *web.Config) { c.Now = func() time.Time { return now } })
	root := w.signIn(access.Administrator)
	form := func(do, version string, change func(url.Values), file string) (*http.Response, string) {
		f := url.Values{"do": {do}, "version": {version}, "zone": {"Europe/Vienna"}, "soon": {"9"}, "escalate": {"9"}, "undo": {"10"},
			"rule_class": {"", "", ""}, "rule_street": {"", "main", ""}, "rule_severity": {"0", "0,7", "0"}, "rule_hours": {"90", "4", ""},
			"holidays": {"24.12.2026 Heiliger Abend\n2026-03-16"}, "try_class": {"pothole"}, "try_severity": {".8"}, "try_street": {"main"}}
		for _, day := range []string{"1", "2", "3", "4", "5"} {
			f.Set("hours"+day, "7:00-12:00, 13-16")
		}
		if change != nil {
			change(f)
		}
		return root.upload("/admin/deadlines", f, "calendar", file)
	}
	root.read("/admin/deadlines", "An order opened now for a pothole of severity 0.8 on a main street is due Thu 12 Mar 2026, 14:00: 9 hours", "07:00–16:00", "Severity 0.85 and up")
	if answer, body := form("try", "1", nil, ""); answer.StatusCode != http.StatusOK || !strings.Contains(body, "This is not saved yet.") || !strings.Contains(body, "is due Thu 12 Mar 2026, 10:00: 4 hours") {
		t.Errorf("try: %s", answer.Status)
	}
	for name, c := range map[string]struct{ field, value, want string }{
		"zone": {"zone", "Krems", "“Krems” is no time zone."}, "hours": {"hours2", "late", "Write hours as"}, "backwards": {"hours2", "16:00-07:00", "Hours end after they begin"},
		"day": {"holidays", "2026-01-01\n2026-02-30 Never", "Line 2 is no day: 2026-02-30 Never"}, "number": {"soon", "much", "is no number"},
		"severity": {"rule_severity", "7", "Rule 1: a severity is 0 to 1."}, "twice": {"rule_street", "", "Rule 2: another is of the same"},
	} {
		answer, body := form("save", "1", func(f url.Values) {
			if values := f[c.field]; len(values) > 1 {
				values[0] = c.value
				if name == "twice" {
					values[1], f["rule_severity"][1] = "", "0"
				}
			} else {
				f.Set(c.field, c.value)
			}
		}, "")
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, c.want) || !strings.Contains(body, `aria-invalid`) && name != "severity" && name != "twice" && name != "number" {
			t.Errorf("%s: %s, and no %q", name, answer.Status, c.want)
		}
	}
	if answer, body := form("save", "1", nil, "BEGIN:nonsense"); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "The file is no calendar") {
		t.Errorf("no calendar: %s", answer.Status)
	}
	daily := strings.Replace(holidays, "FREQ=YEARLY", "FREQ=SECONDLY", 1)
	if answer, body := form("save", "1", nil, daily); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "more often than weekly") {
		t.Errorf("every second: %s", answer.Status)
	}
	w.put(defect{ID: "before", Street: "Ringstraße", Share: .5, State: "confirmed", Severity: .8, Devices: 5, Days: 3, Order: "new"})
	due := func() int { return count(w, `select count(*) from orders where due_at is not null`) }
	had := due()
	answer, body := form("save", "1", nil, holidays)
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "is due Tue 17 Mar 2026, 10:00: 4 hours") || !strings.Contains(body, "2030-12-26 Stefanitag") || strings.Contains(body, "Not off") || !strings.Contains(body, "Days &lt;b&gt;off") {
		t.Errorf("save: %s %s", answer.Status, body)
	}
	if had != due() {
		t.Error("an order from before has another deadline")
	}
	if answer, body := form("save", "1", nil, ""); answer.StatusCode != http.StatusConflict || !strings.Contains(body, "See their change, then save again.") || !strings.Contains(body, `name="version" value="2"`) {
		t.Errorf("over somebody else's: %s", answer.Status)
	}
	root.read("/admin/log?action=works", "Changed deadlines", "time zone: UTC → Europe/Vienna", "07:00–16:00 → 07:00–12:00, 13:00–16:00", "2026-03-16")
	root.read("/admin/deadlines?lang=de", "Schwere 0,8", "Di, 17. ")

	var works map[string]any
	if answer, body := root.call("GET", "/deadlines", "", ""); answer.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), &works) != nil || works["version"] != 2.0 {
		t.Fatalf("read: %s %s", answer.Status, body)
	}
	delete(works, "$schema")
	works["rules"] = []any{map[string]any{"street": "path", "severity_from": 0, "hours": 2}}
	text, err := json.Marshal(works)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", "/deadlines", string(text), 200, `"version":3`},
		{"PUT", "/deadlines", string(text), 409, "version 3"},
		{"PUT", "/deadlines", strings.Replace(strings.Replace(string(text), `"version":2`, `"version":3`, 1), "Europe/Vienna", "Europe/Krems", 1), 422, "no time zone"},
		{"POST", "/deadlines/holidays", `{"version":3,"days":"2026-05-01 Mai"}`, 200, `{"day":"2026-05-01","name":"Mai"}`},
		{"POST", "/deadlines/holidays", `{"version":4,"calendar":"no"}`, 422, "no calendar"},
		{"GET", "/deadlines/preview?street=path&severity=0.1", "", 200, `"due_at":"2026-03-17T07:00:00Z"`},
		{"GET", "/deadlines/preview?street=main", "", 200, "has no deadline"},
	} {
		if answer, body := root.call(c.method, c.path, c.body, ""); answer.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %s %s", c.method, c.path, answer.Status, body)
		}
	}
}
