package postgres

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options say which database to use.
type Options struct {
	URL string       // a server of the operator's; empty: the private server
	Dir string       // the data folder, for the private server
	Log *slog.Logger // nil: no log
}

// Database is an open, migrated database.
type Database struct {
	Pool *pgxpool.Pool
	URL  string

	server *server // nil: not a private one
	cancel context.CancelFunc
	watch  sync.WaitGroup
	once   sync.Once
	err    error
}

// Open connects to the database at URL, or to the private server of the data folder, which it starts
// where no process has started it yet, and brings its schema up to date. While the database is open a
// private server that dies is started again. Close it.
func Open(ctx context.Context, o Options) (*Database, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	watchCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &Database{URL: o.URL, cancel: cancel}
	if o.URL == "" {
		server, err := join(ctx, o.Dir, o.Log)
		if err != nil {
			cancel()
			return nil, err
		}
		d.server, d.URL = server, server.url(databaseName)
		d.watch.Go(func() { server.watch(watchCtx) })
	}
	if err := Migrate(ctx, d.URL); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	pool, err := Connect(ctx, d.URL)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.Pool = pool
	return d, nil
}

// Close ends the pool and, where no other process uses it, the private server. A second call changes nothing.
func (d *Database) Close() error {
	d.once.Do(func() {
		d.cancel()
		d.watch.Wait()
		if d.Pool != nil {
			d.Pool.Close()
		}
		if d.server != nil {
			d.err = d.server.leave()
		}
	})
	return d.err
}
