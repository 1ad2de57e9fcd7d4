package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/access"
)

// record writes what is done on the command line into the audit log, in the transaction that does it. Who does it is not known.
func record(ctx context.Context, tx pgx.Tx, action, what, detail string) error {
	return access.Record(ctx, tx, access.Entry{At: time.Now(), Action: action, What: what, Detail: detail})
}

// recordDone is record for what is done already, in transactions of its own.
func recordDone(ctx context.Context, pool *pgxpool.Pool, action, what, detail string) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return record(ctx, tx, action, what, detail) })
}
