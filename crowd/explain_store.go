package crowd

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/geo"
)

// Explainer explains places as they are stored. It is safe for concurrent use.
type Explainer struct {
	pool   *pgxpool.Pool
	reader *Classifier
	rules  Rules
}

// NewExplainer makes one. The rules are those that the city judges by.
func NewExplainer(pool *pgxpool.Pool, rules Rules) (*Explainer, error) {
	reader, err := StandardClassifier()
	if err != nil {
		return nil, err
	}
	return &Explainer{pool, reader, rules}, nil
}

// By returns one that goes by other rules.
func (x *Explainer) By(rules Rules) *Explainer { return &Explainer{x.pool, x.reader, rules} }

// Explain says why the place is believed now, going by what the last epoch knew of devices, and what would change that. It
// returns ErrNotFound where there is no such place.
func (x *Explainer) Explain(ctx context.Context, place string) (Explanation, error) {
	var e Explanation
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, x.pool, options, func(tx pgx.Tx) error {
		m := newMind(x.reader, x.rules)
		s, around, err := m.readSite(ctx, tx, place)
		if err != nil {
			return err
		}
		if err := m.trust.loadOf(ctx, tx, s.order); err != nil {
			return err
		}
		e = m.explain(s, around)
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("explain place %s: %w", place, err)
	}
	return e, err
}

// readSite reads a place with its accounts, and what lies around it.
func (m *mind) readSite(ctx context.Context, tx pgx.Tx, place string) (*site, []geo.Cell, error) {
	var cell int64
	err := tx.QueryRow(ctx, `select cell from places where id = $1`, place).Scan(&cell)
	if isNone(err) {
		return nil, nil, ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	around := geo.Disk(geo.Cell(cell), diskSteps)
	cells := make([]int64, len(around))
	for i, c := range around {
		cells[i] = int64(c)
	}
	if err := m.cache.known.read(ctx, tx, cells); err != nil {
		return nil, nil, err
	}
	sites, err := m.cache.read(ctx, tx, cells)
	if err != nil {
		return nil, nil, err
	}
	s := sites[place]
	if s == nil {
		return nil, nil, ErrNotFound
	}
	return s, around, readAccounts(ctx, tx, map[string]*site{place: s})
}

// loadOf brings what the last epoch knew of some devices.
func (t *trust) loadOf(ctx context.Context, tx pgx.Tx, devices []string) error {
	rows, err := tx.Query(ctx, `select `+standingColumns+` from device_trust where device = any($1)`, devices)
	if err != nil {
		return fmt.Errorf("load what is known of devices: %w", err)
	}
	if err := t.scan(rows); err != nil {
		return err
	}
	l, err := loadLessons(ctx, tx)
	if err == nil && l != nil {
		t.lessons = *l
	}
	return err
}
