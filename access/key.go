package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Scope is a part of what a person may do, which a key is given.
type Scope string

// The scopes.
const (
	ScopeRead    Scope = "read"          // what the person may see beyond the public
	ScopeOrders  Scope = "orders:write"  // everything that changes orders
	ScopeDevices Scope = "devices:write" // revoke devices
	ScopeFleet   Scope = "fleet"         // see and revoke the devices of one fleet, and nothing else: Key.Fleet
)

// Scopes returns every scope that keys may have beside others.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeOrders, ScopeDevices} }

// Scope is what a key needs for an action, empty for what no key opens: accounts, people, other keys.
func (a Action) Scope() Scope {
	switch a {
	case WorkOrders, TriageOrders, AssignOrders, Supervise:
		return ScopeOrders
	case ManageDevices:
		return ScopeDevices
	case KeepAccount, MakeKeys, Administer:
	}
	return ""
}

// ScopesOf returns the scopes that a person of a role may give to a key.
func ScopesOf(r Role) []Scope {
	if !May(r, MakeKeys) {
		return nil
	}
	out := []Scope{ScopeRead}
	for _, a := range Actions() {
		if s := a.Scope(); s != "" && May(r, a) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Key lets a program act for a person.
type Key struct {
	ID        int64
	Person    string
	Email     string // the person's
	Name      string
	Start     string // how it begins
	Scopes    []Scope
	Fleet     string // whose devices it sees and revokes, and nothing else; empty: its scopes say what it may
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	UsedAt    *time.Time // nil: never
}

// May says whether a key opens an action, to look or to write; the person must be allowed it as well.
func (k Key) May(a Action, writes bool) bool {
	need := a.Scope()
	if need == "" {
		return false
	}
	if !writes {
		need = ScopeRead
	}
	return slices.Contains(k.Scopes, need)
}

// Errors about keys.
var (
	ErrNoKey = errors.New("there is no such key")
	ErrScope = errors.New("a key cannot do what its owner may not")
)

// keyMark begins every key, so that one that was published by mistake can be found.
const keyMark = "sp_"

// MakeKey makes a key of a person and returns its text, which is stored nowhere. It returns ErrScope.
func MakeKey(ctx context.Context, tx pgx.Tx, p Person, name string, scopes []Scope, expires *time.Time, at time.Time) (Key, string, error) {
	for _, s := range scopes {
		if !slices.Contains(ScopesOf(p.Role), s) {
			return Key{}, "", ErrScope
		}
	}
	if len(scopes) == 0 {
		return Key{}, "", ErrScope
	}
	return makeKey(ctx, tx, p, Key{Name: name, Scopes: scopes, CreatedAt: at, ExpiresAt: expires})
}

// MakeFleetKey makes a key for the owner of a fleet, which sees and revokes that fleet's devices and may nothing else. It acts for a
// person who may look after all devices; others get ErrScope.
func MakeFleetKey(ctx context.Context, tx pgx.Tx, p Person, name, fleet string, expires *time.Time, at time.Time) (Key, string, error) {
	if fleet == "" || !p.May(ManageDevices) {
		return Key{}, "", ErrScope
	}
	return makeKey(ctx, tx, p, Key{Name: name, Scopes: []Scope{ScopeFleet}, Fleet: fleet, CreatedAt: at, ExpiresAt: expires})
}

func makeKey(ctx context.Context, tx pgx.Tx, p Person, k Key) (Key, string, error) {
	text, _ := Secret()
	text = keyMark + text
	k.Person, k.Email, k.Start = p.ID, p.Email, text[:len(keyMark)+5]
	err := tx.QueryRow(ctx, `insert into api_keys (person, name, start, hash, scopes, fleet, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
		k.Person, k.Name, k.Start, HashOf(text), k.Scopes, k.Fleet, k.CreatedAt, k.ExpiresAt).Scan(&k.ID)
	if err != nil {
		return k, "", fmt.Errorf("make a key: %w", err)
	}
	var words []string
	for _, s := range k.Scopes {
		words = append(words, string(s))
	}
	if k.Fleet != "" {
		words = append(words, k.Fleet)
	}
	return k, text, Record(ctx, tx, Entry{At: k.CreatedAt, Person: p.ID, Action: "key.make", What: fmt.Sprint(k.ID), Detail: strings.Join(words, " ")})
}

// RevokeKey ends a key, of the person named or, where none is, of anybody. It returns ErrNoKey.
func RevokeKey(ctx context.Context, tx pgx.Tx, by, person string, id int64, at time.Time) error {
	done, err := tx.Exec(ctx, `delete from api_keys where id = $1 and ($2 = '' or person = $2)`, id, person)
	if err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrNoKey
	}
	return Record(ctx, tx, Entry{At: at, Person: by, Action: "key.revoke", What: fmt.Sprint(id)})
}

const keyColumns = `k.id, k.person, p.email, k.name, k.start, k.scopes, k.fleet, k.created_at, k.expires_at, k.used_at`

func (k *Key) fields() []any {
	return []any{&k.ID, &k.Person, &k.Email, &k.Name, &k.Start, &k.Scopes, &k.Fleet, &k.CreatedAt, &k.ExpiresAt, &k.UsedAt}
}

// Keys returns a person's keys, or with no person everybody's, the newest first.
func Keys(ctx context.Context, q Querier, person string) ([]Key, error) {
	rows, err := q.Query(ctx, `select `+keyColumns+` from api_keys k join people p on p.id = k.person where $1 = '' or k.person = $1 order by k.id desc limit 1000`, person)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Key, error) {
		var k Key
		return k, row.Scan(k.fields()...)
	})
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return out, nil
}

// Holds returns for whom a key acts, or ErrNoKey.
func (g *Gate) Holds(ctx context.Context, text string) (Person, Key, error) {
	var p Person
	var k Key
	now := g.now()
	err := g.pool.QueryRow(ctx, `select `+personColumns+`, `+keyColumns+` from api_keys k join people p on p.id = k.person
		where k.hash = $1 and p.disabled_at is null and (k.expires_at is null or k.expires_at > $2)`, HashOf(text), now).Scan(append(p.fields(), k.fields()...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Person{}, Key{}, ErrNoKey
	}
	if err != nil {
		return Person{}, Key{}, fmt.Errorf("find a key: %w", err)
	}
	if k.UsedAt == nil || now.Sub(*k.UsedAt) >= seenEvery {
		if _, err := g.pool.Exec(ctx, `update api_keys set used_at = $2 where id = $1`, k.ID, now); err != nil {
			return Person{}, Key{}, fmt.Errorf("find a key: %w", err)
		}
	}
	return p, k, nil
}
