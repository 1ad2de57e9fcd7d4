package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/access"
)

// demoHost is where the demonstration town's people get no mail.
const demoHost = "streetpulse.example"

// demoPasswordFile keeps their password in the data folder, so that each start prints the same.
const demoPasswordFile = "demo-password"

// demoPeople makes one account of each role of the city's people and returns their password, which is as old as the data folder.
func demoPeople(ctx context.Context, pool *pgxpool.Pool, folder string) (password string, err error) {
	name := filepath.Join(folder, demoPasswordFile)
	b, err := os.ReadFile(name)
	fresh := errors.Is(err, os.ErrNotExist)
	switch {
	case fresh:
		password = strings.ToLower(rand.Text()[:16])
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return "", fmt.Errorf("keep the demonstration's password: %w", err)
		}
		if err := os.WriteFile(name, []byte(password+"\n"), 0o600); err != nil {
			return "", fmt.Errorf("keep the demonstration's password: %w", err)
		}
	case err != nil:
		return "", fmt.Errorf("read the demonstration's password: %w", err)
	default:
		password = strings.TrimSpace(string(b))
	}
	gate := access.NewGate(pool, time.Now, access.Usual())
	for _, role := range access.Roles()[1:] {
		p, err := access.FindEmail(ctx, pool, demoEmail(role))
		if err == nil && !fresh && !p.Invited {
			continue
		}
		if errors.Is(err, access.ErrNobody) {
			err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
				p, err = access.Add(ctx, tx, "", access.Person{Email: demoEmail(role), Name: "Demo " + string(role), Role: role}, time.Now())
				return err
			})
		}
		if err == nil {
			err = gate.SetPassword(ctx, p, password, "")
		}
		if err != nil {
			return "", fmt.Errorf("make the demonstration's %s: %w", role, err)
		}
	}
	return password, nil
}

func demoEmail(r access.Role) string { return string(r) + "@" + demoHost }
