package access

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// pause is how long who tried too often must wait, and within how long tries are counted.
const pause = 10 * time.Minute

// How often something may be tried within pause.
const (
	triesOfPair     = 5  // passwords of one account, from one address
	triesOfAccount  = 30 // of one account, from everywhere: a net of machines is stopped, one stranger stops nobody
	triesOfAddress  = 30 // of all accounts, from one address
	refusalsWritten = 60 // of one account, or of none, into the audit log
	mailsToAddress  = 3  // links to one mailbox
	mailsFrom       = 10 // links that one address asks for
)

// TooOften is returned to who tried too often.
type TooOften struct{ Wait time.Duration }

func (t TooOften) Error() string {
	return fmt.Sprintf("tried too often; wait %s", t.Wait.Round(time.Second))
}

// tried is a thing whose tries are counted.
type tried struct {
	key  []byte
	most int
}

func countTries(most int, kind string, parts ...[]byte) tried {
	h := sha256.New()
	_, _ = h.Write([]byte(kind)) // never fails
	for _, p := range parts {
		fmt.Fprintf(h, "\x00%d\x00%s", len(p), p)
	}
	return tried{h.Sum(nil), most}
}

// take counts one more try, in the database that all web processes share, and returns how many are left, or TooOften. It counts
// before anything is tried: a hundred at once do not get a hundred.
func take(ctx context.Context, q Querier, t tried, now time.Time) (left int, err error) {
	var n int
	var since time.Time
	err = q.QueryRow(ctx, `insert into attempts as a (key, n, since) values ($1, 1, $2)
		on conflict (key) do update set n = case when a.since <= $3 then 1 else a.n + 1 end, since = case when a.since <= $3 then $2 else a.since end
		returning n, since`, t.key, now, now.Add(-pause)).Scan(&n, &since)
	if err != nil {
		return 0, fmt.Errorf("count tries: %w", err)
	}
	if n > t.most {
		return 0, TooOften{max(since.Add(pause).Sub(now), time.Second)}
	}
	return t.most - n, nil
}

func forgive(ctx context.Context, q Querier, list ...tried) error {
	for _, t := range list {
		if _, err := q.Exec(ctx, `delete from attempts where key = $1`, t.key); err != nil {
			return fmt.Errorf("forget tries: %w", err)
		}
	}
	return nil
}
