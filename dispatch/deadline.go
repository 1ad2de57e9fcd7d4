package dispatch

import (
	"context"
	"fmt"
	"slices"
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

// Deadline returns by when a defect is to be repaired whose clock began to run at from, or the zero time where no rule fits it.
func (w Works) Deadline(class crowd.Class, streetClass string, severity float64, from time.Time) time.Time {
	var within time.Duration
	for _, r := range w.Rules {
		if r.Fits(class, GroupOf(streetClass), severity) && (within == 0 || r.Within < within) {
			within = r.Within
		}
	}
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

// EscalatesAt is when an overdue order is brought before a supervisor.
func (w Works) EscalatesAt(due time.Time) time.Time { return w.Calendar.Add(due, w.Escalate) }

// escalatesUntil is the last deadline, to the second, whose passing is brought before a supervisor by now.
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
	var days []time.Time
	b := &pgx.Batch{}
	b.Queue(`select time_zone, soon_hours, escalate_hours, undo_minutes from works`).QueryRow(func(row pgx.Row) error {
		var soon, escalate, undo float64
		err := row.Scan(&zone, &soon, &escalate, &undo)
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
	b.Queue(`select day from holidays`).Query(func(rows pgx.Rows) (err error) {
		days, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
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
	w.Calendar.Holidays = map[string]bool{}
	for _, d := range days {
		w.Calendar.Holidays[d.Format(time.DateOnly)] = true
	}
	var err error
	if w.Calendar.Zone, err = time.LoadLocation(zone); err != nil {
		return w, fmt.Errorf("the works department's time zone: %w", err)
	}
	return w, nil
}

// Save lays down what w says, for every order whose deadline is set from now on.
func (w Works) Save(ctx context.Context, db interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}) error {
	zone := w.Calendar.zone().String()
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(`update works set time_zone = $1, soon_hours = $2, escalate_hours = $3, undo_minutes = $4`, zone, w.Soon.Hours(), w.Escalate.Hours(), w.UndoFor.Minutes())
		b.Queue(`delete from work_hours`)
		for day, spans := range w.Calendar.Hours {
			for _, s := range spans {
				b.Queue(`insert into work_hours values ($1, $2, $3)`, day, s.Opens, s.Closes)
			}
		}
		var days []string
		for d, free := range w.Calendar.Holidays {
			if free {
				days = append(days, d)
			}
		}
		slices.Sort(days)
		b.Queue(`delete from holidays where day <> all($1::text[]::date[])`, days)
		b.Queue(`insert into holidays (day) select unnest($1::text[])::date on conflict do nothing`, days)
		b.Queue(`delete from deadline_rules`)
		for _, r := range w.Rules {
			b.Queue(`insert into deadline_rules values ($1, $2, $3, $4)`, r.Class, r.Street, r.Severity, r.Within.Hours())
		}
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return fmt.Errorf("lay down the city's working time: %w", err)
		}
		return nil
	})
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
	o.DueAt, o.WarnedAt, o.OverdueAt, o.EscalatedAt = nil, nil, nil, nil
	if !due.IsZero() {
		o.DueAt = &due
	}
}
