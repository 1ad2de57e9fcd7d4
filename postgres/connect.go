package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/postgres/internal/cluster"
)

// poolSize bounds a pool's connections unless the URL has pool_max_conns.
const poolSize = 16

// Connect returns a pool of connections to the database at url, which answers and is new enough. Its
// sessions are in UTC.
func Connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL should look like postgres://user:password@host:5432/name: %w", err)
	}
	if !hasPoolSize(url) {
		config.MaxConns = poolSize
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "streetpulse"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("make a pool: %w", err)
	}
	var version int
	if err := pool.QueryRow(ctx, `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
		pool.Close()
		return nil, explain(err, config.ConnConfig.Host, config.ConnConfig.Port)
	}
	if version/10000 < cluster.OldestMajor {
		pool.Close()
		return nil, fmt.Errorf("the database at %s is PostgreSQL %d: Streetpulse needs %d or later", config.ConnConfig.Host, version/10000, cluster.OldestMajor)
	}
	return pool, nil
}

func hasPoolSize(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && parsed.Query().Has("pool_max_conns")
}

// explain says what to do about a database that cannot be used.
func explain(err error, host string, port uint16) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "3D000":
			return fmt.Errorf("that database does not exist; make it with createdb: %w", err)
		case "28P01", "28000":
			return fmt.Errorf("the database refuses this user or password; check the URL: %w", err)
		case "53300":
			return fmt.Errorf("the database has no connection left; raise its max_connections: %w", err)
		}
		return fmt.Errorf("the database at %s:%d: %w", host, port, err)
	}
	return fmt.Errorf("cannot reach the database at %s:%d; is it running, and is the URL right? %w", host, port, err)
}
