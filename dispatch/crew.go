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
	"github.com/paulmach/orb"
)

// Team is a crew: who goes to a place together.
type Team struct {
	ID       string
	Name     string
	Body     string     // whose it is, by name; may be empty
	Members  []string   // people's ids
	ClosedAt time.Time  // zero: it works
	Yard     *orb.Point // lon lat: where it sets out from; nil: not known
}

// Crews lists crews by name, those that work no more only where all are asked for.
func Crews(ctx context.Context, db querier, all bool) ([]Team, error) {
	rows, err := db.Query(ctx, `select id, name, body, closed_at, lat, lon, array(select person from crew_members m where m.crew = c.id order by person)
		from crews c where $1 or closed_at is null order by name, id`, all)
	if err != nil {
		return nil, fmt.Errorf("list crews: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Team, error) {
		var t Team
		var closed *time.Time
		var lat, lon *float64
		err := row.Scan(&t.ID, &t.Name, &t.Body, &closed, &lat, &lon, &t.Members)
		if lat != nil && lon != nil {
			t.Yard = &orb.Point{*lon, *lat}
		}
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
	rows, err := pool.Query(ctx, `select c.id from crews c join crew_members m on m.crew = c.id where m.person = $1
		and (c.closed_at is null or exists (select 1 from orders o where o.crew = c.id and `+OpenSQL+`)) order by c.name`, person)
	if err != nil {
		return nil, fmt.Errorf("list a person's crews: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// SaveCrew makes a crew, where its ID is empty, or changes one, with its members, and returns its id.
func SaveCrew(ctx context.Context, pool *pgxpool.Pool, t Team) (id string, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		id, err = KeepCrew(ctx, tx, t)
		return err
	})
	return id, err
}

// KeepCrew is SaveCrew in the caller's transaction.
func KeepCrew(ctx context.Context, tx pgx.Tx, t Team) (string, error) {
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
	var lat, lon *float64
	if t.Yard != nil {
		lat, lon = &t.Yard[1], &t.Yard[0]
	}
	_, err := tx.Exec(ctx, `insert into crews (id, name, body, closed_at, lat, lon) values ($1, $2, $3, $4, $5, $6) on conflict (id) do update
		set name = excluded.name, body = excluded.body, closed_at = excluded.closed_at, lat = excluded.lat, lon = excluded.lon`,
		t.ID, t.Name, t.Body, closed, lat, lon)
	if err == nil {
		_, err = tx.Exec(ctx, `delete from crew_members where crew = $1`, t.ID)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `insert into crew_members (crew, person) select $1, unnest($2::text[]) on conflict do nothing`, t.ID, t.Members)
	}
	if err != nil {
		return "", fmt.Errorf("save crew %s: %w", t.Name, err)
	}
	return t.ID, nil
}

// PutInCrews has a person be in these crews, by their ids, and in no others. It returns ErrUnknown where one is none.
func PutInCrews(ctx context.Context, tx pgx.Tx, person string, crews []string) error {
	crews = append([]string{}, crews...) // none is not null
	var known int
	err := tx.QueryRow(ctx, `select count(*) from crews where id = any($1)`, crews).Scan(&known)
	if err == nil && known != len(crews) {
		return fmt.Errorf("crews %s: %w", strings.Join(crews, ", "), ErrUnknown)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `delete from crew_members where person = $1 and crew <> all($2)`, person, crews)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `insert into crew_members (crew, person) select unnest($2::text[]), $1 on conflict do nothing`, person, crews)
	}
	if err != nil {
		return fmt.Errorf("put %s in crews: %w", person, err)
	}
	return nil
}
