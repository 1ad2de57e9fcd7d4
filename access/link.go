package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// How long links in mails open.
const (
	ResetFor  = time.Hour          // that somebody asked for just now
	InviteFor = 7 * 24 * time.Hour // that somebody else sent
)

// Link is what a link in a mail opens: a choice of password, once. Person is nil where the address has no account yet.
type Link struct {
	Person *Person
	Email  string
}

// ErrLink is returned for a link that opens nothing, or nothing any more.
var ErrLink = errors.New("this link was used already, or has expired")

// Allow counts a link that somebody wants sent to an address, and returns TooOften where it is one too many.
func (g *Gate) Allow(ctx context.Context, email string, from []byte) error {
	for _, t := range []tried{countTries(mailsFrom, "mails from", from), countTries(mailsToAddress, "mails to", []byte(Small(email)))} {
		if _, err := take(ctx, g.pool, t, g.now()); err != nil {
			return err
		}
	}
	return nil
}

// MakeLink makes a link for a person, or with none for an address that wants an account, in the transaction that also posts
// its mail. It returns the link's secret.
func MakeLink(ctx context.Context, tx pgx.Tx, l Link, expires time.Time) (string, error) {
	text, hash := Secret()
	var person *string
	email := Small(l.Email)
	if l.Person != nil {
		person, email = &l.Person.ID, l.Person.Email
	}
	if _, err := tx.Exec(ctx, `insert into people_links (token, person, email, expires_at) values ($1, $2, $3, $4)`, hash, person, email, expires); err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return text, nil
}

// Opens returns what a link's secret opens, or ErrLink.
func (g *Gate) Opens(ctx context.Context, secret string) (Link, error) {
	return opens(ctx, g.pool, secret, g.now())
}

func opens(ctx context.Context, q Querier, secret string, now time.Time) (Link, error) {
	var l Link
	var id *string
	err := q.QueryRow(ctx, `select person, email from people_links where token = $1 and expires_at > $2`, HashOf(secret), now).Scan(&id, &l.Email)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, ErrLink
	}
	if err != nil {
		return l, fmt.Errorf("open a link: %w", err)
	}
	if id == nil {
		return l, nil
	}
	p, err := Find(ctx, q, *id)
	if errors.Is(err, ErrNobody) || err == nil && p.Disabled {
		return l, ErrLink
	}
	l.Person = &p
	return l, err
}

// Use sets the password that was chosen behind a link, once, and makes the account where there is none yet: of a resident,
// with a name and a language. All sessions and other links of the person end. It returns ErrLink or ErrWeak.
func (g *Gate) Use(ctx context.Context, secret, password, name, language string) (Person, error) {
	l, err := g.Opens(ctx, secret)
	if err != nil {
		return Person{}, err
	}
	if err := checkPassword(password, l.Email); err != nil {
		return Person{}, err
	}
	hash, err := g.derive(ctx, password)
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		now := g.now()
		used, err := tx.Exec(ctx, `delete from people_links where token = $1 and expires_at > $2`, HashOf(secret), now)
		if err != nil {
			return fmt.Errorf("use a link: %w", err)
		}
		if used.RowsAffected() == 0 { // somebody was faster
			return ErrLink
		}
		if l.Person != nil {
			p = *l.Person
		} else if p, err = Add(ctx, tx, "", Person{Email: l.Email, Name: name, Role: Resident, Language: language}, now); errors.Is(err, ErrKnown) {
			return ErrLink
		} else if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update people set confirmed_at = coalesce(confirmed_at, $2) where id = $1`, p.ID, now); err != nil {
			return fmt.Errorf("use a link: %w", err)
		}
		if err := forgive(ctx, tx, countTries(triesOfAccount, "account", []byte(p.Email))); err != nil {
			return err
		}
		return g.change(ctx, tx, p, hash, "")
	})
	return p, err
}

func endLinks(ctx context.Context, tx pgx.Tx, person string) error {
	if _, err := tx.Exec(ctx, `delete from people_links where person = $1`, person); err != nil {
		return fmt.Errorf("end links: %w", err)
	}
	return nil
}
