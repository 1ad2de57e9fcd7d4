package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/web"
)

type userCommand struct {
	Add     userAdd     `cmd:"" help:"Add a person who can log in; prints a link to choose a password, once."`
	List    userList    `cmd:"" help:"List the people who can log in."`
	Role    userRole    `cmd:"" help:"Change what a person may do."`
	Link    userLink    `cmd:"" help:"Print a new link for a person to choose a password; for who cannot get mail."`
	Disable userDisable `cmd:"" help:"Keep a person out, at once and everywhere."`
	Enable  userEnable  `cmd:"" help:"Let a person in again."`
	Crew    userCrew    `cmd:"" help:"Put a person in crews, whose orders they then see at /crew."`
}

// theirs are the flags of every command about one person.
type theirs struct {
	store
	Email string `arg:"" help:"The person's e-mail address."`
}

// about finds the person and does something to them.
func (c theirs) about(ctx context.Context, o output, do func(context.Context, *postgres.Database, access.Person) error) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := access.FindEmail(ctx, db.Pool, c.Email)
	if errors.Is(err, access.ErrNobody) {
		return fmt.Errorf("%s: %w; `streetpulse user list` shows those that there are", c.Email, err)
	}
	if err != nil {
		return err
	}
	return do(ctx, db, p)
}

type userAdd struct {
	store
	Email        string `arg:"" help:"The person's e-mail address."`
	Role         string `required:"" enum:"resident,crew,dispatcher,supervisor,administrator" help:"What the person may do: ${enum}." placeholder:"ROLE"`
	Name         string `help:"What the person is called."`
	PasswordFile string `help:"Take the password from this file's first line instead of printing a link; - for standard input." placeholder:"FILE"`
	PublicURL    string `name:"public-url" default:"http://127.0.0.1:8080" help:"How people reach the server: the link begins with it." placeholder:"URL"`
}

func (c userAdd) Run(ctx context.Context, o output) (err error) {
	if a, err := mail.ParseAddress(c.Email); err != nil || a.Address != c.Email {
		return fmt.Errorf("%w: %q is no e-mail address", errUsage, c.Email)
	}
	password := ""
	if c.PasswordFile != "" {
		if password, err = firstLine(c.PasswordFile, o); err != nil {
			return err
		}
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var p access.Person
	link := ""
	err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		if p, err = access.Add(ctx, tx, "", access.Person{Email: c.Email, Name: c.Name, Role: access.Role(c.Role)}, time.Now()); err != nil {
			return err
		}
		if password != "" {
			return nil
		}
		link, err = access.MakeLink(ctx, tx, access.Link{Person: &p}, time.Now().Add(access.InviteFor))
		return err
	})
	if errors.Is(err, access.ErrKnown) {
		return fmt.Errorf("%s: %w; change what they may do with `streetpulse user role`", c.Email, err)
	}
	if err != nil {
		return err
	}
	if password == "" {
		return printLink(o, p, c.PublicURL, link)
	}
	if err := access.NewGate(db.Pool, time.Now, access.Usual()).SetPassword(ctx, p, password, ""); err != nil {
		return fmt.Errorf("%s is added, but without a password: %w; `streetpulse user link` lets them choose one", p.Email, err)
	}
	_, err = fmt.Fprintf(o.out, "%s is added as %s\n", p.Email, p.Role)
	return err
}

func printLink(o output, p access.Person, url, secret string) error {
	_, err := fmt.Fprintf(o.out, "%s, %s, chooses a password here, once and within %d days:\n%s\n", p.Email, p.Role, int(access.InviteFor.Hours()/24), web.PasswordLink(url, secret))
	return err
}

// firstLine reads a password from a file, or from standard input.
func firstLine(name string, o output) (string, error) {
	in := o.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("--password-file: %w", err)
		}
		defer f.Close()
		in = f
	}
	b := make([]byte, 4096)
	n, err := in.Read(b)
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("--password-file: there is no password in its first line (%w)", errors.Join(err, errUsage))
	}
	return line, nil
}

type userList struct{ store }

func (c userList) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	people, err := access.People(ctx, db.Pool, "", 1_000_000)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(o.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "EMAIL\tROLE\tNAME\tADDED\tLAST LOGIN\tSTATE")
	for _, p := range people {
		state, seen := "", ""
		if p.SeenAt != nil {
			seen = p.SeenAt.UTC().Format(time.RFC3339)
		}
		if p.Invited {
			state = "invited"
		}
		if p.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Email, p.Role, p.Name, p.CreatedAt.UTC().Format(time.RFC3339), seen, state)
	}
	return w.Flush()
}

type userRole struct {
	theirs
	Role string `arg:"" enum:"resident,crew,dispatcher,supervisor,administrator" help:"${enum}."`
}

func (c userRole) Run(ctx context.Context, o output) error {
	return c.about(ctx, o, func(ctx context.Context, db *postgres.Database, p access.Person) error {
		err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
			return access.SetRole(ctx, tx, "", p.ID, access.Role(c.Role), time.Now())
		})
		if err == nil {
			_, err = fmt.Fprintf(o.out, "%s is %s\n", p.Email, c.Role)
		}
		return err
	})
}

type userLink struct {
	theirs
	PublicURL string `name:"public-url" default:"http://127.0.0.1:8080" help:"How people reach the server: the link begins with it." placeholder:"URL"`
}

func (c userLink) Run(ctx context.Context, o output) error {
	return c.about(ctx, o, func(ctx context.Context, db *postgres.Database, p access.Person) error {
		var link string
		err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) (err error) {
			if link, err = access.MakeLink(ctx, tx, access.Link{Person: &p}, time.Now().Add(access.InviteFor)); err != nil {
				return err
			}
			return record(ctx, tx, "person.link", p.ID, "")
		})
		if err != nil {
			return err
		}
		return printLink(o, p, c.PublicURL, link)
	})
}

type userDisable struct{ theirs }

func (c userDisable) Run(ctx context.Context, o output) error {
	return c.about(ctx, o, func(ctx context.Context, db *postgres.Database, p access.Person) error {
		err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error { return access.Disable(ctx, tx, "", p.ID, time.Now()) })
		if err == nil {
			_, err = fmt.Fprintf(o.out, "%s is disabled\n", p.Email)
		}
		return err
	})
}

type userEnable struct{ theirs }

func (c userEnable) Run(ctx context.Context, o output) error {
	return c.about(ctx, o, func(ctx context.Context, db *postgres.Database, p access.Person) error {
		err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error { return access.Enable(ctx, tx, "", p.ID, time.Now()) })
		if err == nil {
			_, err = fmt.Fprintf(o.out, "%s is enabled\n", p.Email)
		}
		return err
	})
}

type userCrew struct {
	theirs
	Crews []string `arg:"" optional:"" help:"The ids of the crews that the person is in, and is in no others. None: in no crew." placeholder:"CREW"`
}

func (c userCrew) Run(ctx context.Context, o output) error {
	return c.about(ctx, o, func(ctx context.Context, db *postgres.Database, p access.Person) error {
		err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
			if err := dispatch.PutInCrews(ctx, tx, p.ID, c.Crews); err != nil {
				return err
			}
			return record(ctx, tx, "person.crews", p.ID, strings.Join(c.Crews, ", "))
		})
		if err != nil {
			return err
		}
		in := "no crew"
		if len(c.Crews) > 0 {
			in = strings.Join(c.Crews, ", ")
		}
		_, err = fmt.Fprintf(o.out, "%s is in %s\n", p.Email, in)
		return err
	})
}
