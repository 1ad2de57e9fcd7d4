package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// Where nobody drives no place comes to be, whatever residents say. So reports that were confirmed and have no place are on the review
// list as well, and a dispatcher decides.
const (
	reportedSeverity = 0.5  // of what nobody has felt: the middle
	sameReportM      = 25.0 // reports this near to one that becomes work are of it
	byResident       = "A resident has reported it."
	adopted          = "Drivers feel it there as well: from now on traffic checks the repair."
)

const undecidedSQL = `from reports r join hand_reports h on h.id = r.id where r.place is null and r.confirmed_at is not null and r.decided_at is null`

// reports lists those that wait for a dispatcher, the newest first.
func (d Desk) reports(ctx context.Context) ([]Review, error) {
	rows, err := d.Pool.Query(ctx, `select r.id, h.class, r.lat, r.lon, r.confirmed_at `+undecidedSQL+` order by r.confirmed_at desc, r.id`)
	if err != nil {
		return nil, fmt.Errorf("list reports to be reviewed: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Review, error) {
		r := Review{Reported: true}
		r.Severity = reportedSeverity
		return r, row.Scan(&r.ID, &r.Class, &r.Lat, &r.Lon, &r.ListedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("list reports to be reviewed: %w", err)
	}
	for i := range list {
		r, at := &list[i], orb.Point{list[i].Lon, list[i].Lat}
		var class string
		r.ListedAt = r.ListedAt.UTC()
		r.Street, class = d.Office.street(at, nil)
		if r.Body, err = responsible(ctx, d.Pool, at, r.Class, class); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// reportsOpen counts them.
func reportsOpen(ctx context.Context, db querier) (n int, err error) {
	err = db.QueryRow(ctx, `select count(*) `+undecidedSQL).Scan(&n)
	return n, err
}

// AcceptReport makes an order of a report where no place is known, and returns its id: of a class, or of the report's where none is
// given. Like one that was split off it has no place, and people say that its repair is good. It returns ErrNotFound where the report is
// not on the list, ErrChanged where somebody has decided already, and ErrUnknown where neither says what it is.
func (d Desk) AcceptReport(ctx context.Context, report string, by By, class crowd.Class) (id string, err error) {
	err = d.retried(ctx, func(tx pgx.Tx) error {
		r, err := holdReport(ctx, tx, report)
		if err != nil {
			return err
		}
		if class != "" {
			r.Class = class
		}
		if err := known(r.Class, false); err != nil || r.Class == crowd.Nothing {
			return fmt.Errorf("what report %s is about: %w", report, errors.Join(ErrUnknown, err))
		}
		reason := by.Reason
		if reason == "" {
			reason = byResident
		}
		o, err := d.Office.written(ctx, tx, r, by, reason)
		if err != nil {
			return err
		}
		id = o.ID
		if err := decideReport(ctx, tx, report, by, ordered, &id); err != nil {
			return err
		}
		if err := joinReports(ctx, tx, r, by.At, id); err != nil {
			return err
		}
		return d.audit(ctx, tx, by, DidPromote, id, "of a report, from the review list")
	})
	return id, err
}

// written writes the order of a report.
func (o Office) written(ctx context.Context, tx pgx.Tx, r Review, by By, reason string) (*record, error) {
	cell, err := cellAt(r.Lat, r.Lon)
	if err != nil {
		return nil, err
	}
	if o, err = o.prefixed(ctx, tx); err != nil {
		return nil, err
	}
	seq, err := takeNumber(ctx, tx)
	if err != nil {
		return nil, err
	}
	at := orb.Point{r.Lon, r.Lat}
	made := &record{ID: strings.ToLower(rand.Text()[:16]), Number: Number(o.Prefix, seq), Class: r.Class, Severity: r.Severity, State: New,
		PromotedAt: by.At, StateAt: by.At, ClockFrom: by.At, Lat: &r.Lat, Lon: &r.Lon, Cell: &cell}
	made.Street, made.StreetClass = o.street(at, nil)
	if made.Body, err = responsible(ctx, tx, at, made.Class, made.StreetClass); err != nil {
		return nil, err
	}
	if err := errors.Join(made.recur(ctx, tx, at), made.setDeadline(ctx, tx)); err != nil {
		return nil, err
	}
	if err := made.insert(ctx, tx, seq, 0, 0); err != nil { // no device has felt it
		return nil, err
	}
	if err := made.tell(ctx, tx, Step{At: by.At, State: New, Actor: by.Actor, Reason: reason}); err != nil {
		return nil, err
	}
	return made, made.note(ctx, tx, nil, deed{At: by.At, Kind: DidPromote, Actor: by.Actor, Person: by.Person, Batch: by.Batch, Reason: reason})
}

// DismissReport takes a report off the review list. Crowd hears nothing: there is no place that the verdict could be about.
func (d Desk) DismissReport(ctx context.Context, report string, by By, x Dismiss) error {
	switch x.Verdict {
	case NotFound, NotDefect, NotOurs, Duplicate:
	default:
		return fmt.Errorf("verdict %q: %w", x.Verdict, ErrUnknown)
	}
	return d.retried(ctx, func(tx pgx.Tx) error {
		if _, err := holdReport(ctx, tx, report); err != nil {
			return err
		}
		if err := decideReport(ctx, tx, report, by, string(x.Verdict), nil); err != nil {
			return err
		}
		return d.audit(ctx, tx, by, DidDismiss, report, "a report, of the review list, "+string(x.Verdict))
	})
}

// holdReport returns a report that waits for a decision, and keeps others from deciding on it meanwhile.
func holdReport(ctx context.Context, tx pgx.Tx, report string) (r Review, err error) {
	var decided *time.Time
	var person string
	r.ID, r.Severity, r.Reported = report, reportedSeverity, true
	err = tx.QueryRow(ctx, `select h.class, r.lat, r.lon, r.decided_at, r.decided_by from reports r join hand_reports h on h.id = r.id
		where r.id = $1 and r.place is null and r.confirmed_at is not null for update of r`, report).Scan(&r.Class, &r.Lat, &r.Lon, &decided, &person)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, ErrNotFound
	}
	if err != nil {
		return r, fmt.Errorf("decide on report %s: %w", report, err)
	}
	if decided != nil {
		return r, &Changed{Number: report, Kind: DidPromote, Actor: Dispatcher, Person: person, At: *decided}
	}
	return r, nil
}

func decideReport(ctx context.Context, tx pgx.Tx, report string, by By, decision string, order *string) error {
	if _, err := tx.Exec(ctx, `update reports set decided_at = $2, decision = $3, decided_by = $4, batch = $5, work_order = $6, told = '' where id = $1`,
		report, by.At, decision, by.Person, by.Batch, order); err != nil {
		return fmt.Errorf("decide on report %s: %w", report, err)
	}
	return announceReview(ctx, tx, report)
}

// joinReports gives the order of a report to those that say the same.
func joinReports(ctx context.Context, tx pgx.Tx, of Review, at time.Time, order string) error {
	rows, err := tx.Query(ctx, `select r.id, r.lat, r.lon `+undecidedSQL+` and abs(r.lat - $1) < 0.001 order by r.id for update of r`, of.Lat)
	if err != nil {
		return fmt.Errorf("join reports: %w", err)
	}
	var same []string
	var id string
	var p orb.Point
	if _, err = pgx.ForEachRow(rows, []any{&id, &p[1], &p[0]}, func() error {
		if geo.Distance(p, orb.Point{of.Lon, of.Lat}) <= sameReportM {
			same = append(same, id)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("join reports: %w", err)
	}
	if _, err := tx.Exec(ctx, `update reports set decided_at = $2, decision = $3, work_order = $4, told = '' where id = any($1)`, same, at, ordered, order); err != nil {
		return fmt.Errorf("join reports: %w", err)
	}
	return nil
}

// undecideReport puts a report back on the review list, with those that had joined it. The order that was written is dismissed; should it
// be work after all, another is written.
func (d Desk) undecideReport(ctx context.Context, by By, l *decided) (done Done, err error) {
	done = Done{ID: l.place, Number: l.place, Kind: DidDismiss}
	err = d.retried(ctx, func(tx pgx.Tx) error {
		free, err := tx.Exec(ctx, `update reports set decided_at = null, decision = '', decided_by = '', batch = '', work_order = null
			where id = $1 and decided_at = $2 and decided_by = $3 or work_order = $4`, l.place, l.at, by.Person, l.order)
		if err != nil {
			return fmt.Errorf("take back what was decided on report %s: %w", l.place, err)
		}
		if free.RowsAffected() == 0 {
			return ErrNothing
		}
		if l.decision == ordered {
			if done, err = d.unorder(ctx, tx, by, l); err != nil {
				return err
			}
		}
		if err := announceReview(ctx, tx, l.place); err != nil {
			return err
		}
		return d.audit(ctx, tx, by, DidUndo, done.ID, "of a report on the review list, "+l.decision)
	})
	return done, err
}

// adopt gives a place to the open order of a report that lies where it is, and returns the order's id, empty where there is none: one
// thing is one order. From then on traffic says whether its repair is good, and the decision on the report is not taken back.
func adopt(ctx context.Context, tx pgx.Tx, c crowd.Confirmation, at time.Time) (string, error) {
	rows, err := tx.Query(ctx, `select o.id, o.lat, o.lon from reports r join orders o on o.id = r.work_order
		where o.place is null and abs(o.lat - $1) < 0.001 and `+OpenSQL+` and not exists (select 1 from orders where place = $2)`, c.Place.Lat, c.Place.ID)
	if err != nil {
		return "", fmt.Errorf("look for a report's order: %w", err)
	}
	var best, id string
	var p orb.Point
	nearest := sameReportM
	if _, err := pgx.ForEachRow(rows, []any{&id, &p[1], &p[0]}, func() error {
		if d := geo.Distance(p, orb.Point{c.Place.Lon, c.Place.Lat}); d <= nearest {
			best, nearest = id, d
		}
		return nil
	}); err != nil || best == "" {
		if err != nil {
			err = fmt.Errorf("look for a report's order: %w", err)
		}
		return "", err
	}
	o, err := read(ctx, tx, best)
	if err != nil || o.Place != nil || !o.State.Open() {
		return "", err
	}
	if _, err := tx.Exec(ctx, `update orders o set place = $2, probability = $3, devices = $4 where id = $1`, o.ID, c.Place.ID, c.Probability, c.Place.Devices); err != nil {
		return "", fmt.Errorf("give work order %s its place: %w", o.ID, err)
	}
	if _, err := tx.Exec(ctx, `update reports set decided_by = '' where work_order = $1`, o.ID); err != nil {
		return "", fmt.Errorf("give work order %s its place: %w", o.ID, err)
	}
	o.Place = &c.Place.ID
	if err := explain(ctx, tx, o.ID, c); err != nil {
		return "", err
	}
	if err := o.announce(ctx, tx, "order"); err != nil {
		return "", err
	}
	return o.ID, o.note(ctx, tx, nil, deed{At: at, Kind: DidNote, Actor: Crowd, Reason: adopted})
}

// Reported tells open pages that a report waits for a dispatcher.
func Reported(ctx context.Context, tx pgx.Tx, report string) error {
	return announceReview(ctx, tx, report)
}
