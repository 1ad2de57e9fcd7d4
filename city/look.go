package city

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Look is how the city's pages look.
type Look struct {
	Accent        string // #rrggbb, small; empty: as delivered
	Logo          bool   // there is one: Logo returns it
	Width, Height int    // of the logo, pixels
	Version       int64  // counts changes: who changes it says which one they saw
}

// LoadLook reads the look.
func LoadLook(ctx context.Context, db Querier) (Look, error) { return loadLook(ctx, db, "") }

func loadLook(ctx context.Context, db Querier, lock string) (l Look, err error) {
	err = db.QueryRow(ctx, `select accent, logo is not null, width, height, version from look`+lock).Scan(&l.Accent, &l.Logo, &l.Width, &l.Height, &l.Version)
	if err != nil {
		return l, fmt.Errorf("read the city's look: %w", err)
	}
	return l, nil
}

// Logo returns the logo as a PNG, nil where there is none.
func Logo(ctx context.Context, db Querier) (png []byte, err error) {
	if err = db.QueryRow(ctx, `select logo from look`).Scan(&png); err != nil {
		return nil, fmt.Errorf("read the city's logo: %w", err)
	}
	return png, nil
}

// ChangeLook stores a look in the caller's transaction and announces it on a channel when it commits; l.Version is the one that was seen. A
// logo (PNG) replaces the one that there is; without one l.Logo says whether that stays. It returns the look before and after, or ErrChanged
// beside the one that stands.
func ChangeLook(ctx context.Context, tx pgx.Tx, l Look, logo []byte, channel string) (before, after Look, err error) {
	if before, err = loadLook(ctx, tx, ` for update`); err != nil {
		return before, l, err
	}
	if before.Version != l.Version {
		return before, before, ErrChanged
	}
	l.Version++
	switch {
	case logo != nil:
		l.Logo = true
	case l.Logo && before.Logo:
		l.Width, l.Height = before.Width, before.Height
	default:
		l.Logo, l.Width, l.Height = false, 0, 0
	}
	_, err = tx.Exec(ctx, `update look set accent = $1, logo = case when $2 then coalesce($3, logo) end, width = $4, height = $5, version = $6`,
		l.Accent, l.Logo, logo, l.Width, l.Height, l.Version)
	if err == nil {
		_, err = tx.Exec(ctx, `select pg_notify($1, json_build_object('kind', $2::text)::text)`, channel, Announced)
	}
	if err != nil {
		return before, l, fmt.Errorf("store the city's look: %w", err)
	}
	return before, l, nil
}
