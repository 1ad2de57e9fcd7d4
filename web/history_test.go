package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What was felt stands on a place's page as a chart and as a table, in both languages, by day and by nothing finer.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	for path, words := range map[string][]string{
		"/places/pringstrasse1":         {"What phones felt over time", `<svg class="chart history"`, "Jolts a day", "The same as a table", "Severe, 0.", `>Confirmed</text>`},
		"/places/pringstrasse1?lang=de": {"Was Telefone gespürt haben", "Stöße am Tag", "Dasselbe als Tabelle", "Schwer, 0,"},
		"/?place=pringstrasse1":         {"What phones felt over time", `<svg class="chart history"`},
		"/places/pmitterweg1":           {"What phones felt over time", "coarse on purpose"},
		"/places/pgoettweiger1":         {`class="event c-repaired"`, ">Repaired</text>"},
	} {
		_, body := w.get(path)
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s does not say %q", path, word)
			}
		}
	}
	ctx := context.Background()
	if _, err := w.pool.Exec(ctx, `delete from place_days where place = 'pringstrasse1'`); err != nil {
		t.Fatal(err)
	}
	if _, body := w.get("/places/pringstrasse1"); strings.Contains(body, "What phones felt over time") {
		t.Error("a chart of nothing is drawn")
	}
	if answer, body := w.get("/places/phidden1"); answer.StatusCode != http.StatusNotFound || strings.Contains(body, "<svg class=\"chart") {
		t.Errorf("a place that rests on one device: %s", answer.Status)
	}

	// A long time is told by weeks, and their sums are right.
	for i := range 70 {
		if _, err := w.pool.Exec(ctx, `insert into place_days (place, day, jolts, passes, severity) values ('pringstrasse1', $1, 3, 2, 0.5)`,
			time.Date(2025, 12, 29, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i)); err != nil {
			t.Fatal(err)
		}
	}
	_, body := w.get("/places/pringstrasse1")
	for _, word := range []string{"Jolts a week", "Week of", `<time datetime="2025-12-29">29 Dec 2025</time></th><td class="num">21</td><td class="num">14</td><td>Moderate, 0.50</td>`, "210 jolts and 140 smooth passes"} {
		if !strings.Contains(body, word) {
			t.Errorf("by weeks it does not say %q", word)
		}
	}
	if n := strings.Count(body, `class="bar-jolts" x="`); n != 10 {
		t.Errorf("%d bars for ten weeks", n)
	}
}
