package crowd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNoDevice means that nothing is known of a device by that id.
var ErrNoDevice = errors.New("there is no such device")

// eraseGrace is how long a device that is to be erased may still be heard: until every process has noticed that it is revoked.
const eraseGrace = 8 * time.Second

// AskErasure asks, by the wall's clock, for everything about a device to go: from now on it cannot log in, and Upkeep erases it from the time
// that is returned, when nothing of it is on its way any more. It returns ErrNoDevice where there is no such device.
func AskErasure(ctx context.Context, pool *pgxpool.Pool, device string, now time.Time) (at time.Time, err error) {
	err = pool.QueryRow(ctx, `update devices set revoked_at = coalesce(revoked_at, $2),
			erase_at = coalesce(erase_at, case when secret_sha256 is null or revoked_at < $4 then $2 else $3 end)
		where id = $1 returning erase_at`, device, now, now.Add(eraseGrace), now.Add(-eraseGrace)).Scan(&at)
	if isNone(err) {
		return at, ErrNoDevice
	}
	return at, wrap(err, "ask for the erasure of a device")
}

// Erase makes everything about a device go, in one transaction: its events, judged or not, what is known of it, its answers, its
// credentials. What it said at places stays as counts in which nobody can be recognised (a sealed voice), so that no place vanishes and no order is
// withdrawn. Nothing is judged meanwhile. It returns the number of events, or ErrNoDevice where there was nothing.
func Erase(ctx context.Context, pool *pgxpool.Pool, device string) (events int64, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		judged, err := still(ctx, tx)
		if err != nil {
			return err
		}
		t, err := opinionsOf(ctx, tx, []string{device})
		if err != nil {
			return err
		}
		sealed, err := sealVoices(ctx, tx, t, `device = $1`, device)
		if err != nil {
			return err
		}
		gone := int64(sealed)
		for _, query := range []string{
			`delete from devices where id = $1`, `delete from device_days where device = $1`, `delete from judgements where device = $1`, `delete from device_trust where device = $1`,
			`delete from answer_marks where device = $1`, `delete from last_answers where device = $1`,
			`delete from device_answers where device = $1`, `delete from quarantine where device = $1`, `delete from put_aside_evidence where device = $1`,
		} {
			tag, err := tx.Exec(ctx, query, device)
			if err != nil {
				return err
			}
			gone += tag.RowsAffected()
		}
		if err := dropPending(ctx, tx, device); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from events where device = $1`, device)
		if err != nil {
			return err
		}
		events = tag.RowsAffected()
		if gone+events == 0 {
			return ErrNoDevice
		}
		if !judged {
			return nil
		}
		return keepSealed(ctx, tx)
	})
	if err != nil && !errors.Is(err, ErrNoDevice) {
		err = fmt.Errorf("erase a device: %w", err)
	}
	return events, err
}

// opinionsOf returns what is known of some devices.
func opinionsOf(ctx context.Context, tx pgx.Tx, devices []string) (*trust, error) {
	reader, err := StandardClassifier()
	if err != nil {
		return nil, err
	}
	t := newTrust(reader)
	return t, t.loadOf(ctx, tx, devices)
}

// dropPending takes a device's events out of what waits.
func dropPending(ctx context.Context, tx pgx.Tx, device string) error {
	rows, err := tx.Query(ctx, `select region, arrival, e.at from pending p, unnest(p.offsets, p.devices) as e (at, device)
		where p.devices @> array[$1] and e.device = $1`, device)
	if err != nil {
		return err
	}
	var region, commit []int64
	var offset []int32
	var r, c int64
	var o int32
	if _, err = pgx.ForEachRow(rows, []any{&r, &c, &o}, func() error {
		region, commit, offset = append(region, r), append(commit, c), append(offset, o)
		return nil
	}); err != nil || len(region) == 0 {
		return err
	}
	b := &pgx.Batch{}
	queueTaken(b, region, commit, offset)
	return tx.SendBatch(ctx, b).Close()
}

// Retained is what has outlived its retention.
type Retained struct{ Events, Voices int64 }

// Retain drops what arrived before a time and was judged: events, answers, what could not be read. What devices said at places and have
// not spoken of since stays as sealed voices. Nothing is judged meanwhile.
func Retain(ctx context.Context, pool *pgxpool.Pool, before time.Time) (out Retained, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		judged, err := still(ctx, tx)
		if err != nil {
			return err
		}
		for _, query := range []string{`delete from quarantine where received < $1`, `delete from device_answers where day < ($1::timestamptz)::date`,
			`delete from control_answers where day < ($1::timestamptz)::date`, `delete from answer_marks where time < $1`,
			`delete from put_aside_evidence where last_at < $1`} {
			if _, err := tx.Exec(ctx, query, before); err != nil {
				return err
			}
		}
		if !judged {
			return nil
		}
		rows, err := tx.Query(ctx, `select distinct device from evidence where last_at < $1`, before)
		if err != nil {
			return err
		}
		devices, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		t, err := opinionsOf(ctx, tx, devices)
		if err != nil {
			return err
		}
		voices, err := sealVoices(ctx, tx, t, `last_at < $1`, before)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `with old as (delete from judgements where received < $1 returning id, device)
			delete from events e using old where e.id = old.id and e.device = old.device`, before)
		if err != nil {
			return err
		}
		out = Retained{tag.RowsAffected(), int64(voices)}
		if out == (Retained{}) {
			return nil
		}
		return keepSealed(ctx, tx)
	})
	if err != nil {
		err = fmt.Errorf("drop what has outlived its retention: %w", err)
	}
	return out, err
}

// Upkeep erases devices that asked for it and drops what has outlived its retention.
type Upkeep struct {
	Pool *pgxpool.Pool
	Days int // events are dropped when they are so old, or up to a week older; 0: never
	Log  *slog.Logger
	// DaysNow, where it is set, is asked for Days each time: they can be changed while it works.
	DaysNow func(ctx context.Context) (int, error)
}

// slack is how much longer than the retention asks events may stay: each time, rebuild loses what lies before.
const slack = 7 * 24 * time.Hour

// Work does so until the context ends. What fails is logged and tried again. Now is the clock of decisions.
func (u Upkeep) Work(ctx context.Context, now func() time.Time) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	var looked time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := u.EraseAsked(ctx, time.Now()); err != nil && ctx.Err() == nil {
			u.Log.Error("a device could not be erased; trying again", "error", err)
		}
		if time.Since(looked) < time.Hour {
			continue
		}
		if err := u.retain(ctx, now()); err != nil {
			if ctx.Err() == nil {
				u.Log.Error("retention failed; trying again", "error", err)
			}
			continue
		}
		looked = time.Now()
	}
}

// EraseAsked erases the devices whose time has come.
func (u Upkeep) EraseAsked(ctx context.Context, now time.Time) error {
	rows, err := u.Pool.Query(ctx, `select id from devices where erase_at <= $1 order by erase_at`, now)
	if err != nil {
		return err
	}
	devices, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, d := range devices {
		if _, err := Erase(ctx, u.Pool, d); err != nil && !errors.Is(err, ErrNoDevice) {
			return err
		}
	}
	return nil
}

// retain folds old days into weeks, and drops what is too old once the oldest is by a week.
func (u Upkeep) retain(ctx context.Context, now time.Time) error {
	if err := errors.Join(foldDays(ctx, u.Pool, now), dropAside(ctx, u.Pool)); err != nil {
		return err
	}
	if u.DaysNow != nil {
		var err error
		if u.Days, err = u.DaysNow(ctx); err != nil {
			return err
		}
	}
	if u.Days <= 0 {
		return nil
	}
	before := now.AddDate(0, 0, -u.Days)
	var oldest time.Time
	err := u.Pool.QueryRow(ctx, `select received from judgements order by n limit 1`).Scan(&oldest)
	if isNone(err) || err == nil && oldest.After(before.Add(-slack)) {
		return nil
	}
	if err != nil {
		return err
	}
	out, err := Retain(ctx, u.Pool, before)
	if err == nil {
		u.Log.Info("dropped what has outlived its retention", "before", before, "events", out.Events, "sealed", out.Voices)
	}
	return err
}
