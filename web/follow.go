package web

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// followIn lets an e-mail address follow a place, in the caller's transaction; confirmed says that it has proved already
// that it wants to. What has happened so far is not told.
func followIn(ctx context.Context, tx pgx.Tx, place, email, language string, now time.Time, confirmed bool) error {
	text, hash := secret()
	var at *time.Time
	if confirmed {
		at = &now
	}
	_, err := tx.Exec(ctx, `
		insert into follows as f (place, email, language, token, secret, created_at, confirmed_at, told)
		values ($1, $2, $3, $4, $5, $6, $7, (select count(*) from place_steps where place = $1) +
			(select count(*) from order_steps s join orders o on o.id = s.order_id where o.place = $1))
		on conflict (place, email) do update set confirmed_at = coalesce(f.confirmed_at, excluded.confirmed_at)`,
		place, email, language, hash, text, now, at)
	if err != nil {
		return fmt.Errorf("follow place %s: %w", place, err)
	}
	return nil
}
