package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
)

// Supervision is how the works department does: what waits now, and what came of the work since a time.
type Supervision struct {
	Ages      []Waiting // open orders by how long ago they were written, the youngest first
	Bodies    []Waiting // and by who is responsible, whoever has the most first
	Crews     []Load    // by name; then those of no crew that are with another body, and those that are with nobody
	Classes   []Hits    // by what the crowd said, the one with the most visits first
	Kinds     []Hits    // by kind of device and app
	Deadlines []Kept    // by body, the one that missed the most first
	Reopened  []Reopening
	Spent     []Spent // whoever has spent the most first
	Materials []Material
	Repaired  int // in all, since then
}

// Waiting are open orders.
type Waiting struct {
	Name       string // of the body; empty: of none
	From, Till int    // days since they were written; Till 0: and more
	New        int
	Accepted   int
	WithCrew   int // assigned or handed over
	InWork     int
	Reopened   int
	Overdue    int
	Escalated  int // of those
	MedianDays float64
	OldestDays float64
}

// All is how many orders wait.
func (w Waiting) All() int { return w.New + w.Accepted + w.WithCrew + w.InWork + w.Reopened }

// Whose says who has orders in hand.
type Whose string

// Who can have orders.
const (
	OfCrew     Whose = "crew"
	OfExternal Whose = "external"
	OfNobody   Whose = "nobody"
)

// Load is what a crew has in hand, and what it has done since a time.
type Load struct {
	Whose            Whose
	ID, Name         string
	Members          int
	Assigned, InWork int
	Soon, Overdue    int // of those
	Repaired         int
	NotThere         int // it went there and found nothing, or something that is no defect
}

// Open is what is in hand.
func (l Load) Open() int { return l.Assigned + l.InWork }

// Hits say how often crews found what the crowd had said.
type Hits struct {
	Class     crowd.Class
	Kind, App string
	Right     int
	Other     int // another defect
	Nothing   int // nothing, or no defect
}

// Visits is how many orders crews have settled.
func (h Hits) Visits() int { return h.Right + h.Other + h.Nothing }

// Kept says how many repairs were in time, and how many deadlines passed without.
type Kept struct {
	Body         string // empty: of none
	Kept, Missed int
}

// Reopening is an order that was repaired and opened again.
type Reopening struct {
	ID, Number, Street string
	Class              crowd.Class
	Crew               string // that repaired it; empty: not known
	RepairedAt         time.Time
	At                 time.Time
	By                 Actor
	Reason             string
	State              State // of the order now
	Lat, Lon           float64
}

// ageBounds begin the groups of ages, days.
func ageBounds() []int { return []int{0, 1, 3, 7, 14, 30, 90} }

const waitingSQL = `count(*) filter (where o.state = 'new'), count(*) filter (where o.state = 'accepted'), count(*) filter (where o.state = 'assigned'),
	count(*) filter (where o.state = 'in_progress'), count(*) filter (where o.state = 'reopened'), count(*) filter (where o.due_at <= $1),
	count(*) filter (where o.escalated_at is not null),
	coalesce(percentile_cont(0.5) within group (order by extract(epoch from $1 - o.promoted_at) / 86400), 0)::float8,
	coalesce(max(extract(epoch from $1 - o.promoted_at) / 86400), 0)::float8 `

func (w *Waiting) counts() []any {
	return []any{&w.New, &w.Accepted, &w.WithCrew, &w.InWork, &w.Reopened, &w.Overdue, &w.Escalated, &w.MedianDays, &w.OldestDays}
}

// loadsSQL counts by crew; orders that no crew has are with the body that they were handed over to, or with nobody.
const loadsSQL = `
with open as (
	select case when o.crew is not null then 'crew' when o.handed_at is not null then 'external' else 'nobody' end as whose,
		case when o.crew is not null then o.crew when o.handed_at is not null then o.body else '' end as name,
		count(*) filter (where o.state <> 'in_progress') as assigned, count(*) filter (where o.state = 'in_progress') as in_work,
		count(*) filter (where o.due_at > $1 and o.due_at <= $2) as soon, count(*) filter (where o.due_at <= $1) as overdue
	from orders o where ` + OpenSQL + ` group by 1, 2),
done as (
	select a.before->>'crew' as crew, count(*) filter (where a.kind = 'repaired') as repaired,
		count(*) filter (where a.kind = 'dismissed' and a.actor = 'crew') as not_there
	from order_actions a where a.kind in ('repaired', 'dismissed') and a.at >= $3 and not a.undone group by 1)
select 'crew', c.id, c.name, (select count(*) from crew_members m where m.crew = c.id), coalesce(n.assigned, 0), coalesce(n.in_work, 0),
	coalesce(n.soon, 0), coalesce(n.overdue, 0), coalesce(d.repaired, 0), coalesce(d.not_there, 0)
from crews c left join open n on n.whose = 'crew' and n.name = c.id left join done d on d.crew = c.id
where c.closed_at is null or n.name is not null or d.crew is not null
union all
select whose, '', name, 0, assigned, in_work, soon, overdue, 0, 0 from open where whose <> 'crew'
order by 1, 3, 2`

// verdictsSQL are orders with what the crowd had said, before anybody corrected it, and what was found at last. What was dismissed and
// taken up again is not settled. Orders that a dispatcher has split off are nobody's claim.
const verdictsSQL = `
with last as (
	select distinct on (s.order_id) s.order_id, s.n, s.state, s.found from order_steps s
	where (s.state = 'repaired' or s.state = 'dismissed' and s.actor = 'crew') and not s.undone and s.at >= $1
	order by s.order_id, s.n desc),
verdicts as (
	select o.id, said.class, case when l.state = 'dismissed' then 'nothing' when l.found in ('', said.class) then 'right'
		when l.found in ('nothing', 'speed_bump') then 'nothing' else 'other' end as came
	from last l join orders o on o.id = l.order_id cross join lateral (select coalesce(
		(select a.before->>'class' from order_actions a where a.order_id = o.id and a.before is not null order by a.n limit 1), o.class) as class) said
	where o.place is not null and not (l.state = 'dismissed' and exists (
		select 1 from order_steps t where t.order_id = l.order_id and t.n > l.n and t.state <> 'dismissed' and not t.undone)))`

const cameSQL = `count(*) filter (where v.came = 'right'), count(*) filter (where v.came = 'other'), count(*) filter (where v.came = 'nothing')`

const keptSQL = `
select o.body, count(*) filter (where a.kind = 'repaired' and coalesce((a.words->>'said')::timestamptz, a.at) <= (a.before->>'due_at')::timestamptz), count(*) filter (where a.kind = 'overdue')
from order_actions a join orders o on o.id = a.order_id
where a.kind in ('repaired', 'overdue') and a.at >= $1 and not a.undone
	and not exists (select from order_actions k where a.kind = 'overdue' and k.order_id = a.order_id and k.n > a.n and k.kind = 'in_time' and not k.undone)
group by 1 having count(*) filter (where a.kind = 'overdue' or a.before->>'due_at' is not null) > 0 order by 3 desc, 2 desc, 1`

const reopenedSQL = `
select o.id, o.number, o.street, o.class, coalesce(c.name, ''), r.at, s.at, s.actor, s.reason, o.state, coalesce(o.lat, p.lat), coalesce(o.lon, p.lon)
from order_steps s join orders o on o.id = s.order_id left join places p on p.id = o.place
join lateral (select at from order_steps e where e.order_id = s.order_id and e.n < s.n and e.state = 'repaired' and not e.undone order by e.n desc limit 1) r on true
left join lateral (select a.before->>'crew' as crew from order_actions a where a.order_id = s.order_id and a.kind = 'repaired' and not a.undone and a.at <= s.at
	order by a.n desc limit 1) by on true
left join crews c on c.id = by.crew
where s.state = 'reopened' and not s.undone and s.at >= $1
	and (select state from order_steps e where e.order_id = s.order_id and e.n < s.n and not e.undone order by e.n desc limit 1) in ('repaired', 'verified')
order by s.at desc, o.seq`

// Supervise reads how the works department does now, and did since a time.
func Supervise(ctx context.Context, pool *pgxpool.Pool, works Works, since, now time.Time) (*Supervision, error) {
	out := &Supervision{}
	b := &pgx.Batch{}
	bounds := ageBounds()
	b.Queue(`select width_bucket(extract(epoch from $1 - o.promoted_at) / 86400, $2::numeric[]) as age, `+waitingSQL+`from orders o where `+OpenSQL+
		` group by 1`, now, bounds).Query(func(rows pgx.Rows) error {
		for i, from := range bounds {
			w := Waiting{From: from}
			if i+1 < len(bounds) {
				w.Till = bounds[i+1]
			}
			out.Ages = append(out.Ages, w)
		}
		var age int
		var w Waiting
		_, err := pgx.ForEachRow(rows, append([]any{&age}, w.counts()...), func() error {
			group := &out.Ages[max(age-1, 0)] // one from the future is young
			w.From, w.Till = group.From, group.Till
			*group = w
			return nil
		})
		return err
	})
	b.Queue(`select o.body, `+waitingSQL+`from orders o where `+OpenSQL+` group by 1 order by count(*) desc, 1`, now).Query(func(rows pgx.Rows) error {
		var w Waiting
		_, err := pgx.ForEachRow(rows, append([]any{&w.Name}, w.counts()...), func() error {
			out.Bodies = append(out.Bodies, w)
			return nil
		})
		return err
	})
	b.Queue(loadsSQL, now, works.SoonUntil(now), since).Query(func(rows pgx.Rows) (err error) {
		out.Crews, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Load])
		return err
	})
	b.Queue(verdictsSQL+`select v.class, '', '', `+cameSQL+` from verdicts v group by 1 order by count(*) desc, 1`, since).Query(func(rows pgx.Rows) (err error) {
		out.Classes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Hits])
		return err
	})
	b.Queue(verdictsSQL+`select '', k.kind, k.app, `+cameSQL+` from verdicts v join promotion_kinds k on k.order_id = v.id
		group by 2, 3 order by count(*) desc, 2, 3`, since).Query(func(rows pgx.Rows) (err error) {
		out.Kinds, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Hits])
		return err
	})
	b.Queue(keptSQL, since).Query(func(rows pgx.Rows) (err error) {
		out.Deadlines, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Kept])
		return err
	})
	b.Queue(reopenedSQL, since).Query(func(rows pgx.Rows) (err error) {
		out.Reopened, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Reopening])
		return err
	})
	b.Queue(spentSQL, since).Query(func(rows pgx.Rows) (err error) {
		out.Spent, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Spent])
		return err
	})
	b.Queue(materialsSQL, since).Query(func(rows pgx.Rows) (err error) {
		out.Materials, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Material])
		return err
	})
	b.Queue(`select count(*) from order_steps where state = 'repaired' and not undone and at >= $1`, since).QueryRow(func(row pgx.Row) error { return row.Scan(&out.Repaired) })
	if err := pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("read how the works department does: %w", err)
	}
	return out, nil
}
