package dispatch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// A device is told of each change once: of what is public, and of what it felt.
func TestADeviceIsToldWhatBecame(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	if err := ingest.Ensure(ctx, pool, []string{"bus"}, at(1)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ordered", "confirmed", "alone", "passed", "others"} {
		p := place(t, pool, id)
		if id == "ordered" {
			if err := promote(pool, p); err != nil {
				t.Fatal(err)
			}
		}
		if id == "others" {
			continue
		}
		hits := 1
		if id == "passed" {
			hits = 0
		}
		if _, err := pool.Exec(ctx, `insert into evidence (place, device, hits, misses, first_at, last_at, account, epoch) values ($1, 'bus', $2, 0, $3, $3, '', 0)`,
			id, hits, at(6)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(ctx, `update places set devices = 1, state = 'suspected' where id = 'alone'`); err != nil {
		t.Fatal(err)
	}
	tell := func(acknowledged bool) string {
		t.Helper()
		list, until, err := dispatch.Untold(ctx, pool, "bus")
		if err == nil && acknowledged && len(list) > 0 {
			err = dispatch.Told(ctx, pool, "bus", until)
		}
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(list)
	}
	const first = "[{ordered new} {confirmed confirmed}]"
	if got := tell(false); got != first {
		t.Errorf("told %s", got)
	}
	if got := tell(true); got != first {
		t.Errorf("after it did not acknowledge it is told %s", got)
	}
	if got := tell(true); got != "[]" {
		t.Errorf("told twice: %s", got)
	}
	if _, err := pool.Exec(ctx, `update orders set state = 'repaired', state_at = $1`, at(12)); err != nil {
		t.Fatal(err)
	}
	if got := tell(true); got != "[{ordered repaired}]" {
		t.Errorf("told %s of a repair", got)
	}
}
