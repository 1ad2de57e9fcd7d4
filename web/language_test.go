package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/streetpulse/streetpulse/notices"
)

func readTexts(t *testing.T, language string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("text/" + language + ".json")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	decoder := json.NewDecoder(strings.NewReader(string(b)))
	if err := decoder.Decode(&texts); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), `": "`); n != len(texts) {
		t.Errorf("%s: a key stands twice (%d texts, %d lines)", language, len(texts), n)
	}
	return texts
}

// TestEveryTextIsInEveryLanguage holds the languages against each other: the same keys, and in each text the same
// names to be filled in.
func TestEveryTextIsInEveryLanguage(t *testing.T) {
	t.Parallel()
	names := regexp.MustCompile(`\{[A-Za-z]+\}`)
	of := func(text string) []string {
		found := names.FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	english, german := readTexts(t, "en"), readTexts(t, "de")
	for key, text := range english {
		other, ok := german[key]
		if !ok {
			t.Errorf("German has no %q", key)
		} else if !slices.Equal(of(text), of(other)) {
			t.Errorf("%q is filled in by %v, in German by %v", key, of(text), of(other))
		}
	}
	for _, c := range notices.Causes() {
		if english["cause."+string(c)] == "" {
			t.Errorf("English has no words for the cause %q", c)
		}
	}
	for key := range german {
		if _, ok := english[key]; !ok {
			t.Errorf("English has no %q", key)
		}
	}
}

// TestTemplatesHoldNoWords proves that no template has a text of its own: what people read comes from text/.
func TestTemplatesHoldNoWords(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	action := regexp.MustCompile(`\{\{.*?\}\}`)
	word := regexp.MustCompile(`\p{L}{2,}`)
	english := readTexts(t, "en")
	key := regexp.MustCompile(`\{\{-?\s*(?:t|tn)\s+"([^"]+)"`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range key.FindAllStringSubmatch(string(b), -1) {
			_, plain := english[k[1]]
			_, counted := english[k[1]+".one"]
			if !plain && !counted {
				t.Errorf("%s: no text %q", file, k[1])
			}
		}
		z := html.NewTokenizer(strings.NewReader(strings.ReplaceAll(action.ReplaceAllString(string(b), ""), "noscript>", "div>")))
		for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
			token := z.Token()
			bare := ""
			if kind == html.TextToken {
				bare = strings.NewReplacer("Streetpulse", "", "/data/", "").Replace(token.Data)
			}
			for _, a := range token.Attr {
				if a.Key == "aria-label" || a.Key == "title" || a.Key == "alt" || a.Key == "placeholder" {
					bare += " " + a.Val
				}
			}
			if w := word.FindString(bare); w != "" {
				t.Errorf("%s: %q is written in the template", file, w)
			}
		}
	}
}

// TestLanguages asks for pages in several ways.
func TestLanguages(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	ask := func(path, accept, cookie string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, w.http.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", accept)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "lang", Value: cookie})
		}
		answer, err := w.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(b)
	}
	for _, c := range []struct{ path, accept, cookie, language, word string }{
		{"/list", "", "", "en", "Road defects in Krems"},
		{"/list", "fr", "", "en", "Road defects in Krems"},
		{"/list", "de-AT,en;q=0.5", "", "de", "Straßenschäden in Krems"},
		{"/list", "de-AT", "en", "en", "Road defects in Krems"},
		{"/list?lang=de", "en", "en", "de", "Straßenschäden in Krems"},
		{"/list?lang=xx", "de", "none", "de", "Straßenschäden in Krems"},
		{"/places/pgoettweiger1", "de", "", "de", "Acht Fahrer haben es gespürt."},
		{"/places/pmitterweg1", "de", "", "de", "mit Absicht ungenau"},
		{"/?place=pringstrasse1", "de", "", "de", "Elf spürten es, zwei nicht: zu 94 % sicher."},
		{"/nothing", "de", "", "de", "Hier ist nichts"},
	} {
		answer, body := ask(c.path, c.accept, c.cookie)
		if got := answer.Header.Get("Content-Language"); got != c.language || !strings.Contains(body, c.word) || !strings.Contains(body, `<html lang="`+c.language+`"`) {
			t.Errorf("%s for %q with the cookie %q is in %q and has no %q", c.path, c.accept, c.cookie, got, c.word)
		}
		if !strings.Contains(strings.Join(answer.Header.Values("Vary"), ","), "Accept-Language") {
			t.Errorf("%s does not vary", c.path)
		}
		chosen := strings.Contains(answer.Header.Get("Set-Cookie"), "lang="+c.language)
		if chosen != strings.Contains(c.path, "lang="+c.language) {
			t.Errorf("%s sets the cookie: %t", c.path, chosen)
		}
	}
	for path, title := range map[string]string{
		"/api/v1/places/pgoettweiger1": "Schlagloch, Göttweigergasse", "/api/v1/places/pgoettweiger1?lang=en": "Pothole, Göttweigergasse",
		"/api/v1/places?limit=1000": "Schlagloch, Ringstraße",
	} {
		if _, body := ask(path, "de", ""); !strings.Contains(body, title) {
			t.Errorf("%s has no title %q", path, title)
		}
	}
}
