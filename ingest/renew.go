package ingest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// newSecret makes a device's secret and what is stored of it.
func newSecret() (secret string, hash [sha256.Size]byte, err error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", hash, fmt.Errorf("make a secret: %w", err)
	}
	secret = base64.RawURLEncoding.EncodeToString(random)
	return secret, sha256.Sum256([]byte(secret)), nil
}

// Renew gives a device a new secret in place of the one that it shows. That one stays good until the new one is first used: an
// answer that is lost on its way locks no device out. It returns ErrUnauthorized where the device is unknown or revoked, or its
// secret wrong.
func Renew(ctx context.Context, pool *pgxpool.Pool, device, secret string) (string, error) {
	fresh, hash, err := newSecret()
	if err != nil {
		return "", err
	}
	shown := sha256.Sum256([]byte(secret))
	tag, err := pool.Exec(ctx, `update devices set secret_sha256 = $3, former_sha256 = $2
		where id = $1 and $2 in (secret_sha256, former_sha256) and revoked_at is null`, device, shown[:], hash[:])
	if err != nil {
		return "", fmt.Errorf("%w: renew a device's secret: %w", ErrUnavailable, err)
	}
	if tag.RowsAffected() == 0 {
		return "", ErrUnauthorized
	}
	return fresh, nil
}
