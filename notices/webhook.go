package notices

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Webhook is an address of another program that is told what happens.
type Webhook struct {
	ID          string
	URL         string
	Name        string
	Kinds       []Kind // empty: all
	CreatedAt   time.Time
	OldUntil    *time.Time // until when the secret before this one signs as well; nil: there is none
	DisabledAt  *time.Time
	DisabledWhy string // "hand", "gone": it has answered 410
	Waiting     int    // messages that are yet to be delivered
	Dead        int    // that were given up
}

const (
	secretPrefix = "whsec_"
	overlap      = 24 * time.Hour // during which an old secret signs beside the new one
	mostWebhooks = 50
	longestURL   = 2000
)

// UnfitURL is the error of an address that nothing is sent to: what is wrong with it.
type UnfitURL string

// What can be wrong with an address.
const (
	NoURL       UnfitURL = "none"     // it is no address
	NamesLogin  UnfitURL = "login"    // it holds a name or password; what is sent is signed instead
	HasFragment UnfitURL = "fragment" // it has a #
	NotHTTPS    UnfitURL = "scheme"   // it does not begin with https://
	NotPublic   UnfitURL = "inside"   // it is inside a network that is not public
)

// Error says what is wrong.
func (u UnfitURL) Error() string { return "this address cannot be told anything: " + string(u) }

// Errors of webhooks.
var (
	ErrKind     = errors.New("there is no such kind of happening")
	ErrMany     = errors.New("there are as many webhooks as there may be")
	ErrDisabled = errors.New("the webhook is switched off")
)

// CheckURL returns an UnfitURL for an address that nothing is sent to: it must be https, and public. What is inside a
// network that is allowed may be http and an address of it. Names are looked up when something is sent.
func CheckURL(text string, inside []netip.Prefix) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || len(text) > longestURL:
		return NoURL
	case u.User != nil:
		return NamesLogin
	case u.Fragment != "":
		return HasFragment
	case u.Scheme != "https" && (u.Scheme != "http" || len(inside) == 0):
		return NotHTTPS
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		if mayReach(ip, u.Scheme, inside) != nil {
			return NotPublic
		}
	}
	return nil
}

func checkKinds(kinds []Kind) error {
	for _, k := range kinds {
		if !slices.Contains(Kinds(), k) {
			return fmt.Errorf("%q: %w", k, ErrKind)
		}
	}
	return nil
}

// newSecret makes a secret of 256 random bits.
func newSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}

// spelled is a secret as people are shown it.
func spelled(secret []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(secret) }

// AddWebhook registers an address and returns its secret, which cannot be read again. It returns an UnfitURL, ErrKind or ErrMany.
func AddWebhook(ctx context.Context, tx pgx.Tx, w Webhook, inside []netip.Prefix, now time.Time) (added Webhook, secret string, err error) {
	if err := errors.Join(CheckURL(w.URL, inside), checkKinds(w.Kinds)); err != nil {
		return w, "", err
	}
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from webhooks`).Scan(&n); err != nil {
		return w, "", fmt.Errorf("add a webhook: %w", err)
	}
	if n >= mostWebhooks {
		return w, "", ErrMany
	}
	w.ID, w.CreatedAt = "wh_"+strings.ToLower(rand.Text()[:16]), now
	s := newSecret()
	_, err = tx.Exec(ctx, `insert into webhooks (id, url, name, kinds, secret, created_at) values ($1, $2, $3, $4, $5, $6)`, w.ID, w.URL, w.Name, listed(w.Kinds), s, now)
	if err != nil {
		return w, "", fmt.Errorf("add a webhook: %w", err)
	}
	return w, spelled(s), nil
}

// listed is never nil, as the database wants it.
func listed(kinds []Kind) []string {
	out := []string{}
	for _, k := range kinds {
		out = append(out, string(k))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ChangeWebhook changes where a webhook is and what it is told, and switches it on or off. It returns ErrNone, an UnfitURL or ErrKind.
func ChangeWebhook(ctx context.Context, tx pgx.Tx, w Webhook, on bool, inside []netip.Prefix, now time.Time) error {
	if err := errors.Join(CheckURL(w.URL, inside), checkKinds(w.Kinds)); err != nil {
		return err
	}
	done, err := tx.Exec(ctx, `update webhooks set url = $2, name = $3, kinds = $4, disabled_at = case when not $5 then coalesce(disabled_at, $6) end,
		disabled_why = case when $5 then '' when disabled_at is null then 'hand' else disabled_why end where id = $1`, w.ID, w.URL, w.Name, listed(w.Kinds), on, now)
	return one(done.RowsAffected(), err, "change a webhook")
}

// RemoveWebhook forgets a webhook and what is still to be sent to it. It returns ErrNone.
func RemoveWebhook(ctx context.Context, tx pgx.Tx, id string) error {
	done, err := tx.Exec(ctx, `delete from webhooks where id = $1`, id)
	return one(done.RowsAffected(), err, "remove a webhook")
}

// RenewSecret gives a webhook a new secret and returns it. The old one signs as well for a day. It returns ErrNone.
func RenewSecret(ctx context.Context, tx pgx.Tx, id string, now time.Time) (string, error) {
	s := newSecret()
	done, err := tx.Exec(ctx, `update webhooks set old_secret = secret, old_until = $3, secret = $2 where id = $1`, id, s, now.Add(overlap))
	return spelled(s), one(done.RowsAffected(), err, "renew a webhook's secret")
}

// TryWebhook sends a webhook something that has not happened. It returns ErrNone, or ErrDisabled.
func TryWebhook(ctx context.Context, tx pgx.Tx, id string, now time.Time) error {
	w, err := FindWebhook(ctx, tx, id)
	if err != nil {
		return err
	}
	if w.DisabledAt != nil {
		return ErrDisabled
	}
	return send(ctx, tx, Happening{Kind: trial, At: now, Data: map[string]string{"webhook": w.ID, "name": w.Name}}, []string{id})
}

func one(n int64, err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n == 0 {
		return ErrNone
	}
	return nil
}

const webhookQuery = `select w.id, w.url, w.name, w.kinds, w.created_at, w.old_until, w.disabled_at, w.disabled_why,
	(select count(*) from webhook_deliveries d where d.webhook = w.id and d.state = 'waiting'), (select count(*) from webhook_deliveries d where d.webhook = w.id and d.state = 'given_up')
	from webhooks w`

// Webhooks lists them by name.
func Webhooks(ctx context.Context, q Querier) ([]Webhook, error) {
	rows, err := q.Query(ctx, webhookQuery+` order by lower(w.name), w.id`)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Webhook])
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	return list, nil
}

// FindWebhook returns one, or ErrNone.
func FindWebhook(ctx context.Context, q Querier, id string) (Webhook, error) {
	rows, err := q.Query(ctx, webhookQuery+` where w.id = $1`, id)
	if err != nil {
		return Webhook{}, fmt.Errorf("find a webhook: %w", err)
	}
	w, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Webhook])
	if errors.Is(err, pgx.ErrNoRows) {
		return w, ErrNone
	}
	if err != nil {
		return w, fmt.Errorf("find a webhook: %w", err)
	}
	return w, nil
}
