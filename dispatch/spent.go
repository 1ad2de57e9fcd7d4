package dispatch

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Cost is what was spent on an order.
type Cost struct {
	Cents     int64  // hundredths of the city's currency
	Materials string // "Cold mix 40 kg, Tar 2 l", first to last
}

// SpentOn returns what was spent on orders, by their ids. Those on which nothing was are missing.
func SpentOn(ctx context.Context, pool *pgxpool.Pool, orders []Order) (map[string]Cost, error) {
	ids := make([]string, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
	}
	rows, err := pool.Query(ctx, `select order_id, sum(coalesce((words->>'cents')::bigint, 0))::bigint,
			string_agg(concat_ws(' ', words->>'what', words->>'quantity', nullif(words->>'unit', '')), ', ' order by n)
		from order_actions where kind = 'spent' and not undone and order_id = any($1) group by 1`, ids)
	if err != nil {
		return nil, fmt.Errorf("read what was spent: %w", err)
	}
	out := map[string]Cost{}
	var id string
	var c Cost
	_, err = pgx.ForEachRow(rows, []any{&id, &c.Cents, &c.Materials}, func() error {
		out[id] = c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was spent: %w", err)
	}
	return out, nil
}

// Spent is what was spent on orders of a body while a crew had them.
type Spent struct {
	Body, Crew string // their names; empty: none
	Orders     int
	Cents      int64
}

// Material is what of one thing was used.
type Material struct {
	What, Unit string
	Quantity   float64
	Orders     int
	Cents      int64
}

const spentSQL = `
select o.body, coalesce(c.name, ''), count(distinct o.id), sum(coalesce((a.words->>'cents')::bigint, 0))::bigint
from order_actions a join orders o on o.id = a.order_id left join crews c on c.id = a.before->>'crew'
where a.kind = 'spent' and not a.undone and a.at >= $1 group by 1, 2 order by 4 desc, 1, 2`

const materialsSQL = `
select a.words->>'what', coalesce(a.words->>'unit', ''), sum(coalesce((a.words->>'quantity')::float8, 0)), count(distinct a.order_id),
	sum(coalesce((a.words->>'cents')::bigint, 0))::bigint
from order_actions a where a.kind = 'spent' and not a.undone and a.at >= $1 group by 1, 2 order by 5 desc, 3 desc, 1, 2`
