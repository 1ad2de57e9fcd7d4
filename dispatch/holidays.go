package dispatch

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
)

// Holiday is a day without work.
type Holiday struct {
	Day  string // as 2026-12-24
	Name string // may be empty
}

// Bounds of what is taken from a calendar file.
const (
	mostEvents    = 2000
	mostRepeating = 200
	longestEvent  = 60 // days
)

// ReadCalendar reads holidays from a calendar file (iCalendar, RFC 5545): each day of each event, also of those that come again, from the
// first of January of the year before now to the end of the fifth after it. An event with times is on the days that it has in zone. It
// returns a *Fault where that is no such file.
func ReadCalendar(r io.Reader, zone *time.Location, now time.Time) ([]Holiday, error) {
	file, err := ical.NewDecoder(r).Decode()
	if err != nil {
		return nil, fault("holidays", "ics", "this is no calendar file: {why}", "why", err.Error())
	}
	from := time.Date(now.Year()-1, 1, 1, 0, 0, 0, 0, zone)
	to := time.Date(now.Year()+6, 1, 1, 0, 0, 0, 0, zone)
	var out []Holiday
	events := file.Events()
	if len(events) == 0 || len(events) > mostEvents {
		return nil, fault("holidays", "ics.events", "the calendar file holds {n} events; 1 to {most} are taken", "n", len(events), "most", mostEvents)
	}
	repeating := 0
	for _, e := range events {
		days, again, err := daysOf(e, zone, from, to)
		if again {
			repeating++
		}
		if err != nil || repeating > mostRepeating {
			name, _ := e.Props.Text(ical.PropSummary)
			why := "too many events come again"
			if err != nil {
				why = err.Error()
			}
			return nil, fault("holidays", "ics.event", "the event {name} cannot be read: {why}", "name", name, "why", why)
		}
		out = append(out, days...)
	}
	return out, nil
}

// daysOf lists the days of one event; again says whether it is one that comes again.
func daysOf(e ical.Event, zone *time.Location, from, to time.Time) (days []Holiday, again bool, err error) {
	if status, err := e.Status(); err == nil && status == ical.EventCancelled {
		return nil, false, nil
	}
	name, err := e.Props.Text(ical.PropSummary)
	if err != nil {
		return nil, false, err
	}
	begins, err := e.DateTimeStart(zone)
	if err != nil {
		return nil, false, err
	}
	ends, err := e.DateTimeEnd(zone)
	if err != nil {
		return nil, false, err
	}
	starts := []time.Time{begins}
	rule, err := e.Props.RecurrenceRule()
	if err != nil {
		return nil, false, err
	}
	if rule != nil {
		// Holidays come yearly, rest days weekly; what comes more often would be counted for long, and is none.
		if rule.Freq > rrule.WEEKLY || len(rule.Byhour)+len(rule.Byminute)+len(rule.Bysecond) > 0 || begins.Year() < 1900 {
			return nil, true, fmt.Errorf("it comes more often than weekly, or since before 1900")
		}
		set, err := e.RecurrenceSet(zone)
		if err != nil {
			return nil, true, err
		}
		starts = set.Between(from, to, true)
	}
	length := max(1, 1+daysBetween(begins.In(zone), ends.In(zone).Add(-time.Nanosecond)))
	for _, start := range starts {
		for i := range min(length, longestEvent) {
			if day := start.In(zone).AddDate(0, 0, i); !day.Before(from) && day.Before(to) {
				days = append(days, Holiday{day.Format(time.DateOnly), shorten(name)})
			}
		}
	}
	return days, rule != nil, nil
}

// daysBetween counts the days from one date to another: of the calendar, as days have 23 or 25 hours where clocks change.
func daysBetween(from, to time.Time) int {
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(day(to).Sub(day(from)).Hours() / 24)
}

func shorten(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	if r := []rune(name); len(r) > 100 {
		name = string(r[:100])
	}
	return name
}

// ReadHolidays reads a list of days, one a line: 2026-12-24 or 24.12.2026, and the day's name. It returns a *Fault that names the line
// where one cannot be read.
func ReadHolidays(text string) (out []Holiday, err error) {
	line := regexp.MustCompile(`^(?:(\d{4})-(\d{2})-(\d{2})|(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4}))(?:[\s,;:–-]+(.*))?$`)
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			return nil, fault("holidays", "holidays.line", "line {n} is no day: {line}", "n", i+1, "line", shorten(l))
		}
		day := m[1] + "-" + m[2] + "-" + m[3]
		if m[1] == "" {
			d, _ := strconv.Atoi(m[4])
			month, _ := strconv.Atoi(m[5])
			day = fmt.Sprintf("%s-%02d-%02d", m[6], month, d)
		}
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return nil, fault("holidays", "holidays.line", "line {n} is no day: {line}", "n", i+1, "line", shorten(l))
		}
		out = append(out, Holiday{day, shorten(m[7])})
	}
	return out, nil
}

// Rest has these days be without work, and, where only is set, no others.
func (w *Works) Rest(days []Holiday, only bool) {
	if only || w.Calendar.Holidays == nil {
		w.Calendar.Holidays, w.Names = map[string]bool{}, map[string]string{}
	}
	for _, h := range days {
		w.Calendar.Holidays[h.Day] = true
		if h.Name != "" || w.Names[h.Day] == "" {
			w.Names[h.Day] = h.Name
		}
	}
}

// SpellHours writes a day's working hours as 07:00–12:00, 13:00–16:00; empty: there is no work.
func SpellHours(spans []Span) string {
	var out []string
	for _, s := range spans {
		out = append(out, fmt.Sprintf("%02d:%02d–%02d:%02d", s.Opens/60, s.Opens%60, s.Closes/60, s.Closes%60))
	}
	return strings.Join(out, ", ")
}

// ReadHours reads what SpellHours writes, with any dash between times and a comma or a blank between stretches; false where it is no such
// thing.
func ReadHours(text string) ([]Span, bool) {
	one := regexp.MustCompile(`^(\d{1,2})(?:[:.](\d{2}))?\s*(?:–|-|—)\s*(\d{1,2})(?:[:.](\d{2}))?[\s,;]*`)
	var out []Span
	for text = strings.TrimSpace(text); text != ""; {
		m := one.FindStringSubmatch(text)
		if m == nil {
			return nil, false
		}
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1])
		}
		if n[1] > 59 || n[3] > 59 || n[0] > 24 || n[2] > 24 {
			return nil, false
		}
		out = append(out, Span{n[0]*60 + n[1], n[2]*60 + n[3]})
		text = text[len(m[0]):]
	}
	return out, true
}
