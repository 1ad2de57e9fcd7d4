package postgres

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// jobs is what brings the tables of the queue of jobs (River) up to date. They are River's own: its migrations come with the library, and
// follow ours. A nil pool can say which there are.
func jobs(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("read the migrations of the queue of jobs: %w", err)
	}
	return m, nil
}

// JobsVersion is the last of River's migrations.
func JobsVersion() (int, error) {
	m, err := jobs(nil)
	if err != nil {
		return 0, err
	}
	last := 0
	for _, v := range m.AllVersions() {
		last = max(last, v.Version)
	}
	return last, nil
}

func migrateJobs(ctx context.Context, url string) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("migrate the queue of jobs: %w", err)
	}
	config.MaxConns = 2
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("migrate the queue of jobs: %w", err)
	}
	defer pool.Close()
	m, err := jobs(pool)
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the queue of jobs: %w", err)
	}
	return nil
}
