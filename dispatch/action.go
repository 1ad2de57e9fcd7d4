package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// Kind names what was done with an order.
type Kind string

const (
	DidPromote  Kind = "promoted"
	DidAccept   Kind = "accepted"
	DidAssign   Kind = "assigned"
	DidHandOver Kind = "handed_over"
	DidTakeOver Kind = "taken_over" // the body has accepted what was handed over to it
	DidRelease  Kind = "released"   // from its crew or body
	DidStart    Kind = "started"
	DidRepair   Kind = "repaired"
	DidVerify   Kind = "verified"
	DidReopen   Kind = "reopened"
	DidDismiss  Kind = "dismissed"
	DidReclass  Kind = "reclassed"
	DidMove     Kind = "moved"
	DidSplit    Kind = "split"
	DidNote     Kind = "noted"
	DidReply    Kind = "replied"
	DidRefer    Kind = "referred" // to a case of another system
	DidSpend    Kind = "spent"
	DidPhoto    Kind = "photographed"
	DidUndo     Kind = "undone"
	DidWarn     Kind = "warned"
	DidOverdue  Kind = "overdue"
	DidEscalate Kind = "escalated"
	DidInTime   Kind = "in_time" // the deadline that was noted as passed had been kept
)

// KindOf is what is done by moving an order to a state.
func KindOf(s State) Kind {
	switch s {
	case New:
		return DidPromote
	case InProgress:
		return DidStart
	case Accepted, Assigned, Repaired, Verified, Reopened, Dismissed:
	}
	return Kind(s)
}

// Action is something that a person does with an order.
type Action interface {
	kind() Kind
	do(ctx context.Context, a *act) error // changes a.order and says so in a.words
}

// Verdict is what a dismissal says.
type Verdict string

const (
	NotFound  Verdict = "not_found"  // nothing is there
	NotDefect Verdict = "not_defect" // something is there that belongs there
	NotOurs   Verdict = "not_ours"
	Duplicate Verdict = "duplicate" // of another order
)

// Verdicts lists them all.
func Verdicts() []Verdict { return []Verdict{NotFound, NotDefect, NotOurs, Duplicate} }

// Actions. Accept, Start, TakeOver and Release need nothing more; the others say what.
type (
	Accept   struct{}
	TakeOver struct{}
	Release  struct{} // takes the order from its crew or body again
	Start    struct{}
	Assign   struct{ Crew string }       // its id; a new order is accepted by that
	HandOver struct{ Body string }       // its name; to a body that works on its own
	Repair   struct{ Found crowd.Class } // what it was; empty: the order's class. An assigned order was in progress by that
	Dismiss  struct {
		Verdict Verdict
		Found   crowd.Class // of NotDefect: what it is, where that is known
		Of      string      // of Duplicate: the id of the other order
	}
	Approve struct{} // a person has looked at the repair of an order that traffic cannot verify
	TakeUp  struct{} // reopens what was repaired, verified or dismissed
	Reclass struct {
		Class    crowd.Class
		Severity float64 // 0: as it is
	}
	Move  struct{ Lat, Lon float64 }
	Split struct {
		Lat, Lon float64
		Class    crowd.Class // of the new order; empty: of the old one
	}
	Note  struct{} // its text is the reason
	Reply struct{} // the same, and the public reads it
	Refer struct{ Number string }
	Spend struct {
		What     string
		Quantity float64
		Unit     string
		Cents    int64 // hundredths of the city's currency
	}
	Photograph struct {
		Taken         Taken
		JPEG          []byte // the picture alone: whoever sends it has removed what else the file held
		Width, Height int
	}
)

// Taken says when a photo was taken.
type Taken string

const (
	BeforeRepair Taken = "before"
	AfterRepair  Taken = "after"
	SomeTime     Taken = ""
)

func (Accept) kind() Kind   { return DidAccept }
func (TakeOver) kind() Kind { return DidTakeOver }
func (Release) kind() Kind  { return DidRelease }
func (Start) kind() Kind    { return DidStart }
func (Assign) kind() Kind   { return DidAssign }
func (HandOver) kind() Kind { return DidHandOver }
func (Repair) kind() Kind   { return DidRepair }
func (Dismiss) kind() Kind  { return DidDismiss }
func (Approve) kind() Kind  { return DidVerify }
func (TakeUp) kind() Kind   { return DidReopen }
func (Reclass) kind() Kind  { return DidReclass }
func (Move) kind() Kind     { return DidMove }
func (Split) kind() Kind    { return DidSplit }
func (Note) kind() Kind     { return DidNote }
func (Reply) kind() Kind    { return DidReply }
func (Refer) kind() Kind    { return DidRefer }
func (Spend) kind() Kind    { return DidSpend }

func (Photograph) kind() Kind { return DidPhoto }

// Bounds of what is spent on an order in one line.
const (
	mostQuantity = 1e9
	mostCents    = 1_000_000_000_00
)

// longestNumber of a case in another system, bytes.
const longestNumber = 100

// Words say what an action was about.
type Words struct {
	From     State       `json:"from,omitempty"`
	To       State       `json:"to,omitempty"`
	Crew     string      `json:"crew,omitempty"` // its name
	Body     string      `json:"body,omitempty"`
	Class    crowd.Class `json:"class,omitempty"`
	Was      crowd.Class `json:"was,omitempty"`
	Severity float64     `json:"severity,omitempty"`
	Verdict  Verdict     `json:"verdict,omitempty"`
	Found    crowd.Class `json:"found,omitempty"`
	Order    string      `json:"order,omitempty"`  // another one's id
	Number   string      `json:"number,omitempty"` // and its number, or that of a case in another system
	Lat      float64     `json:"lat,omitempty"`
	Lon      float64     `json:"lon,omitempty"`
	Metres   float64     `json:"metres,omitempty"`
	What     string      `json:"what,omitempty"`
	Quantity float64     `json:"quantity,omitempty"`
	Unit     string      `json:"unit,omitempty"`
	Cents    int64       `json:"cents,omitempty"`
	Undoes   Kind        `json:"undoes,omitempty"`
	Action   int64       `json:"action,omitempty"` // that is undone
	Photo    string      `json:"photo,omitempty"`  // its id
	Taken    Taken       `json:"taken,omitempty"`
	Told     bool        `json:"told,omitempty"` // a body that it was handed over to is told by mail
	Said     *time.Time  `json:"said,omitempty"` // when it was done, where it was told later
}

// act is an action while it is done.
type act struct {
	tx     pgx.Tx
	office Office
	by     By
	at     time.Time // of what is done: before by.At where it is told later
	order  *record
	words  Words
	made   string // the id of an order that was split off
}

// move takes the order to a state, by way of others where that is meant.
func (a *act) move(ctx context.Context, to State, reason string, found crowd.Class) error {
	steps, err := way(a.order.State, to)
	if err != nil {
		return err
	}
	a.words.From, a.words.To = a.order.State, to
	for i, s := range steps {
		step := Step{At: a.at, State: s, Actor: a.by.Actor}
		if i == len(steps)-1 {
			step.Reason, step.Found = reason, found
		}
		if err := a.order.step(ctx, a.tx, step); err != nil {
			return err
		}
	}
	return nil
}

// open returns ErrTransition where the order is closed: what is closed must be reopened first.
func (a *act) open(what Kind) error {
	if !a.order.State.Open() {
		return fmt.Errorf("%s while %s: %w", what, a.order.State, ErrTransition)
	}
	return nil
}

func (Accept) do(ctx context.Context, a *act) error { return a.move(ctx, Accepted, a.by.Reason, "") }

func (x Assign) do(ctx context.Context, a *act) error {
	err := a.tx.QueryRow(ctx, `select name from crews where id = $1 and closed_at is null`, x.Crew).Scan(&a.words.Crew)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("crew %q: %w", x.Crew, ErrUnknown)
	}
	if err != nil {
		return fmt.Errorf("find crew %s: %w", x.Crew, err)
	}
	handed := a.order.HandedAt != nil
	if err := a.give(ctx, func(o *record) { o.Crew, o.HandedAt, o.TakenAt = &x.Crew, nil, nil }); err != nil || !handed {
		return err
	}
	return a.order.comeHome(ctx, a.tx)
}

func (x HandOver) do(ctx context.Context, a *act) error {
	err := a.tx.QueryRow(ctx, `select name from bodies where external and retired_at is null and name = $1`, x.Body).Scan(&a.words.Body)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("body %q, to which orders could be handed over: %w", x.Body, ErrUnknown)
	}
	if err != nil {
		return fmt.Errorf("find body %s: %w", x.Body, err)
	}
	at := a.by.At
	return a.give(ctx, func(o *record) { o.Crew, o.Body, o.HandedAt, o.TakenAt = nil, x.Body, &at, nil })
}

// give assigns the order. One that is assigned goes from one to the other, which the public story need not say.
func (a *act) give(ctx context.Context, to func(*record)) error {
	if a.order.State != Assigned {
		if err := a.move(ctx, Assigned, "", ""); err != nil {
			return err
		}
	}
	to(a.order)
	return nil
}

func (TakeOver) do(_ context.Context, a *act) error {
	o := a.order
	if o.State != Assigned || o.HandedAt == nil || o.TakenAt != nil {
		return fmt.Errorf("accept what was not handed over: %w", ErrTransition)
	}
	at := a.by.At
	o.TakenAt, a.words.Body = &at, o.Body
	return nil
}

func (Release) do(ctx context.Context, a *act) error {
	if a.order.State != Assigned {
		return fmt.Errorf("release while %s: %w", a.order.State, ErrTransition)
	}
	return a.move(ctx, Accepted, a.by.Reason, "")
}

func (Start) do(ctx context.Context, a *act) error { return a.move(ctx, InProgress, a.by.Reason, "") }

func (x Repair) do(ctx context.Context, a *act) error {
	if err := known(x.Found, true); err != nil {
		return err
	}
	if x.Found == crowd.Nothing {
		return ErrNoDefect
	}
	a.words.Found = x.Found
	return a.move(ctx, Repaired, a.by.Reason, x.Found)
}

func (Approve) do(ctx context.Context, a *act) error { return a.move(ctx, Verified, a.by.Reason, "") }

func (TakeUp) do(ctx context.Context, a *act) error { return a.move(ctx, Reopened, a.by.Reason, "") }

func (x Reclass) do(ctx context.Context, a *act) error {
	if err := errors.Join(a.open(DidReclass), known(x.Class, false)); err != nil {
		return err
	}
	if x.Class == crowd.Nothing {
		return ErrNoDefect
	}
	if !(x.Severity >= 0 && x.Severity <= 1) {
		return fmt.Errorf("severity %g is not within 0 and 1: %w", x.Severity, ErrUnknown)
	}
	o := a.order
	a.words.Was, a.words.Class, a.words.Severity = o.Class, x.Class, x.Severity
	o.Class = x.Class
	if a.by.Actor == Crew && o.Place != nil { // who was there: at the desk it is a correction
		if err := crowd.Settle(ctx, a.tx, *o.Place, crowd.Confirmed, x.Class, a.at); err != nil {
			return err
		}
	}
	if x.Severity > 0 {
		o.Severity = x.Severity
	}
	at, err := o.where(ctx, a.tx)
	if err != nil {
		return err
	}
	if o.HandedAt == nil {
		if err := o.route(ctx, a.tx, at); err != nil {
			return err
		}
	}
	return o.setDeadline(ctx, a.tx)
}

func (x Move) do(ctx context.Context, a *act) error {
	if err := a.open(DidMove); err != nil {
		return err
	}
	cell, err := cellAt(x.Lat, x.Lon)
	if err != nil {
		return err
	}
	from, err := a.order.where(ctx, a.tx)
	if err != nil {
		return err
	}
	to := orb.Point{x.Lon, x.Lat}
	a.words.Lat, a.words.Lon, a.words.Metres = x.Lat, x.Lon, roundTo(geo.Distance(from, to), 1)
	o := a.order
	o.Lat, o.Lon, o.Cell = &x.Lat, &x.Lon, &cell
	if a.office.Street != nil {
		o.Street, o.StreetClass = a.office.street(to, nil)
	}
	if o.HandedAt == nil {
		if err := o.route(ctx, a.tx, to); err != nil {
			return err
		}
	}
	return o.setDeadline(ctx, a.tx)
}

// route asks who is responsible where the order is now; where nobody is known to be, who has it keeps it.
func (o *record) route(ctx context.Context, tx pgx.Tx, at orb.Point) error {
	body, err := responsible(ctx, tx, at, o.Class, o.StreetClass)
	if body != "" {
		o.Body = body
	}
	return err
}

// comeHome gives the order back to who is responsible for it, from a body to which it was handed over.
func (o *record) comeHome(ctx context.Context, tx pgx.Tx) error {
	at, err := o.where(ctx, tx)
	if err != nil {
		return err
	}
	o.Body = ""
	return o.route(ctx, tx, at)
}

// where returns where the order is.
func (o *record) where(ctx context.Context, tx pgx.Tx) (orb.Point, error) {
	if o.Lat != nil && o.Lon != nil {
		return orb.Point{*o.Lon, *o.Lat}, nil
	}
	var p orb.Point
	if err := tx.QueryRow(ctx, `select lat, lon from places where id = $1`, o.Place).Scan(&p[1], &p[0]); err != nil {
		return p, fmt.Errorf("find where work order %s is: %w", o.ID, err)
	}
	return p, nil
}

func (Note) do(_ context.Context, a *act) error  { return a.said() }
func (Reply) do(_ context.Context, a *act) error { return a.said() }

func (a *act) said() error {
	if strings.TrimSpace(a.by.Reason) == "" {
		return fmt.Errorf("a note says something: %w", ErrReason)
	}
	return nil
}

func (x Refer) do(_ context.Context, a *act) error {
	if len(x.Number) > longestNumber {
		return fmt.Errorf("a case's number of %d bytes: %w", len(x.Number), ErrUnknown)
	}
	a.words.Number, a.order.ExternalID = x.Number, x.Number
	return nil
}

func (x Spend) do(_ context.Context, a *act) error {
	if strings.TrimSpace(x.What) == "" {
		return fmt.Errorf("what was spent on: %w", ErrReason)
	}
	if !(x.Quantity >= 0 && x.Quantity <= mostQuantity) || x.Cents < 0 || x.Cents > mostCents {
		return fmt.Errorf("%g for %d hundredths: %w", x.Quantity, x.Cents, ErrAmount)
	}
	a.words.What, a.words.Quantity, a.words.Unit, a.words.Cents = x.What, x.Quantity, x.Unit, x.Cents
	return nil
}

// cellAt returns the cell of a position that somebody has given.
func cellAt(lat, lon float64) (int64, error) {
	cell, err := geo.FineCell(lat, lon)
	if err != nil || lat < -90 || lat > 90 || lon < -180 || lon > 180 || lat == 0 && lon == 0 {
		return 0, fmt.Errorf("position %g,%g: %w", lat, lon, ErrUnknown)
	}
	return int64(cell), nil
}

// known returns ErrUnknown where c is no class; none may be one.
func known(c crowd.Class, none bool) error {
	classes := crowd.Classes()
	if c == "" && none || slices.Contains(classes[:], c) {
		return nil
	}
	return fmt.Errorf("class %q: %w", c, ErrUnknown)
}
