package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
)

// ordered is the decision that makes an order of a place.
const ordered = "ordered"

// Review is a place of an actionable class that becomes no order by itself, or a resident's report where no place is known: a dispatcher
// decides.
type Review struct {
	crowd.Place // of a report: its id, class and position, and a severity in the middle
	Reported    bool
	ListedAt    time.Time
	Street      string
	Body        string // who would get the order
}

// toReviewSQL says what places wait for a dispatcher. What is believed to be no defect by now does not, until it is again.
const toReviewSQL = `from reviews r join places p on p.id = r.place
	where r.decided_at is null and not p.ordered and p.state <> 'dismissed' and p.class not in ('nothing', 'speed_bump')`

// Reviews lists what waits for a dispatcher, the most severe first.
func (d Desk) Reviews(ctx context.Context) ([]Review, error) {
	rows, err := d.Pool.Query(ctx, `select r.place, r.at `+toReviewSQL+` order by p.severity desc, r.place`)
	if err != nil {
		return nil, fmt.Errorf("list what is to be reviewed: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Review, error) {
		var r Review
		return r, row.Scan(&r.ID, &r.ListedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("list what is to be reviewed: %w", err)
	}
	out := list[:0]
	err = pgx.BeginTxFunc(ctx, d.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for _, r := range list {
			p, err := crowd.FindPlace(ctx, d.Pool, r.ID)
			if errors.Is(err, crowd.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			var class string
			r.Place, r.ListedAt = p, r.ListedAt.UTC()
			at := orb.Point{p.Lon, p.Lat}
			r.Street, class = d.Office.street(at, p.HeadingDeg)
			if r.Body, err = responsible(ctx, tx, at, p.Class, class); err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list what is to be reviewed: %w", err)
	}
	reports, err := d.reports(ctx)
	if err != nil {
		return nil, err
	}
	out = append(out, reports...)
	slices.SortStableFunc(out, func(a, b Review) int { return cmp.Compare(b.Severity, a.Severity) })
	return out, nil
}

// ReviewsIn lists those of them that a view narrows to, in its order: by class, body, street, severity and where they are. What only orders have, as
// a state, no place has.
func (d Desk) ReviewsIn(ctx context.Context, v View) ([]Review, error) {
	list, err := d.Reviews(ctx)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(r Review) bool { return !v.lists(r) })
	switch v.Order {
	case Newest:
		slices.SortStableFunc(list, func(a, b Review) int { return b.ListedAt.Compare(a.ListedAt) })
	case Street:
		slices.SortStableFunc(list, func(a, b Review) int { return strings.Compare(a.Street, b.Street) })
	case Worst, Deadline:
	}
	return list, nil
}

func (v View) lists(r Review) bool {
	text := strings.ToLower(strings.TrimSpace(v.Text))
	return len(v.States) == 0 && len(v.Due) == 0 && !v.Failed && (len(v.Crews) == 0 || slices.Contains(v.Crews, "-")) &&
		(len(v.Classes) == 0 || slices.Contains(v.Classes, r.Class)) && (len(v.Bodies) == 0 || slices.Contains(v.Bodies, r.Body)) &&
		r.Severity >= v.Severity && (v.Bounds == nil || v.Bounds.Contains(orb.Point{r.Lon, r.Lat})) &&
		(strings.Contains(strings.ToLower(r.Street), text) || strings.Contains(strings.ToLower(r.ID), text))
}

// AcceptReview makes an order of a place on the review list and returns its id. why is what is believed of the place now. It returns
// ErrNotFound where the place is not on the list, and ErrChanged where somebody has decided already.
func (d Desk) AcceptReview(ctx context.Context, place string, by By, why crowd.Explanation) (id string, err error) {
	err = d.retried(ctx, func(tx pgx.Tx) error {
		if err := decideReview(ctx, tx, place, by, ordered); err != nil {
			return err
		}
		if err := crowd.Ordered(ctx, tx, place, by.At); err != nil {
			return err
		}
		p, err := crowd.FindPlaceIn(ctx, tx, place)
		if err != nil {
			return err
		}
		reason := by.Reason
		if reason == "" {
			reason = "A dispatcher has looked at it."
		}
		office, err := d.Office.prefixed(ctx, tx)
		if err != nil {
			return err
		}
		c := crowd.Confirmation{Place: p, Probability: p.Belief.Of(p.Class), At: by.At, Explanation: why}
		id, err = office.promote(ctx, tx, c, Step{At: by.At, State: New, Actor: by.Actor, Reason: reason}, deed{Actor: by.Actor, Person: by.Person, Batch: by.Batch})
		if err != nil {
			return err
		}
		return d.audit(ctx, tx, by, DidPromote, id, "from the review list")
	})
	return id, err
}

// DismissReview takes a place off the review list: it is no work, and crowd hears what it is where that was said.
func (d Desk) DismissReview(ctx context.Context, place string, by By, x Dismiss) error {
	found := x.Found
	switch x.Verdict {
	case NotFound:
		found = crowd.Nothing
	case NotDefect:
	case NotOurs, Duplicate:
		found = ""
	default:
		return fmt.Errorf("verdict %q: %w", x.Verdict, ErrUnknown)
	}
	if err := x.check(); err != nil {
		return err
	}
	return d.retried(ctx, func(tx pgx.Tx) error {
		if err := decideReview(ctx, tx, place, by, string(x.Verdict)); err != nil {
			return err
		}
		if err := crowd.Settle(ctx, tx, place, crowd.Dismissed, found, by.At); err != nil {
			return err
		}
		return d.audit(ctx, tx, by, DidDismiss, place, "of the review list, "+string(x.Verdict))
	})
}

// ReviewVerdict returns the verdict with which a place was taken off the review list, empty where it was not.
func ReviewVerdict(ctx context.Context, pool *pgxpool.Pool, place string) (v Verdict, err error) {
	err = pool.QueryRow(ctx, `select decision from reviews where place = $1 and decided_at is not null and decision <> $2`, place, ordered).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read what was decided on place %s: %w", place, err)
	}
	return v, nil
}

func decideReview(ctx context.Context, tx pgx.Tx, place string, by By, decision string) error {
	if err := crowd.Hold(ctx, tx, place); err != nil {
		return err
	}
	var decided *time.Time
	var person string
	err := tx.QueryRow(ctx, `select decided_at, person from reviews where place = $1 for update`, place).Scan(&decided, &person)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("decide on place %s: %w", place, err)
	}
	if decided != nil {
		return &Changed{Number: place, Kind: DidPromote, Actor: Dispatcher, Person: person, At: *decided}
	}
	if _, err := tx.Exec(ctx, `update reviews set decided_at = $2, decision = $3, person = $4, batch = $5 where place = $1`,
		place, by.At, decision, by.Person, by.Batch); err != nil {
		return fmt.Errorf("decide on place %s: %w", place, err)
	}
	return announceReview(ctx, tx, place)
}

// announceReview tells open pages that the review list has changed.
func announceReview(ctx context.Context, tx pgx.Tx, place string) error {
	news, err := json.Marshal(map[string]string{"kind": "review", "id": place, "place": place})
	if err != nil {
		return fmt.Errorf("announce a decision: %w", err)
	}
	if _, err := tx.Exec(ctx, `select pg_notify($1, $2)`, crowd.Changes, string(news)); err != nil {
		return fmt.Errorf("announce a decision: %w", err)
	}
	return nil
}

// ReviewsOpen counts what waits for a dispatcher.
func ReviewsOpen(ctx context.Context, pool *pgxpool.Pool) (n int, err error) {
	err = pool.QueryRow(ctx, `select count(*) `+toReviewSQL).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what is to be reviewed: %w", err)
	}
	reports, err := reportsOpen(ctx, pool)
	if err != nil {
		return 0, fmt.Errorf("count what is to be reviewed: %w", err)
	}
	return n + reports, nil
}
