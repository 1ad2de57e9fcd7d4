package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/notices"
)

// Happened is what other programs are told of a work order: what the public may read.
type Happened struct {
	ID         string      `json:"id"`
	Number     string      `json:"number"`
	Place      string      `json:"place"`          // its id; empty: none
	From       State       `json:"from,omitempty"` // of a change of state: which one it was in before
	State      State       `json:"state"`
	Actor      Actor       `json:"actor"`
	Class      crowd.Class `json:"class"`
	Severity   float64     `json:"severity"`
	Street     string      `json:"street"`
	Body       string      `json:"body"`
	Lat        float64     `json:"lat"`
	Lon        float64     `json:"lon"`
	PromotedAt time.Time   `json:"promoted_at"`
	StateAt    time.Time   `json:"state_at"`
	DueAt      *time.Time  `json:"due_at"`
	Before     string      `json:"brought_before,omitempty"` // of an escalation: the name of the body
	ExternalID string      `json:"external_id"`
	Version    int64       `json:"version"`
}

// happening is the kind of what other programs are told of a deed, empty where they are not told.
func (o *record) happening(before *record, d deed) notices.Kind {
	switch d.Kind { //nolint:exhaustive // the others are told as changes of state, if they are that
	case DidPromote:
		return notices.OrderOpened
	case DidWarn:
		return notices.OrderDueSoon
	case DidOverdue:
		return notices.OrderOverdue
	case DidEscalate:
		return notices.OrderEscalated
	case DidInTime:
		return notices.OrderInTime
	}
	if before != nil && before.State != o.State {
		return notices.OrderChanged
	}
	return ""
}

// happened tells other programs what was done with the order.
func (o *record) happened(ctx context.Context, tx pgx.Tx, before *record, d deed) error {
	kind := o.happening(before, d)
	if kind == "" {
		return nil
	}
	h := Happened{ID: o.ID, Number: o.Number, Place: deref(o.Place), State: o.State, Actor: d.Actor, Class: o.Class, Severity: o.Severity, Street: o.Street,
		Body: o.Body, PromotedAt: o.PromotedAt.UTC(), StateAt: o.StateAt.UTC(), DueAt: o.DueAt, ExternalID: o.ExternalID, Version: o.Version}
	if kind == notices.OrderChanged {
		h.From = before.State
	}
	if kind == notices.OrderEscalated {
		h.Before = d.Words.Body
	}
	err := tx.QueryRow(ctx, `select coalesce(o.lat, p.lat, 0), coalesce(o.lon, p.lon, 0) from orders o left join places p on p.id = o.place where o.id = $1`, o.ID).Scan(&h.Lat, &h.Lon)
	if err == nil {
		err = notices.Tell(ctx, tx, notices.Happening{Kind: kind, At: d.At, Data: h})
	}
	if err != nil {
		return fmt.Errorf("tell of work order %s: %w", o.ID, err)
	}
	return nil
}
