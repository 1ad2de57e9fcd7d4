package notices

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"

	"github.com/wneessen/go-mail"
)

// Cause is why something was not delivered, for people, in whose language pages word it. The particulars stand beside it as they were met.
type Cause string

// The causes; the empty one is none of them.
const (
	Refused     Cause = "refused"     // it answers, and not that it took the message
	Redirects   Cause = "redirects"   // it answers that the message belongs elsewhere
	Forbidden   Cause = "forbidden"   // the address is in a network that nothing is sent into, or a public one without https
	Unnamed     Cause = "unnamed"     // the name cannot be found
	Late        Cause = "late"        // there is no answer in time
	Untrusted   Cause = "untrusted"   // its certificate does not hold
	Unreachable Cause = "unreachable" // there is no connection
	BadAddress  Cause = "address"     // no mail server could take the address
	Lost        Cause = "lost"        // the server stopped while it was being sent, again and again
)

// Causes returns every cause that has a name.
func Causes() []Cause {
	return []Cause{Refused, Redirects, Forbidden, Unnamed, Late, Untrusted, Unreachable, BadAddress, Lost}
}

var errRedirects = errors.New("it redirects, which is not followed")

// causeOf returns the cause of an error of sending.
func causeOf(err error) Cause {
	switch {
	case errors.Is(err, errRedirects):
		return Redirects
	case errors.Is(err, errInside) || errors.Is(err, errPlain):
		return Forbidden
	case errors.Is(err, errAddress):
		return BadAddress
	case has[refusal](err) || has[*mail.SendError](err):
		return Refused
	case has[*tls.CertificateVerificationError](err):
		return Untrusted
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || timedOut(err):
		return Late
	case has[*net.DNSError](err):
		return Unnamed
	case has[*net.OpError](err):
		return Unreachable
	}
	return ""
}

// has says whether an error of a type is in the chain.
func has[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func timedOut(err error) bool {
	at, ok := errors.AsType[net.Error](err)
	return ok && at.Timeout()
}
