package crowd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A sealed voice is what a device said at a place, without the device: how often it felt something and passed smoothly, what that
// looked like, and no time but the day. Every voice has a name of its own, so that none can be traced from place to place.

// sealMark begins the names of sealed voices; no device's id may hold it.
const sealMark = "~"

func isSealed(device string) bool { return strings.HasPrefix(device, sealMark) }

// sealing names what was sealed at once: its voices are certain to be of different devices.
func sealing(voice string) string {
	batch, _, _ := strings.Cut(voice, ".")
	return batch
}

// random returns some letters that nobody can guess.
func random() (string, error) {
	b := make([]byte, 9)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("name a sealed voice: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// witnesses is how many independent devices have felt the place for certain. A sealed voice may be of a device that spoke again since, so
// of what was sealed at different times, and what was not, the most counts.
func (s *site) witnesses() int {
	by := map[string]int{}
	for _, d := range s.order {
		if a := s.accounts[d]; a.hits > 0 && !a.shadow {
			batch := "" // of those who can still be told apart
			if isSealed(d) {
				batch = sealing(d)
			}
			by[batch]++
		}
	}
	most := 0
	for _, n := range by {
		most = max(most, n)
	}
	return most
}

// seal takes from an account what its device could be recognised by. A device that seems to make things up is sealed as one that
// does not count, or erasing it would clear its name.
func (a *account) seal(o *opinion) {
	const day = 24 * time.Hour
	a.first, a.last = a.first.Truncate(day), a.last.Truncate(day)
	a.firstHit, a.lastHits = a.firstHit-a.firstHit%day.Milliseconds(), [4]int64{}
	a.imprints = nil
	a.speakPlainly(o.accent)
	a.shadow = a.shadow || o.liar > 0.5
}

// still keeps everybody from judging and deciding until the transaction ends, and says whether anything was ever judged.
func still(ctx context.Context, tx pgx.Tx) (judged bool, err error) {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, lockReplay); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `lock table regions in share row exclusive mode`); err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, `select exists (select 1 from epoch)`).Scan(&judged)
	return judged, err
}

// voiceKey is a voice at a place.
type voiceKey struct{ place, device string }

// sealVoices seals evidence that the condition names, some thousand rows at a time, and cuts the times of the places to the day.
func sealVoices(ctx context.Context, tx pgx.Tx, t *trust, where string, argument any) (int, error) {
	batch, err := random()
	if err != nil {
		return 0, err
	}
	const some = 5000
	all := 0
	for {
		rows, err := tx.Query(ctx, fmt.Sprintf(`select place, device, hits, misses, first_at, last_at, account from evidence
			where %s and device not like '~%%' limit %d`, where, some), argument)
		if err != nil {
			return 0, err
		}
		var keys []voiceKey
		var accounts []*account
		var key voiceKey
		var a account
		var sums []byte
		_, err = pgx.ForEachRow(rows, []any{&key.place, &key.device, &a.hits, &a.misses, &a.first, &a.last, &sums}, func() error {
			one := a
			one.take(sums, &site{})
			one.first, one.last = a.first.UTC(), a.last.UTC()
			one.seal(t.of(key.device))
			keys, accounts = append(keys, key), append(accounts, &one)
			return nil
		})
		if err != nil || len(keys) == 0 {
			return all, err
		}
		all += len(keys)
		if err := writeSealed(ctx, tx, batch, keys, accounts); err != nil {
			return 0, err
		}
	}
}

func writeSealed(ctx context.Context, tx pgx.Tx, batch string, keys []voiceKey, accounts []*account) error {
	n := len(keys)
	place, device, name, sums := make([]string, n), make([]string, n), make([]string, n), make([][]byte, n)
	first, last := make([]time.Time, n), make([]time.Time, n)
	for i, k := range keys {
		own, err := random()
		if err != nil {
			return err
		}
		name[i] = sealMark + batch + "." + own
		place[i], device[i], sums[i] = k.place, k.device, accounts[i].encode()
		first[i], last[i] = accounts[i].first, accounts[i].last
	}
	b := &pgx.Batch{}
	b.Queue(`update evidence e set device = u.name, account = u.sums, first_at = u.first, last_at = u.last
		from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[], $6::timestamptz[])
			as u (place, device, name, sums, first, last)
		where e.place = u.place and e.device = u.device`, place, device, name, sums, first, last)
	// Midnights stay before what they were before: fading asks for midnights only.
	b.Queue(`update places set first_at = date_trunc('day', first_at, 'UTC'), last_at = date_trunc('day', last_at, 'UTC'),
			state_at = case when shown or state <> 'suspected' then state_at else date_trunc('day', state_at, 'UTC') end
		where id = any($1)`, place)
	b.Queue(`update place_steps set at = date_trunc('day', at, 'UTC') where place = any($1) and kind = 'first_jolt'`, place)
	return tx.SendBatch(ctx, b).Close()
}

// keepSealed copies the state, so that rebuild begins with it, and has everybody forget what they remember.
func keepSealed(ctx context.Context, tx pgx.Tx) error {
	for _, query := range []string{
		`delete from sealed_places`, `delete from sealed_evidence`, `delete from sealed_trust`, `delete from sealed_lessons`,
		`insert into sealed_places select * from places`,
		`insert into sealed_evidence select * from evidence`,
		`insert into sealed_trust select * from device_trust`,
		`insert into sealed_lessons select * from lessons`,
		`insert into sealed (n, hour, fresh)
			select (select last_value from judgement_n), hour,
				exists (select 1 from touched where epoch >= coalesce((select epoch from lessons), 0)) from epoch
			on conflict (single) do update set n = excluded.n, hour = excluded.hour, fresh = excluded.fresh`,
		keepDaysSQL,
		`update epoch set seal = seal + 1`,
		`update regions set version = version + 1`,
	} {
		if _, err := tx.Exec(ctx, query); err != nil {
			return fmt.Errorf("keep what was sealed: %w", err)
		}
	}
	return nil
}

// begin takes the rehearsal to where the log begins, and returns the last number in the order of judgement that is sealed; 0: none.
func (r *Rehearsal) begin(ctx context.Context, tx pgx.Tx) (n int64, err error) {
	err = tx.QueryRow(ctx, `select n, hour, fresh from sealed`).Scan(&n, &r.epoch, &r.fresh)
	if isNone(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read what is sealed: %w", err)
	}
	rows, err := tx.Query(ctx, `select `+siteColumns+` from sealed_places`)
	if err != nil {
		return 0, fmt.Errorf("read sealed places: %w", err)
	}
	sites, err := r.cache.take(rows)
	if err != nil {
		return 0, err
	}
	rows, err = tx.Query(ctx, `select `+accountColumns+` from sealed_evidence`)
	if err != nil {
		return 0, fmt.Errorf("read sealed evidence: %w", err)
	}
	if err := takeAccounts(rows, sites); err != nil {
		return 0, err
	}
	for _, s := range sites {
		s.keptSteps = s.stepCount
	}
	rows, err = tx.Query(ctx, `select `+standingColumns+` from sealed_trust`)
	if err != nil {
		return 0, fmt.Errorf("read what was known of devices: %w", err)
	}
	if err := r.trust.scan(rows); err != nil {
		return 0, err
	}
	l, err := lessonsFrom(ctx, tx, "sealed_lessons")
	if err == nil && l != nil {
		r.trust.lessons = *l
	}
	return n, err
}
