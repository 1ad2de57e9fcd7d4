package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/notices"
)

// Handover is a job: a body that works on its own is to be told by mail that an order was handed over to it, or that it was taken back.
type Handover struct {
	Body  string `json:"body"` // its id
	Order string `json:"order"`
	Back  bool   `json:"back,omitempty"`
}

// Kind names such jobs.
func (Handover) Kind() string { return "handover" }

// with says whether the order is with a body to which it was handed over.
func (o *record) with(body string) bool { return o.State.Open() && o.HandedAt != nil && o.Body == body }

// tellBodies has bodies told what was handed over to them, or is with them no longer. It returns whether the one that has it now is told: one
// without an address cannot be.
func (o *record) tellBodies(ctx context.Context, tx pgx.Tx, before *record) (told bool, err error) {
	if before == nil {
		return false, nil
	}
	if before.with(before.Body) && o.State.Open() && !o.with(before.Body) {
		if _, err := o.tellBody(ctx, tx, before.Body, true); err != nil {
			return false, err
		}
	}
	if o.with(o.Body) && !before.with(o.Body) {
		return o.tellBody(ctx, tx, o.Body, false)
	}
	return false, nil
}

func (o *record) tellBody(ctx context.Context, tx pgx.Tx, name string, back bool) (told bool, err error) {
	x := Handover{Order: o.ID, Back: back}
	err = tx.QueryRow(ctx, `select id from bodies where name = $1 and email <> ''`, name).Scan(&x.Body)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find body %s: %w", name, err)
	}
	return true, notices.Queue(ctx, tx, x)
}
