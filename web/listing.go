package web

import (
	"context"
	"fmt"

	"github.com/streetpulse/streetpulse/crowd"
)

// listing says which places a page of text lists, and in which order.
type listing struct {
	Marks  []mark
	Class  crowd.Class // empty: all
	Order  string      // worst, newest, felt, or ordered: those with orders only
	Offset int
	Limit  int
}

// changedSQL is when a place last changed, as far as the public may know: suspected ones are dated by day.
const changedSQL = `coalesce(o.state_at, case when ` + crowd.ConfirmedSQL + ` then p.state_at
	else date_trunc('day', p.state_at, 'UTC') end)`

// orders of a list, by name.
func listOrders() map[string]string {
	return map[string]string{
		"worst": `case (` + markSQL + `) when 'suspected' then 1 when 'repaired' then 2 when 'verified' then 3
			when 'dismissed' then 4 else 0 end, p.severity desc, p.id`,
		"newest":  changedSQL + ` desc, p.id`,
		"felt":    `p.devices desc, p.id`,
		"ordered": `o.promoted_at desc, o.id desc`,
	}
}

const listSQL = `(` + markSQL + `) = any($2::text[]) and ($3 = '' or ` + calledSQL + ` = $3)`

func (l listing) names() []string {
	names := make([]string, len(l.Marks))
	for i, m := range l.Marks {
		names[i] = string(m)
	}
	return names
}

// total returns how many places a listing has in all.
func (s *Server) total(ctx context.Context, l listing) (int, error) {
	var total int
	err := s.config.Pool.QueryRow(ctx, `select count(*) from `+fromSights+` where `+
		publicSQL+` and `+listSQL, s.showsSuspected(), l.names(), string(l.Class)).Scan(&total)
	if err != nil {
		return 0, fmt.Errorf("count places: %w", err)
	}
	return total, nil
}

// list returns one page of a listing.
func (s *face) list(ctx context.Context, l listing) ([]titled, error) {
	from := fromSights
	if l.Order == "ordered" {
		from = fromOrders
	}
	order, ok := listOrders()[l.Order]
	if !ok {
		order = listOrders()["worst"]
	}
	found, err := s.query(ctx, from, listSQL, `order by `+order+` limit $4 offset $5`, l.names(), string(l.Class), l.Limit, l.Offset)
	if err != nil {
		return nil, err
	}
	out := make([]titled, len(found))
	for i, f := range found {
		out[i] = s.describe(f)
	}
	return out, nil
}

// counts holds the number of public places under each mark.
type counts map[mark]int

// Of returns the number of places in a group.
func (c counts) Of(g group) int {
	n := 0
	for _, m := range g.marks() {
		n += c[m]
	}
	return n
}

// sentence says the counts in words.
func (s *face) sentence(c counts) string {
	t := s.texts
	if c.Of(groupAll) == 0 {
		return t.T("counts.none")
	}
	out := t.N("counts.open", c.Of(groupOpen))
	if n := c[markSuspected]; n > 0 {
		out += t.N("counts.suspected", n)
	}
	out += "."
	if n := c[markRepaired]; n > 0 {
		out += t.N("counts.repaired", n)
	}
	if n := c[markVerified]; n > 0 {
		out += t.N("counts.verified", n)
	}
	return out
}
