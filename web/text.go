package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The texts of every page, one file a language.
//
//go:embed text/*.json
var textFiles embed.FS

// texts holds every text of one language by key. {names} in a text are filled in; a text that depends on a number
// has a form .one and a form .other.
type texts map[string]string

// readTexts returns the texts of a language, by its code.
func readTexts(language string) (texts, error) {
	b, err := textFiles.ReadFile("text/" + language + ".json")
	if err != nil {
		return nil, fmt.Errorf("texts in %q: %w", language, err)
	}
	var t texts
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("texts in %q: %w", language, err)
	}
	return t, nil
}

// T returns the text under key with its {names} filled in from pairs of name and value; names in values stay as they are, for people have
// written some of them. A missing text shows its key, which no test lets through.
func (t texts) T(key string, pairs ...any) string {
	s, ok := t[key]
	if !ok {
		return key
	}
	var filled strings.Builder
	for {
		before, rest, open := strings.Cut(s, "{")
		filled.WriteString(before)
		if !open {
			return filled.String()
		}
		s = rest
		name, after, _ := strings.Cut(rest, "}")
		i := 0
		for i+1 < len(pairs) && pairs[i] != name {
			i += 2
		}
		if i+1 >= len(pairs) {
			filled.WriteByte('{')
			continue
		}
		fmt.Fprint(&filled, pairs[i+1])
		s = after
	}
}

// N is T for a text that depends on the number n, which is also filled in: as figures at {n}, as a word at {N}.
func (t texts) N(key string, n int, pairs ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return t.T(key+form, append(pairs, "n", n, "N", capital(t.Word(n)))...)
}

// Has says whether there is a text under key.
func (t texts) Has(key string) bool { _, ok := t[key]; return ok }

// Word returns a small number as a word, a larger one in figures.
func (t texts) Word(n int) string {
	if w, ok := t["number."+strconv.Itoa(n)]; ok {
		return w
	}
	return strconv.Itoa(n)
}

// Day returns the day of at as people say it, in UTC as the public dates are; the year only where it is another.
func (t texts) Day(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.T("date.today")
	}
	key := "date.short"
	if at.Year() != now.Year() {
		key = "date.year"
	}
	return t.T(key, "day", at.Day(), "month", t.T(fmt.Sprint("month.", int(at.Month()))), "year", at.Year())
}

// Date returns the day of at with its year, as it stands in tables.
func (t texts) Date(at time.Time) string {
	at = at.UTC()
	return t.T("date.year", "day", at.Day(), "month", t.T(fmt.Sprint("month.", int(at.Month()))), "year", at.Year())
}

// Decimal writes a number with so many digits after the language's decimal mark.
func (t texts) Decimal(v float64, digits int) string {
	return strings.Replace(strconv.FormatFloat(v, 'f', digits, 64), ".", t["number.mark"], 1)
}

// capital returns s with its first letter as a capital.
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
