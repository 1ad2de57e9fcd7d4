package access

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Entry is one line of the audit log: who did what to what. It names people by their ids.
type Entry struct {
	N      int64 // its place in the log
	At     time.Time
	Person string // empty: the command line, or nobody who is known
	Action string // as in "order.dismiss"
	What   string // the id of what it was done to
	Detail string // more of it, in a few words; no addresses, no secrets
}

// Record adds a line to the audit log, in the caller's transaction: what was not done leaves none.
func Record(ctx context.Context, tx pgx.Tx, e Entry) error {
	_, err := tx.Exec(ctx, `insert into audit (at, person, action, what, detail) values ($1, $2, $3, $4, $5)`, e.At, e.Person, e.Action, e.What, e.Detail)
	if err != nil {
		return fmt.Errorf("write to the audit log: %w", err)
	}
	return nil
}

func filled(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Search says which lines of the audit log are wanted; what is empty is not asked.
type Search struct {
	Person string // who did it
	Action string // how the action begins
	What   string
	Text   string    // part of the detail
	From   time.Time // zero: from the first
	Till   time.Time // before this; zero: to the last
	Before int64     // lines before this one; 0: from the newest
	Limit  int
}

const searchSQL = ` from audit where ($1 = '' or person = $1) and ($2 = '' or starts_with(action, $2)) and ($3 = '' or what = $3) and ($4 = 0 or n < $4)
	and ($5 = '' or strpos(lower(detail), lower($5)) > 0) and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)`

func (s Search) args() []any {
	return []any{s.Person, s.Action, s.What, s.Before, s.Text, filled(s.From), filled(s.Till)}
}

// CountLog counts the lines of the audit log that are wanted, whatever the limit.
func CountLog(ctx context.Context, q Querier, s Search) (n int, err error) {
	if err := q.QueryRow(ctx, `select count(*)`+searchSQL, s.args()...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the audit log: %w", err)
	}
	return n, nil
}

// Log returns lines of the audit log, the newest first.
func Log(ctx context.Context, q Querier, s Search) ([]Entry, error) {
	rows, err := q.Query(ctx, `select n, at, person, action, what, detail`+searchSQL+` order by n desc limit $8`, append(s.args(), s.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		return e, row.Scan(&e.N, &e.At, &e.Person, &e.Action, &e.What, &e.Detail)
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return out, nil
}
