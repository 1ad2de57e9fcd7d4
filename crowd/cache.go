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

// cache remembers the places of regions between turns. A region's memory is good as long as the version on its leased row
// is the one that was left there; whoever changes a place raises that version.
type cache struct {
	regions map[geo.Cell]*shelf
	cells   map[geo.Cell][]*site
	count   int
	known   *known
}

// shelf is what is remembered of one region.
type shelf struct {
	version int64
	loaded  map[geo.Cell]bool // the cells that have been read
	sites   map[string]*site
}

// noted tells the shelf that what it remembers has been changed in the database as well, to that version.
func (s *shelf) noted(version int64) {
	if s.version == version-1 {
		s.version = version
	}
}

// mostCached bounds the places in memory; beyond it everything is forgotten and read again as needed.
const mostCached = 50_000

func newCache() *cache {
	c := &cache{}
	c.clear()
	return c
}

func (c *cache) clear() {
	c.regions = map[geo.Cell]*shelf{}
	c.cells = map[geo.Cell][]*site{}
	c.count = 0
	c.known = newKnown()
}

// forget drops a region.
func (c *cache) forget(region geo.Cell) {
	if shelf := c.regions[region]; shelf != nil {
		for _, s := range shelf.sites {
			c.remove(s)
		}
		c.known.forget(slices.Collect(maps.Keys(shelf.loaded)))
		delete(c.regions, region)
	}
}

func (c *cache) shelf(region geo.Cell) *shelf {
	if c.regions[region] == nil {
		c.regions[region] = &shelf{loaded: map[geo.Cell]bool{}, sites: map[string]*site{}}
	}
	return c.regions[region]
}

// near lists the places filed under the cells, in the order of their names within a cell.
func (c *cache) near(cells []geo.Cell) []*site {
	var out []*site
	for _, cell := range cells {
		out = append(out, c.cells[cell]...)
	}
	return out
}

func (c *cache) put(s *site) {
	c.shelf(s.Region).sites[s.ID] = s
	c.count++
	list := c.cells[s.Cell]
	at, _ := slices.BinarySearchFunc(list, s.ID, func(o *site, id string) int { return cmp.Compare(o.ID, id) })
	c.cells[s.Cell] = slices.Insert(list, at, s)
}

func (c *cache) remove(s *site) {
	delete(c.shelf(s.Region).sites, s.ID)
	c.count--
	c.cells[s.Cell] = slices.DeleteFunc(c.cells[s.Cell], func(o *site) bool { return o == s })
}

// prepare sees that every cell that the events may need is in memory and true.
func (c *cache) prepare(ctx context.Context, tx pgx.Tx, l *leases, batch []*arrival) error {
	if c.count > mostCached {
		c.clear()
	}
	for region, version := range l.versions {
		if known := c.regions[geo.Cell(region)]; known == nil || known.version != version {
			c.forget(geo.Cell(region))
			c.shelf(geo.Cell(region)).version = version
		}
	}
	var need []int64
	for _, a := range batch {
		for _, cell := range a.around {
			if shelf := c.shelf(geo.Region(cell)); !shelf.loaded[cell] {
				shelf.loaded[cell] = true
				need = append(need, int64(cell))
			}
		}
	}
	if len(need) == 0 {
		return nil
	}
	if err := c.known.read(ctx, tx, need); err != nil {
		return err
	}
	if err := c.known.readReports(ctx, tx, need); err != nil {
		return err
	}
	fresh, err := c.read(ctx, tx, need)
	if err != nil || len(fresh) == 0 {
		return err
	}
	return readAccounts(ctx, tx, fresh)
}

// kept records the versions that a committed turn has left on the regions.
func (c *cache) kept(l *leases, judged map[int64]int64) {
	for region, n := range judged {
		c.shelf(geo.Cell(region)).version = l.versions[region] + n
	}
}

func (c *cache) read(ctx context.Context, tx pgx.Tx, cells []int64) (map[string]*site, error) {
	rows, err := tx.Query(ctx, `select `+siteColumns+` from places where cell = any($1)`, cells)
	if err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	return c.take(rows)
}

const siteColumns = placeColumns + `, shown, reviewed, repaired_at, steps, estimate, verdict, votes_known, votes_absent, votes_repaired, came`

// take puts places, without their accounts, into memory, where they are not there already, and returns those.
func (c *cache) take(rows pgx.Rows) (map[string]*site, error) {
	defer rows.Close()
	fresh := map[string]*site{}
	for rows.Next() {
		s := &site{accounts: map[string]*account{}, changed: map[string]bool{}, stored: true}
		var repaired *time.Time
		var estimate []byte
		if err := scanPlace(rows, &s.Place, &s.shown, &s.reviewed, &repaired, &s.stepCount, &estimate, &s.verdict,
			&s.poll.Known, &s.poll.Absent, &s.poll.Repaired, &s.came); err != nil {
			return nil, err
		}
		if repaired != nil {
			s.repairedAt = *repaired
		}
		s.takeEstimate(estimate)
		if c.shelf(s.Region).sites[s.ID] == nil { // it may have moved into the cell in memory already
			c.put(s)
			fresh[s.ID] = s
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	return fresh, nil
}

func readAccounts(ctx context.Context, tx pgx.Tx, fresh map[string]*site) error {
	places := slices.Collect(maps.Keys(fresh))
	rows, err := tx.Query(ctx, `select `+accountColumns+` from evidence where place = any($1)`, places)
	if err != nil {
		return fmt.Errorf("read evidence: %w", err)
	}
	return takeAccounts(rows, fresh)
}

const accountColumns = `place, device, hits, misses, first_at, last_at, alone, copied, account`

// takeAccounts puts accounts into their places.
func takeAccounts(rows pgx.Rows, fresh map[string]*site) error {
	var (
		place, device string
		hits, misses  int
		first, last   time.Time
		alone, copied int16
		sums          []byte
	)
	_, err := pgx.ForEachRow(rows, []any{&place, &device, &hits, &misses, &first, &last, &alone, &copied, &sums}, func() error {
		s := fresh[place]
		if s == nil {
			return nil
		}
		a := s.account(device)
		a.hits, a.misses, a.first, a.last, a.alone = hits, misses, first.UTC(), last.UTC(), lonely(alone)
		a.copied = decodeCopied(copied)
		a.take(sums, s)
		delete(s.changed, device)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read evidence: %w", err)
	}
	for _, s := range fresh {
		s.dirty = false
	}
	return nil
}
