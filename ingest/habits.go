package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Of what is kept of a device's days.
const (
	habitsEvery = 20 * time.Second
	habitsDays  = 31
)

// habits count what devices say, for their health.
type habits struct {
	mu   sync.Mutex
	days map[deviceDay]habit
}

type deviceDay struct{ device, day string }

// habit is what a device said on a day.
type habit struct {
	jolts, passes int32
	least, most   float32 // peaks, g
	last          time.Time
}

// take counts a device's events as they come in, those that it sends again as well.
func (h *habits) take(device string, events []wire.Event, now time.Time) {
	if len(events) == 0 {
		return
	}
	key := deviceDay{device, now.UTC().Format(time.DateOnly)}
	h.mu.Lock()
	defer h.mu.Unlock()
	day := h.days[key]
	for _, e := range events {
		if e.Kind != wire.Bump {
			day.passes++
			continue
		}
		peak := float32(e.PeakG)
		if day.jolts == 0 {
			day.least, day.most = peak, peak
		}
		day.jolts++
		day.least, day.most = min(day.least, peak), max(day.most, peak)
	}
	day.last = now
	if h.days == nil {
		h.days = map[deviceDay]habit{}
	}
	h.days[key] = day
}

// KeepHabits writes what devices have said to the database now and then, until ctx ends.
func (in *Ingest) KeepHabits(ctx context.Context) error {
	tick := time.NewTicker(habitsEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		if err := in.SaveHabits(writing); err != nil {
			in.options.Log.Warn("what devices said today is not counted", "error", err)
		}
		cancel()
	}
	return nil
}

// SaveHabits writes what devices have said since it was called last.
func (in *Ingest) SaveHabits(ctx context.Context) error {
	in.habits.mu.Lock()
	days := in.habits.days
	in.habits.days = nil
	in.habits.mu.Unlock()
	return saveHabits(ctx, in.quarantine.pool, days, in.options.Time(), in.pace.counted)
}

func saveHabits(ctx context.Context, pool *pgxpool.Pool, days map[deviceDay]habit, now time.Time, counted func(device string, day time.Time, events int64)) error {
	if len(days) == 0 {
		return nil
	}
	n := len(days)
	devices, dates, last := make([]string, 0, n), make([]string, 0, n), make([]time.Time, 0, n)
	jolts, passes := make([]int32, 0, n), make([]int32, 0, n)
	least, most := make([]*float32, 0, n), make([]*float32, 0, n)
	// In the order of keys, or two processes could wait for each other.
	keys := slices.SortedFunc(maps.Keys(days), func(a, b deviceDay) int {
		return slices.Compare([]string{a.device, a.day}, []string{b.device, b.day})
	})
	for _, k := range keys {
		h := days[k]
		devices, dates, last, jolts, passes = append(devices, k.device), append(dates, k.day), append(last, h.last), append(jolts, h.jolts), append(passes, h.passes)
		if h.jolts > 0 {
			least, most = append(least, &h.least), append(most, &h.most)
		} else {
			least, most = append(least, nil), append(most, nil)
		}
	}
	rows, err := pool.Query(ctx, `insert into device_days as d (device, day, jolts, passes, least_g, most_g, last_at)
		select u.device, u.day::date, u.jolts, u.passes, u.least, u.most, u.last
		from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::real[], $6::real[], $7::timestamptz[]) as u (device, day, jolts, passes, least, most, last)
			join devices on devices.id = u.device and devices.erase_at is null
		on conflict (device, day) do update set jolts = d.jolts + excluded.jolts, passes = d.passes + excluded.passes,
			least_g = least(d.least_g, excluded.least_g), most_g = greatest(d.most_g, excluded.most_g), last_at = greatest(d.last_at, excluded.last_at)
		returning device, day, jolts::bigint + passes`,
		devices, dates, jolts, passes, least, most, last)
	if err == nil {
		var device string
		var day time.Time
		var events int64
		_, err = pgx.ForEachRow(rows, []any{&device, &day, &events}, func() error { counted(device, day, events); return nil })
	}
	if err == nil {
		_, err = pool.Exec(ctx, `delete from device_days where day < $1::date`, now.AddDate(0, 0, -habitsDays).UTC().Format(time.DateOnly))
	}
	if err != nil {
		return fmt.Errorf("keep what devices said: %w", err)
	}
	return nil
}
