package web_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// TestWhoReportedIsAskedWhetherTheRepairIsGood takes a report where nobody drives to its order's repair and three weeks on.
func TestWhoReportedIsAskedWhetherTheRepairIsGood(t *testing.T) {
	t.Parallel()
	now := today()
	w := newTown(t, believing, func(c *web.Config) { c.City, c.Now = "Krems", func() time.Time { return now } })
	form := w.at("Lindengasse", .5)
	form["email"], form["category"] = "anna@example.org", "pothole"
	v := w.visitor("192.0.2.1")
	v.report(form, picture(t))
	v.send(strings.TrimPrefix(linkIn.FindString(w.letters("anna@example.org")[0]), w.http.URL), nil)
	desk := w.signIn(access.Dispatcher)
	_, body := desk.get("/api/v1/reviews")
	id := regexp.MustCompile(`"place":"([\w-]+)"`).FindStringSubmatch(body)
	if id == nil {
		t.Fatalf("nothing waits: %s", body)
	}
	answer, _ := desk.send("/console/reviews/"+id[1], url.Values{"do": {"accept"}, "class": {"pothole"}})
	order := strings.TrimPrefix(answer.Request.URL.Path, "/console/orders/")
	if _, body := v.get("/orders/" + order); !strings.Contains(body, "<dd>City of Krems</dd>") {
		t.Error("the order's page does not say who looks after it")
	}
	for _, state := range []dispatch.State{dispatch.Accepted, dispatch.Assigned, dispatch.InProgress, dispatch.Repaired} {
		now = now.Add(time.Hour)
		if err := dispatch.Transition(context.Background(), w.pool, order, dispatch.Step{At: now, State: state, Actor: dispatch.Crew}); err != nil {
			t.Fatal(err)
		}
	}
	asked := func() (list []string) {
		w.work()
		for _, m := range w.letters("anna@example.org") {
			if strings.HasPrefix(m, "Is the repair good?") {
				list = append(list, m)
			}
		}
		return list
	}
	now = now.Add(20 * 24 * time.Hour)
	if list := asked(); len(list) != 0 {
		t.Errorf("asked after twenty days: %q", list)
	}
	now = now.Add(2 * 24 * time.Hour)
	asked()
	list := asked() // once, however often it is worked
	if len(list) != 1 || !strings.HasPrefix(list[0], "Is the repair good? Pothole or broken surface, Lindengasse") || !strings.Contains(list[0], w.http.URL+"/orders/"+order) {
		t.Fatalf("asked: %q", list)
	}
	again := regexp.MustCompile(`/report\?lat=\S+`).FindString(list[0])
	if _, body := v.get(again); !strings.Contains(body, "Lindengasse") {
		t.Errorf("%q does not lead to a report there", again)
	}
}
