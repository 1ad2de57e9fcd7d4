package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Ballot is a vote with who casts it. Voter and House are keyed hashes that the caller makes of a cookie and of an
// address; crowd never sees either.
type Ballot struct {
	Place        string
	Vote         Vote
	Voter, House []byte
	At           time.Time
}

// How much one person, and one address, may say of one place.
const (
	changesPerDay  = 3 // times that a voter may say something about a place within a day
	votersPerHouse = 3 // voters of one address that count at a place
)

// Errors of Cast.
var (
	ErrVote      = errors.New("no such vote")
	ErrVoted     = errors.New("this voter has said enough about this place for today")
	ErrHouseFull = errors.New("enough people of this address have voted on this place")
)

// Cast counts a vote, in the caller's transaction, and weighs the belief in the place anew. It moves no place: whether one
// is work is asked only when a device has said something. Saying the same again changes nothing. It returns ErrVote,
// ErrVoted, ErrHouseFull, or ErrNotFound where no such place exists.
func Cast(ctx context.Context, tx pgx.Tx, b Ballot) error {
	if !slices.Contains(Votes(), b.Vote) {
		return ErrVote
	}
	var epoch int64
	// The locks in the order of judging: the epoch, then the region.
	err := tx.QueryRow(ctx, `
		with held as materialized (select pg_advisory_xact_lock_shared($1))
		select hour from held, epoch`, lockEpoch).Scan(&epoch)
	if errors.Is(err, pgx.ErrNoRows) {
		epoch = epochOf(b.At) // nothing was judged yet
	} else if err != nil {
		return fmt.Errorf("vote on place %s: %w", b.Place, err)
	}
	s, repaired, err := lockSite(ctx, tx, b.Place)
	if err != nil {
		return err
	}
	was, err := allowed(ctx, tx, b, repaired)
	if err != nil || was == b.Vote {
		return err
	}
	if _, err := tx.Exec(ctx, `insert into votes (place, kind, replaces, at, epoch, voter, house) values ($1, $2, $3, $4, $5, $6, $7)`,
		b.Place, b.Vote, was, b.At, epoch, b.Voter, b.House); err != nil {
		return fmt.Errorf("vote on place %s: %w", b.Place, err)
	}
	s.vote(b.Vote, was)
	return s.saveVote(ctx, tx, epoch)
}

// lockSite reads what votes change of a place, and keeps everybody else from its region until the transaction ends.
func lockSite(ctx context.Context, tx pgx.Tx, place string) (*site, *time.Time, error) {
	if err := holdRegionOf(ctx, tx, place); err != nil {
		return nil, nil, err
	}
	s := &site{}
	var repaired *time.Time
	var estimate []byte
	err := scanPlace(tx.QueryRow(ctx, `select `+placeColumns+`, repaired_at, estimate, votes_known, votes_absent, votes_repaired
		from places where id = $1`, place), &s.Place, &repaired, &estimate, &s.poll.Known, &s.poll.Absent, &s.poll.Repaired)
	if errors.Is(err, pgx.ErrNoRows) { // it was joined with another meanwhile
		return nil, nil, ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	if repaired != nil {
		s.repairedAt = *repaired
	}
	if err := s.readEstimate(estimate); err != nil {
		return nil, nil, fmt.Errorf("place %s: %w", place, err)
	}
	return s, repaired, nil
}

// allowed returns what the voter said of the place before, since it was last repaired, or why no more may be said.
func allowed(ctx context.Context, tx pgx.Tx, b Ballot, repaired *time.Time) (was Vote, err error) {
	var today, others int
	err = tx.QueryRow(ctx, `
		with here as materialized (select v.* from names_of($1) as place join votes v using (place) where voter is not null)
		select coalesce((select kind from here where voter = $2 and ($5::timestamptz is null or at > $5) order by n desc limit 1), ''),
			(select count(*) from here where voter = $2 and at > $4),
			(select count(distinct voter) from here where house = $3 and voter <> $2)`,
		b.Place, b.Voter, b.House, b.At.Add(-24*time.Hour), repaired).Scan(&was, &today, &others)
	switch {
	case err != nil:
		return "", fmt.Errorf("vote on place %s: %w", b.Place, err)
	case was == b.Vote:
		return was, nil
	case today >= changesPerDay:
		return "", ErrVoted
	case was == "" && others >= votersPerHouse:
		return "", ErrHouseFull
	}
	return was, nil
}

func (s *site) saveVote(ctx context.Context, tx pgx.Tx, epoch int64) error {
	belief, err := json.Marshal(storedBelief(s.Belief))
	if err != nil {
		return fmt.Errorf("place %s: %w", s.ID, err)
	}
	_, err = tx.Exec(ctx, `
		with told as (insert into touched (epoch, place) values ($1, $2)),
		said as (select pg_notify($3, json_build_object('kind', 'place', 'id', $2::text, 'place', $2::text, 'state', $4::text)::text))
		update places set belief = translate($5, '[]', '{}')::real[], class = $6, estimate = $7, votes_known = $8, votes_absent = $9,
			votes_repaired = $10 from said where id = $2`,
		epoch, s.ID, Changes, s.State, string(belief), s.Class, s.estimate(), s.poll.Known, s.poll.Absent, s.poll.Repaired)
	if err != nil {
		return fmt.Errorf("vote on place %s: %w", s.ID, err)
	}
	return nil
}

// PollOf returns what people say of a place, and what the voter with the hash says, empty where that is nothing.
func PollOf(ctx context.Context, pool *pgxpool.Pool, place string, voter []byte) (Poll, Vote, error) {
	var p Poll
	var mine Vote
	err := pool.QueryRow(ctx, `
		select votes_known, votes_absent, votes_repaired,
			coalesce((select kind from votes v where v.place in (select names_of(p.id)) and voter = $2 and (p.repaired_at is null or at > p.repaired_at) order by n desc limit 1), '')
		from places p where id = $1`, place, voter).Scan(&p.Known, &p.Absent, &p.Repaired, &mine)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, "", ErrNotFound
	}
	if err != nil {
		return p, "", fmt.Errorf("votes on place %s: %w", place, err)
	}
	return p, mine, nil
}

// ForgetVoters drops, in the caller's transaction, who cast the votes before a time; what was said stays.
func ForgetVoters(ctx context.Context, tx pgx.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `update votes set voter = null, house = null where at < $1 and voter is not null`, before)
	return wrap(err, "forget voters")
}

// Said is what a voter says of a place.
type Said struct {
	Place string
	Vote  Vote
	At    time.Time
}

// SaidBy returns what a voter says of places, the newest first: at most limit of them, and none from before voters were forgotten.
func SaidBy(ctx context.Context, pool *pgxpool.Pool, voter []byte, limit int) ([]Said, error) {
	rows, err := pool.Query(ctx, `select place, kind, at from (select distinct on (place) place, kind, at, n from votes where voter = $1 order by place, n desc) v
		order by n desc limit $2`, voter, limit)
	if err != nil {
		return nil, fmt.Errorf("read a voter's votes: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Said, error) {
		var s Said
		return s, row.Scan(&s.Place, &s.Vote, &s.At)
	})
	return out, wrap(err, "read a voter's votes")
}

// JoinVoters makes what one voter said another's, who is the same person, in the caller's transaction. Where both spoke of a
// place, both stay: what was counted is not taken back.
func JoinVoters(ctx context.Context, tx pgx.Tx, from, to []byte) error {
	_, err := tx.Exec(ctx, `update votes v set voter = $2 where voter = $1 and not exists (select 1 from votes o where o.voter = $2 and o.place = v.place)`, from, to)
	return wrap(err, "join voters")
}

// ForgetVoter drops, in the caller's transaction, that it was this voter who said something; what was said stays.
func ForgetVoter(ctx context.Context, tx pgx.Tx, voter []byte) error {
	_, err := tx.Exec(ctx, `update votes set voter = null, house = null where voter = $1`, voter)
	return wrap(err, "forget a voter")
}

// readVotes reads the votes among the steps that rebuild repeats.
func readVotes(ctx context.Context, tx pgx.Tx, after int64) ([]taken, error) {
	rows, err := tx.Query(ctx, `select n, place, kind, at, replaces, epoch from votes where n > $1 order by n`, after)
	if err != nil {
		return nil, fmt.Errorf("read votes: %w", err)
	}
	votes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (taken, error) {
		t := taken{vote: true}
		return t, row.Scan(&t.n, &t.place, &t.kind, &t.at, &t.replaces, &t.epoch)
	})
	return votes, wrap(err, "read votes")
}

// vote does to a place in memory what Cast does in the database.
func (r *Rehearsal) vote(t taken) {
	if t.epoch > r.epoch && r.epoch > 0 {
		r.pass(t.epoch)
	}
	if s := r.site(t.place); s != nil {
		s.vote(Vote(t.kind), Vote(t.replaces))
		r.fresh = true
	}
}
