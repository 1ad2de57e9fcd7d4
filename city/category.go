package city

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
)

// Category is something that a resident can report.
type Category struct {
	ID      string            // empty: it is new
	Names   map[string]string // by language
	Class   string            // of place, that a report is evidence for; empty: of none
	Retired bool              // no longer offered; reports of it stay
}

// Name is what it is called in a language, or in English.
func (c Category) Name(language string) string {
	if name := c.Names[language]; name != "" {
		return name
	}
	return c.Names["en"]
}

// Categories are all of them, in the order of the form.
type Categories struct {
	List    []Category
	Version int64 // counts changes: who changes them says which one they saw
}

// Offered are those that can be reported.
func (c Categories) Offered() []Category {
	return slices.DeleteFunc(slices.Clone(c.List), func(o Category) bool { return o.Retired })
}

// Find returns a category by its id, false where there is none.
func (c Categories) Find(id string) (Category, bool) {
	i := slices.IndexFunc(c.List, func(o Category) bool { return o.ID == id })
	if i < 0 {
		return Category{ID: id}, false
	}
	return c.List[i], true
}

// Reader is a pool or a transaction.
type Reader interface {
	Querier
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// LoadCategories reads what can be reported.
func LoadCategories(ctx context.Context, db Reader) (Categories, error) {
	return loadCategories(ctx, db, `select version from report_form`)
}

func loadCategories(ctx context.Context, db Reader, version string) (c Categories, err error) {
	if err = db.QueryRow(ctx, version).Scan(&c.Version); err != nil {
		return c, fmt.Errorf("read the categories of reports: %w", err)
	}
	rows, err := db.Query(ctx, `select id, en, de, class, retired from report_categories order by place, id`)
	if err == nil {
		c.List, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Category, error) {
			var o Category
			var en, de string
			err := row.Scan(&o.ID, &en, &de, &o.Class, &o.Retired)
			o.Names = map[string]string{"en": en, "de": de}
			return o, err
		})
	}
	if err != nil {
		return c, fmt.Errorf("read the categories of reports: %w", err)
	}
	return c, nil
}

// ChangeCategories stores them in the caller's transaction, in the order of the list; c.Version is the one that was seen. New ones get an id
// made of their English name; those that are left out are retired and come last. It returns them before and after, or ErrChanged beside those
// that stand.
func ChangeCategories(ctx context.Context, tx pgx.Tx, c Categories) (before, after Categories, err error) {
	if before, err = loadCategories(ctx, tx, `select version from report_form for update`); err != nil {
		return before, c, err
	}
	if before.Version != c.Version {
		return before, before, ErrChanged
	}
	after = Categories{Version: c.Version + 1}
	for _, o := range c.List {
		if _, known := before.Find(o.ID); !known {
			o.ID = slug(o.Names["en"])
			if _, taken := before.Find(o.ID); taken || o.ID == "" || slices.ContainsFunc(after.List, func(a Category) bool { return a.ID == o.ID }) {
				o.ID = strings.TrimPrefix(o.ID+"-", "-") + strings.ToLower(rand.Text()[:6])
			}
		}
		after.List = append(after.List, o)
	}
	for _, o := range before.List {
		if _, kept := after.Find(o.ID); !kept {
			o.Retired = true
			after.List = append(after.List, o)
		}
	}
	b := &pgx.Batch{}
	for i, o := range after.List {
		b.Queue(`insert into report_categories (id, place, en, de, class, retired) values ($1, $2, $3, $4, $5, $6) on conflict (id) do update
			set place = excluded.place, en = excluded.en, de = excluded.de, class = excluded.class, retired = excluded.retired`,
			o.ID, i+1, o.Names["en"], o.Names["de"], o.Class, o.Retired)
	}
	b.Queue(`update report_form set version = $1`, after.Version)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return before, after, fmt.Errorf("store the categories of reports: %w", err)
	}
	return before, after, nil
}

// slug makes an id of at most 32 small letters, figures and dashes.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == 32 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
