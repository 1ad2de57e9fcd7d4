package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Session is one browser in which somebody is logged in.
type Session struct {
	ID                int64
	Agent             string // the browser, as it calls itself
	CreatedAt, SeenAt time.Time
	Own               bool // the one that asks
}

// ErrNoSession is returned for a token that opens nothing, or nothing any more.
var ErrNoSession = errors.New("not logged in")

// patience is how long a session of a role lives unused, and at all. Who works for the city logs in once a shift; a
// resident, who can change nothing but what is their own, about twice a year.
func patience(r Role) (idle, whole time.Duration) {
	const day = 24 * time.Hour
	if r == Resident {
		return 60 * day, 180 * day
	}
	return 14 * time.Hour, 7 * day
}

const (
	seenEvery = time.Minute // a session's last use is written down no more often
	mostAgent = 300         // bytes
)

// SecretBytes is how long a secret is, before it becomes text.
const SecretBytes = 32

// Secret returns 256 random bits as text, and their SHA-256 for the database: a slow hash buys nothing for random secrets.
func Secret() (text string, hash []byte) {
	b := make([]byte, SecretBytes)
	_, _ = rand.Read(b) // never fails
	text = base64.RawURLEncoding.EncodeToString(b)
	return text, HashOf(text)
}

// HashOf is what the database keeps of a secret.
func HashOf(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// Begin begins a session of a person, in the caller's transaction, and returns its token. It is always a new one, whatever the
// browser had before: that one, old, ends.
func Begin(ctx context.Context, tx pgx.Tx, person, agent, old string, at time.Time) (token string, err error) {
	token, hash := Secret()
	agent = strings.ToValidUTF8(agent[:min(len(agent), mostAgent)], "") // a browser may call itself anything
	if old != "" {
		if _, err := tx.Exec(ctx, `delete from sessions where token = $1`, HashOf(old)); err != nil {
			return "", fmt.Errorf("end the old session: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `insert into sessions (token, person, agent, created_at, seen_at) values ($1, $2, $3, $4, $4)`, hash, person, agent, at); err != nil {
		return "", fmt.Errorf("begin a session: %w", err)
	}
	if _, err := tx.Exec(ctx, `update people set seen_at = $2 where id = $1`, person, at); err != nil {
		return "", fmt.Errorf("begin a session: %w", err)
	}
	return token, Record(ctx, tx, Entry{At: at, Person: person, Action: "session.begin", What: person})
}

// Who returns whose session a token opens, or ErrNoSession.
func (g *Gate) Who(ctx context.Context, token string) (Person, Session, error) {
	var p Person
	s := Session{Own: true}
	hash, now := HashOf(token), g.now()
	err := g.pool.QueryRow(ctx, `select `+personColumns+`, s.id, s.agent, s.created_at, s.seen_at from sessions s join people p on p.id = s.person
		where s.token = $1 and p.disabled_at is null`, hash).Scan(append(p.fields(), &s.ID, &s.Agent, &s.CreatedAt, &s.SeenAt)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, s, ErrNoSession
	}
	if err != nil {
		return p, s, fmt.Errorf("find a session: %w", err)
	}
	if idle, whole := patience(p.Role); now.Sub(s.SeenAt) > idle || now.Sub(s.CreatedAt) > whole {
		return Person{}, Session{}, ErrNoSession
	}
	if now.Sub(s.SeenAt) >= seenEvery {
		if _, err := g.pool.Exec(ctx, `update sessions set seen_at = $2 where id = $1`, s.ID, now); err != nil {
			return p, s, fmt.Errorf("find a session: %w", err)
		}
	}
	return p, s, nil
}

// Lasts is how long the browser should keep the token of a person's session.
func Lasts(p Person) time.Duration {
	_, whole := patience(p.Role)
	return whole
}

// Sessions returns where a person is logged in, the latest used first; own is the token of the one that asks.
func (g *Gate) Sessions(ctx context.Context, p Person, own string) ([]Session, error) {
	idle, whole := patience(p.Role)
	now := g.now()
	rows, err := g.pool.Query(ctx, `select id, agent, created_at, seen_at, token = $2 from sessions where person = $1 and seen_at > $3 and created_at > $4
		order by seen_at desc, id desc`, p.ID, HashOf(own), now.Add(-idle), now.Add(-whole))
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Session, error) {
		var s Session
		return s, row.Scan(&s.ID, &s.Agent, &s.CreatedAt, &s.SeenAt, &s.Own)
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return out, nil
}

// LogOut ends the session of a token.
func (g *Gate) LogOut(ctx context.Context, token string) error {
	return pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		var person string
		err := tx.QueryRow(ctx, `delete from sessions where token = $1 returning person`, HashOf(token)).Scan(&person)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("end a session: %w", err)
		}
		return Record(ctx, tx, Entry{At: g.now(), Person: person, Action: "session.end", What: person})
	})
}

// EndSession ends one session of a person, or returns ErrNoSession.
func (g *Gate) EndSession(ctx context.Context, person string, id int64) error {
	return pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `delete from sessions where id = $1 and person = $2`, id, person)
		if err != nil {
			return fmt.Errorf("end a session: %w", err)
		}
		if done.RowsAffected() == 0 {
			return ErrNoSession
		}
		return Record(ctx, tx, Entry{At: g.now(), Person: person, Action: "session.end", What: person})
	})
}

// EndSessions ends all sessions of a person but the one with the token keep; by is who does it.
func (g *Gate) EndSessions(ctx context.Context, by, person, keep string) error {
	return pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		if err := endAll(ctx, tx, person, HashOf(keep)); err != nil {
			return err
		}
		return Record(ctx, tx, Entry{At: g.now(), Person: by, Action: "session.end.all", What: person})
	})
}

func endAll(ctx context.Context, tx pgx.Tx, person string, but []byte) error {
	if _, err := tx.Exec(ctx, `delete from sessions where person = $1 and token is distinct from $2`, person, but); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// Forget deletes what has run out: sessions, links, counts of tries.
func (g *Gate) Forget(ctx context.Context) error {
	now := g.now()
	staff, whole := patience(Crew)
	residents, wholeOfResidents := patience(Resident)
	_, err := g.pool.Exec(ctx, `delete from sessions s using people p where p.id = s.person and
		(s.seen_at < $1 or s.created_at < $2 or p.role <> 'resident' and (s.seen_at < $3 or s.created_at < $4))`,
		now.Add(-residents), now.Add(-wholeOfResidents), now.Add(-staff), now.Add(-whole))
	if err == nil {
		_, err = g.pool.Exec(ctx, `delete from people_links where expires_at < $1`, now)
	}
	if err == nil {
		_, err = g.pool.Exec(ctx, `delete from attempts where since < $1`, now.Add(-pause))
	}
	if err != nil {
		return fmt.Errorf("forget sessions and links: %w", err)
	}
	return nil
}
