package postgrestest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/postgres"
)

// templateLock is the advisory lock under which the template is made.
const templateLock = 0x7374726565747465

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
	made, err := template()
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	ctx := context.Background()
	name := "streetpulse_test_" + strings.ToLower(rand.Text())
	if err := execute(ctx, made.server, "create database "+name+" template "+made.name+" strategy file_copy"); err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(ctx, made.server, "drop database if exists "+name+" with (force)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	at, err := withDatabase(made.server, name)
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	return at
}

// Dir returns a data folder for a private server: one that the server's user may enter when root runs
// the tests (t.TempDir is not), and that goes when the test ends.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "streetpulse-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// made is the server and the migrated database on it that others are copied from.
type made struct{ server, name string }

var template = sync.OnceValues(makeTemplate)

// makeTemplate makes the template where a process before us has not: on a server that outlives us its
// name tells the migrations in it.
func makeTemplate() (made, error) {
	at, err := server()
	if err != nil {
		return made{}, err
	}
	sum, err := fingerprint()
	if err != nil {
		return made{}, err
	}
	name := "streetpulse_template_" + sum
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, at)
	if err != nil {
		return made{}, fmt.Errorf("connect to the test server: %w", err)
	}
	defer connection.Close(ctx)
	if _, err := connection.Exec(ctx, `select pg_advisory_lock($1)`, int64(templateLock)); err != nil {
		return made{}, fmt.Errorf("wait for others to make the template: %w", err)
	}
	var there bool
	if err := connection.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).Scan(&there); err != nil || there {
		return made{at, name}, err
	}
	draft := name + "_draft"
	draftURL, err := withDatabase(at, draft)
	if err != nil {
		return made{}, err
	}
	for _, step := range []string{"drop database if exists " + draft + " with (force)", "create database " + draft} {
		if _, err := connection.Exec(ctx, step); err != nil {
			return made{}, fmt.Errorf("make the template: %w", err)
		}
	}
	if err := postgres.Migrate(ctx, draftURL); err != nil {
		return made{}, err
	}
	if _, err := connection.Exec(ctx, "alter database "+draft+" rename to "+name); err != nil {
		return made{}, fmt.Errorf("make the template: %w", err)
	}
	return made{at, name}, nil
}

func fingerprint() (string, error) {
	files, err := postgres.Migrations()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return "", err
	}
	jobs, err := postgres.JobsVersion()
	fmt.Fprintf(sum, "jobs %d\n", jobs)
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
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

func withDatabase(at, name string) (string, error) {
	parsed, err := url.Parse(at)
	if err != nil {
		return "", fmt.Errorf("STREETPULSE_TEST_DATABASE: %w", err)
	}
	parsed.Path = "/" + name
	return parsed.String(), nil
}
