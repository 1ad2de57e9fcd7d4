package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/oklog/ulid/v2"
)

// Person is somebody who can log in.
type Person struct {
	ID, Email, Name string
	Role            Role
	Language        string // empty: as the browser asks
	Disabled        bool
	CreatedAt       time.Time
	SeenAt          *time.Time // last login; nil: never
	Invited         bool       // has no password yet, and no other way in
	Single          bool       // is logged in by another service
}

// May says whether a person may do something.
func (p Person) May(a Action) bool { return !p.Disabled && May(p.Role, a) }

// Called is the person's name, or the address where there is none.
func (p Person) Called() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Email
}

// Errors about people.
var (
	ErrNobody            = errors.New("there is no such person")
	ErrKnown             = errors.New("somebody with this address is known already")
	ErrLastAdministrator = errors.New("nobody else could administer this any more")
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

const personColumns = `p.id, p.email, p.name, p.role, p.language, p.disabled_at is not null, p.created_at, p.seen_at,
	p.password = '' and p.subject = '', p.subject <> ''`

func (p *Person) fields() []any {
	return []any{&p.ID, &p.Email, &p.Name, &p.Role, &p.Language, &p.Disabled, &p.CreatedAt, &p.SeenAt, &p.Invited, &p.Single}
}

// Small writes an address as it is stored: people type capitals and blanks.
func Small(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Find returns the person with an id, or ErrNobody.
func Find(ctx context.Context, q Querier, id string) (Person, error) {
	return one(q.QueryRow(ctx, `select `+personColumns+` from people p where id = $1`, id))
}

// FindEmail returns the person with an address, or ErrNobody.
func FindEmail(ctx context.Context, q Querier, email string) (Person, error) {
	return one(q.QueryRow(ctx, `select `+personColumns+` from people p where email = $1`, Small(email)))
}

func one(row pgx.Row) (Person, error) {
	var p Person
	err := row.Scan(p.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrNobody
	}
	if err != nil {
		return p, fmt.Errorf("find a person: %w", err)
	}
	return p, nil
}

// People returns those whose name or address contains a text, the staff first; at most limit of them.
func People(ctx context.Context, q Querier, text string, limit int) ([]Person, error) {
	rows, err := q.Query(ctx, `select `+personColumns+` from people p
		where $1 = '' or strpos(p.email, lower($1)) > 0 or strpos(lower(p.name), lower($1)) > 0
		order by array_position(array['administrator','supervisor','dispatcher','crew','resident'], p.role), p.email limit $2`, text, limit)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Person, error) {
		var p Person
		return p, row.Scan(p.fields()...)
	})
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return out, nil
}

// Add adds a person without a password, in the caller's transaction; by is who does it. It returns ErrKnown where the
// address is somebody's.
func Add(ctx context.Context, tx pgx.Tx, by string, p Person, at time.Time) (Person, error) {
	p.ID, p.Email, p.CreatedAt, p.Invited = ulid.Make().String(), Small(p.Email), at, true
	added, err := tx.Exec(ctx, `insert into people (id, email, name, role, language, created_at) values ($1, $2, $3, $4, $5, $6) on conflict (email) do nothing`,
		p.ID, p.Email, p.Name, p.Role, p.Language, at)
	if err != nil {
		return p, fmt.Errorf("add a person: %w", err)
	}
	if added.RowsAffected() == 0 {
		return p, ErrKnown
	}
	return p, Record(ctx, tx, Entry{At: at, Person: by, Action: "person.add", What: p.ID, Detail: string(p.Role)})
}

// Rename sets what a person is called and the language they are written to in.
func Rename(ctx context.Context, tx pgx.Tx, by, id, name, language string, at time.Time) error {
	done, err := tx.Exec(ctx, `update people set name = $2, language = $3 where id = $1`, id, name, language)
	if err != nil {
		return fmt.Errorf("rename a person: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrNobody
	}
	return Record(ctx, tx, Entry{At: at, Person: by, Action: "person.name", What: id})
}

// SetRole changes what a person may do. All their sessions end: what is open was opened under the old role. It returns
// ErrLastAdministrator where nobody would be left who can undo it.
func SetRole(ctx context.Context, tx pgx.Tx, by, id string, r Role, at time.Time) error {
	p, err := hold(ctx, tx, id)
	if err != nil || p.Role == r {
		return err
	}
	if r != Administrator {
		if err := another(ctx, tx, p); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `update people set role = $2 where id = $1`, id, r); err != nil {
		return fmt.Errorf("change a role: %w", err)
	}
	if err := endAll(ctx, tx, id, nil); err != nil {
		return err
	}
	return Record(ctx, tx, Entry{At: at, Person: by, Action: "person.role", What: id, Detail: string(p.Role) + " to " + string(r)})
}

// Disable keeps a person out from this moment on: sessions and links end, keys no longer open. Enable lets them in again.
func Disable(ctx context.Context, tx pgx.Tx, by, id string, at time.Time) error {
	p, err := hold(ctx, tx, id)
	if err != nil || p.Disabled {
		return err
	}
	if err := another(ctx, tx, p); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update people set disabled_at = $2 where id = $1`, id, at); err != nil {
		return fmt.Errorf("disable a person: %w", err)
	}
	if err := endAll(ctx, tx, id, nil); err != nil {
		return err
	}
	if err := endLinks(ctx, tx, id); err != nil {
		return err
	}
	return Record(ctx, tx, Entry{At: at, Person: by, Action: "person.disable", What: id})
}

// Enable lets a person in again.
func Enable(ctx context.Context, tx pgx.Tx, by, id string, at time.Time) error {
	p, err := hold(ctx, tx, id)
	if err != nil || !p.Disabled {
		return err
	}
	if _, err := tx.Exec(ctx, `update people set disabled_at = null where id = $1`, id); err != nil {
		return fmt.Errorf("enable a person: %w", err)
	}
	return Record(ctx, tx, Entry{At: at, Person: by, Action: "person.enable", What: id})
}

// Erase deletes a person with sessions, links and keys. The audit log keeps the id, which then means nothing.
func Erase(ctx context.Context, tx pgx.Tx, by, id string, at time.Time) error {
	p, err := hold(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := another(ctx, tx, p); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `delete from people where id = $1`, id); err != nil {
		return fmt.Errorf("erase a person: %w", err)
	}
	return Record(ctx, tx, Entry{At: at, Person: by, Action: "person.erase", What: id})
}

// lockPeople is held by who changes what somebody may do, so that two of them cannot take each other out at once.
const lockPeople = 0x7065_6f70_6c65

// hold reads a person whom nobody else changes until the transaction ends.
func hold(ctx context.Context, tx pgx.Tx, id string) (Person, error) {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(lockPeople)); err != nil {
		return Person{}, fmt.Errorf("wait for who changes people: %w", err)
	}
	return Find(ctx, tx, id)
}

// another returns ErrLastAdministrator where a person is the only one that administers.
func another(ctx context.Context, tx pgx.Tx, p Person) error {
	if p.Role != Administrator || p.Disabled {
		return nil
	}
	var others bool
	err := tx.QueryRow(ctx, `select exists (select 1 from people where role = $1 and disabled_at is null and id <> $2)`, Administrator, p.ID).Scan(&others)
	if err != nil {
		return fmt.Errorf("look for another administrator: %w", err)
	}
	if !others {
		return ErrLastAdministrator
	}
	return nil
}

// CalledByID returns what the people of these ids are called, those that there are.
func CalledByID(ctx context.Context, q Querier, ids []string) (map[string]string, error) {
	rows, err := q.Query(ctx, `select id, case when name <> '' then name else email end from people where id = any($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("name people: %w", err)
	}
	out := map[string]string{}
	var id, name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error { out[id] = name; return nil })
	if err != nil {
		return nil, fmt.Errorf("name people: %w", err)
	}
	return out, nil
}
