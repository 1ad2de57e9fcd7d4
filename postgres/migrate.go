package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that goose works through
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the advisory lock that one process at a time holds while it migrates.
const migrationLock = 0x7374726565747075

// Migrations returns the schema's files, in order of their names.
func Migrations() (fs.FS, error) { return fs.Sub(migrations, "migrations") }

// Migrate brings the schema of the database at url up to date, and then that of the queue of jobs in it. Processes that start together wait for
// each other; each migration is a transaction.
func Migrate(ctx context.Context, url string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer db.Close()
	holder, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer holder.Close() // ends the session where it holds the lock still
	if _, err := holder.ExecContext(ctx, `select pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for others to migrate: %w", err)
	}
	files, err := Migrations()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := migrateJobs(ctx, url); err != nil {
		return err
	}
	if _, err := holder.ExecContext(ctx, `select pg_advisory_unlock($1)`, int64(migrationLock)); err != nil {
		return fmt.Errorf("let others migrate: %w", err)
	}
	return nil
}
