package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Team is a crew: who goes to a place together.
type Team struct {
	ID       string
	Name     string
	Body     string    // whose it is, by name; may be empty
	Members  []string  // people's ids
	ClosedAt time.Time // zero: it works
}

// Crews lists crews by name, those that work no more only where all are asked for.
func Crews(ctx context.Context, pool *pgxpool.Pool, all bool) ([]Team, error) {
	rows, err := pool.Query(ctx, `select id, name, body, closed_at, array(select person from crew_members m where m.crew = c.id order by person)
		from crews c where $1 or closed_at is null order by name, id`, all)
	if err != nil {
		return nil, fmt.Errorf("list crews: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Team, error) {
		var t Team
		var closed *time.Time
		err := row.Scan(&t.ID, &t.Name, &t.Body, &closed, &t.Members)
		t.ClosedAt = deref(closed).UTC()
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("list crews: %w", err)
	}
	return list, nil
}

// CrewsOf lists the ids of the crews that a person is in.
func CrewsOf(ctx context.Context, pool *pgxpool.Pool, person string) ([]string, error) {
	rows, err := pool.Query(ctx, `select c.id from crews c join crew_members m on m.crew = c.id where m.person = $1 and c.closed_at is null order by c.name`, person)
	if err != nil {
		return nil, fmt.Errorf("list a person's crews: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// SaveCrew makes a crew, where its ID is empty, or changes one, with its members, and returns its id.
func SaveCrew(ctx context.Context, pool *pgxpool.Pool, t Team) (string, error) {
	t.Name = strings.TrimSpace(t.Name)
	if t.Name == "" {
		return "", errors.New("a crew has a name")
	}
	if t.ID == "" {
		t.ID = strings.ToLower(rand.Text()[:12])
	}
	var closed *time.Time
	if !t.ClosedAt.IsZero() {
		closed = &t.ClosedAt
	}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into crews (id, name, body, closed_at) values ($1, $2, $3, $4)
			on conflict (id) do update set name = excluded.name, body = excluded.body, closed_at = excluded.closed_at`, t.ID, t.Name, t.Body, closed); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from crew_members where crew = $1`, t.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into crew_members (crew, person) select $1, unnest($2::text[]) on conflict do nothing`, t.ID, t.Members)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("save crew %s: %w", t.Name, err)
	}
	return t.ID, nil
}
