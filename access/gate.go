package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Gate lets people in.
type Gate struct {
	pool    *pgxpool.Pool
	now     func() time.Time
	hashing chan struct{} // passwords at a time: each takes 19 MiB, usually
	cost    Cost
	nobody  string // a hash that no password matches, for people who do not exist
}

// NewGate makes a gate to the people of a database, whose passwords cost so much.
func NewGate(pool *pgxpool.Pool, now func() time.Time, cost Cost) *Gate {
	return &Gate{pool: pool, now: now, hashing: make(chan struct{}, 4), cost: cost, nobody: nobodys(cost)}
}

// Login is somebody who wants in.
type Login struct {
	Email, Password string
	From            []byte // where it comes from, as the caller tells addresses apart
	Agent           string // the browser, as it calls itself
	Old             string // the session that the browser had so far, which ends; empty: none
}

// Wrong is returned for an address and a password that do not belong together, whichever is wrong.
type Wrong struct{ Left int } // tries before a pause

func (Wrong) Error() string { return "the address and the password do not match" }

// LogIn lets somebody in and returns the token of a new session. It returns Wrong, or TooOften. Somebody who is not known costs
// as much work as a wrong password.
func (g *Gate) LogIn(ctx context.Context, l Login) (Person, string, error) {
	email, now := Small(l.Email), g.now()
	pair := countTries(triesOfPair, "pair", []byte(email), l.From)
	account := countTries(triesOfAccount, "account", []byte(email))
	left := triesOfPair
	// Whoever is over one limit does not count for the next: one address alone never closes an account to others.
	for _, t := range []tried{countTries(triesOfAddress, "address", l.From), pair, account} {
		n, err := take(ctx, g.pool, t, now)
		if err != nil {
			return Person{}, "", err
		}
		left = min(left, n)
	}
	p, stored, err := g.stored(ctx, email)
	if err != nil {
		return Person{}, "", err
	}
	known := stored != "" && !p.Disabled
	if !known {
		stored = g.nobody
	}
	ok, old, err := g.matches(ctx, stored, l.Password)
	if err != nil {
		return Person{}, "", err
	}
	if !ok || !known {
		if err := g.refused(ctx, p, now); err != nil {
			return Person{}, "", err
		}
		return Person{}, "", Wrong{left}
	}
	var fresh string
	if old {
		if fresh, err = g.derive(ctx, l.Password); err != nil {
			return Person{}, "", err
		}
	}
	var token string
	err = pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		if err := forgive(ctx, tx, pair, account); err != nil {
			return err
		}
		if fresh != "" {
			if _, err := tx.Exec(ctx, `update people set password = $2 where id = $1`, p.ID, fresh); err != nil {
				return fmt.Errorf("hash a password anew: %w", err)
			}
		}
		token, err = Begin(ctx, tx, p.ID, l.Agent, l.Old, now)
		return err
	})
	return p, token, err
}

// refused writes a login that failed into the audit log: what it was to, where that is anybody, and never what was typed. An account's are as
// many as its tries; those to nobody are written up to a number, or strangers could fill the log.
func (g *Gate) refused(ctx context.Context, p Person, now time.Time) error {
	detail := "wrong password"
	switch {
	case p.ID == "":
		detail = "no such account"
	case p.Disabled:
		detail = "kept out"
	}
	_, err := take(ctx, g.pool, countTries(refusalsWritten, "refused", []byte(p.ID)), now)
	if errors.As(err, new(TooOften)) {
		return nil
	}
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		return Record(ctx, tx, Entry{At: now, Action: "session.refuse", What: p.ID, Detail: detail})
	})
}

// stored returns who has an address and the hash of their password, empty where there is none.
func (g *Gate) stored(ctx context.Context, email string) (p Person, hash string, err error) {
	err = g.pool.QueryRow(ctx, `select `+personColumns+`, p.password from people p where email = $1`, email).Scan(append(p.fields(), &hash)...)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return p, "", fmt.Errorf("find a person: %w", err)
	}
	return p, hash, nil
}

// Check says whether a password is a person's, for what must be asked again: it counts as a try to log in.
func (g *Gate) Check(ctx context.Context, p Person, password string, from []byte) error {
	left, err := take(ctx, g.pool, countTries(triesOfPair, "pair", []byte(p.Email), from), g.now())
	if err != nil {
		return err
	}
	_, stored, err := g.stored(ctx, p.Email)
	if err != nil {
		return err
	}
	if stored == "" {
		stored = g.nobody
	}
	ok, _, err := g.matches(ctx, stored, password)
	if err == nil && !ok {
		err = Wrong{left}
	}
	return err
}

// SetPassword gives a person a password and ends all their sessions but the one with the token keep. It returns ErrWeak.
func (g *Gate) SetPassword(ctx context.Context, p Person, password, keep string) error {
	if err := checkPassword(password, p.Email); err != nil {
		return err
	}
	hash, err := g.derive(ctx, password)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error { return g.change(ctx, tx, p, hash, keep) })
}

func (g *Gate) change(ctx context.Context, tx pgx.Tx, p Person, hash, keep string) error {
	done, err := tx.Exec(ctx, `update people set password = $2 where id = $1 and disabled_at is null`, p.ID, hash)
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrNobody
	}
	if err := endAll(ctx, tx, p.ID, HashOf(keep)); err != nil {
		return err
	}
	if err := endLinks(ctx, tx, p.ID); err != nil {
		return err
	}
	return Record(ctx, tx, Entry{At: g.now(), Person: p.ID, Action: "password.set", What: p.ID})
}

// derive and matches take their turn: every password that is hashed takes memory.
func (g *Gate) derive(ctx context.Context, password string) (string, error) {
	if err := g.turn(ctx); err != nil {
		return "", err
	}
	defer func() { <-g.hashing }()
	return derive(password, g.cost), nil
}

func (g *Gate) matches(ctx context.Context, stored, password string) (ok, old bool, err error) {
	if len(password) > mostPassword {
		password = ""
	}
	if err := g.turn(ctx); err != nil {
		return false, false, err
	}
	defer func() { <-g.hashing }()
	return matches(stored, password, g.cost)
}

func (g *Gate) turn(ctx context.Context) error {
	select {
	case g.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a password's turn: %w", ctx.Err())
	}
}
