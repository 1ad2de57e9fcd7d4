package dispatch

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
)

// Dismissing tells crowd what is there where somebody has said so: nothing, or what it is instead of a defect. A duplicate and what is
// somebody else's say nothing of the place: what a crew found there before stands.
func (x Dismiss) do(ctx context.Context, a *act) error {
	if err := x.check(); err != nil {
		return err
	}
	a.words.Verdict = x.Verdict
	reason, stands := a.by.Reason, crowd.Class("")
	switch x.Verdict {
	case NotFound:
		a.words.Found = crowd.Nothing
	case NotDefect:
		a.words.Found = x.Found
	case NotOurs:
		stands = a.order.Verdict
	case Duplicate:
		stands = a.order.Verdict
		if err := x.join(ctx, a); err != nil {
			return err
		}
	default:
		return fmt.Errorf("verdict %q: %w", x.Verdict, ErrUnknown)
	}
	if reason == "" {
		reason = x.Verdict.sentence(a.words.Number)
	}
	return a.move(ctx, Dismissed, reason, cmp.Or(a.words.Found, stands))
}

// check returns what is wrong with a dismissal by itself.
func (x Dismiss) check() error {
	if x.Verdict == NotDefect && x.Found == crowd.Pothole {
		return ErrVerdict
	}
	return known(x.Found, true)
}

// sentence is the reason that a dismissal has where nobody gave another.
func (v Verdict) sentence(number string) string {
	switch v {
	case NotFound:
		return "Nothing was found there."
	case NotDefect:
		return "What is there is no defect."
	case NotOurs:
		return "Somebody else is responsible."
	case Duplicate:
		return "It is the same as " + number + "."
	}
	return string(v)
}

// Reasons that steps have where nobody gave one.
const (
	splitOff       = "Split off %s."
	splitTakenBack = "The split was taken back."
	stepTakenBack  = "The last step was taken back."
)

// Unsaid names a reason that nobody gave: a verdict, "split", "split_taken_back", "taken_back", "reported" or "adopted", and the work order that it speaks of. It is
// empty where the words are somebody's own.
func Unsaid(reason string) (name, number string) {
	sentences := map[string]string{"split": splitOff, "split_taken_back": splitTakenBack, "taken_back": stepTakenBack, "reported": byResident, "adopted": adopted}
	for _, v := range Verdicts() {
		sentences[string(v)] = v.sentence("%s")
	}
	for name, sentence := range sentences {
		before, after, speaks := strings.Cut(sentence, "%s")
		if rest, ok := strings.CutPrefix(reason, before); ok && !speaks && rest == "" {
			return name, ""
		} else if number, ends := strings.CutSuffix(rest, after); ok && speaks && ends && !strings.Contains(number, " ") {
			return name, number
		}
	}
	return "", ""
}

// join makes the order a duplicate of another one. Who follows it hears of the other from now on; how that is so is read where it is
// asked (DuplicateOf), so that taking it back needs no more than this order.
func (x Dismiss) join(ctx context.Context, a *act) error {
	if x.Of == a.order.ID {
		return fmt.Errorf("an order is no duplicate of itself: %w", ErrTransition)
	}
	var state State
	var of *string
	err := a.tx.QueryRow(ctx, `select number, state, duplicate_of from orders where id = $1`, x.Of).Scan(&a.words.Number, &state, &of)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("a duplicate of %q: %w", x.Of, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("find work order %s: %w", x.Of, err)
	}
	if of != nil || state == Dismissed {
		return fmt.Errorf("%s is dismissed itself: %w", a.words.Number, ErrTransition)
	}
	if !state.Open() {
		return fmt.Errorf("%s is %s: %w: %w", a.words.Number, state, ErrClosed, ErrTransition)
	}
	a.words.Order, a.order.DuplicateOf = x.Of, &x.Of
	return nil
}

// A split makes a second order at a position that a dispatcher gives. It has no place of its own: what devices say goes on being about the
// first. It is public as every order is.
func (x Split) do(ctx context.Context, a *act) error {
	if err := errors.Join(a.open(DidSplit), known(x.Class, true)); err != nil {
		return err
	}
	cell, err := cellAt(x.Lat, x.Lon)
	if err != nil {
		return err
	}
	seq, err := takeNumber(ctx, a.tx)
	if err != nil {
		return err
	}
	o, at := a.order, orb.Point{x.Lon, x.Lat}
	prefix, _, _ := strings.Cut(o.Number, "-")
	r := &record{ID: strings.ToLower(rand.Text()[:16]), Number: Number(prefix, seq), Class: o.Class, Severity: o.Severity, State: New, PromotedAt: a.by.At,
		StateAt: a.by.At, ClockFrom: a.by.At, Lat: &x.Lat, Lon: &x.Lon, Cell: &cell, splitFrom: &o.ID, Street: o.Street, StreetClass: o.StreetClass, Body: o.Body}
	if x.Class != "" {
		r.Class = x.Class
	}
	if a.office.Street != nil {
		r.Street, r.StreetClass = a.office.street(at, nil)
	}
	body, err := responsible(ctx, a.tx, at, r.Class, r.StreetClass)
	if err != nil {
		return err
	}
	if body != "" {
		r.Body = body
	}
	if err := r.setDeadline(ctx, a.tx); err != nil {
		return err
	}
	var probability float64
	var devices int
	if err := a.tx.QueryRow(ctx, `select probability, devices from orders where id = $1`, o.ID).Scan(&probability, &devices); err != nil {
		return fmt.Errorf("read work order %s: %w", o.ID, err)
	}
	if err := r.insert(ctx, a.tx, seq, probability, devices); err != nil {
		return err
	}
	reason := fmt.Sprintf(splitOff, o.Number)
	if err := r.tell(ctx, a.tx, Step{At: a.by.At, State: New, Actor: a.by.Actor, Reason: reason}); err != nil {
		return err
	}
	a.made, a.words.Order, a.words.Number, a.words.Lat, a.words.Lon = r.ID, r.ID, r.Number, x.Lat, x.Lon
	return r.note(ctx, a.tx, nil, deed{At: a.by.At, Kind: DidPromote, Actor: a.by.Actor, Person: a.by.Person, Reason: reason, Words: Words{Order: o.ID, Number: o.Number}})
}

// Part is an order that was split off another.
type Part struct {
	ID, Number string
	At         time.Time
	State      State
	StateAt    time.Time
}

// Parts lists the orders that were split off one, and off those, first to last, but for those whose split was taken back.
func Parts(ctx context.Context, db querier, order string) ([]Part, error) {
	rows, err := db.Query(ctx, `with recursive parts as (select $1 as id union all select o.id from orders o join parts p on o.split_from = p.id and o.duplicate_of is distinct from p.id)
		select o.id, o.number, o.promoted_at, o.state, o.state_at from parts join orders o using (id) where o.id <> $1 order by o.seq`, order)
	if err != nil {
		return nil, fmt.Errorf("list what was split off work order %s: %w", order, err)
	}
	parts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Part])
	if err != nil {
		return nil, fmt.Errorf("list what was split off work order %s: %w", order, err)
	}
	return parts, nil
}

// PlaceOf returns the place that an order is about: its own or, where it was split off another, that one's. It returns ErrNotFound.
func PlaceOf(ctx context.Context, db querier, order string) (place string, err error) {
	err = db.QueryRow(ctx, `with recursive up as (select place, split_from from orders where id = $1
			union all select o.place, o.split_from from orders o join up on o.id = up.split_from where up.place is null)
		select place from up where place is not null`, order).Scan(&place)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("the place of work order %s: %w", order, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("the place of work order %s: %w", order, err)
	}
	return place, nil
}
