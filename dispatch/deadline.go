package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

// Works is what a city has laid down for its works department.
type Works struct {
	Calendar Calendar
	Rules    []Rule
	Soon     time.Duration // of working time: a deadline that is nearer is due soon
	Escalate time.Duration // of working time after a deadline
	UndoFor  time.Duration // how long a person may take back what they did

	Names   map[string]string // of holidays, by day as in Calendar; may lack some
	Since   time.Time         // when somebody last laid something else down; zero: as delivered
	Version int64             // counts changes: who changes it says which one they saw
}

// Rule says within how much working time a defect is to be repaired. Of the rules that fit an order the shortest counts.
type Rule struct {
	Class    crowd.Class // empty: any
	Street   StreetGroup // empty: any
	Severity float64     // from this on
	Within   time.Duration
}

// Fits says whether the rule is of such a defect.
func (r Rule) Fits(class crowd.Class, street StreetGroup, severity float64) bool {
	return (r.Class == "" || r.Class == class) && (r.Street == "" || r.Street == street) && severity >= r.Severity
}

// StreetGroup is a street's class in the few steps that deadlines and priorities know.
type StreetGroup string

const (
	MainStreet      StreetGroup = "main"
	CollectorStreet StreetGroup = "collector"
	LocalStreet     StreetGroup = "local"
	PathStreet      StreetGroup = "path" // people on foot or on bicycles have it to themselves
)

// GroupOf returns the group of a value of highway=; a street that is not known is local.
func GroupOf(class string) StreetGroup {
	switch class {
	case "motorway", "trunk", "primary", "secondary", "motorway_link", "trunk_link", "primary_link", "secondary_link":
		return MainStreet
	case "tertiary", "tertiary_link":
		return CollectorStreet
	case "cycleway", "footway", "pedestrian", "path", "living_street":
		return PathStreet
	}
	return LocalStreet
}

// Within returns within how much working time a defect is to be repaired, 0 where no rule fits it.
func (w Works) Within(class crowd.Class, street StreetGroup, severity float64) time.Duration {
	var within time.Duration
	for _, r := range w.Rules {
		if r.Fits(class, street, severity) && (within == 0 || r.Within < within) {
			within = r.Within
		}
	}
	return within
}

// Deadline returns by when a defect is to be repaired whose clock began to run at from, or the zero time where no rule fits it.
func (w Works) Deadline(class crowd.Class, streetClass string, severity float64, from time.Time) time.Time {
	within := w.Within(class, GroupOf(streetClass), severity)
	if within == 0 {
		return time.Time{}
	}
	return w.Calendar.Add(from, within)
}

// Due is how an order stands with its deadline.
type Due string

const (
	DueNot  Due = ""        // it has none, or needs none any more
	DueOn   Due = "due"     // there is time
	DueSoon Due = "soon"    // less than Works.Soon of working time is left
	Overdue Due = "overdue" // it has passed

	Escalated Due = "escalated" // of a View: overdue, and brought before a body above
)

// Due says how an order stands with its deadline at a time.
func (w Works) Due(o Order, now time.Time) Due {
	switch {
	case o.DueAt.IsZero() || !o.State.Open():
		return DueNot
	case !now.Before(o.DueAt):
		return Overdue
	case !o.DueAt.After(w.SoonUntil(now)):
		return DueSoon
	}
	return DueOn
}

// SoonUntil is the last deadline that is due soon.
func (w Works) SoonUntil(now time.Time) time.Time { return w.Calendar.Add(now, w.Soon) }

// EscalatesAt is when an overdue order is brought before the body above; and, of the time when it was, when before the next one.
func (w Works) EscalatesAt(due time.Time) time.Time { return w.Calendar.Add(due, w.Escalate) }

// escalatesUntil is the last deadline, to the second, whose passing is brought before the body above by now.
func (w Works) escalatesUntil(now time.Time) time.Time {
	const farthest = 90 * 24 * time.Hour // longer ago than any city lets an overdue order wait
	from, to := now.Add(-farthest), now
	if w.EscalatesAt(from).After(now) {
		return from
	}
	for to.Sub(from) > time.Second {
		if middle := from.Add(to.Sub(from) / 2); w.EscalatesAt(middle).After(now) {
			to = middle
		} else {
			from = middle
		}
	}
	if !w.EscalatesAt(to).After(now) {
		return to
	}
	return from
}

// querier is a pool or a transaction.
type querier interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func hours(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }

// LoadWorks reads what the city has laid down.
func LoadWorks(ctx context.Context, db querier) (Works, error) {
	var w Works
	var zone string
	w.Calendar.Holidays, w.Names = map[string]bool{}, map[string]string{}
	b := &pgx.Batch{}
	b.Queue(`select time_zone, soon_hours, escalate_hours, undo_minutes, version, since from works`).QueryRow(func(row pgx.Row) error {
		var soon, escalate, undo float64
		var since *time.Time
		err := row.Scan(&zone, &soon, &escalate, &undo, &w.Version, &since)
		w.Since = deref(since).UTC()
		w.Soon, w.Escalate, w.UndoFor = hours(soon), hours(escalate), hours(undo/60)
		return err
	})
	b.Queue(`select weekday, opens, closes from work_hours order by weekday, opens`).Query(func(rows pgx.Rows) error {
		var day int
		var s Span
		_, err := pgx.ForEachRow(rows, []any{&day, &s.Opens, &s.Closes}, func() error {
			w.Calendar.Hours[day] = append(w.Calendar.Hours[day], s)
			return nil
		})
		return err
	})
	b.Queue(`select day, name from holidays`).Query(func(rows pgx.Rows) error {
		var day time.Time
		var name string
		_, err := pgx.ForEachRow(rows, []any{&day, &name}, func() error {
			w.Calendar.Holidays[day.Format(time.DateOnly)] = true
			w.Names[day.Format(time.DateOnly)] = name
			return nil
		})
		return err
	})
	b.Queue(`select class, street, severity_from, hours from deadline_rules order by 1, 2, 3`).Query(func(rows pgx.Rows) (err error) {
		w.Rules, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Rule, error) {
			var r Rule
			var h float64
			err := row.Scan(&r.Class, &r.Street, &r.Severity, &h)
			r.Severity, r.Within = roundTo(r.Severity, 3), hours(h)
			return r, err
		})
		return err
	})
	if err := db.SendBatch(ctx, b).Close(); err != nil {
		return w, fmt.Errorf("read the city's working time: %w", err)
	}
	var err error
	if w.Calendar.Zone, err = time.LoadLocation(zone); err != nil {
		return w, fmt.Errorf("the works department's time zone: %w", err)
	}
	return w, nil
}

// setDeadline computes the order's deadline anew.
func (o *record) setDeadline(ctx context.Context, tx pgx.Tx) error {
	w, err := LoadWorks(ctx, tx)
	if err != nil {
		return err
	}
	o.clock(w)
	return nil
}

// clock sets the deadline; where it changes, warnings about the old one count no more.
func (o *record) clock(w Works) {
	due := w.Deadline(o.Class, o.StreetClass, o.Severity, o.ClockFrom)
	if o.DueAt != nil && o.DueAt.Equal(due) {
		return
	}
	o.DueAt, o.WarnedAt, o.OverdueAt = nil, nil, nil
	o.forgetEscalation()
	if !due.IsZero() {
		o.DueAt = &due
	}
}
