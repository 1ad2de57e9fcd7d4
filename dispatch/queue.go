package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
)

// View narrows the queue; its zero value is every order, the worst first.
type View struct {
	States   []State
	Bodies   []string // names
	Crews    []string // ids; "-" is those that are with none
	Classes  []crowd.Class
	Due      []Due  // DueOn, DueSoon, Overdue, Escalated
	Text     string // part of a number, street or case number
	Failed   bool   // only those where an earlier repair did not hold
	Bounds   *orb.Bound
	Severity float64   // at least
	Since    time.Time // only those that have come to their state since; zero: all
	Order    Sort
	Limit    int // 0: no limit
	Offset   int
}

// Sort says what comes first.
type Sort string

const (
	Worst    Sort = ""         // the highest priority
	Deadline Sort = "deadline" // the nearest
	Newest   Sort = "newest"
	Street   Sort = "street"
)

// where returns the condition of a view, and its arguments. now and soon are the times that deadlines are held against.
func (v View) where(now, soon time.Time) (string, []any) {
	var where []string
	var args []any
	arg := func(x any) string {
		args = append(args, x)
		return fmt.Sprintf("$%d", len(args))
	}
	if len(v.States) > 0 {
		where = append(where, "o.state = any("+arg(v.States)+")")
	}
	if len(v.Bodies) > 0 {
		where = append(where, "o.body = any("+arg(v.Bodies)+")")
	}
	if len(v.Crews) > 0 {
		where = append(where, "coalesce(o.crew, '-') = any("+arg(v.Crews)+")")
	}
	if len(v.Classes) > 0 {
		where = append(where, "o.class = any("+arg(v.Classes)+")")
	}
	if !v.Since.IsZero() {
		where = append(where, "o.state_at >= "+arg(v.Since))
	}
	if v.Severity > 0 {
		where = append(where, "o.severity >= "+arg(v.Severity))
	}
	if v.Failed {
		where = append(where, "o.failed")
	}
	var due []string
	for _, d := range v.Due {
		switch d {
		case Overdue:
			due = append(due, "o.due_at <= "+arg(now))
		case DueSoon:
			due = append(due, "o.due_at > "+arg(now)+" and o.due_at <= "+arg(soon))
		case DueOn:
			due = append(due, "o.due_at > "+arg(soon))
		case Escalated:
			due = append(due, "o.escalated_at is not null")
		case DueNot:
		}
	}
	if len(due) > 0 {
		where = append(where, OpenSQL+" and ("+strings.Join(due, " or ")+")")
	}
	if text := strings.TrimSpace(v.Text); text != "" {
		like := arg("%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%")
		where = append(where, fmt.Sprintf("(o.number ilike %s or o.street ilike %s or o.external_id ilike %s)", like, like, like))
	}
	if b := v.Bounds; b != nil {
		where = append(where, fmt.Sprintf("coalesce(o.lat, p.lat) between %s and %s and coalesce(o.lon, p.lon) between %s and %s",
			arg(b.Min[1]), arg(b.Max[1]), arg(b.Min[0]), arg(b.Max[0])))
	}
	if len(where) == 0 {
		return "true", nil
	}
	return strings.Join(where, " and "), args
}

// from is what a view's condition is about.
func (v View) from() string {
	if v.Bounds != nil {
		return "orders o left join places p on p.id = o.place"
	}
	return "orders o"
}

func (v View) order() string {
	switch v.Order {
	case Deadline:
		return "o.due_at nulls last, o.seq"
	case Newest:
		return "o.promoted_at desc, o.seq desc"
	case Street:
		return "o.street, o.seq"
	case Worst:
	}
	return "o.priority desc, o.seq"
}

// Queue lists the orders of a view.
func Queue(ctx context.Context, pool *pgxpool.Pool, v View, works Works, now time.Time) ([]Order, error) {
	where, args := v.where(now, works.SoonUntil(now))
	// The stretch is cut out of the orders alone; what else is told of them is read for those in it.
	from := "select o.* from " + v.from() + " where " + where + " order by " + v.order()
	if v.Limit > 0 {
		args = append(args, v.Limit, v.Offset)
		from += fmt.Sprintf(" limit $%d offset $%d", len(args)-1, len(args))
	}
	query := "select " + orderColumns + " from (" + from + ") o left join places p on p.id = o.place order by " + v.order()
	rows, err := pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list the queue: %w", err)
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	if err != nil {
		return nil, fmt.Errorf("list the queue: %w", err)
	}
	return orders, nil
}

// Lengths counts the orders of several views at once.
func Lengths(ctx context.Context, pool *pgxpool.Pool, views []View, works Works, now time.Time) ([]int, error) {
	b := &pgx.Batch{}
	out := make([]int, len(views))
	soon := works.SoonUntil(now)
	for i, v := range views {
		where, args := v.where(now, soon)
		b.Queue("select count(*) from "+v.from()+" where "+where, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&out[i]) })
	}
	if err := pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("count the queue: %w", err)
	}
	return out, nil
}

// Acted is one action of an order's record, for the console and the audit.
type Acted struct {
	N       int64
	Version int64
	At      time.Time
	Kind    Kind
	Actor   Actor
	Person  string // their id; never public
	State   State  // of the order, after it
	Reason  string
	Words   Words
	Batch   string
	Undone  bool
}

// Record lists everything that was done to an order, first to last. It names people: it is not public.
func Record(ctx context.Context, pool *pgxpool.Pool, order string) ([]Acted, error) {
	rows, err := pool.Query(ctx, `select n, version, at, kind, actor, person, state, reason, words, batch, undone from order_actions where order_id = $1 order by n`, order)
	if err != nil {
		return nil, fmt.Errorf("read an order's record: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Acted, error) {
		var a Acted
		var words []byte
		if err := row.Scan(&a.N, &a.Version, &a.At, &a.Kind, &a.Actor, &a.Person, &a.State, &a.Reason, &words, &a.Batch, &a.Undone); err != nil {
			return a, err
		}
		a.At = a.At.UTC()
		return a, json.Unmarshal(words, &a.Words)
	})
	if err != nil {
		return nil, fmt.Errorf("read an order's record: %w", err)
	}
	return list, nil
}

// SavedView is a view that a person has given a name. Its query is that of the console's address.
type SavedView struct {
	Name, Query string
	Shared      bool   // everybody at the console has it
	Of          string // who shares it; empty: it is the person's own
}

// SavedViews lists a person's views by name, and then those that others share.
func SavedViews(ctx context.Context, pool *pgxpool.Pool, person string) ([]SavedView, error) {
	rows, err := pool.Query(ctx, `select v.name, v.query, v.shared, case when v.person = $1 then '' else coalesce(nullif(p.name, ''), p.email, '?') end
		from saved_views v left join people p on p.id = v.person where v.person = $1 or v.shared order by v.person <> $1, v.name, 4`, person)
	if err != nil {
		return nil, fmt.Errorf("list saved views: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[SavedView])
}

// SaveView saves a view under its name; one without a query is forgotten.
func SaveView(ctx context.Context, pool *pgxpool.Pool, person string, v SavedView) error {
	var err error
	if v.Query == "" {
		_, err = pool.Exec(ctx, `delete from saved_views where person = $1 and name = $2`, person, v.Name)
	} else {
		_, err = pool.Exec(ctx, `insert into saved_views values ($1, $2, $3, $4) on conflict (person, name) do update set query = excluded.query, shared = excluded.shared`,
			person, v.Name, v.Query, v.Shared)
	}
	if err != nil {
		return fmt.Errorf("save a view: %w", err)
	}
	return nil
}

// PublicReply is what the city has said about an order to everybody.
type PublicReply struct {
	N    int // among all that was done to any order
	At   time.Time
	Text string
}

// Replies lists what the city has said about an order, first to last.
func Replies(ctx context.Context, pool *pgxpool.Pool, order string) ([]PublicReply, error) {
	rows, err := pool.Query(ctx, `select n, at, reason from order_actions where order_id = $1 and kind = 'replied' and not undone order by n`, order)
	if err != nil {
		return nil, fmt.Errorf("read the replies about order %s: %w", order, err)
	}
	replies, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PublicReply])
	if err != nil {
		return nil, fmt.Errorf("read the replies about order %s: %w", order, err)
	}
	return replies, nil
}
