package notices

import (
	"encoding/base64"
	"testing"
	"time"
)

// The example of the specification; openssl makes the same of it, as docs/notices.md says.
func TestSignatures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		secret, message, payload, want string
		at                             int64
	}{
		{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 1614265330},
	} {
		secret, err := base64.StdEncoding.DecodeString(c.secret)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sign(secret, c.message, time.Unix(c.at, 0), c.payload); err != nil || got != c.want {
			t.Errorf("%s, want %s; %v", got, c.want, err)
		}
	}
}

// The waits between tries are days in all, and no longer than that.
func TestWaits(t *testing.T) {
	t.Parallel()
	var mail, hook time.Duration
	for i := 1; i < mailTries; i++ {
		mail += mailWait(i)
	}
	for i := range webhookWaits() {
		hook += webhookWait(i + 1)
	}
	const day = 24 * time.Hour
	if mail < day || mail > 3*day || hook < day || hook > 4*day {
		t.Errorf("mails are tried for %v, webhooks for %v", mail, hook)
	}
}
