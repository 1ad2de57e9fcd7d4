package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// Office makes work orders for one city.
type Office struct {
	Prefix string                                                       // of the numbers: KR of KR-0417
	Street func(at orb.Point, headingDeg *float64) (name, class string) // the street at a position and its class (highway=), "" where none is known; nil: none is
}

// streetReachM is how far from a street's line a place may lie and still be on it, metres.
const streetReachM = 30

// OnStreets returns an Office's Street on a network.
func OnStreets(network *geo.Network) func(orb.Point, *float64) (string, string) {
	return func(at orb.Point, headingDeg *float64) (name, class string) {
		match, ok := network.Nearest(at, headingDeg, streetReachM)
		if !ok {
			return "", ""
		}
		return match.Street.Name, match.Street.Class
	}
}

func (o Office) street(at orb.Point, headingDeg *float64) (name, class string) {
	if o.Street == nil {
		return "", ""
	}
	return o.Street(at, headingDeg)
}

// Promote makes the work order of a confirmed place, in the transaction that confirms it: no confirmed place without its
// order. A place has one order for ever; promoting it again changes nothing, unless its order was taken back.
func (o Office) Promote(ctx context.Context, tx pgx.Tx, c crowd.Confirmation) error {
	_, err := o.promote(ctx, tx, c, Step{At: c.At, State: New, Actor: Crowd, Reason: "Enough independent drivers felt it."}, deed{Actor: Crowd})
	return err
}

// promote returns the id of the order that it has made or taken up again, empty where there was one.
func (o Office) promote(ctx context.Context, tx pgx.Tx, c crowd.Confirmation, step Step, d deed) (string, error) {
	if id, err := adopt(ctx, tx, c, step.At); id != "" || err != nil {
		return id, err
	}
	seq, err := nextNumber(ctx, tx, c.Place.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return takeUp(ctx, tx, c.Place.ID, step, d)
	}
	if err != nil {
		return "", fmt.Errorf("number a work order: %w", err)
	}
	at := orb.Point{c.Place.Lon, c.Place.Lat}
	r := &record{ID: orderID(c.Place.ID), Number: Number(o.Prefix, seq), Place: &c.Place.ID, Class: c.Place.Class, Severity: c.Place.Severity,
		State: New, PromotedAt: c.At, StateAt: c.At, ClockFrom: c.At}
	r.Street, r.StreetClass = o.street(at, c.Place.HeadingDeg)
	if r.Body, err = responsible(ctx, tx, at, r.Class, r.StreetClass); err != nil {
		return "", err
	}
	if err := r.recur(ctx, tx, at); err != nil {
		return "", err
	}
	if err := r.setDeadline(ctx, tx); err != nil {
		return "", err
	}
	if err := r.insert(ctx, tx, seq, c.Probability, c.Place.Devices); err != nil {
		return "", err
	}
	if err := explain(ctx, tx, r.ID, c); err != nil {
		return "", err
	}
	if err := r.tell(ctx, tx, step); err != nil {
		return "", err
	}
	d.At, d.Kind, d.Reason = step.At, DidPromote, step.Reason
	return r.ID, r.note(ctx, tx, nil, d)
}

// explain keeps why a place was believed when it became an order's, and who had felt it.
func explain(ctx context.Context, tx pgx.Tx, order string, c crowd.Confirmation) error {
	grounds, err := json.Marshal(c.Explanation)
	if err != nil {
		return fmt.Errorf("explain a work order: %w", err)
	}
	if _, err := tx.Exec(ctx, `insert into promotions (order_id, explanation) values ($1, $2)`, order, grounds); err != nil {
		return fmt.Errorf("explain a work order: %w", err)
	}
	if _, err := tx.Exec(ctx, `insert into promotion_kinds (order_id, kind, app, devices)
		select $1, coalesce(d.kind, ''), coalesce(split_part(d.app, '/', 1), ''), count(*)
		from evidence e left join devices d on d.id = e.device where e.place = $2 and e.hits > 0 group by 2, 3`, order, c.Place.ID); err != nil {
		return fmt.Errorf("note who felt a place: %w", err)
	}
	return nil
}

// takeUp reopens the order of a place that was taken back by who wrote it, and returns its id; empty where that is not so.
func takeUp(ctx context.Context, tx pgx.Tx, place string, step Step, d deed) (string, error) {
	var id string
	err := tx.QueryRow(ctx, `select o.id from orders o where o.place = $1 and o.state = 'dismissed'
		and (select s.undone from order_steps s where s.order_id = o.id order by s.n desc limit 1)`, place).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find the work order of place %s: %w", place, err)
	}
	o, err := read(ctx, tx, id)
	if err != nil {
		return "", err
	}
	before := *o
	step.State = Reopened
	if err := o.step(ctx, tx, step); err != nil {
		return "", err
	}
	d.At, d.Kind, d.Reason, d.Words, d.Apart = step.At, DidReopen, step.Reason, Words{From: Dismissed, To: Reopened}, true
	return id, o.note(ctx, tx, &before, d)
}

// nextNumber counts one work order more, unless the place has one already (pgx.ErrNoRows). Numbers have no gaps, so that a missing
// one means a missing order: the counter's row is locked until the commit. The lock comes in a statement of its own, so that the
// next one sees what it waited for.
func nextNumber(ctx context.Context, tx pgx.Tx, place string) (seq int64, err error) {
	if _, err := tx.Exec(ctx, `select last from order_seq for update`); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `update order_seq set last = last + 1
		where not exists (select 1 from orders where place = $1) returning last`, place).Scan(&seq)
	return seq, err
}

// takeNumber takes the next number, for an order without a place.
func takeNumber(ctx context.Context, tx pgx.Tx) (seq int64, err error) {
	if err := tx.QueryRow(ctx, `update order_seq set last = last + 1 returning last`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("number a work order: %w", err)
	}
	return seq, nil
}

// prefixed is the office with the prefix of the newest order, where it has none of its own.
func (o Office) prefixed(ctx context.Context, tx pgx.Tx) (Office, error) {
	if o.Prefix != "" {
		return o, nil
	}
	if err := tx.QueryRow(ctx, `select coalesce((select split_part(number, '-', 1) from orders order by seq desc limit 1), 'SP')`).Scan(&o.Prefix); err != nil {
		return o, fmt.Errorf("number a work order: %w", err)
	}
	return o, nil
}

// insert writes a new row.
func (o *record) insert(ctx context.Context, tx pgx.Tx, seq int64, probability float64, devices int) error {
	_, err := tx.Exec(ctx, `
		insert into orders (id, seq, number, place, class, severity, probability, devices, state, street, street_class, body, promoted_at, state_at,
			clock_from, due_at, recurs, failed, lat, lon, cell, split_from, version)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13, $14, $15, $16, $17, $18, $19, $20, 0)`,
		o.ID, seq, o.Number, o.Place, o.Class, o.Severity, probability, devices, o.State, o.Street, o.StreetClass, o.Body, o.PromotedAt,
		o.DueAt, o.Recurs, o.Failed, o.Lat, o.Lon, o.Cell, o.splitFrom)
	if err != nil {
		return fmt.Errorf("write a work order: %w", err)
	}
	return nil
}

// Number spells a work order's number: a prefix and at least four figures, which people can say on the phone.
func Number(prefix string, seq int64) string { return fmt.Sprintf("%s-%04d", prefix, seq) }

// orderID names the order of a place; judging the same events again gives the same name.
func orderID(place string) string {
	h := sha256.Sum256([]byte("order\x00" + place))
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).EncodeToString(h[:10])
}

// tell writes a step into the order's public story and announces it.
func (o *record) tell(ctx context.Context, tx pgx.Tx, s Step) error {
	_, err := tx.Exec(ctx, `insert into order_steps (order_id, n, at, state, actor, reason, found, undone)
		select $1, 1 + coalesce(max(n), 0), $2, $3, $4, $5, $6, $7 from order_steps where order_id = $1`,
		o.ID, s.At, s.State, s.Actor, s.Reason, s.Found, s.Undone)
	if err != nil {
		return fmt.Errorf("write a work order's step: %w", err)
	}
	return o.announce(ctx, tx, "order")
}

// Verify is what package crowd calls when traffic has passed a repaired place smoothly.
func Verify(ctx context.Context, tx pgx.Tx, place string, at time.Time, devices int) error {
	return byTraffic(ctx, tx, place, Verified, at, fmt.Sprintf("%d drivers passed and felt nothing.", devices))
}

// Reopen is what package crowd calls when a repaired place jolts again.
func Reopen(ctx context.Context, tx pgx.Tx, place string, at time.Time, devices int) error {
	return byTraffic(ctx, tx, place, Reopened, at, fmt.Sprintf("%d drivers felt it again.", devices))
}

func byTraffic(ctx context.Context, tx pgx.Tx, place string, to State, at time.Time, reason string) error {
	var id string
	err := tx.QueryRow(ctx, `select id from orders where place = $1`, place).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the order of place %s: %w", place, err)
	}
	err = transition(ctx, tx, id, Step{At: at, State: to, Actor: Traffic, Reason: reason})
	if errors.Is(err, ErrTransition) {
		return nil // a person has moved it meanwhile, and people come before traffic
	}
	return err
}
