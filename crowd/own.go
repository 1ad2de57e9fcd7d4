package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// ownRows are what is kept about a device ($1) besides its events: by name, queries of one JSON value a row. What is left out would
// teach those who make things up how they are seen, or tell control points from places: whether the device seems to make things up, and
// which of its answers were for control points. The answers themselves are among its events.
func ownRows() [][2]string {
	return [][2]string{
		{"days", `select to_jsonb(t) - 'device' from device_days t where device = $1 order by day`},
		{"learned", `select to_jsonb(t) - '{device,invented,ring}'::text[] from device_trust t where device = $1`},
		{"places", `select to_jsonb(t) - 'device' from evidence t where device = $1 and hits > 0 order by first_at, place`},
		{"put_aside", `select to_jsonb(t) - 'device' from put_aside_evidence t where device = $1 and hits > 0 order by first_at, place`},
		{"answers", `select jsonb_build_object('day', day, 'answers', control_answers) from device_answers where device = $1 order by day`},
		{"unreadable", `select jsonb_build_object('received', received, 'source', source, 'reason', reason, 'payload_hex', encode(payload, 'hex'))
			from quarantine where device = $1 order by n`},
	}
}

// Own writes all that is kept about a device as one JSON object, row by row, of one picture of the database. It returns ErrNoDevice, and has
// written nothing then, where there is no such device.
func Own(ctx context.Context, pool *pgxpool.Pool, device string, to io.Writer) error {
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var itself []byte
		err := tx.QueryRow(ctx, `select to_jsonb(t) - '{secret_sha256,former_sha256,connection}'::text[] from devices t where id = $1`, device).Scan(&itself)
		if isNone(err) {
			return ErrNoDevice
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(to, `{"device":%s`, itself); err != nil {
			return err
		}
		for _, part := range ownRows() {
			if err := ownList(ctx, tx, to, part[0], part[1], device); err != nil {
				return err
			}
		}
		if err := ownEvents(ctx, tx, to, device); err != nil {
			return err
		}
		_, err = io.WriteString(to, "}\n")
		return err
	})
	if err != nil && !errors.Is(err, ErrNoDevice) {
		err = fmt.Errorf("write what is kept about a device: %w", err)
	}
	return err
}

// ownList writes the rows of a query as a member of the object.
func ownList(ctx context.Context, tx pgx.Tx, to io.Writer, name, query, device string) error {
	rows, err := tx.Query(ctx, query, device)
	if err != nil {
		return err
	}
	list := list{to: to, name: name}
	var row []byte
	if _, err := pgx.ForEachRow(rows, []any{&row}, func() error { return list.add(row) }); err != nil {
		return err
	}
	return list.end()
}

// ownEvents writes the device's events, as lines of a replay file have them. A place that one answers for stands as the device sent it.
func ownEvents(ctx context.Context, tx pgx.Tx, to io.Writer, device string) error {
	list := list{to: to, name: "events"}
	err := lines(ctx, tx, `select 0, received, id, device, kind, time, lat, lon, accuracy_m, speed_mps, heading_deg, peak_g, duration_s, rate_hz, wave, coalesce(place, '')
		from events where device = $1 order by time, id`, func(_ int64, l wire.Line) error {
		row, err := json.Marshal(l)
		if err != nil {
			return err
		}
		return list.add(row)
	}, device)
	if err != nil {
		return err
	}
	return list.end()
}

// list is a member of a JSON object that is written value by value.
type list struct {
	to   io.Writer
	name string
	n    int
}

func (l *list) add(value []byte) error {
	before := ",\n"
	if l.n == 0 {
		before = fmt.Sprintf(",\n%q:[\n", l.name)
	}
	l.n++
	if _, err := io.WriteString(l.to, before); err != nil {
		return err
	}
	_, err := l.to.Write(value)
	return err
}

func (l *list) end() error {
	end := "]"
	if l.n == 0 {
		end = fmt.Sprintf(",\n%q:[]", l.name)
	}
	_, err := io.WriteString(l.to, end)
	return err
}
