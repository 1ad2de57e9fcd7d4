package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"
	orbgeo "github.com/paulmach/orb/geo"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

// Earlier is an order whose place somebody was sent to, and what they found.
type Earlier struct {
	ID, Number, Street string
	State              State
	At                 time.Time   // of what was found
	Said               crowd.Class // by the crowd, before anybody corrected it
	Found              crowd.Class // empty: something that is no defect
	Alike              bool        // the crowd took it for the same, or was in doubt between the same two
	Metres             float64     // how far it is
}

// Right says whether the crowd was right.
func (e Earlier) Right() bool { return e.Found == e.Said }

// mostEarlier bounds how many orders are looked through, the newest first.
const mostEarlier = 200

// What a crew or a repair says counts; what was dismissed at the desk alone nobody has seen. What was taken up again since is not settled.
const earlierSQL = `
select o.id, o.number, o.street, o.state, s.at, s.state, s.found, coalesce(
		(select a.before->>'class' from order_actions a where a.order_id = o.id and a.before is not null order by a.n limit 1), o.class),
	g.explanation->'belief', coalesce(o.lon, p.lon), coalesce(o.lat, p.lat)
from orders o left join places p on p.id = o.place left join promotions g on g.order_id = o.id
join lateral (select at, state, found from order_steps s where s.order_id = o.id and not s.undone
	and (s.state = 'repaired' or s.state = 'dismissed' and s.actor = 'crew') order by s.n desc limit 1) s on true
where o.state in ('repaired', 'verified', 'dismissed') and o.duplicate_of is null and o.place is not null and o.id <> $1
	and coalesce(o.lon, p.lon) between $2 and $3 and coalesce(o.lat, p.lat) between $4 and $5
order by s.at desc limit $6`

// EarlierAround lists what was found around a position, but for one order: first where the crowd believed alike, then the nearest.
func EarlierAround(ctx context.Context, pool *pgxpool.Pool, at orb.Point, metres float64, belief crowd.Belief, but string) ([]Earlier, error) {
	box := orbgeo.NewBoundAroundPoint(at, metres)
	rows, err := pool.Query(ctx, earlierSQL, but, box.Min[0], box.Max[0], box.Min[1], box.Max[1], mostEarlier)
	if err != nil {
		return nil, fmt.Errorf("look for earlier orders: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Earlier, error) {
		var e Earlier
		var found State
		var believed *crowd.Belief
		var there orb.Point
		err := row.Scan(&e.ID, &e.Number, &e.Street, &e.State, &e.At, &found, &e.Found, &e.Said, &believed, &there[0], &there[1])
		if found == Repaired {
			e.Found = cmp.Or(e.Found, e.Said)
		}
		e.Alike = e.Said == belief.Top() || believed != nil && *believed != (crowd.Belief{}) && likeliest(*believed) == likeliest(belief)
		e.Metres = geo.Distance(at, there)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for earlier orders: %w", err)
	}
	list = slices.DeleteFunc(list, func(e Earlier) bool { return e.Metres > metres })
	slices.SortStableFunc(list, func(a, b Earlier) int {
		if a.Alike != b.Alike {
			return map[bool]int{true: -1, false: 1}[a.Alike]
		}
		return cmp.Compare(a.Metres, b.Metres)
	})
	return list, nil
}

// likeliest returns the two likeliest classes, in the order in which classes are listed.
func likeliest(b crowd.Belief) [2]crowd.Class {
	classes := crowd.Classes()
	i := slices.Index(classes[:], b.Top())
	b[i] = -1
	j := slices.Index(classes[:], b.Top())
	return [2]crowd.Class{classes[min(i, j)], classes[max(i, j)]}
}
