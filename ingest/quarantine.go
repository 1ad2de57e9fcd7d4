package ingest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Bounds of the quarantine, so that nobody can fill the disk with it: what is kept of a payload, the newest rows, and
// how fast rows may come. Beyond the rate payloads are counted and dropped.
const (
	quarantineBytes  = 64 << 10
	quarantineRows   = 10_000
	quarantineBurst  = 2_000
	quarantinePerSec = 20
)

// quarantineTrim is after how many rows old ones are deleted.
const quarantineTrim = 100

// quarantine keeps payloads that could not be read, for the operator.
type quarantine struct {
	pool *pgxpool.Pool
	time func() time.Time

	mu    sync.Mutex
	spare float64 // rows that may be written now
	at    time.Time
}

func newQuarantine(pool *pgxpool.Pool, now func() time.Time) *quarantine {
	return &quarantine{pool: pool, time: now, spare: quarantineBurst, at: now()}
}

// keep stores the beginning of a payload, unless too many came of late.
func (q *quarantine) keep(ctx context.Context, device string, payload []byte, source, reason string) error {
	now := q.time()
	if !q.allow(now) {
		return nil
	}
	var n int64
	err := q.pool.QueryRow(ctx, `insert into quarantine (received, device, source, reason, payload) values ($1, $2, $3, $4, $5) returning n`,
		now, device, source, strings.ToValidUTF8(reason, "\uFFFD"), payload[:min(len(payload), quarantineBytes)]).Scan(&n)
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	if n%quarantineTrim == 0 {
		if _, err := q.pool.Exec(ctx, `delete from quarantine where n <= $1`, n-quarantineRows); err != nil {
			return fmt.Errorf("delete old rows: %w", err)
		}
	}
	return nil
}

func (q *quarantine) allow(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if passed := now.Sub(q.at).Seconds(); passed > 0 {
		q.spare = min(quarantineBurst, q.spare+passed*quarantinePerSec)
		q.at = now
	}
	if q.spare < 1 {
		return false
	}
	q.spare--
	return true
}
