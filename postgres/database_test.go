package postgres_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// open opens the private server of dir and closes it at the end of the test.
func open(t *testing.T, dir string) *postgres.Database {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func closed(t *testing.T, db *postgres.Database) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func addDevice(t *testing.T, db *postgres.Database) {
	t.Helper()
	if _, err := db.Pool.Exec(t.Context(), `insert into devices (id, enrolled_at) values ('a', now())`); err != nil {
		t.Fatal(err)
	}
}

func wantDevices(t *testing.T, db *postgres.Database, want int) {
	t.Helper()
	var n int
	if err := db.Pool.QueryRow(t.Context(), `select count(*) from devices`).Scan(&n); err != nil || n != want {
		t.Fatalf("%d devices, want %d (%v)", n, want, err)
	}
}

// eventually waits until done returns nothing, which is what is still missing.
func eventually(t *testing.T, done func() error) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := done()
		if missing == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal(missing)
		}
	}
}

// server returns the process id of the folder's server.
func server(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres/cluster/postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestDataOutliveTheServer(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Dir(t)
	db := open(t, dir)
	addDevice(t, db)
	pid := server(t, dir)
	closed(t, db)
	if alive(pid) {
		t.Fatal("the server still runs after Close")
	}

	begun := time.Now()
	again := open(t, dir)
	t.Logf("ready after %v", time.Since(begun))
	wantDevices(t, again, 1)
	var zone, encoding, collation, sync string
	err := again.Pool.QueryRow(t.Context(), `select current_setting('timezone'), current_setting('server_encoding'),
		(select datcollate from pg_database where datname = current_database()), current_setting('fsync') || current_setting('synchronous_commit')`).
		Scan(&zone, &encoding, &collation, &sync)
	if err != nil {
		t.Fatal(err)
	}
	if zone != "UTC" || encoding != "UTF8" || collation != "C.UTF-8" || sync != "onon" {
		t.Errorf("settings: %s %s %s %s", zone, encoding, collation, sync)
	}
}

func TestTheServerHasASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Ready(t)
	open(t, dir)
	pid := server(t, dir)
	group, err := syscall.Getpgid(pid)
	if err != nil || group != pid {
		t.Errorf("process group %d of server %d, %v", group, pid, err)
	}
	if os.Geteuid() == 0 {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil || strings.Contains(string(status), "Uid:\t0") {
			t.Errorf("the server runs as root (%v)", err)
		}
	}
}

func TestTheLastOneStopsTheServer(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Ready(t)
	first, second := open(t, dir), open(t, dir)
	third := open(t, dir)
	pid := server(t, dir)
	addDevice(t, second)

	closed(t, third)
	wantDevices(t, first, 1)
	closed(t, first) // it started the server
	wantDevices(t, second, 1)
	if server(t, dir) != pid {
		t.Error("the server was started again")
	}
	closed(t, second)
	eventually(t, func() error {
		if alive(pid) {
			return fmt.Errorf("the server still runs after the last Close")
		}
		return nil
	})
}

func TestManyOpenAtOnce(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Dir(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			db, err := postgres.Open(t.Context(), postgres.Options{Dir: dir})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestAKilledServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Ready(t)
	db := open(t, dir)
	addDevice(t, db)
	pid := server(t, dir)
	begun := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := db.Pool.Exec(t.Context(), `insert into devices (id, enrolled_at) values ('b', now())`)
		if err != nil && !strings.Contains(err.Error(), "23505") { // that: committed when the first server died
			return err
		}
		if server(t, dir) == pid {
			return fmt.Errorf("the old server's session answered")
		}
		return nil
	})
	t.Logf("back after %v", time.Since(begun))
	wantDevices(t, db, 2)
	if server(t, dir) == pid {
		t.Error("the same process")
	}
}

func TestARunThatWasKilledIsTakenOver(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Ready(t)
	pid := killedRun(t, dir)
	db := open(t, dir)
	wantDevices(t, db, 1)
	if server(t, dir) != pid {
		t.Error("another server")
	}
	closed(t, db)
	eventually(t, func() error {
		if _, err := os.Stat(filepath.Join(dir, "postgres/cluster/postmaster.pid")); err == nil {
			return fmt.Errorf("the server still runs")
		}
		return nil
	})
}

func TestAServerThatIsStoppingIsStartedAgain(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Ready(t)
	if err := syscall.Kill(killedRun(t, dir), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	wantDevices(t, open(t, dir), 1)
}

// killedRun returns the process id of the server that a process left behind when it was killed.
func killedRun(t *testing.T, dir string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestHold$")
	cmd.Env = append(os.Environ(), "POSTGRES_HOLD="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	pid := server(t, dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // killed, by us
	return pid
}

func TestHold(t *testing.T) {
	dir := os.Getenv("POSTGRES_HOLD")
	if dir == "" {
		t.Skip("run by another test")
	}
	db := open(t, dir)
	addDevice(t, db)
	os.Stdout.WriteString("held\n")
	os.Stdin.Read(make([]byte, 1)) // until we are killed
}

func TestLeftoversOfACrashAreCleared(t *testing.T) {
	t.Parallel()
	dir := postgrestest.Dir(t)
	half := filepath.Join(dir, "postgres/cluster.new-123")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	db := open(t, dir)
	if _, err := os.Stat(half); err == nil {
		t.Error("the half-made cluster is still there")
	}
	addDevice(t, db)
	closed(t, db)

	// After a reboot the number in the pid file may be anybody's: ours, say.
	stale := fmt.Sprintf("%d\n%s/postgres/cluster\n1\n5432\n%s/postgres\n\n", os.Getpid(), dir, dir)
	if err := os.WriteFile(filepath.Join(dir, "postgres/cluster/postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	wantDevices(t, open(t, dir), 1)
}

func TestALongPathHasItsSocketElsewhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(postgrestest.Dir(t), strings.Repeat("long", 30))
	db := open(t, dir)
	addDevice(t, db)
	wantDevices(t, open(t, dir), 1)
}

func TestRootUnderAFolderOthersMayNotEnter(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("for root")
	}
	dir := filepath.Join(t.TempDir(), "data") // testing makes it for its user only
	db := open(t, dir)
	t.Cleanup(func() {
		at, err := os.ReadFile(filepath.Join(dir, "postgres/location"))
		if err != nil || !strings.HasPrefix(string(at), "/var/lib/streetpulse/data-") {
			t.Fatalf("location %q, %v", at, err)
		}
		closed(t, db)
		if err := os.RemoveAll(strings.TrimSpace(string(at))); err != nil {
			t.Error(err)
		}
	})
	addDevice(t, db)
	wantDevices(t, open(t, dir), 1)
}
