package dispatch

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const mostCrewName = 80 // letters

// Version tells a crew as it is from what it was before a change, its members included. It is never 0.
func (t Team) Version() int64 {
	h := fnv.New64a()
	members := slices.Sorted(slices.Values(t.Members))
	fmt.Fprintf(h, "%q %q %t %s %q", t.Name, t.Body, t.ClosedAt.IsZero(), t.yard(), members)
	return int64(h.Sum64()>>11) | 1 // of 53 bits, which every program can hold
}

func (t Team) yard() string {
	if t.Yard == nil {
		return ""
	}
	return fmt.Sprintf("%.6f, %.6f", t.Yard.Lat(), t.Yard.Lon())
}

// ChangeCrew makes a crew or changes one, in the caller's transaction. seen is the Version of it that was seen, 0 where that does not matter. It
// returns what was before and after, a *Stale where somebody else has changed it since, or Faults.
func ChangeCrew(ctx context.Context, tx pgx.Tx, t Team, seen int64) (before, after Team, err error) {
	if _, err := tx.Exec(ctx, `lock table crews in share row exclusive mode`); err != nil {
		return before, t, fmt.Errorf("change a crew: %w", err)
	}
	all, err := Crews(ctx, tx, true)
	if err != nil {
		return before, t, err
	}
	if i := slices.IndexFunc(all, func(c Team) bool { return c.ID == t.ID }); i >= 0 {
		before = all[i]
	}
	if seen != 0 && before.Version() != seen {
		return before, t, &Stale{before.Version()}
	}
	if !before.ClosedAt.IsZero() && !t.ClosedAt.IsZero() {
		t.ClosedAt = before.ClosedAt
	}
	t.Name = strings.Join(strings.Fields(t.Name), " ")
	if faults := t.faults(all); len(faults) > 0 {
		return before, t, faults
	}
	if t.ID, err = KeepCrew(ctx, tx, t); err != nil {
		return before, t, err
	}
	return before, t, nil
}

func (t Team) faults(all []Team) (out Faults) {
	switch n := utf8.RuneCountInString(t.Name); {
	case n == 0:
		out = append(out, fault("name", "name.missing", "a crew has a name"))
	case n > mostCrewName:
		out = append(out, fault("name", "name.long", "a name has {most} letters at most", "most", mostCrewName))
	}
	if slices.ContainsFunc(all, func(c Team) bool { return c.ID != t.ID && strings.EqualFold(c.Name, t.Name) }) {
		out = append(out, fault("name", "crew.taken", "another crew has this name already"))
	}
	if y := t.Yard; y != nil && !(y.Lat() >= -90 && y.Lat() <= 90 && y.Lon() >= -180 && y.Lon() <= 180) {
		out = append(out, fault("yard", "crew.yard", "the yard is at no position on Earth"))
	}
	return out
}

// Since says in words what is different from what a crew was before, for the audit log. called says how people are called.
func (t Team) Since(before Team, called func(person string) string) string {
	var d differences
	names := func(t Team) (out []string) {
		for _, m := range t.Members {
			out = append(out, called(m))
		}
		slices.Sort(out)
		return out
	}
	closed := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return "yes"
	}
	d.add("name", before.Name, t.Name)
	d.add("body", before.Body, t.Body)
	d.add("yard", before.yard(), t.yard())
	d.addLists("members", names(before), names(t))
	d.add("retired", closed(before.ClosedAt), closed(t.ClosedAt))
	return d.String()
}

// FindCrew returns a crew, whether it works or not, or ErrUnknown.
func FindCrew(ctx context.Context, pool *pgxpool.Pool, id string) (Team, error) {
	all, err := Crews(ctx, pool, true)
	if err != nil {
		return Team{}, err
	}
	for _, t := range all {
		if t.ID == id {
			return t, nil
		}
	}
	return Team{}, fmt.Errorf("crew %q: %w", id, ErrUnknown)
}

// CrewLoads counts the open orders that each crew has, by its id.
func CrewLoads(ctx context.Context, pool *pgxpool.Pool) (map[string]int, error) {
	rows, err := pool.Query(ctx, `select o.crew, count(*) from orders o where o.crew is not null and `+OpenSQL+` group by 1`)
	if err != nil {
		return nil, fmt.Errorf("count the orders of crews: %w", err)
	}
	out := map[string]int{}
	var crew string
	var n int
	if _, err = pgx.ForEachRow(rows, []any{&crew, &n}, func() error {
		out[crew] = n
		return nil
	}); err != nil {
		return nil, fmt.Errorf("count the orders of crews: %w", err)
	}
	return out, nil
}
