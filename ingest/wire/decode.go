package wire

import (
	"errors"
	"fmt"
	"time"
)

// Errors of payloads that are refused whole.
var (
	ErrTooLong = fmt.Errorf("the payload is longer than %d bytes", MaxPayloadBytes)
	ErrTooMany = fmt.Errorf("the batch has more than %d events", MaxBatchEvents)
	ErrEmpty   = errors.New("the batch has no events")
	ErrVersion = fmt.Errorf("v is not %d", Version)
)

// Reading is what a batch held.
type Reading struct {
	Good     []Event     // each id once
	Rejected []Rejection // in their order in the batch
	Repeated int         // events left out because an earlier one of the batch has their id
}

// Decode returns the good events of a batch, each id once, and those that were refused. The age of events is checked
// against now unless now is zero. An error means that the payload is refused whole: it is no JSON object with an
// array of 1 to MaxBatchEvents events, or longer than MaxPayloadBytes.
func Decode(payload []byte, now time.Time) (good []Event, rejected []Rejection, err error) {
	reading, err := Read(payload, now)
	return reading.Good, reading.Rejected, err
}

// Read is Decode that also says how many events were repeated.
func Read(payload []byte, now time.Time) (Reading, error) {
	if len(payload) > MaxPayloadBytes {
		return Reading{}, ErrTooLong
	}
	b := batch{scanner: scanner{text: string(payload)}, gathering: gathering{now: now}}
	b.waves = make([]float32, 0, len(payload)/8)
	b.reading.Good = make([]Event, 0, min(MaxBatchEvents, 1+len(payload)/200))
	if err := b.read(); err != nil {
		return Reading{}, err
	}
	return b.reading, nil
}

// batch is the state of one Read.
type batch struct {
	scanner
	gathering
}

// gathering is what has been read of a batch so far, whatever form it has.
type gathering struct {
	now     time.Time
	waves   []float32           // what the events' samples are cut from
	largest string              // id of a good event
	seen    map[string]struct{} // ids of all good events; nil while no search needed it
	count   int
	reading Reading
}

func (b *batch) read() error {
	if b.peek() != '{' {
		return b.fail("expected an object")
	}
	events := false
	version := float64(Version) // also where it is missing
	for more := b.open('}'); more; {
		key, err := b.key()
		if err != nil {
			return err
		}
		switch c := b.peek(); {
		case key == "events" && events:
			err = errors.New("events is given twice")
		case key == "events" && c != '[':
			err = errors.New("events is not an array")
		case key == "events":
			events = true
			err = b.events()
		case key == "v" && startsNumber(c):
			version, err = b.number()
		case key == "v":
			err = ErrVersion
		default:
			err = b.skip()
		}
		if err == nil {
			more, err = b.more('}')
		}
		if err != nil {
			return err
		}
	}
	switch {
	case b.peek() != 0 || b.pos < len(b.text):
		return b.fail("expected the end")
	case version != Version:
		return ErrVersion
	case !events:
		return errors.New("events is missing")
	case b.count == 0:
		return ErrEmpty
	}
	return nil
}

func (b *batch) events() error {
	for more := b.open(']'); more; {
		if b.count++; b.count > MaxBatchEvents {
			return ErrTooMany
		}
		if b.peek() != '{' {
			if err := b.skip(); err != nil {
				return err
			}
			b.refuse("", "event is not an object")
		} else {
			d := draft{waves: b.waves}
			if err := d.read(&b.scanner); err != nil {
				return err
			}
			b.waves = d.waves
			b.take(&d)
		}
		var err error
		if more, err = b.more(']'); err != nil {
			return err
		}
	}
	return nil
}

// take judges a draft: it is good, repeated or refused.
func (b *gathering) take(d *draft) {
	if reason := d.check(b.now); reason != "" {
		b.refuse(d.ID, reason)
		return
	}
	if b.repeated(d.ID) {
		b.reading.Repeated++
		return
	}
	b.reading.Good = append(b.reading.Good, d.Event)
}

// repeated says whether a good event has this id. Ids mostly grow, and one that is larger than all before needs no search; among others
// a small batch is searched, a large one remembered.
func (b *gathering) repeated(id string) bool {
	const small = 32
	good := b.reading.Good
	if len(good) == 0 || id > b.largest {
		b.largest = id
		if b.seen != nil {
			b.seen[id] = struct{}{}
		}
		return false
	}
	if len(good) < small {
		for i := range good {
			if good[i].ID == id {
				return true
			}
		}
		return false
	}
	if b.seen == nil {
		b.seen = make(map[string]struct{}, MaxBatchEvents)
		for i := range good {
			b.seen[good[i].ID] = struct{}{}
		}
	}
	before := len(b.seen)
	b.seen[id] = struct{}{}
	return len(b.seen) == before
}

func (b *gathering) refuse(id, reason string) {
	b.reading.Rejected = append(b.reading.Rejected, Rejection{ID: printable(id), Reason: reason})
}

// DecodeLine reads one line of a replay file. A line that is well formed but breaks a rule gives a Rejection as its
// error. No event is too old or too new here.
func DecodeLine(line []byte) (Line, error) {
	s := scanner{text: string(line)}
	if s.peek() != '{' {
		return Line{}, s.fail("expected an object")
	}
	d := draft{line: true}
	if err := d.read(&s); err != nil {
		return Line{}, err
	}
	if s.peek() != 0 || s.pos < len(s.text) {
		return Line{}, s.fail("expected the end")
	}
	reason := d.check(time.Time{})
	if reason == "" && !ValidDevice(d.device) {
		reason = "device is not 1 to 64 letters, digits, dots, underscores or hyphens"
	}
	if reason != "" {
		return Line{}, Rejection{ID: printable(d.ID), Reason: reason}
	}
	return Line{Device: d.device, Received: d.received, Event: d.Event}, nil
}
