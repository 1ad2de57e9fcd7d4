package notices

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	answerWithin  = 15 * time.Second // from the name's look-up to the end of the answer
	longestAnswer = 64 << 10         // of which nothing is kept
	longestHead   = 16 << 10
)

// sender sends messages to addresses that strangers have chosen: it follows no redirects, uses no proxy, reads little of what is
// answered, waits for nobody long, and connects to public addresses only.
type sender struct {
	https, http *http.Client // each connects to what it may: plain HTTP only inside
}

func newSender(inside []netip.Prefix, within time.Duration) *sender {
	return &sender{https: clientOf("https", inside, within), http: clientOf("http", inside, within)}
}

func clientOf(scheme string, inside []netip.Prefix, within time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: within, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return mayReach(to.Addr(), scheme, inside)
	}}
	return &http.Client{
		Timeout:       within,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: within, MaxIdleConnsPerHost: 2,
			IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: longestHead},
	}
}

func (s *sender) close() {
	s.https.CloseIdleConnections()
	s.http.CloseIdleConnections()
}

// parcel is a message on its way to an address.
type parcel struct {
	url, message, payload string
	secrets               [][]byte // that sign it, the newest first
}

// deliver sends a parcel, signed as of now, and returns the status of the answer, 0 where there was none; the error says why it is not
// delivered.
func (s *sender) deliver(ctx context.Context, p parcel, now time.Time) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(p.payload))
	if err != nil {
		return 0, errors.New("the address cannot be read")
	}
	signatures := make([]string, 0, len(p.secrets))
	for _, secret := range p.secrets {
		signature, err := sign(secret, p.message, now, p.payload)
		if err != nil {
			return 0, err
		}
		signatures = append(signatures, signature)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Streetpulse-Webhooks/1")
	request.Header.Set(standardwebhooks.HeaderWebhookID, p.message)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	client := s.https
	if request.URL.Scheme != "https" {
		client = s.http
	}
	answer, err := client.Do(request)
	if err != nil {
		var at *url.Error // names the whole address, which may hold secrets
		if errors.As(err, &at) {
			err = at.Err
		}
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, longestAnswer) // so that the connection can be used again; what it says is nothing to us
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return code, nil
	case code >= 300 && code < 400:
		return code, errRedirects
	default:
		return code, refusal{http.StatusText(code), retryAfter(answer.Header.Get("Retry-After"), now)}
	}
}

// refusal is an answer that refuses a message, and after which time it asks to be told again; 0: it does not say.
type refusal struct {
	status string
	after  time.Duration
}

func (r refusal) Error() string { return "it answers " + r.status }

// retryAfter reads the header of that name: seconds, or a time (RFC 9110, 10.2.3).
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestWait)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, min(at.Sub(now), longestWait))
}

// sign returns the signature of a message, as Standard Webhooks has it.
func sign(secret []byte, message string, at time.Time, payload string) (string, error) {
	w, err := standardwebhooks.NewWebhookRaw(secret)
	if err != nil {
		return "", fmt.Errorf("sign a message: %w", err)
	}
	signature, err := w.Sign(message, at, []byte(payload))
	if err != nil {
		return "", fmt.Errorf("sign a message: %w", err)
	}
	return signature, nil
}
