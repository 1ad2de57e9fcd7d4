package notices

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

const mailTimeout = 30 * time.Second // of one mail

// mailer hands mails to a mail server.
type mailer struct {
	server *url.URL
	from   string
	host   string // of our Message-IDs
}

// newMailer makes a mailer of smtp://user:password@host:port, or smtps:// for TLS from the start.
func newMailer(server, from string) (*mailer, error) {
	if from == "" {
		return nil, errors.New("a mail server needs a sender's address")
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("the mail server is not given as smtp://user:password@host:port or smtps://…")
	}
	msg := mail.NewMsg()
	if err := msg.From(from); err != nil {
		return nil, fmt.Errorf("the sender's address: %w", err)
	}
	m := &mailer{server: u, from: from, host: "streetpulse.invalid"}
	if list := msg.GetFrom(); len(list) == 1 {
		if _, host, ok := strings.Cut(list[0].Address, "@"); ok {
			m.host = host
		}
	}
	_, err = m.client()
	return m, err
}

func (m *mailer) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithTimeout(mailTimeout), mail.WithTLSPortPolicy(mail.TLSOpportunistic)}
	if m.server.Scheme == "smtps" {
		options = append(options, mail.WithSSLPort(false))
	}
	if m.server.Port() != "" {
		port, err := strconv.Atoi(m.server.Port())
		if err != nil {
			return nil, fmt.Errorf("the mail server's port: %w", err)
		}
		options = append(options, mail.WithPort(port))
	}
	if m.server.User != nil {
		password, _ := m.server.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.server.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(m.server.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	return client, nil
}

// errAddress is returned for an address that no mail server could take.
var errAddress = errors.New("this is no address")

// send sends one mail over a connection of its own. Its Message-ID follows from its number and date, so that a mailbox which gets it twice
// can tell.
func (m *mailer) send(ctx context.Context, id int64, at time.Time, letter Mail) error {
	msg := mail.NewMsg()
	if err := msg.From(m.from); err != nil {
		return err
	}
	if err := msg.To(letter.To); err != nil {
		return fmt.Errorf("%w: %w", errAddress, err)
	}
	msg.Subject(letter.Subject)
	msg.SetBodyString(mail.TypeTextPlain, letter.Body)
	msg.SetMessageIDWithValue(fmt.Sprintf("%d.%d@%s", id, at.UnixMicro(), m.host))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if letter.Stop != "" { // RFC 2369, RFC 8058
		msg.SetGenHeader("List-Unsubscribe", "<"+letter.Stop+">")
		msg.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	client, err := m.client()
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, msg)
}

// hopeless says whether it makes no sense to try again: nobody could take the address, or its own mail server has refused it for good.
func hopeless(err error) bool {
	var refused *mail.SendError
	return errors.Is(err, errAddress) || errors.As(err, &refused) && refused.Reason == mail.ErrSMTPRcptTo && !refused.IsTemp()
}

// nameless is why a mail was not sent, without the address that it was for: it is for the log.
func nameless(err error) string {
	var refused *mail.SendError
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("the mail server refuses it: %s (%d)", refused.Reason, refused.ErrorCode())
	case errors.Is(err, errAddress):
		return errAddress.Error()
	}
	return err.Error()
}
