package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/notices"
)

// Warning is a job: a body is to be told by mail of orders whose deadlines come near, or were not kept, or that this was said of wrongly.
// Whoever knows how such a mail is worded works it.
type Warning struct {
	Body      string   `json:"body"` // its id
	Escalated bool     `json:"escalated"`
	To        string   `json:"to,omitempty"`      // the name of the body that they were brought before
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

// upper is a body on the way up the hierarchy.
type upper struct {
	ID, Name string
	Reached  bool // it has an address
}

// warnings are what bodies are to be told after a look at the deadlines: each gets one mail of it, not one for each order.
type warnings struct {
	list []*Warning
	ways map[string][]upper // by the name of the body that they begin with
}

// upwards lists a body and those above it.
func (w *warnings) upwards(ctx context.Context, tx pgx.Tx, body string) ([]upper, error) {
	if up, ok := w.ways[body]; ok || body == "" {
		return up, nil
	}
	rows, err := tx.Query(ctx, `with recursive up as (select id, parent, name, email, 1 as n from bodies where name = $1
			union all select b.id, b.parent, b.name, b.email, n + 1 from bodies b join up on b.id = up.parent where b.retired_at is null and n < 20)
		select id, name, email <> '' from up order by n`, body)
	if err != nil {
		return nil, fmt.Errorf("find the bodies above %s: %w", body, err)
	}
	up, err := pgx.CollectRows(rows, pgx.RowToStructByPos[upper])
	if err != nil {
		return nil, fmt.Errorf("find the bodies above %s: %w", body, err)
	}
	if w.ways == nil {
		w.ways = map[string][]upper{}
	}
	w.ways[body] = up
	return up, nil
}

// stations lists the bodies above, as orders are brought before them one after the other. Those without an address are passed over, unless
// none has one: programs and the record tell of it then.
func stations(up []upper) []upper {
	if len(up) == 0 {
		return nil
	}
	reached := func(u upper) bool { return u.Reached }
	if !slices.ContainsFunc(up[1:], reached) {
		return up[1:]
	}
	return slices.DeleteFunc(slices.Clone(up[1:]), func(u upper) bool { return !reached(u) })
}

// soon has the order's body told that it is due soon, or is overdue. A body without an address leaves it to the next one above that has one.
func (w *warnings) soon(ctx context.Context, tx pgx.Tx, o *record) error {
	up, err := w.upwards(ctx, tx, o.Body)
	if i := slices.IndexFunc(up, func(u upper) bool { return u.Reached }); i >= 0 {
		w.tell(Warning{Body: up[i].ID}, o.ID)
	}
	return err
}

// tell adds an order to what a body is told.
func (w *warnings) tell(of Warning, order string) {
	for _, x := range w.list {
		if x.Body == of.Body && x.Escalated == of.Escalated && x.To == of.To && x.InTime == of.InTime {
			x.Orders = append(x.Orders, order)
			return
		}
	}
	of.Orders = []string{order}
	w.list = append(w.list, &of)
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
