package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// lookAgain is when an order that has come to the top is looked at again: bodies change.
const lookAgain = 24 * time.Hour

// escalates says whether an open order is to be brought before the next body above.
func (o *record) escalates(works Works, now time.Time) bool {
	if o.EscalatedAt == nil {
		return !now.Before(works.EscalatesAt(*o.DueAt))
	}
	return o.EscalatesAt != nil && !now.Before(*o.EscalatesAt)
}

// escalate brings an overdue order before the next body above, one each time. It returns false where it has come to the top.
func (o *record) escalate(ctx context.Context, tx pgx.Tx, works Works, told *warnings, now time.Time) (bool, error) {
	up, err := told.upwards(ctx, tx, o.Body)
	if err != nil {
		return false, err
	}
	left := stations(up)
	left = left[1+slices.IndexFunc(left, func(u upper) bool { return u.ID == deref(o.EscalatedTo) }):]
	if len(left) == 0 && o.EscalatedAt != nil {
		again := now.Add(lookAgain)
		o.EscalatesAt = &again
		return false, o.write(ctx, tx, false)
	}
	next := works.EscalatesAt(now)
	o.EscalatedAt, o.EscalatesAt = &now, &next
	warning, words := Warning{Escalated: true}, Words{}
	if len(left) > 0 {
		o.EscalatedTo, words.Body, warning.To = &left[0].ID, left[0].Name, left[0].Name
	}
	for _, u := range slices.Concat(up[:min(1, len(up))], left[:min(1, len(left))]) {
		if warning.Body = u.ID; u.Reached {
			told.tell(warning, o.ID)
		}
	}
	return true, o.note(ctx, tx, nil, deed{At: now, Kind: DidEscalate, Actor: Clock, Words: words})
}

// forgetEscalation has the climb begin anew.
func (o *record) forgetEscalation() { o.EscalatedAt, o.EscalatedTo, o.EscalatesAt = nil, nil, nil }

// correct notes that a deadline was kept, where its passing was noted before a crew's phone could tell so, and has those told who were told
// otherwise.
func (o *record) correct(ctx context.Context, tx pgx.Tx, before *record, done, now time.Time) error {
	if !before.State.Open() || o.State.Open() || o.OverdueAt == nil || o.DueAt == nil || done.After(*o.DueAt) {
		return nil
	}
	if err := o.note(ctx, tx, nil, deed{At: now, Kind: DidInTime, Actor: Clock}); err != nil || o.EscalatedAt == nil {
		return err
	}
	var told warnings
	up, err := told.upwards(ctx, tx, o.Body)
	if err != nil {
		return err
	}
	above := stations(up)
	above = above[:1+slices.IndexFunc(above, func(u upper) bool { return u.ID == deref(o.EscalatedTo) })]
	for _, u := range slices.Concat(up[:min(1, len(up))], above) {
		if u.Reached {
			told.tell(Warning{Body: u.ID, InTime: true}, o.ID)
		}
	}
	return told.queue(ctx, tx)
}
