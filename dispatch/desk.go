package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Desk is where people act on orders.
type Desk struct {
	Pool   *pgxpool.Pool
	Office Office
	// Audit is told in the same transaction what a person has done with an order, or with a place of the review list; nil: nobody is.
	Audit func(ctx context.Context, tx pgx.Tx, by By, did Kind, what, detail string) error
}

// audit tells Audit, where there is one.
func (d Desk) audit(ctx context.Context, tx pgx.Tx, by By, did Kind, what, detail string) error {
	if d.Audit == nil {
		return nil
	}
	return d.Audit(ctx, tx, by, did, what, detail)
}

// By says who acts, when and why.
type By struct {
	Actor  Actor
	Person string // their id, for the console and the audit: never public
	At     time.Time
	Reason string    // the public reads it where the order changes its state; of a Note: its text
	Seen   int64     // the version of the order that they saw; 0: whichever it is
	Key    string    // a name that the sender has given this action: sent again, it is not done again; may be empty
	Batch  string    // what is done in one stroke has the same, and is taken back in one; empty: a new one
	Said   time.Time // when it was done, where that was before At: on a phone without a network; zero: at At. See happened
	Crews  []string  // a crew's people may act on the orders of these alone; nil: on all
}

// Done is what became of an order.
type Done struct {
	ID      string
	Number  string
	State   State
	Version int64
	Made    string // the id of the order that was split off
	Kind    Kind
	Batch   string
}

// Changed is the error of an action on an order that somebody else has changed meanwhile. It is ErrChanged.
type Changed struct {
	Number  string
	Version int64 // that it has now
	Kind    Kind  // what was done last
	Actor   Actor
	Person  string // who did it; empty: no person
	At      time.Time
}

func (c *Changed) Error() string {
	return fmt.Sprintf("someone else changed %s: %s by %s at %s", c.Number, c.Kind, c.Actor, c.At.UTC().Format(time.RFC3339))
}

// Is says that it is ErrChanged.
func (c *Changed) Is(target error) bool { return target == ErrChanged }

// Act does something with an order. It returns ErrNotFound; a Changed where the order is no longer the one that was seen; ErrTransition
// where that cannot be done as it stands; ErrReason where words are missing; ErrUnknown where a crew, body, class, verdict or position is
// none; ErrNoDefect where nothing is there; ErrElsewhere where the order is with none of by's crews. Nothing is done then.
func (d Desk) Act(ctx context.Context, order string, by By, x Action) (Done, error) {
	if by.Batch == "" {
		by.Batch = rand.Text()
	}
	var done Done
	err := d.retried(ctx, func(tx pgx.Tx) error {
		if by.Key != "" {
			again, err := d.doneBefore(ctx, tx, by, order, x.kind())
			if err != nil || again != nil {
				done = deref(again)
				return err
			}
		}
		if settles(x, by) {
			if err := holdPlace(ctx, tx, order); err != nil {
				return err
			}
		}
		o, err := read(ctx, tx, order)
		if err != nil {
			return err
		}
		if !by.has(o) {
			return ErrElsewhere
		}
		if by.Seen != 0 && by.Seen != o.Version {
			return changed(ctx, tx, o)
		}
		before := *o
		a := &act{tx: tx, office: d.Office, by: by, at: by.happened(o), order: o}
		if err := x.do(ctx, a); err != nil {
			return err
		}
		if !by.Said.IsZero() {
			a.words.Said = &a.at
		}
		err = o.note(ctx, tx, &before, deed{At: by.At, Kind: x.kind(), Actor: by.Actor, Person: by.Person, Reason: by.Reason, Words: a.words, Batch: by.Batch, Key: by.Key})
		if err != nil {
			return err
		}
		if err := o.correct(ctx, tx, &before, a.at, by.At); err != nil {
			return err
		}
		done = Done{ID: o.ID, Number: o.Number, State: o.State, Version: o.Version, Made: a.made, Kind: x.kind(), Batch: by.Batch}
		return d.audit(ctx, tx, by, x.kind(), o.ID, o.Number)
	})
	return done, err
}

// has says whether an order is theirs who act.
func (by By) has(o *record) bool {
	return by.Crews == nil || o.Crew != nil && slices.Contains(by.Crews, *o.Crew)
}

// happened is when something was done with an order: when it is said to have been, but not before the order came to where it stands, nor
// later than it is told.
func (by By) happened(o *record) time.Time {
	switch at := by.Said.UTC(); {
	case by.Said.IsZero() || at.After(by.At) || o.StateAt.After(by.At):
		return by.At
	case at.Before(o.StateAt):
		return o.StateAt.UTC()
	default:
		return at
	}
}

// settles says whether an action changes what is believed of the order's place.
func settles(x Action, by By) bool {
	switch x.(type) {
	case Dismiss, Repair, TakeUp:
		return true
	case Reclass:
		return by.Actor == Crew
	}
	return false
}

// retried runs a transaction again where the database has chosen it to give way to another.
func (d Desk) retried(ctx context.Context, work func(pgx.Tx) error) error {
	const tries = 4
	for n := 1; ; n++ {
		err := pgx.BeginFunc(ctx, d.Pool, work)
		var refused *pgconn.PgError
		if n == tries || !errors.As(err, &refused) || refused.Code != "40P01" && refused.Code != "40001" {
			return err
		}
	}
}

// doneBefore returns what an action with this key has done, nil where there was none. State and version are those that it left: what was
// done since, whoever asks again has not seen. Another person's action is ErrKey, and so is another one, or on another order.
func (d Desk) doneBefore(ctx context.Context, tx pgx.Tx, by By, order string, kind Kind) (*Done, error) {
	// Two that come at once wait for each other here.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 7310021))`, by.Key); err != nil {
		return nil, fmt.Errorf("look whether this was done: %w", err)
	}
	var out Done
	var words []byte
	var person string
	err := tx.QueryRow(ctx, `select o.id, o.number, a.state, a.version, a.kind, a.batch, a.words, a.person from order_actions a join orders o on o.id = a.order_id where a.key = $1`, by.Key).
		Scan(&out.ID, &out.Number, &out.State, &out.Version, &out.Kind, &out.Batch, &words, &person)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look whether this was done: %w", err)
	}
	if person != by.Person || out.ID != order || out.Kind != kind {
		return nil, ErrKey
	}
	var w Words
	if err := json.Unmarshal(words, &w); err != nil {
		return nil, fmt.Errorf("look whether this was done: %w", err)
	}
	if out.Kind == DidSplit {
		out.Made = w.Order
	}
	return &out, nil
}

// changed says who has changed the order last.
func changed(ctx context.Context, tx pgx.Tx, o *record) error {
	c := &Changed{Number: o.Number, Version: o.Version}
	err := tx.QueryRow(ctx, `select kind, actor, person, at from order_actions where order_id = $1 and version = $2 and actor <> 'clock' order by n desc limit 1`,
		o.ID, o.Version).Scan(&c.Kind, &c.Actor, &c.Person, &c.At)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("find who changed work order %s: %w", o.ID, err)
	}
	return c
}
