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
	former  []byte // the secret's hash before it was renewed; nil once the new one was used
	allowed bool
	at      time.Time

	enrolled, secret bool // it is known, and has a secret
}

// is says whether a secret of this hash is the device's.
func (c credential) is(hash [sha256.Size]byte) bool {
	current, former := subtle.ConstantTimeCompare(hash[:], c.hash[:]), subtle.ConstantTimeCompare(hash[:], c.former)
	return current|former == 1 && c.allowed
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
	if !known.is(hash) && known.at.Before(c.time()) { // it may have been renewed since
		if known, err = c.lookAgain(ctx, device); err != nil {
			return err
		}
	}
	if !known.is(hash) {
		return ErrUnauthorized
	}
	if known.former != nil && hash == known.hash {
		return c.forgetFormer(ctx, device, known)
	}
	return nil
}

// Owns returns nil where the secret is the device's, also when it was revoked: its owner may see and erase what is kept about it, and that
// alone. It returns ErrNoDevice where nothing is known of the device, ErrUnauthorized where the secret is wrong, and ErrUnavailable
// where that cannot be told.
func (c *Credentials) Owns(ctx context.Context, device, secret string) error {
	if !wire.ValidDevice(device) {
		return ErrNoDevice
	}
	known, err := c.lookAgain(ctx, device)
	if err != nil {
		return err
	}
	if !known.enrolled {
		return ErrNoDevice
	}
	known.allowed = known.secret
	if !known.is(sha256.Sum256([]byte(secret))) {
		return ErrUnauthorized
	}
	return nil
}

// forgetFormer makes the secret that was renewed no good any more: the new one is used.
func (c *Credentials) forgetFormer(ctx context.Context, device string, known credential) error {
	_, err := c.pool.Exec(ctx, `update devices set former_sha256 = null where id = $1 and secret_sha256 = $2`, device, known.hash[:])
	if err != nil {
		return fmt.Errorf("%w: forget a device's former secret: %w", ErrUnavailable, err)
	}
	known.former = nil
	c.keep(device, known)
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
	return c.lookAgain(ctx, device)
}

func (c *Credentials) lookAgain(ctx context.Context, device string) (credential, error) {
	known := credential{at: c.time()}
	var hash []byte
	err := c.pool.QueryRow(ctx, `select secret_sha256, former_sha256, revoked_at is null from devices where id = $1`, device).
		Scan(&hash, &known.former, &known.allowed)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return credential{}, fmt.Errorf("%w: look a device up: %w", ErrUnavailable, err)
	}
	known.enrolled = err == nil
	known.secret = copy(known.hash[:], hash) == sha256.Size
	known.allowed = known.allowed && known.secret
	c.keep(device, known)
	return known, nil
}

func (c *Credentials) keep(device string, known credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= cacheSize {
		clear(c.known)
	}
	c.known[device] = known
}

// Forget makes the next look at a device a fresh one.
func (c *Credentials) Forget(device string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, device)
}
