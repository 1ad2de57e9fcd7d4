package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Errors about enrolment codes.
var (
	ErrCode   = errors.New("the enrolment code is unknown, taken back, used up or past its time")
	ErrNoCode = errors.New("there is no such enrolment code, or it was taken back")
)

// Code lets so many devices of a fleet enrol.
type Code struct {
	ID        int64
	Fleet     string
	Start     string // how it begins
	Most      int    // devices that it lets in
	Used      int    // that it has let in
	Active    int    // of those, that may still send
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	RevokedAt *time.Time // nil: it was not taken back
}

// Good says whether a device can still enrol with a code.
func (c Code) Good(now time.Time) bool {
	return c.RevokedAt == nil && c.Used < c.Most && (c.ExpiresAt == nil || c.ExpiresAt.After(now))
}

// codeStart is how many letters of a code are kept to tell it by; the rest is 190 bits that nobody guesses.
const codeStart = 5

// MakeCode makes a code with which so many devices of a fleet may enrol, and returns it and its text; only the text's hash is stored. A
// nil expires is never.
func MakeCode(ctx context.Context, in Asker, fleet string, most int, expires *time.Time, now time.Time) (Code, string, error) {
	text, hash, err := newSecret()
	if err != nil {
		return Code{}, "", err
	}
	c := Code{Fleet: fleet, Start: text[:codeStart], Most: most, CreatedAt: now, ExpiresAt: expires}
	rows, err := in.Query(ctx, `insert into enrol_codes (hash, fleet, start, most, expires_at, created_at) values ($1, $2, $3, $4, $5, $6) returning id`,
		hash[:], c.Fleet, c.Start, c.Most, c.ExpiresAt, c.CreatedAt)
	if err == nil {
		c.ID, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
	}
	if err != nil {
		return Code{}, "", fmt.Errorf("make an enrolment code: %w", err)
	}
	return c, text, nil
}

// Codes returns the enrolment codes, the newest first.
func Codes(ctx context.Context, from Asker) ([]Code, error) {
	rows, err := from.Query(ctx, `select id, fleet, start, most, used, (select count(*) from devices d where d.code = c.id and revoked_at is null), created_at, expires_at, revoked_at
		from enrol_codes c order by id desc limit 1000`)
	if err != nil {
		return nil, fmt.Errorf("list enrolment codes: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Code, err error) {
		return c, row.Scan(&c.ID, &c.Fleet, &c.Start, &c.Most, &c.Used, &c.Active, &c.CreatedAt, &c.ExpiresAt, &c.RevokedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("list enrolment codes: %w", err)
	}
	return out, nil
}

// RevokeCode takes a code back: nobody enrols with it any more, and who has stays. It returns its fleet, or ErrNoCode.
func RevokeCode(ctx context.Context, in Asker, id int64, now time.Time) (fleet string, err error) {
	rows, err := in.Query(ctx, `update enrol_codes set revoked_at = $2 where id = $1 and revoked_at is null returning fleet`, id, now)
	if err == nil {
		fleet, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNoCode
	}
	if err != nil {
		return "", fmt.Errorf("take an enrolment code back: %w", err)
	}
	return fleet, nil
}

// redeem uses a code once and returns it and its fleet; none where there is no code.
func redeem(ctx context.Context, tx pgx.Tx, code string, now time.Time) (id *int64, fleet string, err error) {
	if code == "" {
		return nil, "", nil
	}
	hash := sha256.Sum256([]byte(code))
	err = tx.QueryRow(ctx, `update enrol_codes set used = used + 1 where hash = $1 and used < most and (expires_at is null or expires_at > $2) and revoked_at is null
		returning id, fleet`, hash[:], now).Scan(&id, &fleet)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, "", ErrCode
	}
	if err != nil {
		return nil, "", fmt.Errorf("redeem an enrolment code: %w", err)
	}
	return id, fleet, nil
}
