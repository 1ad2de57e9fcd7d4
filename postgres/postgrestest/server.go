package postgrestest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/postgres/internal/cluster"
)

// keeper is a shell that runs a server as its child and reads from a pipe that the test process holds open. When the
// test process ends, killed or not, the pipe closes, and the keeper stops the server and removes the folder. Its
// arguments: the folder, the server's program and what that is told.
const keeper = `
folder=$1; shift
"$@" >"$folder/server.log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server; wait $server
rm -rf "$folder"
`

const (
	template    = "streetpulse" // the database of a ready data folder, which others are copied from
	maintenance = "/postgres"   // the path of the database that nobody uses, in a URL
)

// patience bounds the wait for a server that starts.
const patience = 30 * time.Second

// server is what the tests of this process share. It has to be the package's: tests of a package share
// nothing else, and starting a server for each would take a second every time.
var server = sync.OnceValues(start)

// installation is the PostgreSQL of this machine, and who runs it.
type installation struct {
	account  cluster.Account
	binaries cluster.Binaries
}

var installed = sync.OnceValues(func() (installation, error) {
	account, err := cluster.AccountFor("")
	if err != nil {
		return installation{}, err
	}
	binaries, err := cluster.Find(0, account)
	return installation{account, binaries}, err
})

// start returns the URL of the server's maintenance database.
func start() (string, error) {
	found, err := installed()
	if err != nil {
		return "", err
	}
	data, err := ready()
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp(scratch(), "streetpulse-test-") // short: the socket is in it
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	if err := copyFolder(filepath.Join(data, "postgres", "cluster"), filepath.Join(folder, "cluster")); err != nil {
		return "", err
	}
	if err := found.account.Own(folder); err != nil {
		return "", err
	}
	arguments := []string{"-c", keeper, "keeper", folder, filepath.Join(found.binaries.Dir, "postgres"),
		"-D", filepath.Join(folder, "cluster"), "-k", folder, "-p", strconv.Itoa(cluster.SocketPort)}
	for _, setting := range []string{
		"listen_addresses=", "max_connections=400", "fsync=off", "full_page_writes=off", "wal_level=minimal",
		"max_wal_senders=0", "max_wal_size=2GB", "jit=off", "timezone=UTC", "log_timezone=UTC", "log_min_messages=warning",
	} {
		arguments = append(arguments, "-c", setting)
	}
	cmd := found.account.Command(folder, "/bin/sh", arguments...)
	// Kept open, and by the kernel only for this process: programs that a test starts do not inherit it.
	if _, err := cmd.StdinPipe(); err != nil {
		return "", fmt.Errorf("make the keeper's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start PostgreSQL: %w", err)
	}
	go func() { _ = cmd.Wait() }() // holds the pipe until the keeper ends, which is after us
	at := url.URL{Scheme: "postgres", User: url.User(cluster.Superuser), Path: maintenance,
		RawQuery: url.Values{"host": {folder}, "port": {strconv.Itoa(cluster.SocketPort)}}.Encode()}
	return at.String(), await(at.String(), filepath.Join(folder, "server.log"))
}

func await(at, log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		connection, err := pgx.Connect(ctx, at)
		if err == nil {
			return connection.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL did not start: %w: %s", err, cluster.LogTail(log))
		case <-tick.C:
		}
	}
}
