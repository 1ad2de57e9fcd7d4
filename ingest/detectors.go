package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// DetectorChannel is where it is announced that a kind of device has other parameters, by profile.
const DetectorChannel = "streetpulse_detector"

// ErrNoRevision means that there is no such revision of a detector's parameters, or that it was taken back.
var ErrNoRevision = errors.New("there is no such revision, or it was taken back")

// Revision is parameters of the detector, as they were given out to a share of a kind of device.
type Revision struct {
	Revision   int64
	Profile    string
	Parameters json.RawMessage
	Share      float64
	Note       string
	At         time.Time
	EndedAt    *time.Time // when it was taken back; nil: it was not
}

// GiveOut gives parameters out to a share of the devices of a kind, above 0 and to 1, and returns their revision. What the parameters mean is
// the caller's to check.
func GiveOut(ctx context.Context, tx pgx.Tx, r Revision) (int64, error) {
	err := tx.QueryRow(ctx, `insert into detector_revisions (profile, parameters, share, note, at) values ($1, $2, $3, $4, $5) returning revision`,
		r.Profile, r.Parameters, r.Share, r.Note, r.At).Scan(&r.Revision)
	if err != nil {
		return 0, fmt.Errorf("give parameters out: %w", err)
	}
	return r.Revision, announce(ctx, tx, r.Profile)
}

// SetShare gives a revision to another share of the devices. Who has it keeps it when the share grows. It returns ErrNoRevision.
func SetShare(ctx context.Context, tx pgx.Tx, revision int64, share float64) error {
	return change(ctx, tx, `update detector_revisions set share = $2 where revision = $1 and ended_at is null returning profile`, revision, share)
}

// TakeBack takes a revision back: devices go on with the one before. It returns ErrNoRevision.
func TakeBack(ctx context.Context, tx pgx.Tx, revision int64, at time.Time) error {
	return change(ctx, tx, `update detector_revisions set ended_at = $2 where revision = $1 and ended_at is null returning profile`, revision, at)
}

func change(ctx context.Context, tx pgx.Tx, query string, arguments ...any) error {
	var profile string
	err := tx.QueryRow(ctx, query, arguments...).Scan(&profile)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoRevision
	}
	if err != nil {
		return fmt.Errorf("change a revision: %w", err)
	}
	return announce(ctx, tx, profile)
}

func announce(ctx context.Context, tx pgx.Tx, profile string) error {
	if _, err := tx.Exec(ctx, `select pg_notify($1, $2)`, DetectorChannel, profile); err != nil {
		return fmt.Errorf("announce other parameters: %w", err)
	}
	return nil
}

// Revisions returns what was given out to a kind of device, the newest first; to all kinds where profile is empty.
func Revisions(ctx context.Context, from Asker, profile string) ([]Revision, error) {
	rows, err := from.Query(ctx, `select revision, profile, parameters, share, note, at, ended_at from detector_revisions where $1 = '' or profile = $1
		order by revision desc limit 1000`, profile)
	if err != nil {
		return nil, fmt.Errorf("read the detector's revisions: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Revision, err error) {
		return r, row.Scan(&r.Revision, &r.Profile, &r.Parameters, &r.Share, &r.Note, &r.At, &r.EndedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("read the detector's revisions: %w", err)
	}
	return out, nil
}

// Detectors returns what the topic of each kind of device carries: the newest revision that is for all, or else the parameters in base,
// and beside them the newest that a share tries.
func Detectors(revisions []Revision, base map[string][]byte) (map[string][]byte, error) {
	type trial struct {
		Revision   int64           `json:"revision"`
		Share      float64         `json:"share"`
		Parameters json.RawMessage `json:"parameters"`
	}
	forAll, tried := map[string]*Revision{}, map[string]*Revision{}
	out := map[string][]byte{}
	for i := range revisions { // the newest first
		r := &revisions[i]
		out[r.Profile] = nil
		switch {
		case r.EndedAt != nil || forAll[r.Profile] != nil:
		case r.Share >= 1:
			forAll[r.Profile] = r
		case r.Share > 0 && tried[r.Profile] == nil:
			tried[r.Profile] = r
		}
	}
	for profile, text := range base {
		out[profile] = text
	}
	for profile := range out {
		parameters := json.RawMessage(base[profile])
		if parameters == nil {
			parameters = json.RawMessage(`{"version":1}`) // the standard ones
		}
		said := map[string]any{}
		if r := forAll[profile]; r != nil {
			parameters = r.Parameters
			said["revision"] = r.Revision
		}
		if r := tried[profile]; r != nil {
			said["next"] = trial{r.Revision, r.Share, r.Parameters}
		}
		if len(said) == 0 {
			out[profile] = parameters
			continue
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(parameters, &members); err != nil {
			return nil, fmt.Errorf("parameters of %s: %w", profile, err)
		}
		for name, value := range members {
			if _, ours := said[name]; !ours {
				said[name] = value
			}
		}
		text, err := json.Marshal(said)
		if err != nil {
			return nil, fmt.Errorf("parameters of %s: %w", profile, err)
		}
		out[profile] = text
	}
	return out, nil
}

// PublishDetectors publishes the parameters that each kind of device is to use: those in base, or what was given out.
func PublishDetectors(ctx context.Context, from Asker, base map[string][]byte, publish func(profile string, payload []byte) error) error {
	revisions, err := Revisions(ctx, from, "")
	if err != nil {
		return err
	}
	detectors, err := Detectors(revisions, base)
	if err != nil {
		return err
	}
	for profile, payload := range detectors {
		if err := publish(profile, payload); err != nil {
			return err
		}
	}
	return nil
}

// DetectorUse is how many devices of a kind say that they have a revision, of those that were heard of within HealthDays.
type DetectorUse struct {
	Profile  string
	Revision int64 // 0: they have none, or do not say
	Devices  int
}

// DetectorsInUse returns which revisions devices say that they have, by kind.
func DetectorsInUse(ctx context.Context, from Asker, now time.Time) ([]DetectorUse, error) {
	rows, err := from.Query(ctx, `select kind, case when jsonb_typeof(status->'detector') = 'number' and status->'detector' between '1'::jsonb and '1000000000'::jsonb
			then floor((status->>'detector')::numeric)::bigint else 0 end as revision, count(*)
		from devices where kind <> '' and revoked_at is null and erase_at is null and status_at >= $1 group by 1, 2 order by 1, 3 desc, 2`, now.AddDate(0, 0, -HealthDays))
	if err != nil {
		return nil, fmt.Errorf("count detectors in use: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DetectorUse])
	if err != nil {
		return nil, fmt.Errorf("count detectors in use: %w", err)
	}
	return out, nil
}
