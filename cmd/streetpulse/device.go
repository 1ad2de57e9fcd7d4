package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/ingest"
)

type deviceCommand struct {
	Enrol  deviceEnrol  `cmd:"" help:"Enrol a device; prints its id and secret, once."`
	List   deviceList   `cmd:"" help:"List the devices."`
	Show   deviceShow   `cmd:"" help:"Show a device and how it seems to be."`
	Revoke deviceRevoke `cmd:"" help:"Take a device's access away."`
	Code   deviceCode   `cmd:"" help:"Make a code with which a fleet's devices enrol; prints it, once."`
	Codes  deviceCodes  `cmd:"" help:"List the enrolment codes and how many devices each has let in."`
	Uncode deviceUncode `cmd:"" help:"Take an enrolment code back: nobody enrols with it any more."`
	Erase  deviceErase  `cmd:"" help:"Erase everything about a device; what it said at places stays as counts that name nobody."`
}

type deviceEnrol struct {
	store
	Name string `help:"A name for people."`
}

func (c deviceEnrol) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	device, secret, err := ingest.Enrol(ctx, db.Pool, ingest.Enrolment{Name: c.Name}, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "id      %s\nsecret  %s\n", device.ID, secret)
	return err
}

type deviceList struct {
	store
	Health string `help:"Only devices like that: ${enum}." enum:",stuck,loose,full,away,unheard,fine,revoked" default:"" placeholder:"HEALTH"`
	Kind   string `help:"Only devices of this kind." placeholder:"KIND"`
}

func (c deviceList) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	devices, err := ingest.SearchDevices(ctx, db.Pool, ingest.DeviceSearch{Health: ingest.Health(c.Health), Kind: c.Kind}, time.Now())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(o.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tAPP\tENROLLED\tREVOKED\tONLINE\tKIND\tQUEUED\tHEALTH")
	for _, d := range devices {
		revoked := ""
		if d.RevokedAt != nil {
			revoked = d.RevokedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%t\t%s\t%d\t%s\n", d.ID, d.Name, d.App, d.EnrolledAt.UTC().Format(time.RFC3339), revoked, d.Online, d.Kind, d.Queued, d.Health)
	}
	return w.Flush()
}

type deviceShow struct {
	store
	ID string `arg:"" help:"The device."`
}

func (c deviceShow) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	d, err := ingest.FindDevice(ctx, db.Pool, c.ID, time.Now())
	if err != nil {
		return fmt.Errorf("%w; `streetpulse device list` shows those that there are", err)
	}
	seen := "never"
	if d.SeenAt != nil {
		seen = d.SeenAt.UTC().Format(time.RFC3339)
	}
	w := tabwriter.NewWriter(o.out, 0, 4, 2, ' ', 0)
	for _, line := range [][2]any{{"id", d.ID}, {"name", d.Name}, {"kind", d.Kind}, {"fleet", d.Fleet}, {"app", d.App}, {"firmware", d.Firmware},
		{"enrolled", d.EnrolledAt.UTC().Format(time.RFC3339)}, {"online", d.Online}, {"last heard", seen}, {"waiting in it", d.Queued}, {"dropped", d.Dropped},
		{"detector", d.Detector}, {"jolts", d.Jolts}, {"passes", d.Passes}, {"health", d.Health}} {
		fmt.Fprintf(w, "%s\t%v\n", line[0], line[1])
	}
	return w.Flush()
}

type deviceRevoke struct {
	store
	ID string `arg:"" help:"The device."`
}

func (c deviceRevoke) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		if err := ingest.Revoke(ctx, tx, c.ID, time.Now()); err != nil {
			return err
		}
		return record(ctx, tx, "device.revoke", c.ID, "")
	}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%s is revoked\n", c.ID)
	return err
}

type deviceCode struct {
	store
	Fleet string `required:"" help:"The fleet's name."`
	Most  int    `default:"100" help:"Devices that may enrol with it."`
	Days  int    `default:"30" help:"Days until it expires; 0: never."`
}

func (c deviceCode) Run(ctx context.Context, o output) (err error) {
	if c.Most < 1 || c.Days < 0 {
		return fmt.Errorf("%w: --most is at least 1, --days at least 0", errUsage)
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var expires *time.Time
	if c.Days > 0 {
		at := time.Now().AddDate(0, 0, c.Days)
		expires = &at
	}
	var code string
	err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		made, text, err := ingest.MakeCode(ctx, tx, c.Fleet, c.Most, expires, time.Now())
		if err != nil {
			return err
		}
		code = text
		return access.Record(ctx, tx, access.Entry{At: time.Now(), Action: "code.make", What: fmt.Sprint(made.ID), Detail: fmt.Sprintf("%s, %d", c.Fleet, c.Most)})
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "code  %s\n", code)
	return err
}

type deviceCodes struct{ store }

func (c deviceCodes) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	codes, err := ingest.Codes(ctx, db.Pool)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(o.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tFLEET\tBEGINS\tLET IN\tOF\tACTIVE\tEXPIRES\tGOOD")
	for _, code := range codes {
		expires := "never"
		if code.ExpiresAt != nil {
			expires = code.ExpiresAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%s\t%t\n", code.ID, code.Fleet, code.Start, code.Used, code.Most, code.Active, expires, code.Good(time.Now()))
	}
	return w.Flush()
}

type deviceUncode struct {
	store
	ID int64 `arg:"" help:"The code's number, as device codes lists it."`
}

func (c deviceUncode) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		fleet, err := ingest.RevokeCode(ctx, tx, c.ID, time.Now())
		if err != nil {
			return fmt.Errorf("%w; `streetpulse device codes` shows those that there are", err)
		}
		return access.Record(ctx, tx, access.Entry{At: time.Now(), Action: "code.revoke", What: fmt.Sprint(c.ID), Detail: fleet})
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "code %d is taken back\n", c.ID)
	return err
}

type deviceErase struct {
	store
	ID string `arg:"" help:"The device."`
}

func (c deviceErase) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	at, err := crowd.AskErasure(ctx, db.Pool, c.ID, time.Now())
	if err != nil && !errors.Is(err, crowd.ErrNoDevice) { // what is known of one that never enrolled goes as well
		return err
	}
	select { // a server that has its connection is to notice first
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(at)):
	}
	events, err := crowd.Erase(ctx, db.Pool, c.ID)
	if errors.Is(err, crowd.ErrNoDevice) {
		return fmt.Errorf("%s: %w; `streetpulse device list` shows those that there are", c.ID, err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%s is erased, with %d events\n", c.ID, events)
	return err
}
