package ingest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// ErrUnauthorized means that a device is unknown or revoked, or its secret is wrong.
var ErrUnauthorized = errors.New("unknown device or wrong secret")

// CacheAge is how long a process may go on believing what it knows of a device: so soon is a revoked one refused.
const CacheAge = 5 * time.Second

// cacheSize bounds the devices remembered; beyond it all are forgotten.
const cacheSize = 50_000

// Credentials tells whether a device is who it says. It is safe for concurrent use.
type Credentials struct {
	pool *pgxpool.Pool
	time func() time.Time

	mu    sync.Mutex
	known map[string]credential
}

// credential is what was known of a device at a time.
type credential struct {
	hash    [sha256.Size]byte
	allowed bool
	at      time.Time
}

// NewCredentials returns the credentials of the database's devices; a nil now is time.Now.
func NewCredentials(pool *pgxpool.Pool, now func() time.Time) *Credentials {
	if now == nil {
		now = time.Now
	}
	return &Credentials{pool: pool, time: now, known: map[string]credential{}}
}

// Authenticate returns nil where the secret is the device's and it is not revoked, ErrUnauthorized where not, and
// ErrUnavailable where that cannot be told.
func (c *Credentials) Authenticate(ctx context.Context, device, secret string) error {
	if !wire.ValidDevice(device) {
		return ErrUnauthorized
	}
	known, err := c.look(ctx, device)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], known.hash[:]) != 1 || !known.allowed {
		return ErrUnauthorized
	}
	return nil
}

// Known returns nil where the device is enrolled, has a secret and is not revoked, ErrUnauthorized where not, and
// ErrUnavailable where that cannot be told.
func (c *Credentials) Known(ctx context.Context, device string) error {
	if !wire.ValidDevice(device) {
		return ErrUnauthorized
	}
	known, err := c.look(ctx, device)
	if err == nil && !known.allowed {
		err = ErrUnauthorized
	}
	return err
}

func (c *Credentials) look(ctx context.Context, device string) (credential, error) {
	now := c.time()
	c.mu.Lock()
	known, ok := c.known[device]
	c.mu.Unlock()
	if ok && now.Sub(known.at) < CacheAge {
		return known, nil
	}
	known = credential{at: now}
	var hash []byte
	err := c.pool.QueryRow(ctx, `select secret_sha256, revoked_at is null from devices where id = $1`, device).Scan(&hash, &known.allowed)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return credential{}, fmt.Errorf("%w: look a device up: %w", ErrUnavailable, err)
	}
	known.allowed = known.allowed && copy(known.hash[:], hash) == sha256.Size
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= cacheSize {
		clear(c.known)
	}
	c.known[device] = known
	return known, nil
}
