package crowd_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// What is counted of a device by day goes with it, another's stays, and what was counted before it went and is written after does not
// bring it back.
func TestAnErasedDevicesDaysGo(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	writer := ingest.NewWriter(pool, ingest.WriterOptions{})
	writing, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- writer.Run(writing) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	in := ingest.New(pool, writer, ingest.Wall{}, ingest.Options{Time: func() time.Time { return now }})
	var devices []string
	for range 2 {
		d, _, err := ingest.Enrol(ctx, pool, ingest.Enrolment{}, now)
		if err != nil {
			t.Fatal(err)
		}
		devices = append(devices, d.ID)
	}
	say := func() {
		t.Helper()
		for _, d := range devices {
			event := fmt.Sprintf(`{"v":1,"events":[{"id":"%d","kind":"pass","time":%q,"lat":51.05,"lon":3.72,"accuracy_m":5,"speed_mps":11}]}`, now.Unix(), now.Format(time.RFC3339))
			if got, err := in.Submit(ctx, d, []byte(event), "mqtt"); err != nil || got.Accepted != 1 {
				t.Fatal(got, err)
			}
		}
	}
	counted := func() (out []string) {
		t.Helper()
		if err := in.SaveHabits(ctx); err != nil {
			t.Fatal(err)
		}
		rows, err := pool.Query(ctx, `select device || ' ' || passes from device_days order by device, day`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			out = append(out, line)
		}
		return out
	}
	say()
	now = now.AddDate(0, 0, 1)
	say()
	if got := counted(); len(got) != 4 {
		t.Fatalf("the test proves nothing: %v", got)
	}
	now = now.Add(time.Hour)
	say() // not written yet
	if n, err := crowd.Erase(ctx, pool, devices[0]); err != nil || n != 3 {
		t.Fatalf("%d events went, %v", n, err)
	}
	if got, want := counted(), []string{devices[1] + " 1", devices[1] + " 2"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// Of one that was never enrolled, days alone are enough to be erased.
	if _, err := pool.Exec(ctx, `insert into device_days (device, day, jolts, passes, last_at) values ('stray', '2026-03-02', 1, 1, $1)`, now); err != nil {
		t.Fatal(err)
	}
	if _, err := crowd.Erase(ctx, pool, "stray"); err != nil {
		t.Error(err)
	}
	if _, err := crowd.Erase(ctx, pool, "stray"); !errors.Is(err, crowd.ErrNoDevice) {
		t.Errorf("erased again: %v", err)
	}
}
