package crowd

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
)

// lastAnswerKept is how long a device's newest answer is remembered: in that time a car gets 1,500 km far.
const lastAnswerKept = 6 * time.Hour

// SumAnswers adds up, in the caller's transaction, what was heard of answers in the epochs before the one that begins at a
// time: coverage by control point, and each device's exposure and answers that cannot be true (device_answers). Calling
// it again changes nothing.
func SumAnswers(ctx context.Context, tx pgx.Tx, at time.Time) error {
	if err := sumAnswers(ctx, tx, at); err != nil {
		return fmt.Errorf("sum answers to watch lists: %w", err)
	}
	return nil
}

func sumAnswers(ctx context.Context, tx pgx.Tx, at time.Time) error {
	s := answerSums{ways: map[string][]answered{}, control: map[deviceDay]int{}, impossible: map[deviceDay]int{}}
	if err := s.hear(ctx, tx, at); err != nil || len(s.control)+len(s.impossible) == 0 {
		return err
	}
	if err := s.follow(ctx, tx, at); err != nil {
		return err
	}
	return s.write(ctx, tx)
}

type deviceDay struct {
	device string
	day    time.Time
}

// answerSums is what the marks of some epochs come to.
type answerSums struct {
	ways                map[string][]answered
	control, impossible map[deviceDay]int
}

// hear takes the marks, sums those of control points by point and day, and keeps those of devices.
func (s *answerSums) hear(ctx context.Context, tx pgx.Tx, at time.Time) error {
	// The lock first, in a statement of its own: two that sum at once must not each read the other's last answers.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, lockWatch+1); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		with heard as (
			delete from answer_marks where epoch < $1 returning device, time, point, lat, lon, radius_m, street, cell),
		counted as (
			insert into control_answers as c (point, day, street, cell, answers)
			select point, time::date, street, cell, count(*) from heard where point is not null group by 1, 2, 3, 4
			on conflict (point, day) do update set answers = c.answers + excluded.answers)
		select device, time, point is not null, lat, lon, radius_m from heard`, epochOf(at))
	if err != nil {
		return err
	}
	var device string
	var a answered
	var passed bool
	_, err = pgx.ForEachRow(rows, []any{&device, &a.time, &passed, &a.at[1], &a.at[0], &a.radiusM}, func() error {
		key := deviceDay{device, a.time.UTC().Truncate(24 * time.Hour)}
		if !passed {
			s.impossible[key]++
			return nil
		}
		s.control[key]++
		s.ways[device] = append(s.ways[device], a)
		return nil
	})
	return err
}

// follow sees whether each device can have driven from one control point to the next.
func (s *answerSums) follow(ctx context.Context, tx pgx.Tx, at time.Time) error {
	devices := make([]string, 0, len(s.ways))
	for d := range s.ways {
		devices = append(devices, d)
	}
	before := map[string]*answered{}
	rows, err := tx.Query(ctx, `select device, time, lat, lon, radius_m from last_answers where device = any($1)`, devices)
	if err != nil {
		return err
	}
	var device string
	var a answered
	_, err = pgx.ForEachRow(rows, []any{&device, &a.time, &a.at[1], &a.at[0], &a.radiusM}, func() error {
		one := a
		before[device] = &one
		return nil
	})
	if err != nil {
		return err
	}
	times, points := make([]time.Time, len(devices)), make([]orb.Point, len(devices))
	lat, lon, radius := make([]float64, len(devices)), make([]float64, len(devices)), make([]float64, len(devices))
	for i, d := range devices {
		n, newest := impossibleWays(before[d], s.ways[d])
		if n > 0 {
			s.impossible[deviceDay{d, newest.time.UTC().Truncate(24 * time.Hour)}] += n
		}
		times[i], points[i], radius[i] = newest.time, newest.at, newest.radiusM
		lat[i], lon[i] = points[i].Lat(), points[i].Lon()
	}
	if _, err := tx.Exec(ctx, `insert into last_answers as l select * from unnest($1::text[], $2::timestamptz[], $3::float8[], $4::float8[], $5::float8[])
		on conflict (device) do update set time = excluded.time, lat = excluded.lat, lon = excluded.lon, radius_m = excluded.radius_m`,
		devices, times, lat, lon, radius); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `delete from last_answers where time < $1`, at.Add(-lastAnswerKept))
	return err
}

func (s *answerSums) write(ctx context.Context, tx pgx.Tx) error {
	keys := map[deviceDay]bool{}
	for k := range s.control {
		keys[k] = true
	}
	for k := range s.impossible {
		keys[k] = true
	}
	var device []string
	var day []time.Time
	var control, impossible []int
	for k := range keys {
		device, day = append(device, k.device), append(day, k.day)
		control, impossible = append(control, s.control[k]), append(impossible, s.impossible[k])
	}
	_, err := tx.Exec(ctx, `insert into device_answers as d (device, day, control_answers, impossible_answers)
		select * from unnest($1::text[], $2::date[], $3::int[], $4::int[])
		on conflict (device, day) do update set control_answers = d.control_answers + excluded.control_answers,
			impossible_answers = d.impossible_answers + excluded.impossible_answers`, device, day, control, impossible)
	return err
}
