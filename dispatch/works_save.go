package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

// Save lays down what w says, for every order whose deadline is set from now on, whichever version somebody has seen.
func (w Works) Save(ctx context.Context, db interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return w.write(ctx, tx) })
}

// ChangeWorks lays down what w says, in the caller's transaction, for every order whose deadline is set from at on; w.Version is the one
// that was seen. It returns what was laid down before and after, a *Stale where somebody else has changed it since, or Faults.
func ChangeWorks(ctx context.Context, tx pgx.Tx, w Works, at time.Time) (before, after Works, err error) {
	if _, err := tx.Exec(ctx, `select 1 from works for update`); err != nil {
		return w, w, fmt.Errorf("change the deadlines: %w", err)
	}
	if before, err = LoadWorks(ctx, tx); err != nil {
		return before, w, err
	}
	if before.Version != w.Version {
		return before, w, &Stale{before.Version}
	}
	if faults := w.Faults(); len(faults) > 0 {
		return before, w, faults
	}
	if err := w.write(ctx, tx); err != nil {
		return before, w, err
	}
	if _, err := tx.Exec(ctx, `update works set version = version + 1, since = $1`, at); err != nil {
		return before, w, fmt.Errorf("change the deadlines: %w", err)
	}
	after, err = LoadWorks(ctx, tx)
	return before, after, err
}

func (w Works) write(ctx context.Context, tx pgx.Tx) error {
	b := &pgx.Batch{}
	b.Queue(`update works set time_zone = $1, soon_hours = $2, escalate_hours = $3, undo_minutes = $4`, w.Calendar.zone().String(), w.Soon.Hours(), w.Escalate.Hours(), w.UndoFor.Minutes())
	b.Queue(`delete from work_hours`)
	for day, spans := range w.Calendar.Hours {
		for _, s := range spans {
			b.Queue(`insert into work_hours values ($1, $2, $3)`, day, s.Opens, s.Closes)
		}
	}
	days := w.Holidays()
	names := make([]string, len(days))
	for i, d := range days {
		names[i] = w.Names[d]
	}
	b.Queue(`delete from holidays`)
	b.Queue(`insert into holidays (day, name) select day::date, name from unnest($1::text[], $2::text[]) as u (day, name)`, days, names)
	b.Queue(`delete from deadline_rules`)
	for _, r := range w.Rules {
		b.Queue(`insert into deadline_rules values ($1, $2, $3, $4)`, r.Class, r.Street, r.Severity, r.Within.Hours())
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("lay down the city's working time: %w", err)
	}
	return nil
}

// Holidays lists the days without work, the first first.
func (w Works) Holidays() []string {
	var days []string
	for d, free := range w.Calendar.Holidays {
		if free {
			days = append(days, d)
		}
	}
	slices.Sort(days)
	return days
}

// Bounds of what can be laid down.
const (
	mostRules    = 200
	mostHours    = 5000 // of working time: two years and more
	mostHolidays = 1000
	mostUndo     = 24 * time.Hour
)

// Faults says all that is wrong with what is to be laid down.
func (w Works) Faults() (out Faults) {
	add := func(field, kind, text string, pairs ...any) { out = append(out, fault(field, kind, text, pairs...)) }
	if z := w.Calendar.zone().String(); z == "Local" {
		add("zone", "zone", "{zone} is no time zone", "zone", z)
	}
	for day, spans := range w.Calendar.Hours {
		last := 0
		for i, s := range spans {
			if s.Opens < 0 || s.Closes > 24*60 || s.Closes <= s.Opens || i > 0 && s.Opens < last {
				add(fmt.Sprint("hours", day), "hours", "hours end after they begin, and follow each other")
				break
			}
			last = s.Closes
		}
	}
	if len(w.Rules) > mostRules {
		add("rules", "rules.many", "there are more than {most} rules", "most", mostRules)
	}
	if len(w.Calendar.Holidays) > mostHolidays {
		add("holidays", "holidays.many", "there are more than {most} holidays", "most", mostHolidays)
	}
	if w.Soon < 0 || w.Soon > 500*time.Hour || w.Escalate < 0 || w.Escalate > 500*time.Hour {
		add("soon", "soon", "warnings are 0 to 500 hours of working time")
	}
	if w.UndoFor < 0 || w.UndoFor > mostUndo {
		add("undo", "undo", "what was done can be taken back for 0 to 1440 minutes")
	}
	return append(out, w.ruleFaults()...)
}

func (w Works) ruleFaults() (out Faults) {
	classes, seen := crowd.Classes(), map[string]bool{}
	for i, r := range w.Rules {
		key := fmt.Sprintf("%s|%s|%.3f", r.Class, r.Street, r.Severity)
		kind, text := "", ""
		switch {
		case r.Class != "" && !slices.Contains(classes[:], r.Class):
			kind, text = "rules.class", "rule {n}: there is no such class"
		case r.Street != "" && !slices.Contains(StreetGroups(), r.Street):
			kind, text = "rules.street", "rule {n}: there is no such group of streets"
		case !(r.Severity >= 0 && r.Severity <= 1):
			kind, text = "rules.severity", "rule {n}: a severity is 0 to 1"
		case r.Within <= 0 || r.Within > mostHours*time.Hour:
			kind, text = "rules.hours", "rule {n}: the hours are above 0 and 5000 at most"
		case seen[key]:
			kind, text = "rules.twice", "rule {n}: another is of the same class, streets and severity"
		}
		if seen[key] = true; kind != "" {
			out = append(out, fault("rules", kind, text, "n", i+1))
		}
	}
	return out
}

// String spells a rule in a few words.
func (r Rule) String() string {
	class, street := string(r.Class), string(r.Street)
	if class == "" {
		class = "any class"
	}
	if street == "" {
		street = "any street"
	}
	return fmt.Sprintf("%s, %s, severity %g and up: %g h", class, street, r.Severity, r.Within.Hours())
}

// SinceWorks says in words what is different from what was laid down before, for the audit log.
func (w Works) SinceWorks(before Works) string {
	var d differences
	d.add("time zone", before.Calendar.zone().String(), w.Calendar.zone().String())
	for day := range w.Calendar.Hours {
		d.add(time.Weekday(day).String(), SpellHours(before.Calendar.Hours[day]), SpellHours(w.Calendar.Hours[day]))
	}
	rules := func(w Works) (out []string) {
		for _, r := range w.Rules {
			out = append(out, r.String())
		}
		return out
	}
	days := func(w Works) (out []string) {
		for _, day := range w.Holidays() {
			out = append(out, strings.TrimSpace(day+" "+w.Names[day]))
		}
		return out
	}
	d.addLists("rules", rules(before), rules(w))
	d.addLists("holidays", days(before), days(w))
	d.add("due soon", fmt.Sprint(before.Soon.Hours(), " h"), fmt.Sprint(w.Soon.Hours(), " h"))
	d.add("escalated after", fmt.Sprint(before.Escalate.Hours(), " h"), fmt.Sprint(w.Escalate.Hours(), " h"))
	d.add("taken back within", fmt.Sprint(before.UndoFor.Minutes(), " min"), fmt.Sprint(w.UndoFor.Minutes(), " min"))
	return d.String()
}

// addLists notes what a list has lost and gained.
func (d *differences) addLists(what string, before, after []string) {
	missing := func(from, in []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(from), func(s string) bool { return slices.Contains(in, s) }), " | ")
	}
	d.add(what, missing(before, after), missing(after, before))
}
