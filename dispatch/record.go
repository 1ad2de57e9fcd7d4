package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

// record is a row of the table orders while somebody acts on it. Its JSON is that of the row, as order_actions keeps it.
type record struct {
	ID          string      `json:"id"`
	Number      string      `json:"number"`
	Place       *string     `json:"place"`
	Class       crowd.Class `json:"class"`
	Severity    float64     `json:"severity"`
	State       State       `json:"state"`
	Street      string      `json:"street"`
	StreetClass string      `json:"street_class"`
	Body        string      `json:"body"`
	PromotedAt  time.Time   `json:"promoted_at"`
	StateAt     time.Time   `json:"state_at"`
	ExternalID  string      `json:"external_id"`
	Version     int64       `json:"version"`
	Crew        *string     `json:"crew"`
	HandedAt    *time.Time  `json:"handed_at"`
	TakenAt     *time.Time  `json:"taken_at"`
	Lat         *float64    `json:"lat"`
	Lon         *float64    `json:"lon"`
	Cell        *int64      `json:"cell"`
	DuplicateOf *string     `json:"duplicate_of"`
	Recurs      *string     `json:"recurs"`
	Failed      bool        `json:"failed"`
	ClockFrom   time.Time   `json:"clock_from"`
	DueAt       *time.Time  `json:"due_at"`
	WarnedAt    *time.Time  `json:"warned_at"`
	OverdueAt   *time.Time  `json:"overdue_at"`
	EscalatedAt *time.Time  `json:"escalated_at"` // last
	EscalatedTo *string     `json:"escalated_to"` // the id of the body that it was brought before last
	EscalatesAt *time.Time  `json:"escalates_at"` // when it is brought one higher
	Verdict     crowd.Class `json:"verdict"`      // what was found at its place, as crowd has it; not written with the row

	splitFrom *string
}

// read locks a row and returns it, or ErrNotFound.
func read(ctx context.Context, tx pgx.Tx, id string) (*record, error) {
	var o record
	err := tx.QueryRow(ctx, `select id, number, place, class, severity, state, street, street_class, body, promoted_at, state_at, external_id,
		version, crew, handed_at, taken_at, lat, lon, cell, duplicate_of, recurs, failed, coalesce(clock_from, promoted_at), due_at, warned_at, overdue_at,
		escalated_at, escalated_to, escalates_at, coalesce((select verdict from places where id = orders.place), '') from orders where id = $1 for update`, id).Scan(&o.ID, &o.Number, &o.Place, &o.Class, &o.Severity, &o.State, &o.Street, &o.StreetClass, &o.Body,
		&o.PromotedAt, &o.StateAt, &o.ExternalID, &o.Version, &o.Crew, &o.HandedAt, &o.TakenAt, &o.Lat, &o.Lon, &o.Cell, &o.DuplicateOf, &o.Recurs,
		&o.Failed, &o.ClockFrom, &o.DueAt, &o.WarnedAt, &o.OverdueAt, &o.EscalatedAt, &o.EscalatedTo, &o.EscalatesAt, &o.Verdict)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read work order %s: %w", id, err)
	}
	return &o, nil
}

// write stores the row, as its next version where count is set.
func (o *record) write(ctx context.Context, tx pgx.Tx, count bool) error {
	if count {
		o.Version++
	}
	_, err := tx.Exec(ctx, `update orders set class = $2, severity = $3, state = $4, street = $5, street_class = $6, body = $7, state_at = $8, external_id = $9,
		version = $10, crew = $11, handed_at = $12, taken_at = $13, lat = $14, lon = $15, cell = $16, duplicate_of = $17, recurs = $18, failed = $19,
		clock_from = $20, due_at = $21, warned_at = $22, overdue_at = $23, escalated_at = $24, escalated_to = $25, escalates_at = $26 where id = $1`,
		o.ID, o.Class, o.Severity, o.State, o.Street, o.StreetClass, o.Body, o.StateAt, o.ExternalID, o.Version, o.Crew, o.HandedAt, o.TakenAt, o.Lat, o.Lon,
		o.Cell, o.DuplicateOf, o.Recurs, o.Failed, o.ClockFrom, o.DueAt, o.WarnedAt, o.OverdueAt, o.EscalatedAt, o.EscalatedTo, o.EscalatesAt)
	if err != nil {
		return fmt.Errorf("write work order %s: %w", o.ID, err)
	}
	return nil
}

// deed is an action as it is kept.
type deed struct {
	At     time.Time
	Kind   Kind
	Actor  Actor
	Person string
	Reason string
	Words  Words
	Batch  string
	Key    string
	Apart  bool // it is not taken back by itself
}

// counts says whether the deed makes a version: the clock's do not, or they would get in people's way.
func (d deed) counts() bool { return d.Actor != Clock }

// note writes what was done with the order, and the order itself, rates it anew and announces it.
func (o *record) note(ctx context.Context, tx pgx.Tx, before *record, d deed) error {
	if err := o.write(ctx, tx, d.counts()); err != nil {
		return err
	}
	var err error
	if d.Words.Told, err = o.tellBodies(ctx, tx, before); err != nil {
		return err
	}
	words, err := json.Marshal(d.Words)
	if err != nil {
		return fmt.Errorf("note what was done with work order %s: %w", o.ID, err)
	}
	var was []byte
	if before != nil && !d.Apart {
		if was, err = json.Marshal(before); err != nil {
			return fmt.Errorf("note what was done with work order %s: %w", o.ID, err)
		}
	}
	var key *string
	if d.Key != "" {
		key = &d.Key
	}
	if _, err := tx.Exec(ctx, `insert into order_actions (order_id, version, at, kind, actor, person, state, reason, words, before, batch, key)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		o.ID, o.Version, d.At, d.Kind, d.Actor, d.Person, o.State, d.Reason, words, was, d.Batch, key); err != nil {
		return fmt.Errorf("note what was done with work order %s: %w", o.ID, err)
	}
	if err := o.rate(ctx, tx, d.At); err != nil {
		return err
	}
	if err := o.happened(ctx, tx, before, d); err != nil {
		return err
	}
	return o.announce(ctx, tx, "work")
}

// announce tells open pages: kind work is for consoles and crews alone, order for the public as well.
func (o *record) announce(ctx context.Context, tx pgx.Tx, kind string) error {
	place := ""
	if o.Place != nil {
		place = *o.Place
	}
	news, err := json.Marshal(map[string]any{"kind": kind, "id": o.ID, "place": place, "state": o.State, "version": o.Version})
	if err != nil {
		return fmt.Errorf("announce a work order: %w", err)
	}
	if _, err := tx.Exec(ctx, `select pg_notify($1, $2)`, crowd.Changes, string(news)); err != nil {
		return fmt.Errorf("announce a work order: %w", err)
	}
	return nil
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
