package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
)

// record writes what is done on the command line into the audit log, in the same transaction. Who does it is not known.
func record(ctx context.Context, tx pgx.Tx, action, what, detail string) error {
	return access.Record(ctx, tx, access.Entry{At: time.Now(), Action: action, What: what, Detail: detail})
}
