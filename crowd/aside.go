package crowd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrCounted is returned for a repair that is taken back too late: what was said before it is gone.
var ErrCounted = errors.New("what was said before the repair is gone")

// keptAside is for how long what was said before a repair is kept, so that the repair can be taken back.
const keptAside = 48 * time.Hour

// aside is what was known of a place when it was repaired.
type aside struct {
	accounts   map[string]*account
	order      []string
	verdict    Class
	repairedAt time.Time
	poll       Poll
}

// repair has evidence count anew, and puts aside what was known, with the verdict before.
func (s *site) repair(at time.Time, before Class) {
	s.aside = &aside{s.accounts, s.order, before, s.repairedAt, s.poll}
	s.repairedAt, s.poll = at, Poll{}
	s.accounts, s.order = map[string]*account{}, nil
}

// unrepair has the place be as if it had not been repaired: what was said before counts again, beside what was said since.
func (s *site) unrepair() {
	was := s.aside
	if was == nil {
		s.repairedAt = time.Time{}
		return
	}
	s.aside = nil
	s.repairedAt = was.repairedAt
	s.poll.add(was.poll)
	for _, d := range was.order {
		s.add(d, was.accounts[d])
	}
}

// putAside keeps what is known of a place that is repaired.
func putAside(ctx context.Context, tx pgx.Tx, place string) error {
	for _, sql := range []string{
		`delete from put_aside where place = $1`,
		`insert into put_aside (place, verdict, repaired_at, votes_known, votes_absent, votes_repaired)
			select id, verdict, repaired_at, votes_known, votes_absent, votes_repaired from places where id = $1`,
		`insert into put_aside_evidence (` + accountColumns + `) select ` + accountColumns + ` from evidence where place = $1`,
	} {
		if _, err := tx.Exec(ctx, sql, place); err != nil {
			return fmt.Errorf("put aside what is known of place %s: %w", place, err)
		}
	}
	return nil
}

// dropAside drops what has been put aside for longer than a repair can be taken back.
func dropAside(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `delete from put_aside where at < now() - $1::interval`, keptAside)
	return wrap(err, "drop what was said before repairs")
}

// TakeBackRepair notes, in the caller's transaction, that a place was not repaired after all: the verdict of the repair is withdrawn, and what
// was said before it counts again. It returns ErrCounted where that is no longer kept.
func TakeBackRepair(ctx context.Context, tx pgx.Tx, place string, at time.Time) error {
	s, err := readSite(ctx, tx, place)
	if err != nil {
		return fmt.Errorf("take back the repair of place %s: %w", place, err)
	}
	s.unrepair()
	if err := decide(ctx, tx, place, decidedUnrepaired, s.verdict, at); err != nil {
		return err
	}
	var repaired *time.Time
	if !s.repairedAt.IsZero() {
		repaired = &s.repairedAt
	}
	b := &pgx.Batch{}
	b.Queue(`update places set repaired_at = $2, votes_known = $3, votes_absent = $4, votes_repaired = $5 where id = $1`,
		place, repaired, s.poll.Known, s.poll.Absent, s.poll.Repaired)
	var epoch int64
	if err := tx.QueryRow(ctx, `select hour from epoch`).Scan(&epoch); err != nil && !isNone(err) {
		return fmt.Errorf("take back the repair of place %s: %w", place, err)
	}
	queueEvidence(b, []*site{s}, epoch)
	b.Queue(`delete from put_aside where place = $1`, place)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("take back the repair of place %s: %w", place, err)
	}
	return nil
}

// readSite reads a place with what was put aside; its verdict is the one before the repair.
func readSite(ctx context.Context, tx pgx.Tx, place string) (*site, error) {
	was := &aside{}
	var repaired *time.Time
	err := tx.QueryRow(ctx, `select verdict, repaired_at, votes_known, votes_absent, votes_repaired from put_aside where place = $1`, place).
		Scan(&was.verdict, &repaired, &was.poll.Known, &was.poll.Absent, &was.poll.Repaired)
	if isNone(err) {
		return nil, ErrCounted
	}
	if err != nil {
		return nil, err
	}
	if repaired != nil {
		was.repairedAt = *repaired
	}
	rows, err := tx.Query(ctx, `select `+siteColumns+` from places where id = $1`, place)
	if err != nil {
		return nil, err
	}
	now, err := newCache().take(rows)
	if err != nil {
		return nil, err
	}
	if err := readAccounts(ctx, tx, now); err != nil {
		return nil, err
	}
	s := now[place]
	before := &site{Place: s.Place, anchor: s.anchor, accounts: map[string]*account{}, changed: map[string]bool{}}
	rows, err = tx.Query(ctx, `select `+accountColumns+` from put_aside_evidence where place = $1`, place)
	if err != nil {
		return nil, err
	}
	if err := takeAccounts(rows, map[string]*site{place: before}); err != nil {
		return nil, err
	}
	was.accounts, was.order = before.accounts, before.order
	s.verdict, s.aside = was.verdict, was
	return s, nil
}
