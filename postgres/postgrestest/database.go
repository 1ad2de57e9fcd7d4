package postgrestest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/postgres"
)

// New returns a pool on a fresh, migrated database, which goes when the test ends.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Connect(context.Background(), URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// URL returns the address of a fresh, migrated database, which goes when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	at, err := server()
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	ctx := context.Background()
	name := "streetpulse_test_" + strings.ToLower(rand.Text())
	if err := execute(ctx, at, "create database "+name+" template "+template+" strategy file_copy"); err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(ctx, at, "drop database if exists "+name+" with (force)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return strings.Replace(at, maintenance, "/"+name, 1)
}

// Dir returns a data folder on the disk for a private server: one that the server's user may enter when root runs
// the tests (t.TempDir is not), and that goes when the test ends.
func Dir(t testing.TB) string {
	t.Helper()
	return folder(t, "/tmp")
}

// Ready returns a data folder with a database in it that is migrated and empty. It goes when the test ends.
func Ready(t testing.TB) string {
	t.Helper()
	made, err := ready()
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	dir := folder(t, scratch())
	if err := copyFolder(made+"/.", dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func folder(t testing.TB, under string) string {
	t.Helper()
	dir, err := os.MkdirTemp(under, "streetpulse-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func execute(ctx context.Context, at, statement string) error {
	connection, err := pgx.Connect(ctx, at)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	_, err = connection.Exec(ctx, statement)
	return err
}
