package postgrestest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	one, two := postgrestest.New(t), postgrestest.New(t)
	if _, err := one.Exec(ctx, `insert into devices (id, enrolled_at) values ('a', now())`); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := two.QueryRow(ctx, `select count(*) from devices`).Scan(&n); err != nil || n != 0 {
		t.Fatalf("the other database has %d devices, %v", n, err)
	}
}

// A test process that is killed leaves no server and no folder behind.
func TestNothingIsLeftOfAKilledProcess(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestHoldADatabase$", "-test.v")
	cmd.Env = append(os.Environ(), "POSTGRESTEST_HOLD=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var folder string
	text := ""
	buffer := make([]byte, 1024)
	for folder == "" {
		n, err := out.Read(buffer)
		text += string(buffer[:n])
		if _, rest, ok := strings.Cut(text, "folder "); ok && strings.Contains(rest, "\n") {
			folder, _, _ = strings.Cut(rest, "\n")
		}
		if err != nil && folder == "" {
			t.Fatalf("%v: %s", err, text)
		}
	}
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // killed, by us
	deadline := time.NewTimer(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	for {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return // the keeper removes it when the server has ended
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s is still there", folder)
		}
	}
}

func TestHoldADatabase(t *testing.T) {
	if os.Getenv("POSTGRESTEST_HOLD") == "" {
		t.Skip("run by another test")
	}
	var data string
	if err := postgrestest.New(t).QueryRow(context.Background(), `show unix_socket_directories`).Scan(&data); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("folder " + data + "\n")
	os.Stdin.Read(make([]byte, 1)) // until we are killed
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		postgrestest.URL(b)
	}
}
