package web_test

import (
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/web"
)

// TestSomebodyIsAlwaysResponsible asks who has to repair where an order has no body: the page, the panel and the figures name the city.
func TestSomebodyIsAlwaysResponsible(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.City, c.PromiseDays = "Krems", 7 })
	w.put(defect{ID: "pours0001", Street: "Lindengasse", Share: .5, State: "confirmed", Severity: .8, Devices: 9, Days: 3, Order: dispatch.New})
	if _, err := w.pool.Exec(t.Context(), `update orders set body = ''`); err != nil {
		t.Fatal(err)
	}
	for path, words := range map[string][]string{
		"/places/pours0001":         {"<dd>City of Krems</dd>"},
		"/places/pours0001?lang=de": {"<dd>Stadt Krems</dd>"},
		"/?place=pours0001":         {"<dt>Looked after by</dt><dd>City of Krems</dd>", "<dt>Promised</dt><dd>To be repaired by ", `href="/places/pours0001#follow"`},
		"/?place=pours0001&lang=de": {"<dt>Zuständig</dt><dd>Stadt Krems</dd>"},
		"/stats":                    {"The city of Krems looks after it itself"},
		"/stats?lang=de":            {"die Stadt Krems selbst zuständig"},
	} {
		_, body := w.visitor("192.0.2.1").get(path) // each anew: a language stays with who chose it
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s does not say %q", path, word)
			}
		}
		for _, wrong := range wellFormed(body) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
}
