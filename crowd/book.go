package crowd

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/geo"
)

// lesson numbers the looks at everything that was judged, by the epoch in which the first event was. Each looks at all that is known, so that
// it costs more the more is known; and changes less. So they are every six hours at first, every twelve after three days, and daily,
// at midnight (UTC), after a week.
func lesson(began, hour int64) int64 {
	const day = 24
	age := hour - began/day*day
	switch {
	case age < 3*day:
		return age / int64(Lesson/epochLength)
	case age < 7*day:
		return 3*4 + (age-3*day)/(day/2)
	default:
		return 3*4 + 4*2 + (age-7*day)/day
	}
}

// Lesson is the shortest time from one look at everything to the next; all are a multiple of it past midnight (UTC).
const Lesson = 6 * time.Hour

// nextLesson is the first epoch of the next one.
func nextLesson(began, hour int64) int64 {
	next := hour + 1
	for lesson(began, next) == lesson(began, hour) {
		next++
	}
	return next
}

// book is what learning remembers of all places, so that it reads only what is new.
type book struct {
	since  int64 // the epoch from which the database is to be read
	heard  int64 // the newest decision that it knows
	nodes  map[string]*node
	copies *copies
	fresh  bool // something was judged since
}

func newBook() *book { return &book{nodes: map[string]*node{}, copies: newCopies()} }

// sorted lists the places to learn from, by name.
func (b *book) sorted() []*node {
	nodes := make([]*node, 0, len(b.nodes))
	for _, id := range slices.Sorted(maps.Keys(b.nodes)) {
		if n := b.nodes[id]; n.teaches() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// put sets what a device says at a place.
func (n *node) put(v voice) {
	at, found := slices.BinarySearchFunc(n.voices, v.device, func(o voice, d string) int { return cmp.Compare(o.device, d) })
	if found {
		n.voices[at] = v
	} else {
		n.voices = slices.Insert(n.voices, at, v)
	}
}

// drop takes away what a device says at a place.
func (n *node) drop(device string) {
	n.voices = slices.DeleteFunc(n.voices, func(v voice) bool { return v.device == device })
}

// study learns, in the transaction in which an epoch passes, from all that was judged, and stores what is known now as
// of the epoch target. Where nothing was judged since it last did, it does nothing.
func (e *Engine) study(ctx context.Context, tx pgx.Tx, hour, target int64) error {
	if err := e.trust.load(ctx, tx, hour, e.reader); err != nil {
		return err
	}
	if err := e.book.read(ctx, tx, hour); err != nil {
		return err
	}
	if !e.book.fresh {
		return nil
	}
	nodes := e.book.sorted()
	if err := e.noteFindings(ctx, tx, append(drives(nodes), e.book.copies.study(nodes)...)); err != nil {
		return err
	}
	if err := e.noteCame(ctx, tx, e.learnAfresh(nodes)); err != nil {
		return err
	}
	e.book.since = target
	if _, err := tx.Exec(ctx, `delete from touched where epoch < $1`, target-keepTouched); err != nil {
		return fmt.Errorf("learn: forget what was touched: %w", err)
	}
	e.trust.epoch = target
	return e.trust.save(ctx, tx)
}

const (
	keepTouched   = 72 // epochs for which it is known what judging has touched: whoever last learned longer ago reads all
	longestLesson = 24 // epochs from one lesson to the next
)

// read brings the book up to date.
func (b *book) read(ctx context.Context, tx pgx.Tx, hour int64) error {
	if b.since < hour-keepTouched+longestLesson {
		*b = *newBook()
	}
	// Since anybody last learned, not since this process did: it must make no difference who learns.
	err := tx.QueryRow(ctx, `select exists (select 1 from touched where epoch >= coalesce((select epoch from lessons), 0))`).Scan(&b.fresh)
	if err != nil {
		return fmt.Errorf("learn: %w", err)
	}
	if !b.fresh {
		return nil
	}
	rows, err := tx.Query(ctx, `select id from places_gone where epoch >= $1`, b.since)
	if err != nil {
		return fmt.Errorf("learn: read places that are gone: %w", err)
	}
	var id string
	if _, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		delete(b.nodes, id)
		return nil
	}); err != nil {
		return fmt.Errorf("learn: read places that are gone: %w", err)
	}
	rows, err = tx.Query(ctx, `select n, place from decisions where n > $1 and kind = 'repaired' order by n`, b.heard)
	if err != nil {
		return fmt.Errorf("learn: read decisions: %w", err)
	}
	if _, err = pgx.ForEachRow(rows, []any{&b.heard, &id}, func() error {
		if n := b.nodes[id]; n != nil {
			n.voices = nil
		}
		return nil
	}); err != nil {
		return fmt.Errorf("learn: read decisions: %w", err)
	}
	rows, err = tx.Query(ctx, `select id, state, lat, lon, repaired_at, verdict, came, estimate from places
		where $1 = 0 or id in (select place from touched where epoch >= $1)`, b.since)
	if err != nil {
		return fmt.Errorf("learn: read places: %w", err)
	}
	var lat, lon, came float64
	var repaired *time.Time
	var state State
	var verdict Class
	var estimate []byte
	if _, err = pgx.ForEachRow(rows, []any{&id, &state, &lat, &lon, &repaired, &verdict, &came, &estimate}, func() error {
		s := site{Place: Place{Lat: lat, Lon: lon}}
		s.takeEstimate(estimate)
		n := b.nodes[id]
		if n == nil {
			n = &node{id: id}
			b.nodes[id] = n
		}
		n.at, n.anchor, n.structure, n.lie, n.came, n.verdict, n.repaired = [2]float64{lon, lat}, s.anchor, s.structure, s.lie, came, verdict, repaired != nil
		n.faded = state == Faded && repaired == nil
		return nil
	}); err != nil {
		return fmt.Errorf("learn: read places: %w", err)
	}
	rows, err = tx.Query(ctx, `select place, device, hits, misses, first_at, last_at, alone, copied, account from evidence
		where epoch >= $1 and ($1 = 0 or place in (select place from touched where epoch >= $1))`, b.since)
	if err != nil {
		return fmt.Errorf("learn: read evidence: %w", err)
	}
	var device string
	var hits, misses int
	var first, last time.Time
	var alone, copied int16
	var sums []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &device, &hits, &misses, &first, &last, &alone, &copied, &sums}, func() error {
		n := b.nodes[id]
		if n == nil {
			return nil
		}
		a := account{hits: hits, misses: misses, first: first, last: last, alone: lonely(alone), copied: decodeCopied(copied)}
		a.take(sums, &site{anchor: n.at, Place: Place{Lon: n.at[0], Lat: n.at[1]}})
		if a.shadow {
			n.drop(device)
		} else {
			n.put(a.voice(device))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("learn: read evidence: %w", err)
	}
	return nil
}

// noteFindings stores which jolts were on a drive and which are copies, where it is known now, and tells whoever remembers the places.
func (e *Engine) noteFindings(ctx context.Context, tx pgx.Tx, changed []finding) error {
	if len(changed) == 0 {
		return nil
	}
	place, device := make([]string, len(changed)), make([]string, len(changed))
	alone, copied := make([]int16, len(changed)), make([]int16, len(changed))
	for i, f := range changed {
		v := f.node.voices[f.voice]
		place[i], device[i], alone[i], copied[i] = f.node.id, v.device, int16(v.alone), v.copied.code()
	}
	err := e.noteBy(ctx, tx, `
		update evidence e set alone = u.alone, copied = u.copied
		from unnest($1::text[], $2::text[], $3::smallint[], $4::smallint[]) as u (place, device, alone, copied)
		where e.place = u.place and e.device = u.device returning e.place`, place, device, alone, copied)
	if err != nil {
		return fmt.Errorf("learn: note what was found: %w", err)
	}
	e.cache.note(changed)
	return nil
}

// noteCame stores which places came, where that is news, and tells whoever remembers them.
func (e *Engine) noteCame(ctx context.Context, tx pgx.Tx, news []*node) error {
	if len(news) == 0 {
		return nil
	}
	place, came := make([]string, len(news)), make([]float64, len(news))
	for i, n := range news {
		place[i], came[i] = n.id, n.came
	}
	err := e.noteBy(ctx, tx, `update places p set came = u.came from unnest($1::text[], $2::float8[]) as u (place, came)
		where p.id = u.place returning p.id as place`, place, came)
	if err != nil {
		return fmt.Errorf("learn: note what came: %w", err)
	}
	e.cache.noteCame(news)
	return nil
}

// noteBy changes what is stored of places, those that the query returns, and sees that what this engine remembers of them stays good.
func (e *Engine) noteBy(ctx context.Context, tx pgx.Tx, query string, args ...any) error {
	rows, err := tx.Query(ctx, `
		with noted as (`+query+`)
		update regions set version = version + 1
		where region in (select p.region from places p where p.id in (select place from noted)) returning region, version`, args...)
	if err != nil {
		return err
	}
	var region, version int64
	_, err = pgx.ForEachRow(rows, []any{&region, &version}, func() error {
		if shelf := e.cache.regions[geo.Cell(region)]; shelf != nil {
			shelf.noted(version)
		}
		return nil
	})
	return err
}

func (c *cache) byName() map[string]*site {
	sites := map[string]*site{}
	for _, shelf := range c.regions {
		for id, s := range shelf.sites {
			sites[id] = s
		}
	}
	return sites
}

// noteCame puts whether they came into the places that are remembered.
func (c *cache) noteCame(news []*node) {
	sites := c.byName()
	for _, n := range news {
		if s := sites[n.id]; s != nil {
			s.came = n.came
		}
	}
}

// note puts findings into the places that are remembered.
func (c *cache) note(changed []finding) {
	sites := c.byName()
	for _, f := range changed {
		if s := sites[f.node.id]; s != nil {
			v := f.node.voices[f.voice]
			if a := s.accounts[v.device]; a != nil {
				a.alone, a.copied = v.alone, v.copied
			}
		}
	}
}

// save stores what is known as of the trust's epoch.
func (t *trust) save(ctx context.Context, tx pgx.Tx) error {
	devices := slices.Sorted(maps.Keys(t.devices))
	n := len(devices)
	sensitivity, jolts, invented, agreed, ring := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	accent := make([][]byte, n)
	for i, d := range devices {
		s := t.devices[d]
		accent[i] = s.accent.encode()
		sensitivity[i], jolts[i], invented[i], agreed[i], ring[i] = s.sensitivity, s.jolts, s.invented, s.agreed, s.ring
	}
	_, err := tx.Exec(ctx, `
		insert into device_trust as t (device, sensitivity, jolts, invented, agreed, ring, accent, epoch)
		select *, $8 from unnest($1::text[], $2::float8[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::bytea[])
		on conflict (device) do update set sensitivity = excluded.sensitivity, jolts = excluded.jolts, invented = excluded.invented,
			agreed = excluded.agreed, ring = excluded.ring, accent = excluded.accent, epoch = excluded.epoch
		where (t.sensitivity, t.jolts, t.invented, t.agreed, t.ring, t.accent)
			is distinct from (excluded.sensitivity, excluded.jolts, excluded.invented, excluded.agreed, excluded.ring, excluded.accent)`,
		devices, sensitivity, jolts, invented, agreed, ring, accent, t.epoch)
	if err != nil {
		return fmt.Errorf("store what is known of devices: %w", err)
	}
	var looks []float64
	for _, p := range t.looks() {
		looks = append(looks, *p)
	}
	_, err = tx.Exec(ctx, `
		insert into lessons (epoch, usual, alone, typical, stranger, likeness, copies) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (single) do update set epoch = excluded.epoch, usual = excluded.usual, alone = excluded.alone,
			typical = excluded.typical, stranger = excluded.stranger, likeness = excluded.likeness,
			copies = excluded.copies`,
		t.epoch, t.usual, t.alone, t.typical, t.stranger, looks,
		[]float64{t.copies.made.before, t.copies.made.after, t.copies.real.before, t.copies.real.after})
	if err != nil {
		return fmt.Errorf("store what the city has taught: %w", err)
	}
	return nil
}

// load brings the memory to the given epoch.
func (t *trust) load(ctx context.Context, tx pgx.Tx, epoch int64, c *Classifier) error {
	if t.epoch == epoch {
		return nil
	}
	if t.epoch > epoch {
		*t = *newTrust(c)
	}
	rows, err := tx.Query(ctx, `select `+standingColumns+` from device_trust where epoch > $1`, t.epoch)
	if err != nil {
		return fmt.Errorf("load what is known of devices: %w", err)
	}
	if err := t.scan(rows); err != nil {
		return err
	}
	l, err := loadLessons(ctx, tx)
	if err != nil {
		return err
	}
	if l != nil {
		t.lessons = *l
	}
	clear(t.opinions)
	t.epoch = epoch
	return nil
}

const standingColumns = `device, sensitivity, jolts, invented, agreed, ring, accent`

// scan takes standingColumns of device_trust.
func (t *trust) scan(rows pgx.Rows) error {
	var device string
	var s standing
	var accent []byte
	_, err := pgx.ForEachRow(rows, []any{&device, &s.sensitivity, &s.jolts, &s.invented, &s.agreed, &s.ring, &accent}, func() error {
		s.accent = decodeAccent(accent)
		t.devices[device] = s
		return nil
	})
	if err != nil {
		return fmt.Errorf("load what is known of devices: %w", err)
	}
	return nil
}

// looks lists the numbers that say what jolts and classes look like here.
func (l *lessons) looks() []*float64 {
	all := []*float64{&l.lent, &l.blur, &l.lag}
	for kind := range l.likeness {
		d := &l.likeness[kind]
		all = append(all, &d.heard)
		for i := range l.dialect[kind] {
			all = append(all, &l.dialect[kind][i])
		}
		for c := range d.mean {
			for i, row := range d.spread {
				all = append(all, &d.mean[c][i])
				for j := range row {
					all = append(all, &row[j][c])
				}
			}
		}
	}
	return all
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// loadLessons reads what the city has taught; nil: nothing yet.
func loadLessons(ctx context.Context, q querier) (*lessons, error) {
	return lessonsFrom(ctx, q, "lessons")
}

func lessonsFrom(ctx context.Context, q querier, table string) (*lessons, error) {
	var l lessons
	var looks, rates []float64
	err := q.QueryRow(ctx, `select usual, alone, typical, stranger, likeness, copies from `+table).Scan(&l.usual, &l.alone, &l.typical, &l.stranger, &looks, &rates)
	if isNone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load what the city has taught: %w", err)
	}
	for kind := range l.likeness {
		l.likeness[kind] = newDiscriminant(kind)
	}
	into := l.looks()
	if len(looks) != len(into) || len(rates) != 4 {
		return nil, nil // the form of another version: see Upgrade
	}
	for i, p := range into {
		*p = looks[i]
	}
	for kind := range l.likeness {
		l.likeness[kind].measure()
	}
	l.copies = copyLessons{copyRates{rates[0], rates[1]}, copyRates{rates[2], rates[3]}}
	return &l, nil
}
