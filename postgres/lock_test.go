package postgres_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestASecondServeIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	release, err := postgres.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Lock(dir)
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Fatalf("second lock: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = postgres.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	at := postgrestest.URL(t)
	connection, err := pgx.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	if _, err := connection.Exec(t.Context(), `drop schema public cascade; create schema public`); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := postgres.Migrate(t.Context(), at); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var n int
	if err := connection.QueryRow(t.Context(), `select count(*) from places`).Scan(&n); err != nil {
		t.Error(err)
	}
}

func TestErrorsOfConnectSayWhatToDo(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"nonsense://":                   "should look like postgres://",
		"postgres://u@127.0.0.1:1/none": "is it running",
		strings.Replace(postgrestest.URL(t), "/streetpulse_test_", "/other_", 1): "createdb",
	} {
		_, err := postgres.Connect(t.Context(), at)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", at, err, want)
		}
	}
}
