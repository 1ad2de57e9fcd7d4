package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	dir := t.TempDir()
	good, weak := filepath.Join(dir, "good"), filepath.Join(dir, "weak")
	for name, text := range map[string]string{good: "a lamp in every street\r\nand more\n", weak: "short\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args      string
		code      int
		out, errs string
	}{
		{"add anna@example.org --role administrator --public-url https://city.example/", 0, "https://city.example/login/link/", ""},
		{"add Anna@example.org --role crew", exitFailed, "", "user role"},
		{"add ben@example.org --role crew --name Ben --password-file " + good, 0, "ben@example.org is added as crew", ""},
		{"add carl@example.org --role crew --password-file " + weak, exitFailed, "", "user link"},
		{"add dora@example.org --role emperor", exitUsage, "", "administrator"},
		{"add dora --role crew", exitUsage, "", "no e-mail address"},
		{"list", 0, "invited", ""},
		{"role ben@example.org supervisor", 0, "ben@example.org is supervisor", ""},
		{"role anna@example.org crew", exitFailed, "", "nobody else could administer"},
		{"disable anna@example.org", exitFailed, "", "nobody else could administer"},
		{"disable ben@example.org", 0, "ben@example.org is disabled", ""},
		{"enable ben@example.org", 0, "ben@example.org is enabled", ""},
		{"link ben@example.org", 0, "/login/link/", ""},
		{"crew ben@example.org", 0, "ben@example.org is in no crew", ""},
		{"crew ben@example.org nobodys", exitFailed, "", "nobodys"},
		{"disable nobody@example.org", exitFailed, "", "user list"},
	} {
		code, out, errs := told(append(append([]string{"user"}, strings.Fields(test.args)...), "--database", url)...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.errs) {
			t.Errorf("user %s ends with %d: %s%s", test.args, code, out, errs)
		}
	}
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, id := range []string{"north", "south"} {
		if _, err := dispatch.SaveCrew(t.Context(), db.Pool, dispatch.Team{ID: id, Name: "Crew " + id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, crews := range []string{"north south", "south", ""} {
		if code, _, errs := told(append(append([]string{"user", "crew", "ben@example.org"}, strings.Fields(crews)...), "--database", url)...); code != 0 {
			t.Errorf("user crew ben %s ends with %d: %s", crews, code, errs)
		}
		var in, logged string
		if err := db.Pool.QueryRow(t.Context(), `select (select coalesce(string_agg(crew, ' ' order by crew), '') from crew_members),
			(select replace(detail, ', ', ' ') from audit where action = 'person.crews' order by n desc limit 1)`).Scan(&in, &logged); err != nil || in != crews || logged != crews {
			t.Errorf("ben is in %q, and in the log in %q, want %q: %v", in, logged, crews, err)
		}
	}
}

// The demonstration's people have one password, which stays as long as the data folder does.
func TestDemoPeople(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	folder := filepath.Join(t.TempDir(), "data")
	first, err := demoPeople(t.Context(), db.Pool, folder)
	if err != nil || len(first) < 16 {
		t.Fatalf("%q %v", first, err)
	}
	again, err := demoPeople(t.Context(), db.Pool, folder)
	if err != nil || again != first {
		t.Errorf("then %q, at first %q: %v", again, first, err)
	}
	other, err := demoPeople(t.Context(), db.Pool, filepath.Join(folder, "other"))
	if err != nil || other == first {
		t.Errorf("in another folder %q: %v", other, err)
	}
}
