package ingest

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// WatchChannel is where new watch lists are announced, by region in decimal (package crowd).
const WatchChannel = "streetpulse_watch"

// WatchLists publishes the stored watch lists, each version once. Lists live in the database: every node has the same.
type WatchLists struct {
	publish func(region string, payload []byte) error
	known   map[int64]int64 // the version of each region's list that is published
}

// NewWatchLists returns lists of which none is published yet. The region that publish is called with is an H3 cell of
// resolution 7 in its 15 hexadecimal digits.
func NewWatchLists(publish func(region string, payload []byte) error) *WatchLists {
	return &WatchLists{publish: publish, known: map[int64]int64{}}
}

// Asker is what lists are read through: a pool, or a connection.
type Asker interface {
	Query(ctx context.Context, query string, arguments ...any) (pgx.Rows, error)
}

// Publish publishes one region's list, or all where only is nil, where it is another than the one that is published.
func (l *WatchLists) Publish(ctx context.Context, from Asker, only *int64) error {
	rows, err := from.Query(ctx, `select region, version, payload from watch_lists where $1::bigint is null or region = $1`, only)
	if err != nil {
		return fmt.Errorf("read watch lists: %w", err)
	}
	var region, version int64
	var payload []byte
	_, err = pgx.ForEachRow(rows, []any{&region, &version, &payload}, func() error {
		if had, ok := l.known[region]; ok && had == version {
			return nil
		}
		if err := l.publish(strconv.FormatInt(region, 16), append([]byte(nil), payload...)); err != nil {
			return err
		}
		l.known[region] = version
		return nil
	})
	if err != nil {
		return fmt.Errorf("read watch lists: %w", err)
	}
	return nil
}
