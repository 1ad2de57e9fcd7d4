// Command streetpulse finds road defects in what phones and vehicle units feel, and shows what becomes of them.
//
// This package holds flags and wiring and nothing else. serve.go makes and joins every part.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/streetpulse/streetpulse/postgres"
)

// version is set when a release is built.
var version = "dev"

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

type commands struct {
	Serve    serveCommand    `cmd:"" help:"Run the server."`
	Replay   replayCommand   `cmd:"" help:"Feed a file of events (NDJSON) through the pipeline."`
	Export   exportCommand   `cmd:"" help:"Write work orders, places or events to a file."`
	Simulate simulateCommand `cmd:"" help:"Drive a simulated city, over MQTT or into a file."`
	Evaluate evaluateCommand `cmd:"" help:"Simulate cities, replay them, and score what is found."`
	Detect   detectCommand   `cmd:"" help:"Run the phone's detector over a raw recording (CSV)."`
	Rebuild  rebuildCommand  `cmd:"" help:"Compute every place again from the stored events."`
	Device   deviceCommand   `cmd:"" help:"Enrol, list and revoke devices."`
	User     userCommand     `cmd:"" help:"Add, list and disable the people who can log in."`
	Import   importCommand   `cmd:"" help:"Import streets, a register of furniture, or pothole cases."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database's schema up to date."`
	Version  versionCommand  `cmd:"" help:"Print the version."`

	LogLevel slog.Level `default:"info" help:"Least level that is logged: debug, info, warn or error."`
	LogJSON  bool       `help:"Log as JSON."`
}

// output is where a command writes; tests have their own.
type output struct {
	out, err io.Writer
	in       io.Reader
	log      *slog.Logger
}

// garbagePercent is how much may gather between two collections, as a share of what is in use: half as many as Go's default makes,
// which are what a server of small heap and many messages spends a tenth of its time on. GOGC says otherwise.
const garbagePercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], output{out: os.Stdout, err: os.Stderr, in: os.Stdin})
	stop()
	os.Exit(code)
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, o output) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("streetpulse"),
		kong.Description("Road defects, found by the cars that drive over them.\n\nEvery flag can be given as STREETPULSE_… in the environment as well."),
		kong.DefaultEnvars("STREETPULSE"),
		kong.Writers(o.out, o.err),
		kong.Exit(func(code int) { exit = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(o.err, "streetpulse:", err)
		return exitFailed
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help has been printed
		return exit
	}
	if err != nil {
		fmt.Fprintf(o.err, "streetpulse: %v\nRun \"streetpulse --help\" to see what there is.\n", err)
		return exitUsage
	}
	options := &slog.HandlerOptions{Level: c.LogLevel}
	o.log = slog.New(slog.NewTextHandler(o.err, options))
	if c.LogJSON {
		o.log = slog.New(slog.NewJSONHandler(o.err, options))
	}
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run(o)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(o.err, "streetpulse:", err)
		return exitUsage
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(o.err, "streetpulse: stopped")
		return exitFailed
	}
	fmt.Fprintln(o.err, "streetpulse:", err)
	return exitFailed
}

// errUsage marks a wrong use of flags that only a command can tell.
var errUsage = errors.New("wrong usage")

// store are the flags of every command that uses a database.
type store struct {
	Data     string `default:"./data" help:"Data folder: the private PostgreSQL server lives there." placeholder:"DIR"`
	Database string `help:"PostgreSQL to use instead of a private one." placeholder:"URL"`
}

func (s store) open(ctx context.Context, log *slog.Logger) (*postgres.Database, error) {
	return postgres.Open(ctx, postgres.Options{URL: s.Database, Dir: s.Data, Log: log})
}

type versionCommand struct{}

func (versionCommand) Run(o output) error {
	_, err := fmt.Fprintln(o.out, "streetpulse", version)
	return err
}

type migrateCommand struct{ store }

func (c migrateCommand) Run(ctx context.Context, o output) error {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	return db.Close()
}
