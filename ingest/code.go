package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrCode means that an enrolment code is unknown, used up or past its time.
var ErrCode = errors.New("the enrolment code is unknown, used up or past its time")

// MakeCode makes a code with which so many devices of a fleet may enrol, and returns it; only its hash is stored. A nil expires is never.
func MakeCode(ctx context.Context, pool *pgxpool.Pool, fleet string, most int, expires *time.Time, now time.Time) (string, error) {
	code, hash, err := newSecret()
	if err != nil {
		return "", err
	}
	_, err = pool.Exec(ctx, `insert into enrol_codes (hash, fleet, most, expires_at, created_at) values ($1, $2, $3, $4, $5)`, hash[:], fleet, most, expires, now)
	if err != nil {
		return "", fmt.Errorf("make an enrolment code: %w", err)
	}
	return code, nil
}

// redeem uses a code once and returns its fleet; none where there is no code.
func redeem(ctx context.Context, tx pgx.Tx, code string, now time.Time) (fleet string, err error) {
	if code == "" {
		return "", nil
	}
	hash := sha256.Sum256([]byte(code))
	err = tx.QueryRow(ctx, `update enrol_codes set used = used + 1 where hash = $1 and used < most and (expires_at is null or expires_at > $2) returning fleet`,
		hash[:], now).Scan(&fleet)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrCode
	}
	if err != nil {
		return "", fmt.Errorf("redeem an enrolment code: %w", err)
	}
	return fleet, nil
}
