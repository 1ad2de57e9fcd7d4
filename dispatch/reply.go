package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/crowd"
)

// Template is a reply that is given often, in one or more languages.
type Template struct {
	ID      string
	Place   int // in the list
	Titles  map[string]string
	Texts   map[string]string
	States  []State // of orders that it is offered for; none: all
	Classes []crowd.Class
	Version int64
}

const (
	mostTemplates     = 100
	mostTemplateTitle = 80   // letters
	mostTemplateText  = 2000 // letters
)

// Blanks are what can be filled in with an order's: {number}, {street}, {class}, and {day}, by which it is to be repaired, or when it was settled.
func Blanks() []string { return []string{"number", "street", "class", "day"} }

var blank = regexp.MustCompile(`\{[a-z_]*\}`)

// Suits says whether a template is offered for an order as it stands.
func (t Template) Suits(o Order) bool {
	return (len(t.States) == 0 || slices.Contains(t.States, o.State)) && (len(t.Classes) == 0 || slices.Contains(t.Classes, o.Class))
}

// Fill puts an order's values into the blanks of a text. missing is the first for which there is none.
func Fill(text string, values map[string]string) (filled, missing string) {
	filled = blank.ReplaceAllStringFunc(text, func(b string) string {
		name := b[1 : len(b)-1]
		if !slices.Contains(Blanks(), name) {
			return b
		}
		value := values[name]
		if value == "" && missing == "" {
			missing = b
		}
		return value
	})
	return filled, missing
}

// Templates lists the replies that are given often, in their order.
func Templates(ctx context.Context, db querier) ([]Template, error) {
	rows, err := db.Query(ctx, `select id, place, titles, texts, states, classes, version from reply_templates order by place, id`)
	if err != nil {
		return nil, fmt.Errorf("list reply templates: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Template, error) {
		var t Template
		var titles, texts []byte
		if err := row.Scan(&t.ID, &t.Place, &titles, &texts, &t.States, &t.Classes, &t.Version); err != nil {
			return t, err
		}
		return t, errors.Join(json.Unmarshal(titles, &t.Titles), json.Unmarshal(texts, &t.Texts))
	})
	if err != nil {
		return nil, fmt.Errorf("list reply templates: %w", err)
	}
	return list, nil
}

// ChangeTemplate makes a template, where its ID is empty or not known, or changes one, in the caller's transaction; t.Version is the one that was seen,
// 0 where that does not matter. It returns what was before and after, a *Stale where somebody else has changed it since, or Faults.
func ChangeTemplate(ctx context.Context, tx pgx.Tx, t Template) (before, after Template, err error) {
	all, before, err := holdTemplates(ctx, tx, t.ID, t.Version)
	if err != nil {
		return before, t, err
	}
	if faults := t.faults(len(all), before.ID == ""); len(faults) > 0 {
		return before, t, faults
	}
	if t.ID == "" {
		t.ID = strings.ToLower(rand.Text()[:12])
	}
	if t.Place == 0 && len(all) > 0 && before.ID == "" {
		t.Place = all[len(all)-1].Place + 1
	}
	t.Version = before.Version + 1
	titles, err := json.Marshal(t.Titles)
	if err != nil {
		return before, t, fmt.Errorf("save a reply template: %w", err)
	}
	texts, err := json.Marshal(t.Texts)
	if err != nil {
		return before, t, fmt.Errorf("save a reply template: %w", err)
	}
	_, err = tx.Exec(ctx, `insert into reply_templates (id, place, titles, texts, states, classes, version) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (id) do update set place = $2, titles = $3, texts = $4, states = $5, classes = $6, version = $7`,
		t.ID, t.Place, titles, texts, append([]State{}, t.States...), append([]crowd.Class{}, t.Classes...), t.Version)
	if err != nil {
		return before, t, fmt.Errorf("save a reply template: %w", err)
	}
	return before, t, nil
}

// DropTemplate removes a template and returns it, in the caller's transaction. It returns a *Stale where somebody else has changed it since it was
// seen, and ErrUnknown where it is not there.
func DropTemplate(ctx context.Context, tx pgx.Tx, id string, seen int64) (Template, error) {
	_, before, err := holdTemplates(ctx, tx, id, seen)
	if err != nil {
		return before, err
	}
	if before.ID == "" {
		return before, fmt.Errorf("reply template %q: %w", id, ErrUnknown)
	}
	if _, err := tx.Exec(ctx, `delete from reply_templates where id = $1`, id); err != nil {
		return before, fmt.Errorf("remove reply template %s: %w", id, err)
	}
	return before, nil
}

func holdTemplates(ctx context.Context, tx pgx.Tx, id string, seen int64) (all []Template, before Template, err error) {
	if _, err := tx.Exec(ctx, `lock table reply_templates in share row exclusive mode`); err != nil {
		return nil, before, fmt.Errorf("change the reply templates: %w", err)
	}
	if all, err = Templates(ctx, tx); err != nil {
		return nil, before, err
	}
	if i := slices.IndexFunc(all, func(t Template) bool { return t.ID == id }); i >= 0 && id != "" {
		before = all[i]
	}
	if seen != 0 && seen != before.Version {
		return nil, before, &Stale{before.Version}
	}
	return all, before, nil
}

// faults says all that is wrong with a template, of which there are n already. Every language that has a title has a text.
func (t Template) faults(n int, added bool) (out Faults) {
	add := func(field, kind, text string, pairs ...any) { out = append(out, fault(field, kind, text, pairs...)) }
	if n >= mostTemplates && added {
		add("", "reply.many", "there are {most} templates at most", "most", mostTemplates)
	}
	languages := map[string]bool{}
	for _, texts := range []map[string]string{t.Titles, t.Texts} {
		for l, text := range texts {
			languages[l] = languages[l] || text != ""
		}
	}
	some := false
	for _, l := range slices.Sorted(maps.Keys(languages)) {
		if !languages[l] {
			continue
		}
		some = true
		if n := utf8.RuneCountInString(t.Titles[l]); n < 1 || n > mostTemplateTitle {
			add("title-"+l, "reply.title", "a title has 1 to {most} letters", "most", mostTemplateTitle)
		}
		if n := utf8.RuneCountInString(t.Texts[l]); n < 1 || n > mostTemplateText {
			add("text-"+l, "reply.text", "a text has 1 to {most} letters", "most", mostTemplateText)
		}
		for _, b := range blank.FindAllString(t.Texts[l], -1) {
			if !slices.Contains(Blanks(), b[1:len(b)-1]) {
				add("text-"+l, "reply.blank", "{blank} is nothing that is filled in", "blank", b)
			}
		}
	}
	if !some {
		add("", "reply.none", "a template has a title and a text in one language at least")
	}
	for _, s := range t.States {
		if !slices.Contains(States(), s) {
			add("states", "reply.state", "{state} is no state", "state", s)
		}
	}
	classes := crowd.Classes()
	for _, c := range t.Classes {
		if !slices.Contains(classes[:], c) {
			add("classes", "class", "{class} is no class", "class", c)
		}
	}
	return out
}

// Since says in words what is different from what a template was before, for the audit log.
func (t Template) Since(before Template) string {
	var d differences
	for _, l := range slices.Sorted(maps.Keys(t.Titles)) {
		d.add("title "+l, before.Titles[l], t.Titles[l])
		d.add("text "+l, before.Texts[l], t.Texts[l])
	}
	d.add("place", fmt.Sprint(before.Place), fmt.Sprint(t.Place))
	d.add("states", fmt.Sprint(before.States), fmt.Sprint(t.States))
	d.add("classes", fmt.Sprint(before.Classes), fmt.Sprint(t.Classes))
	return d.String()
}
