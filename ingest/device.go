package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/oklog/ulid/v2"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// ErrNoDevice means that there is no device with that id.
var ErrNoDevice = errors.New("there is no such device")

// ErrInvalid means that an enrolment's words cannot be kept.
var ErrInvalid = errors.New("name, app and kind hold at most 200 characters of text")

// Enrolment is what a device says of itself when it enrols. All of it is optional.
type Enrolment struct {
	Name string `json:"name,omitempty"`
	App  string `json:"app,omitempty"`
	Kind string `json:"kind,omitempty"`
	Code string `json:"-"` // of a fleet; empty: it is of none
}

// Device is one that may send, or might before it was revoked.
type Device struct {
	ID         string
	Name       string
	App        string
	Kind       string
	EnrolledAt time.Time
	RevokedAt  *time.Time
	Online     bool
	Status     []byte // the last status it sent, JSON; nil where it sent none
	StatusAt   *time.Time
}

// Enrol makes a device and returns it with its secret, which is stored nowhere: only its hash is. ErrInvalid where the
// enrolment's words are too long, ErrCode where its code is no good.
func Enrol(ctx context.Context, pool *pgxpool.Pool, e Enrolment, now time.Time) (Device, string, error) {
	const longest = 200
	for _, text := range []string{e.Name, e.App, e.Kind} {
		if utf8.RuneCountInString(text) > longest || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return Device{}, "", ErrInvalid
		}
	}
	secret, hash, err := newSecret()
	if err != nil {
		return Device{}, "", err
	}
	id, err := ulid.New(ulid.Timestamp(now), rand.Reader)
	if err != nil {
		return Device{}, "", fmt.Errorf("make a device's id: %w", err)
	}
	d := Device{ID: id.String(), Name: e.Name, App: e.App, Kind: e.Kind, EnrolledAt: now.UTC().Truncate(time.Microsecond)}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		code, fleet, err := redeem(ctx, tx, e.Code, now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into devices (id, name, app, kind, fleet, code, secret_sha256, enrolled_at) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			d.ID, d.Name, d.App, d.Kind, fleet, code, hash[:], d.EnrolledAt)
		return err
	})
	if err != nil {
		return Device{}, "", fmt.Errorf("enrol a device: %w", err)
	}
	return d, secret, nil
}

// Ensure enrols those of the devices that are unknown, without a secret: they are known to a replay and cannot log in.
func Ensure(ctx context.Context, pool *pgxpool.Pool, ids []string, at time.Time) error {
	for _, id := range ids {
		if !wire.ValidDevice(id) {
			return fmt.Errorf("enrol devices: %q cannot be a device's id", id)
		}
	}
	_, err := pool.Exec(ctx, `insert into devices (id, enrolled_at) select distinct id, $2::timestamptz from unnest($1::text[]) as u (id) order by id
		on conflict do nothing`, ids, at)
	if err != nil {
		return fmt.Errorf("enrol devices: %w", err)
	}
	return nil
}

// RevokedChannel is where revoked devices are announced, by id.
const RevokedChannel = "streetpulse_revoked"

// Doer is what something is done through: a pool, or a transaction.
type Doer interface {
	Exec(ctx context.Context, query string, arguments ...any) (pgconn.CommandTag, error)
}

// Revoke takes a device's access away. Every process refuses it within CacheAge, and brokers close its connection.
// Its events stay. It returns ErrNoDevice for an unknown one; a revoked one stays as it is.
func Revoke(ctx context.Context, in Doer, id string, now time.Time) error {
	tag, err := in.Exec(ctx, `with revoked as (update devices set revoked_at = coalesce(revoked_at, $2) where id = $1 returning id)
		select pg_notify('`+RevokedChannel+`', id) from revoked`, id, now)
	if err != nil {
		return fmt.Errorf("revoke a device: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("revoke %q: %w", id, ErrNoDevice)
	}
	return nil
}
