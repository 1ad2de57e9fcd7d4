package web_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/crowd"
)

// The evidence is served as it is now and as it stood at the promotion, in numbers and in words, and names no device.
func TestEvidenceSaysWhatWouldChangeIt(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	then, err := json.Marshal(crowd.Explanation{Class: crowd.Pothole, Probability: 0.91, Line: 0.85, Devices: 4, Passes: 1,
		Reasons: []crowd.Reason{{Kind: crowd.ReasonFelt, N: 4, Of: 5}, {Kind: crowd.ReasonRecent, N: 1}},
		Changes: []crowd.Change{{Kind: crowd.ChangeBelow, N: 7}, {Kind: crowd.ChangeNotThere, N: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.pool.Exec(context.Background(), `insert into promotions (order_id, explanation) values ('oringstrasse1', $1)`, then); err != nil {
		t.Fatal(err)
	}
	type told struct {
		Line    float64
		Reasons []struct{ Kind, Text string }
		Would   []struct {
			Kind, Text string
			N          int
		} `json:"would_change"`
	}
	var e struct {
		told
		Promotion struct {
			Order string
			told
		}
	}
	_, body := w.get("/api/v1/places/pringstrasse1/evidence")
	if err := json.Unmarshal([]byte(body), &e); err != nil || len(e.Reasons) == 0 || len(e.Would) == 0 || e.Line != 0.851 {
		t.Fatalf("evidence: %s %v", body, err)
	}
	for _, c := range append(e.Would, e.Promotion.Would...) {
		if c.Text == "" || strings.Contains(c.Text, "change.") || strings.Contains(c.Text, "{") {
			t.Errorf("no words for %q: %q", c.Kind, c.Text)
		}
	}
	p := e.Promotion
	if p.Order != "oringstrasse1" || len(p.Reasons) != 2 || len(p.Would) != 2 || p.Would[0].Text != "About 7 more drivers who feel nothing would bring it below the line." {
		t.Errorf("at the promotion: %+v", p)
	}
	if strings.Contains(body, "judged-device") {
		t.Error("the evidence names a device")
	}
	_, page := w.get("/places/pringstrasse1")
	for _, text := range []string{"What would change it", "A crew that finds nothing there settles it at once.", "Why it was believed when the order was written"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}
