package dispatch

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

// StreetGroups lists the groups of streets, from the fastest.
func StreetGroups() []StreetGroup {
	return []StreetGroup{MainStreet, CollectorStreet, LocalStreet, PathStreet}
}

// AddBody adds a body in the caller's transaction and returns it with its id; routed is how many open orders that were with nobody it
// gets. It returns Faults where something is wrong with it.
func AddBody(ctx context.Context, tx pgx.Tx, b Responsible) (added Responsible, routed int, err error) {
	if _, err := tx.Exec(ctx, lockBodies); err != nil {
		return b, 0, fmt.Errorf("add a body: %w", err)
	}
	bodies, err := Bodies(ctx, tx, true)
	if err != nil {
		return b, 0, err
	}
	b.ID = ""
	b.tidy()
	if faults := b.faults(bodies); len(faults) > 0 {
		return b, 0, faults
	}
	b.ID = freeID(b.Name, bodies)
	return b.changed(ctx, tx)
}

// freeID makes an id of a name that no body has. "new" is the address of the form for one.
func freeID(name string, bodies []Responsible) string {
	base := idOf(name)
	for n, id := 2, base; ; n++ {
		if id != "" && id != "new" && !slices.ContainsFunc(bodies, func(o Responsible) bool { return o.ID == id }) {
			return id
		}
		id = strings.Trim(fmt.Sprint(base, "-", n), "-")
	}
}

// ChangeBody changes a body in the caller's transaction and returns it as it was before and after; b.Version is the one that was seen.
// Where its name changes, orders and crews follow. Orders stay with the body that they have; routed is how many that were with nobody
// have one now. It returns ErrNoBody, a *Stale where somebody else has changed it since, or Faults.
func ChangeBody(ctx context.Context, tx pgx.Tx, b Responsible) (before, after Responsible, routed int, err error) {
	if before, err = holdBody(ctx, tx, b.ID, b.Version); err != nil {
		return before, b, 0, err
	}
	bodies, err := Bodies(ctx, tx, true)
	if err != nil {
		return before, b, 0, err
	}
	b.tidy()
	if !before.RetiredAt.IsZero() {
		return before, b, 0, Faults{fault("name", "retired", "the body is retired: take it back first")}
	}
	if faults := b.faults(bodies); len(faults) > 0 {
		return before, b, 0, faults
	}
	if b.Name != before.Name {
		for _, sql := range []string{`update orders set body = $2 where body = $1`, `update crews set body = $2 where body = $1`} {
			if _, err := tx.Exec(ctx, sql, before.Name, b.Name); err != nil {
				return before, b, 0, fmt.Errorf("rename body %s: %w", b.ID, err)
			}
		}
	}
	after, routed, err = b.changed(ctx, tx)
	return before, after, routed, err
}

// changed writes a body and lets the orders know that are with nobody.
func (b Responsible) changed(ctx context.Context, tx pgx.Tx) (Responsible, int, error) {
	if err := b.write(ctx, tx, false); err != nil {
		return b, 0, err
	}
	routed, err := reroute(ctx, tx)
	if err != nil {
		return b, 0, fmt.Errorf("route orders: %w", err)
	}
	after, err := FindBody(ctx, tx, b.ID)
	return after, routed, err
}

// holdBody keeps bodies as they are for the caller and returns one, in the version that was seen.
func holdBody(ctx context.Context, tx pgx.Tx, id string, seen int64) (Responsible, error) {
	if _, err := tx.Exec(ctx, lockBodies); err != nil {
		return Responsible{}, fmt.Errorf("change body %s: %w", id, err)
	}
	b, err := FindBody(ctx, tx, id)
	if err == nil && b.Version != seen {
		err = &Stale{b.Version}
	}
	return b, err
}

// RetireBody takes a body out of use, or back into it, in the caller's transaction. What is with it stays with it. It returns ErrNoBody, a
// *Stale, or Faults: a body that others stand under is not retired.
func RetireBody(ctx context.Context, tx pgx.Tx, id string, seen int64, retired bool, at time.Time) (before, after Responsible, err error) {
	if before, err = holdBody(ctx, tx, id, seen); err != nil {
		return before, before, err
	}
	if before.RetiredAt.IsZero() != retired {
		return before, before, nil
	}
	var under int
	var above *time.Time
	if err := tx.QueryRow(ctx, `select count(*), (select retired_at from bodies where id = $2) from bodies where parent = $1 and retired_at is null`,
		id, before.Parent).Scan(&under, &above); err != nil {
		return before, before, fmt.Errorf("retire body %s: %w", id, err)
	}
	if retired && under > 0 {
		return before, before, Faults{fault("", "retire.under", "{n} bodies stand under it: put them elsewhere first", "n", under)}
	}
	if !retired && above != nil {
		return before, before, Faults{fault("", "restore.above", "the body that it stands under is retired: take that one back first")}
	}
	var since *time.Time
	if retired {
		since = &at
	}
	if _, err := tx.Exec(ctx, `update bodies set retired_at = $2, version = version + 1 where id = $1`, id, since); err != nil {
		return before, before, fmt.Errorf("retire body %s: %w", id, err)
	}
	if !retired {
		if _, err := reroute(ctx, tx); err != nil {
			return before, before, fmt.Errorf("route orders: %w", err)
		}
	}
	after, err = FindBody(ctx, tx, id)
	return before, after, err
}

func (b *Responsible) tidy() {
	b.Name, b.Email, b.Phone = strings.Join(strings.Fields(b.Name), " "), strings.TrimSpace(b.Email), strings.Join(strings.Fields(b.Phone), " ")
	slices.Sort(b.Classes)
	slices.Sort(b.Streets)
	b.Classes, b.Streets = slices.Compact(b.Classes), slices.Compact(b.Streets)
}

const mostNameOfBody = 120 // letters

// faults says all that is wrong with a body among the others.
func (b *Responsible) faults(others []Responsible) (out Faults) {
	add := func(field, kind, text string, pairs ...any) { out = append(out, fault(field, kind, text, pairs...)) }
	switch n := utf8.RuneCountInString(b.Name); {
	case n == 0:
		add("name", "name.missing", "a body has a name")
	case n > mostNameOfBody:
		add("name", "name.long", "a name has {most} letters at most", "most", mostNameOfBody)
	}
	for _, o := range others {
		if o.ID != b.ID && o.Name == b.Name {
			add("name", "name.taken", "another body has this name")
		}
	}
	if a, err := mail.ParseAddress(b.Email); b.Email != "" && (err != nil || a.Address != b.Email || len(b.Email) > 254) {
		add("email", "email", "this is no e-mail address")
	}
	if len(b.Phone) > 40 || strings.Trim(b.Phone, "+0123456789 ()/-.") != "" {
		add("phone", "phone", "a phone number has figures, blanks and + ( ) / - . only")
	}
	if b.Level != "" && !slices.Contains(Levels(), b.Level) {
		add("level", "level", "a level is one of district, city, region, province")
	}
	classes := crowd.Classes()
	for _, c := range b.Classes {
		if !slices.Contains(classes[:], c) {
			add("classes", "class", "{class} is no class of place", "class", c)
		}
	}
	for _, s := range b.Streets {
		if s == "" || len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
			add("streets", "street", "{street} is no class of street", "street", s)
		}
	}
	if f := b.misplaced(others); f != nil {
		out = append(out, f)
	}
	return out
}

// misplaced says what is wrong with where a body stands in the hierarchy.
func (b *Responsible) misplaced(others []Responsible) *Fault {
	byID := map[string]Responsible{}
	for _, o := range others {
		byID[o.ID] = o
	}
	if b.Parent == "" {
		return b.belowChildren(others)
	}
	parent, ok := byID[b.Parent]
	switch {
	case !ok || !parent.RetiredAt.IsZero():
		return fault("parent", "parent.none", "the body above is not there, or is retired")
	case b.Level != "" && parent.Level != "" && slices.Index(Levels(), parent.Level) <= slices.Index(Levels(), b.Level):
		return fault("parent", "parent.level", "{parent} is not on a higher level", "parent", parent.Name)
	}
	for above, n := parent, 0; b.ID != "" && n <= len(others); n++ {
		if above.ID == b.ID {
			return fault("parent", "parent.circle", "{parent} stands under this body itself", "parent", parent.Name)
		}
		if above.Parent == "" {
			break
		}
		above = byID[above.Parent]
	}
	return b.belowChildren(others)
}

// belowChildren says whether a body would come to stand on no higher level than one under it.
func (b *Responsible) belowChildren(others []Responsible) *Fault {
	for _, o := range others {
		if b.ID != "" && b.Level != "" && o.Parent == b.ID && o.Level != "" && slices.Index(Levels(), o.Level) >= slices.Index(Levels(), b.Level) {
			return fault("level", "level.child", "{child} stands under it and is not on a lower level", "child", o.Name)
		}
	}
	return nil
}

// Since says in words what is different from how the body was before, for the audit log.
func (b Responsible) Since(before Responsible) string {
	var d differences
	d.add("name", before.Name, b.Name)
	d.add("level", string(before.Level), string(b.Level))
	d.add("under", before.Parent, b.Parent)
	d.add("e-mail", before.Email, b.Email)
	d.add("language", before.Language, b.Language)
	d.add("phone", before.Phone, b.Phone)
	d.add("works on its own", yesNo(before.External), yesNo(b.External))
	d.add("classes", fmt.Sprint(before.Classes), fmt.Sprint(b.Classes))
	d.add("streets", fmt.Sprint(before.Streets), fmt.Sprint(b.Streets))
	d.add("boundary", before.boundary(), b.boundary())
	if before.boundary() == b.boundary() && !before.Shape.Equal(b.Shape) {
		d = append(d, "boundary: another of the same size")
	}
	d.add("retired", yesNo(!before.RetiredAt.IsZero()), yesNo(!b.RetiredAt.IsZero()))
	return d.String()
}

// boundary describes a boundary in a few words.
func (b Responsible) boundary() string {
	if b.Shape == nil {
		return "everywhere"
	}
	n := 0
	for _, polygon := range b.Shape {
		for _, ring := range polygon {
			n += len(ring)
		}
	}
	return fmt.Sprintf("%.3f km², %d positions", b.AreaM2/1e6, n)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// differences are what a change consists of, in words.
type differences []string

func (d *differences) add(what, before, after string) {
	if before == after {
		return
	}
	show := func(s string) string {
		if s == "" || s == "[]" {
			return "–"
		}
		return s
	}
	*d = append(*d, what+": "+show(before)+" → "+show(after))
}

func (d differences) String() string { return strings.Join(d, "; ") }

// FaultsOf returns what somebody has given wrongly, none where an error is of another kind.
func FaultsOf(err error) Faults {
	var many Faults
	if errors.As(err, &many) {
		return many
	}
	var one *Fault
	if errors.As(err, &one) {
		return Faults{one}
	}
	return nil
}
