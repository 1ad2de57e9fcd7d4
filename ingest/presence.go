package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Connection is one connection of a device to any node: the newest has the highest number, and what an older one
// says of presence, such as a will that comes late, does not count. Number 0 is a connection to a broker that is not ours
// and keeps their order itself.
type Connection struct {
	Device string
	Number int64
}

// maxStatusBytes bounds a status that is kept.
const maxStatusBytes = 4 << 10

// Open authenticates a device and begins its newest connection. It returns ErrUnauthorized where the device is unknown
// or revoked or the secret wrong, ErrUnavailable where that cannot be told.
func Open(ctx context.Context, pool *pgxpool.Pool, device, secret string) (Connection, error) {
	if !wire.ValidDevice(device) {
		return Connection{}, ErrUnauthorized
	}
	c := Connection{Device: device}
	// What is compared is a hash: how long that takes tells nothing of the secret.
	hash := sha256.Sum256([]byte(secret))
	err := pool.QueryRow(ctx, `update devices set connection = connection + 1, former_sha256 = case when secret_sha256 = $2 then null else former_sha256 end
		where id = $1 and $2 in (secret_sha256, former_sha256) and revoked_at is null returning connection`, device, hash[:]).Scan(&c.Number)
	if errors.Is(err, pgx.ErrNoRows) {
		return Connection{}, ErrUnauthorized
	}
	if err != nil {
		return Connection{}, fmt.Errorf("%w: open a device's connection: %w", ErrUnavailable, err)
	}
	return c, nil
}

// SetStatus keeps what a device says of itself, a JSON object with a member online. Anything else is ignored, and so
// is an older connection.
func SetStatus(ctx context.Context, pool *pgxpool.Pool, c Connection, status []byte, now time.Time) error {
	var said struct{ Online bool }
	if len(status) > maxStatusBytes || json.Unmarshal(status, &said) != nil {
		return nil //nolint:nilerr // what a device says wrongly of itself is ignored
	}
	_, err := pool.Exec(ctx, `update devices set online = $3, status = $4::text::jsonb, status_at = $5 where id = $1 and ($2::bigint = 0 or connection = $2)`,
		c.Device, c.Number, said.Online, string(status), now)
	if isData(err) { // text that jsonb cannot hold
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: keep a device's status: %w", ErrUnavailable, err)
	}
	return nil
}

// Close notes that connections have ended.
func Close(ctx context.Context, pool *pgxpool.Pool, ended []Connection, now time.Time) error {
	devices, numbers := make([]string, len(ended)), make([]int64, len(ended))
	for i, c := range ended {
		devices[i], numbers[i] = c.Device, c.Number
	}
	_, err := pool.Exec(ctx, `update devices d set online = false, status_at = $3 from unnest($1::text[], $2::bigint[]) as u (id, connection)
		where d.id = u.id and d.connection = u.connection and d.online`, devices, numbers, now)
	if err != nil {
		return fmt.Errorf("close devices' connections: %w", err)
	}
	return nil
}

// RevokedSince returns the devices revoked at a time or later.
func RevokedSince(ctx context.Context, pool *pgxpool.Pool, since time.Time) ([]string, error) {
	rows, err := pool.Query(ctx, `select id from devices where revoked_at >= $1`, since)
	if err != nil {
		return nil, fmt.Errorf("list revoked devices: %w", err)
	}
	devices, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list revoked devices: %w", err)
	}
	return devices, nil
}
