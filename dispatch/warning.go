package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/notices"
)

// Warning is a job: a body is to be told by mail of orders whose deadlines come near, or were not kept, or that this was said of wrongly.
// Whoever knows how such a mail is worded works it.
type Warning struct {
	Body      string   `json:"body"` // its id
	Escalated bool     `json:"escalated"`
	InTime    bool     `json:"in_time,omitempty"` // they were kept, though it was said that they were not
	Orders    []string `json:"orders"`            // their ids, the one that is due first first
}

// Kind names such jobs.
func (Warning) Kind() string { return "warning" }

// Addressee is a body as mails go to it.
type Addressee struct{ ID, Name, Email, Language string }

// FindAddressee returns a body, or ErrUnknown.
func FindAddressee(ctx context.Context, q notices.Querier, id string) (Addressee, error) {
	var a Addressee
	err := q.QueryRow(ctx, `select id, name, email, language from bodies where id = $1`, id).Scan(&a.ID, &a.Name, &a.Email, &a.Language)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, fmt.Errorf("body %q: %w", id, ErrUnknown)
	}
	if err != nil {
		return a, fmt.Errorf("find body %s: %w", id, err)
	}
	return a, nil
}

// warnings are what bodies are to be told after a look at the deadlines: each gets one mail of it, not one for each order.
type warnings struct {
	list  []*Warning
	above map[string][]string // the bodies with addresses from one upwards, by its name
}

// add has the order's body told and, where its deadline was escalated, the next one above as well. A body without an address leaves it to
// the next one above that has one.
func (w *warnings) add(ctx context.Context, tx pgx.Tx, o *record, escalated bool) error {
	if o.Body == "" {
		return nil
	}
	ids, ok := w.above[o.Body]
	if !ok {
		rows, err := tx.Query(ctx, `with recursive up as (select id, parent, email, 1 as n from bodies where name = $1
				union all select b.id, b.parent, b.email, n + 1 from bodies b join up on b.id = up.parent where n < 20)
			select id from up where email <> '' order by n`, o.Body)
		if err != nil {
			return err
		}
		if ids, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		w.above[o.Body] = ids
	}
	most := 1
	if escalated {
		most = 2
	}
	for _, id := range ids[:min(most, len(ids))] {
		w.to(id, escalated).Orders = append(w.to(id, escalated).Orders, o.ID)
	}
	return nil
}

// correct notes that a deadline was kept, where its passing was noted before a crew's phone could tell so, and has those told who were told
// otherwise.
func (o *record) correct(ctx context.Context, tx pgx.Tx, before *record, done, now time.Time) error {
	if !before.State.Open() || o.State.Open() || o.OverdueAt == nil || o.DueAt == nil || done.After(*o.DueAt) {
		return nil
	}
	if err := o.note(ctx, tx, nil, deed{At: now, Kind: DidInTime, Actor: Clock}); err != nil || o.EscalatedAt == nil {
		return err
	}
	told := warnings{above: map[string][]string{}}
	if err := told.add(ctx, tx, o, true); err != nil {
		return err
	}
	for _, x := range told.list {
		x.Escalated, x.InTime = false, true
	}
	return told.queue(ctx, tx)
}

func (w *warnings) to(body string, escalated bool) *Warning {
	for _, x := range w.list {
		if x.Body == body && x.Escalated == escalated {
			return x
		}
	}
	x := &Warning{Body: body, Escalated: escalated}
	w.list = append(w.list, x)
	return x
}

// queue has the bodies told once the transaction is committed.
func (w *warnings) queue(ctx context.Context, tx pgx.Tx) error {
	for _, x := range w.list {
		if err := notices.Queue(ctx, tx, *x); err != nil {
			return err
		}
	}
	return nil
}
