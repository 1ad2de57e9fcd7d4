package web_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/web"
)

// TestAboutPages reads the pages of words, and does what the developers' page shows.
func TestAboutPages(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *web.Config) { c.RetainDays = 90 })
	w.settle()
	if _, err := w.pool.Exec(t.Context(), `insert into bodies (id, name, level, email, language, phone, external, classes, streets, version) values ('krems', 'Krems', 'city', 'roads@krems.example', 'de', '', false, '{}', '{}', 1)
		on conflict (id) do update set email = excluded.email`); err != nil {
		t.Fatal(err)
	}
	for path, wants := range map[string][]string{
		"/privacy": {"90 days after it arrived", "mailto:roads@krems.example"}, "/privacy?lang=de": {"90 Tage nach dem Eintreffen"},
		"/accessibility": {"WCAG 2.2", "roads@krems.example"}, "/judging": {"Who felt nothing counts as well"}, "/list": {`href="/privacy"`, `href="/developers"`},
	} {
		answer, body := w.get(path)
		for _, want := range wants {
			if answer.StatusCode != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %s, and no %q", path, answer.Status, want)
			}
		}
		for _, wrong := range wellFormed(body) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	_, body := w.get("/developers")
	for _, wrong := range wellFormed(body) {
		t.Error(wrong)
	}
	body = html.UnescapeString(body)
	near := regexp.MustCompile(`-d (near=\S+) -d (radius_m=\d+)`).FindStringSubmatch(body)
	enrol := regexp.MustCompile(`-d '(\{.*\})'`).FindStringSubmatch(body)
	if near == nil || enrol == nil || !strings.Contains(body, "curl -G "+w.http.URL+"/api/v1/places") {
		t.Fatal("the developers' page shows no examples")
	}
	if answer, text := w.get("/api/v1/places?" + near[1] + "&" + near[2]); answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %s %s", near[0], answer.Status, text)
	}
	if answer, text := w.send(http.MethodPost, "/api/v1/devices", enrol[1], "", ""); answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %s %s", enrol[1], answer.Status, text)
	}
	for _, link := range regexp.MustCompile(`<th scope="row" class="mono"><a href="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		if answer, _ := w.get(link[1]); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", link[1], answer.Status)
		}
	}
}
