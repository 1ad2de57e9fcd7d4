package crowd

import (
	"fmt"
	"strings"
	"time"
)

// clock returns what reads the mapping's times.
func (m CaseMapping) clock() (func(string) (time.Time, error), error) {
	zone := time.UTC
	if m.Time.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(m.Time.Zone); err != nil {
			return nil, fmt.Errorf("the mapping's time zone: %w; use a name as in Europe/Vienna", err)
		}
	}
	layout := time.RFC3339
	if m.Time.Layout != "" {
		var err error
		if layout, err = goLayout(m.Time.Layout); err != nil {
			return nil, err
		}
	}
	return func(text string) (time.Time, error) {
		text = strings.TrimSpace(text)
		if text == "" {
			return time.Time{}, fmt.Errorf("no time")
		}
		at, err := time.ParseInLocation(layout, text, zone)
		if err != nil {
			return time.Time{}, fmt.Errorf("%.40q is not written as %s", text, m.Time.words())
		}
		if year := at.Year(); year < 1900 || year > 2200 { // a two-digit year, or a mark for "never"
			return time.Time{}, fmt.Errorf("%.40q is in the year %d", text, year)
		}
		return at.UTC().Truncate(time.Microsecond), nil
	}, nil
}

func (t CaseTime) words() string {
	if t.Layout == "" {
		return "2026-03-02T07:31:04Z"
	}
	return t.Layout
}

// goLayout turns a layout in strftime's words (POSIX) into Go's; one without % is Go's already.
func goLayout(layout string) (string, error) {
	if !strings.Contains(layout, "%") {
		if !strings.Contains(layout, "2006") && !strings.Contains(layout, "06") {
			return "", fmt.Errorf("the mapping's time layout %q has no year: write it as %%m/%%d/%%Y %%H:%%M:%%S", layout)
		}
		return layout, nil
	}
	words := map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
		'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday", 'f': "000000", 'z': "-0700", 'j': "002",
		'T': "15:04:05", 'F': "2006-01-02", 'D': "01/02/06", 'R': "15:04", '%': "%",
	}
	var out strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' {
			out.WriteByte(layout[i])
			continue
		}
		i++
		if i == len(layout) {
			return "", fmt.Errorf("the mapping's time layout %q ends in %%", layout)
		}
		word, ok := words[layout[i]]
		if !ok {
			return "", fmt.Errorf("the mapping's time layout %q: %%%c is not known", layout, layout[i])
		}
		out.WriteString(word)
	}
	return out.String(), nil
}
