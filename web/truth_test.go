package web_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

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
