package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestASecondServerOnTheSameFolderIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	text, err := exec.Command(program(t), "serve", "--data", s.data, "--http", freeAddress(t), "--mqtt", freeAddress(t)).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("the second server ended with %v", err)
	}
	if want := fmt.Sprintf("process %d already serves", s.cmd.Process.Pid); !strings.Contains(string(text), want) {
		t.Errorf("it says %q, want %q", text, want)
	}
}

func TestStoppingLeavesNoProcess(t *testing.T) {
	t.Parallel()
	s := serve(t, postgrestest.Dir(t))
	server := postmaster(t, s.data)
	s.stop()
	if err := syscall.Kill(server, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("PostgreSQL still runs after the server has stopped: %v", err)
	}
	s.start() // and it starts again on the same folder
	s.stop()
}

func TestWrongUseIsToldApartFromFailure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code int
		args []string
	}{
		{0, []string{"--help"}},
		{0, []string{"version"}},
		{exitUsage, []string{"serve", "--no-such-flag"}},
		{exitUsage, []string{"export", "nonsense"}},
		{exitUsage, []string{"export", "events", "--format", "csv"}},
		{exitFailed, []string{"replay", "/nowhere/at/all.ndjson"}},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), test.args, output{out: &out, err: &errs, in: &bytes.Buffer{}}); code != test.code {
			t.Errorf("%v ends with %d, want %d: %s", test.args, code, test.code, errs.String())
		}
		if test.code != 0 && errs.Len() == 0 {
			t.Errorf("%v fails without a word", test.args)
		}
	}
}

// Events come in over HTTP while two other processes judge them; replaying the export with one gives the same.
func TestTwoCrowdProcessesJudgeAsOne(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	s := serve(t, dataFolder(t), "--database", url, "--roles", "ingest,web")
	for range 2 {
		log, err := os.Create(filepath.Join(t.TempDir(), "crowd.log"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program(t), "serve", "--database", url, "--roles", "crowd")
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(cmd.Process.Signal(syscall.SIGINT), cmd.Wait(), log.Close()); err != nil {
				t.Errorf("a crowd process: %v", err)
			}
		})
	}
	submitCity(t, s)

	pool, err := postgres.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s.await("all judged", time.Minute, func(ctx context.Context) error {
		var waiting int
		if err := pool.QueryRow(ctx, `select count(*) from pending_events`).Scan(&waiting); err != nil || waiting > 0 {
			return fmt.Errorf("%d events wait, error %w", waiting, err)
		}
		return nil
	})
	events := filepath.Join(t.TempDir(), "events.ndjson")
	command(t, "export", "events", "--database", url, "--out", events)
	again := postgrestest.URL(t)
	command(t, "replay", events, "--database", again)
	places, placesAgain := places(t, url), places(t, again)
	if len(places) < 50 || len(places) != len(placesAgain) {
		t.Fatalf("two processes left %d places, one %d", len(places), len(placesAgain))
	}
	for id, a := range places {
		b := placesAgain[id]
		if a.class != b.class || a.state != b.state || math.Hypot(a.lat-b.lat, a.lon-b.lon)*111_000 > 1 {
			t.Errorf("place %s: %+v, again %+v", id, a, b)
		}
	}
}

// submitCity sends a small city's events over HTTP, in order of delivery.
func submitCity(t *testing.T, s *serving) {
	t.Helper()
	city, err := firmwaresim.NewCity(firmwaresim.CityOptions{Seed: 4, Blocks: 14, Drivers: 60, Defects: 60, Days: 7, Attackers: -1, Physics: firmwaresim.PhysicsPulse,
		Begin: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -9)})
	if err != nil {
		t.Fatal(err)
	}
	type credentials struct{ ID, Secret string }
	known := map[string]credentials{}
	post := func(path string, who *credentials, body []byte, answer any) {
		r, err := http.NewRequest(http.MethodPost, "http://"+s.http+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if who != nil {
			r.SetBasicAuth(who.ID, who.Secret)
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		if err := json.NewDecoder(got.Body).Decode(answer); err != nil || got.StatusCode/100 != 2 {
			t.Fatalf("%s: %s, error %v", path, got.Status, err)
		}
	}
	sent := city.All()
	for from := 0; from < len(sent); {
		b := wire.Batch{V: wire.Version}
		device := sent[from].Device
		for from < len(sent) && sent[from].Device == device && len(b.Events) < wire.MaxBatchEvents {
			b.Events = append(b.Events, sent[from].Event)
			from++
		}
		who, ok := known[device]
		if !ok {
			post("/api/v1/devices", nil, []byte(`{}`), &who)
			known[device] = who
		}
		var result struct{ Accepted int }
		if post("/api/v1/events", &who, b.Append(nil), &result); result.Accepted != len(b.Events) {
			t.Fatalf("%d of %d events accepted", result.Accepted, len(b.Events))
		}
	}
}

type brief struct {
	class, state string
	lat, lon     float64
}

// places reads every place, those that the public does not see too.
func places(t *testing.T, url string) map[string]brief {
	t.Helper()
	pool, err := postgres.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(context.Background(), `select id, class, state, lat, lon from places`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]brief{}
	for rows.Next() {
		var id string
		var b brief
		if err := rows.Scan(&id, &b.class, &b.state, &b.lat, &b.lon); err != nil {
			t.Fatal(err)
		}
		out[id] = b
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Who runs a server that sends no mails is told so, once.
func TestAServerWithoutMailSaysSo(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.stop()
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "no mail leaves this server"); n != 1 {
		t.Errorf("it says %d times that no mail leaves, want once:\n%s", n, text)
	}
	if strings.Contains(string(text), "mails are not sent: each is logged") {
		t.Errorf("it says that it logs mails, but is no demonstration:\n%s", text)
	}
}
