package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Health is how a device seems to be.
type Health string

// How a device can be.
const (
	Fine    Health = "fine"
	Stuck   Health = "stuck"   // it feels nothing in long use, or always the same
	Loose   Health = "loose"   // it says that it swings in its holder, or feels more than any road has
	Full    Health = "full"    // its queue has dropped events
	Away    Health = "away"    // nothing was heard of it for two weeks
	Unheard Health = "unheard" // nothing was ever heard of it
	Revoked Health = "revoked"
)

// Healths returns all of them, those that somebody should look at first.
func Healths() []Health { return []Health{Stuck, Loose, Full, Away, Unheard, Fine, Revoked} }

// Wrong says whether somebody should look at a device like that.
func (h Health) Wrong() bool { return slices.Contains([]Health{Stuck, Loose, Full}, h) }

// Seen is a device and how it is.
type Seen struct {
	Device
	Fleet         string
	Firmware      string
	Queued        int64 // events that wait in it, as it said last
	Dropped       int64 // events that it had no room for, as it said last
	Detector      int64 // revision of its detector's parameters; 0: it did not say
	SeenAt        *time.Time
	Jolts, Passes int64 // within HealthDays
	LeastG, MostG float64
	Health        Health
}

// HealthDays is how far back a device's health looks.
const HealthDays = 14

// DeviceSearch says which devices are wanted; what is empty is not asked.
type DeviceSearch struct {
	Query    string // an id, or part of a name
	Kind     string
	Firmware string
	Fleet    string
	Health   Health
	After    string // those enrolled before this device
	Limit    int    // 0: all
}

// seenSQL is devices as Seen reads them. $1 is now. Peaks within 0.02 g of each other are the same; nobody feels 300 jolts a day.
const seenSQL = `select d.id, d.name, d.app, d.kind, d.fleet, d.enrolled_at, d.revoked_at, d.online, d.status::text, d.status_at, s.seen_at,
		coalesce(h.jolts, 0) as jolts, coalesce(h.passes, 0) as passes, coalesce(h.least, 0) as least, coalesce(h.most, 0) as most, case
		when d.revoked_at is not null then 'revoked'
		when s.seen_at is null then 'unheard'
		when s.seen_at < $1::timestamptz - interval '14 days' then 'away'
		when h.jolts >= 10 and h.most - h.least < 0.02 or coalesce(h.jolts, 0) = 0 and (h.passes >= 20
			or coalesce(h.passes, 0) = 0 and d.enrolled_at < $1::timestamptz - interval '7 days') then 'stuck'
		when d.status->>'mount' = 'loose' or h.jolts > 300 * h.days then 'loose'
		when jsonb_typeof(d.status->'dropped') = 'number' and d.status->'dropped' > '0'::jsonb then 'full'
		else 'fine' end as health
	from devices d
		left join lateral (select sum(jolts) as jolts, sum(passes) as passes, min(least_g) as least, max(most_g) as most, max(last_at) as last, count(*) as days
			from device_days where device = d.id and day > ($1::timestamptz at time zone 'UTC')::date - 14) h on true,
		lateral (select greatest(d.status_at, h.last) as seen_at) s
	where d.erase_at is null`

// SearchDevices returns devices and how they are, the newest first.
func SearchDevices(ctx context.Context, pool *pgxpool.Pool, s DeviceSearch, now time.Time) ([]Seen, error) {
	limit := &s.Limit
	if s.Limit == 0 {
		limit = nil
	}
	rows, err := pool.Query(ctx, `select * from (`+seenSQL+`
		and ($2 = '' or d.id = $2 or strpos(lower(d.name), lower($2)) > 0) and ($3 = '' or d.kind = $3) and ($4 = '' or d.status->>'firmware' = $4)
		and ($5 = '' or d.fleet = $5) and ($7 = '' or (d.enrolled_at, d.id) < (select enrolled_at, id from devices where id = $7))) x
		where $6 = '' or health = $6 order by enrolled_at desc, id desc limit $8`,
		now, s.Query, s.Kind, s.Firmware, s.Fleet, string(s.Health), s.After, limit)
	if err != nil {
		return nil, fmt.Errorf("search devices: %w", err)
	}
	out, err := pgx.CollectRows(rows, readSeen)
	if err != nil {
		return nil, fmt.Errorf("search devices: %w", err)
	}
	return out, nil
}

// FindDevice returns a device and how it is, or ErrNoDevice.
func FindDevice(ctx context.Context, pool *pgxpool.Pool, id string, now time.Time) (Seen, error) {
	rows, err := pool.Query(ctx, seenSQL+` and d.id = $2`, now, id)
	if err != nil {
		return Seen{}, fmt.Errorf("find a device: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, readSeen)
	if errors.Is(err, pgx.ErrNoRows) {
		return Seen{}, fmt.Errorf("find %q: %w", id, ErrNoDevice)
	}
	if err != nil {
		return Seen{}, fmt.Errorf("find a device: %w", err)
	}
	return d, nil
}

func readSeen(row pgx.CollectableRow) (d Seen, err error) {
	var status *string
	err = row.Scan(&d.ID, &d.Name, &d.App, &d.Kind, &d.Fleet, &d.EnrolledAt, &d.RevokedAt, &d.Online, &status, &d.StatusAt, &d.SeenAt,
		&d.Jolts, &d.Passes, &d.LeastG, &d.MostG, &d.Health)
	if status == nil || err != nil {
		return d, err
	}
	d.Status = []byte(*status)
	var said map[string]any
	if json.Unmarshal(d.Status, &said) != nil {
		return d, nil //nolint:nilerr // what a device says wrongly of itself is ignored
	}
	if app, ok := said["app"].(string); ok && app != "" {
		d.App = app
	}
	d.Firmware, _ = said["firmware"].(string)
	for name, to := range map[string]*int64{"queued": &d.Queued, "dropped": &d.Dropped, "detector": &d.Detector} {
		if n, ok := said[name].(float64); ok && n > 0 && n < 1e15 {
			*to = int64(n)
		}
	}
	return d, nil
}

// Fleet are all devices in numbers, and by what they can be told apart.
type Fleet struct {
	Devices, Online  int
	Health           map[Health]int
	Kinds, Firmwares []string
	Fleets           []string
}

// CountDevices counts the devices.
func CountDevices(ctx context.Context, pool *pgxpool.Pool, now time.Time) (Fleet, error) {
	const most = 50
	f := Fleet{Health: map[Health]int{}}
	var kind, firmware, fleet string
	var health Health
	var online bool
	var n int
	rows, err := pool.Query(ctx, `select kind, coalesce(status::jsonb->>'firmware', ''), fleet, health, online, count(*) from (`+seenSQL+`) x group by 1, 2, 3, 4, 5 order by 6 desc`, now)
	if err != nil {
		return f, fmt.Errorf("count devices: %w", err)
	}
	add := func(list *[]string, name string) {
		if name != "" && len(*list) < most && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	_, err = pgx.ForEachRow(rows, []any{&kind, &firmware, &fleet, &health, &online, &n}, func() error {
		f.Devices += n
		if online {
			f.Online += n
		}
		f.Health[health] += n
		add(&f.Kinds, kind)
		add(&f.Firmwares, firmware)
		add(&f.Fleets, fleet)
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("count devices: %w", err)
	}
	for _, list := range [][]string{f.Kinds, f.Firmwares, f.Fleets} {
		slices.Sort(list)
	}
	return f, nil
}
