package crowd

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// formVersion is raised whenever stored estimates, accounts or lessons come to mean something else or can no longer be read.
const formVersion = 12

// Upgrade computes everything again, once, where what is stored has the form of another version: as Rebuild does, from what is sealed and
// the stored events. Of what cannot be read and has no events any more the counts are left. Work orders stay as they are. It says whether there
// was anything to do. Nothing else judges meanwhile.
func Upgrade(ctx context.Context, pool *pgxpool.Pool, rules Rules) (Rebuilt, bool, error) {
	old := func(tx querier) (bool, error) {
		var version int
		err := tx.QueryRow(ctx, `select coalesce((select version from crowd_form), 0)`).Scan(&version)
		return version != formVersion, wrap(err, "read the form of what is stored")
	}
	if outdated, err := old(pool); err != nil || !outdated {
		return Rebuilt{}, false, err
	}
	var done bool
	out, err := rebuild(ctx, pool, rules, nil, func(tx pgx.Tx, r *Rehearsal, out *Rebuilt) error {
		outdated, err := old(tx) // another process may have been faster
		if err != nil || !outdated {
			return err
		}
		if out.Places > 0 || out.Different > 0 {
			done = true
			if err := r.store(ctx, tx); err != nil {
				return err
			}
			if err := keepSealed(ctx, tx); err != nil { // the log alone may come to other orders by now
				return err
			}
		}
		_, err = tx.Exec(ctx, `insert into crowd_form (version) values ($1) on conflict (single) do update set version = excluded.version`, formVersion)
		return wrap(err, "note the form of what is stored")
	})
	return out, done, err
}

// reconcile has rebuilt places keep the orders that there are: one that has an order stays what it is, and one that would have been promoted
// in hindsight waits for the next event instead. It says whether there was anything to keep.
func (r *Rehearsal) reconcile(ctx context.Context, tx pgx.Tx, sites []*site) (kept bool, err error) {
	rows, err := tx.Query(ctx, `select `+siteColumns+` from places where ordered`)
	if err != nil {
		return false, fmt.Errorf("read places with orders: %w", err)
	}
	stored := newCache()
	ordered, err := stored.take(rows)
	if err != nil {
		return false, err
	}
	for _, s := range sites {
		o := ordered[s.ID]
		switch {
		case o != nil && (!s.Ordered || s.State != o.State || !s.StateAt.Equal(o.StateAt)):
			s.Ordered, s.State, s.StateAt, s.repairedAt = true, o.State, o.StateAt, o.repairedAt
		case o == nil && s.Ordered:
			s.Ordered, s.State = false, Suspected
			s.untell(StepConfirmed)
		default:
			continue
		}
		kept = true
	}
	return kept, nil
}

// untell takes steps out of a story.
func (s *site) untell(kind StepKind) {
	var steps []Step
	s.stepCount = s.keptSteps
	for _, step := range s.steps {
		if step.Kind != kind {
			s.stepCount++
			step.N = s.stepCount
			steps = append(steps, step)
		}
	}
	s.steps = steps
}

// takeEstimate reads what estimate wrote. Where its form is none that this version knows, only the position is left, and the rest comes
// with the next event.
func (s *site) takeEstimate(b []byte) {
	if s.readEstimate(b) != nil {
		s.anchor = s.point()
	}
}

// take reads what encode wrote. Where its form is none that this version knows, the counts are left, at the place's position.
func (a *account) take(b []byte, s *site) {
	counted := *a
	if a.decode(b) == nil {
		return
	}
	*a = counted
	if a.hits > 0 {
		const sigma = 2 * deviceSigmaM
		a.precision = float64(a.hits) / (sigma * sigma)
		east, north := offset(s.anchor, s.point())
		a.east, a.north = east*a.precision, north*a.precision
	}
}
