package web_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/web"
)

// TestWhatWasDismissedIsTold tells a dismissal by its verdict, whatever the place is believed to be.
func TestWhatWasDismissedIsTold(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.Suspected = crowd.Exact })
	w.put(defect{ID: "pdropped1", Street: "Ringstraße", Share: .32, State: crowd.Suspected, Class: crowd.Rail, Severity: .7, Devices: 5, Days: 30})
	w.dropped("pdropped1")
	if _, body := w.get("/places/pdropped1"); strings.Contains(body, "Judged to be") || !strings.Contains(body, "What is there is no defect.") {
		t.Error("the story does not tell the verdict")
	}
}

// TestVotingWithAnAccountSaysThatItFollows reads the form logged in and not.
func TestVotingWithAnAccountSaysThatItFollows(t *testing.T) {
	t.Parallel()
	w := newTown(t, believing)
	id := w.judged("Ringstraße", .45, 3, 0)
	if _, err := w.pool.Exec(context.Background(), `update places set class = 'pothole', severity = 0.5 where id = $1`, id); err != nil {
		t.Fatal(err)
	}
	const said = "with your answer you follow the place"
	if _, body := w.visitor("192.0.2.1").get("/places/" + id); strings.Contains(body, said) {
		t.Error("it is said to who has no account")
	}
	v := w.signIn(access.Resident)
	for _, path := range []string{"/places/", "/panel?place="} {
		if _, body := v.get(path + id); !strings.Contains(body, said) {
			t.Errorf("%s does not say that a vote follows", path)
		}
	}
	if _, body := v.send("/places/"+id+"/votes", url.Values{"vote": {"known"}}); !strings.Contains(body, "whether you follow the place") || strings.Contains(body, said) {
		t.Error("the answer does not say it, or the form says it again")
	}
}

// TestNothingIsWhollySure shows a belief that rounds to all, and drivers who felt something on some of their passes only.
func TestNothingIsWhollySure(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id := w.judged("Ringstraße", .45, 3, 0)
	if _, err := w.pool.Exec(context.Background(), `update places set class = 'pothole', severity = 0.5, state = 'confirmed', belief = '{0.999,0.001,0,0,0,0}' where id = $1`, id); err != nil {
		t.Fatal(err)
	}
	_, body := w.get("/places/" + id)
	if sure := regexp.MustCompile(`\b100\s?%`).FindString(strings.ReplaceAll(body, `"100%"`, "")); sure != "" || !strings.Contains(body, "99") {
		t.Errorf("the page is wholly sure: %q", sure)
	}
	if !strings.Contains(body, "3 independent drivers felt a jolt, all who passed.") {
		t.Error("all felt it, and the page does not say so")
	}
}
