package elsewhere

import (
	"math"
	"time"

	"github.com/oklog/ulid/v2"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// name makes an event's id: a ULID or a random number, by the app's custom.
func (p *phone) name(at float64) string {
	var id ulid.ULID
	for i := range id {
		id[i] = byte(p.r.Uint32())
	}
	if p.app.ulid {
		_ = id.SetTime(ulid.Timestamp(instant(at)))
	}
	return id.String()
}

// send notes that a phone sent an event from where it truly was.
func (c *City) send(p *phone, e wire.Event, why firmwaresim.Cause, from tag) {
	why.Device, why.ID = p.id, e.ID
	if e.Kind == wire.Bump {
		c.watch.note(from)
		if why.Class == "pothole" && len(e.WaveG) > 0 && (p.kind == "honest" || p.kind == "companion") {
			c.forger.steal(&e)
		}
	}
	at := e.Time.Add(-time.Duration(p.clock * float64(time.Second)))
	c.sent = append(c.sent, firmwaresim.Sent{Line: wire.Line{Device: p.id, Event: e}, Deliver: at, Cause: why})
}

// post delivers the day's events: most within seconds, some hours later together, some twice, some never.
func (c *City) post(day int) []firmwaresim.Sent {
	r := c.watch.r
	evening := instant(daySeconds * (float64(day) + 0.9))
	held := map[string]time.Time{} // phones that wait for a network, until when
	for _, d := range c.drivers {
		for _, p := range d.phones {
			if r.Float64() < 0.04 {
				held[p.id] = evening.Add(time.Duration(float64(14*time.Hour) * r.Float64()))
			}
		}
	}
	out := make([]firmwaresim.Sent, 0, len(c.sent))
	for _, s := range c.sent {
		late := time.Duration(float64(time.Second) * math.Exp(1.2+1.1*r.NormFloat64()))
		s.Deliver = s.Deliver.Add(late)
		if until, waits := held[s.Device]; waits && until.After(s.Deliver) {
			s.Deliver = until.Add(late)
		}
		if r.Float64() < 0.01 {
			continue
		}
		out = append(out, s)
		if r.Float64() < 0.01 {
			s.Deliver = s.Deliver.Add(time.Duration(float64(time.Hour) * r.ExpFloat64()))
			out = append(out, s)
		}
	}
	c.sent = nil
	return out
}
