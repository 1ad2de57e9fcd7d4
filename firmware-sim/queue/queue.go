package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrTooLong means that a record does not fit into a segment. ErrShape means that flash of this shape cannot hold a queue.
var (
	ErrTooLong = errors.New("the record does not fit into a segment of the queue")
	ErrShape   = errors.New("a queue needs two segments, of three pages or more, of 64 bytes or more")
)

// Queue is a log of records. Make one with Open. It is not safe for concurrent use.
type Queue struct {
	flash         Flash
	segment, page int
	sections      []section
	current       int  // the section that is written to; -1 before the first
	fresh         bool // nothing has been written since Open

	next     uint64 // number of the next record
	released uint64 // everything up to this number is acknowledged or dropped
	dropped  uint64 // of it, dropped
	gaps     []gap  // beyond released, in order
	torn     int

	buffer []byte // one record in whole pages
	cursor cursor // where the latest Read ended
}

// section is a segment in use.
type section struct {
	sequence uint64 // 0: it holds nothing that counts
	last     uint64 // number of its last record; before its first where there is none
	end      int    // where it is blank from
}

// gap is records that are gone, both ends among them.
type gap struct{ from, to uint64 }

// cursor is where the record after a number begins.
type cursor struct {
	section  int
	sequence uint64
	at       int
	number   uint64
}

// State is what a queue holds.
type State struct {
	Queued  int    // records that are stored and not acknowledged
	Dropped uint64 // records that are gone unacknowledged: there was no room for them, or the flash has lost them
	Torn    int    // pages that were found half written when the queue was opened
}

// State returns what the queue holds.
func (q *Queue) State() State {
	lost := uint64(0)
	for _, g := range q.gaps {
		lost += g.to - g.from + 1
	}
	return State{Queued: int(q.next - 1 - q.released - lost), Dropped: q.dropped + lost, Torn: q.torn}
}

// Last returns the number of the newest record, 0 where there was none yet.
func (q *Queue) Last() uint64 { return q.next - 1 }

// Append stores a record. When it returns nil the record survives any power cut. Where there is no room the oldest make some.
func (q *Queue) Append(content []byte) error {
	n := q.pages(len(content))
	if n > q.segment-q.page {
		return fmt.Errorf("%w: %d bytes", ErrTooLong, len(content))
	}
	if err := q.makeRoom(n); err != nil {
		return err
	}
	if err := q.write(record{kindEvent, len(content), q.next}, content); err != nil {
		return err
	}
	q.sections[q.current].last = q.next
	q.next++
	return nil
}

// Acknowledge frees everything up to a number. A power cut may bring back what was acknowledged last, never what was before.
func (q *Queue) Acknowledge(number uint64) error {
	if number = min(number, q.next-1); number <= q.released {
		return nil
	}
	q.release(number, false)
	s := &q.sections[q.current]
	if q.left(s) >= q.page {
		var content [markBytes]byte
		binary.LittleEndian.PutUint64(content[:], q.dropped)
		return q.write(record{kindMark, markBytes, q.released}, content[:])
	}
	if oldest := &q.sections[(q.current+1)%len(q.sections)]; oldest.sequence == 0 || oldest.last <= q.released {
		return q.turn() // the next head says it
	}
	return nil // so does the next Append
}

// release notes that everything up to a number is done with. Of what was dropped all counts as dropped, else what is gone.
func (q *Queue) release(number uint64, dropped bool) {
	if number <= q.released {
		return
	}
	if dropped {
		q.dropped += number - q.released
	}
	for len(q.gaps) > 0 && q.gaps[0].from <= number {
		g := &q.gaps[0]
		to := min(g.to, number)
		if !dropped {
			q.dropped += to - g.from + 1
		}
		if to < g.to {
			g.from = to + 1
			break
		}
		q.gaps = q.gaps[1:]
	}
	q.released = number
}

// Read hands records over, oldest first, beginning after a number: 0 begins with the oldest that is not acknowledged. The content is
// valid until the function returns; false ends it.
func (q *Queue) Read(after uint64, each func(number uint64, content []byte) bool) error {
	after = max(after, q.released)
	for _, i := range q.inOrder() {
		s := q.sections[i]
		if s.last <= after {
			continue
		}
		at := q.page
		if c := q.cursor; c.section == i && c.sequence == s.sequence && c.number <= after {
			at = c.at
		}
		for at < s.end {
			r, content, size, err := q.at(i, at)
			if err != nil {
				return err
			}
			at += size
			if content == nil || r.kind != kindEvent || r.number <= after {
				continue
			}
			q.cursor = cursor{i, s.sequence, at, r.number}
			if !each(r.number, content) {
				return nil
			}
		}
	}
	return nil
}

// pages returns the bytes that a content of a length takes, in whole pages.
func (q *Queue) pages(length int) int {
	return (recordBytes + length + q.page - 1) / q.page * q.page
}

// left returns the bytes that can still be written. The first write after a power cut leaves a page out: one that was torn may
// read as blank.
func (q *Queue) left(s *section) int {
	n := q.segment - s.end
	if q.fresh {
		n -= q.page
	}
	return n
}

// makeRoom sees to it that so many bytes can be written.
func (q *Queue) makeRoom(n int) error {
	if q.current >= 0 && q.left(&q.sections[q.current]) >= n {
		return nil
	}
	return q.turn()
}

// turn takes the next segment into use: the oldest, or after it the first that can be erased and written.
func (q *Queue) turn() error {
	sequence := uint64(1)
	if q.current >= 0 {
		sequence = q.sections[q.current].sequence + 1
	}
	var failed error
	for k := 1; k <= len(q.sections); k++ {
		i := (q.current + k) % len(q.sections)
		if i == q.current {
			break
		}
		s := &q.sections[i]
		if s.sequence != 0 {
			q.release(s.last, true)
		}
		*s = section{}
		if failed = q.begin(i, sequence); failed == nil {
			q.current, q.fresh = i, false
			return nil
		}
	}
	return fmt.Errorf("take another segment into use: %w", failed)
}

// begin erases a segment and writes its head.
func (q *Queue) begin(i int, sequence uint64) error {
	if err := q.flash.Erase(i); err != nil {
		return err
	}
	page := q.blank(q.page)
	head{sequence, q.next, q.released, q.dropped}.put(page)
	if err := q.flash.Write(i, 0, page); err != nil {
		return err
	}
	q.sections[i] = section{sequence: sequence, last: q.next - 1, end: q.page}
	return nil
}

// write writes a record at the end of the current section. A place where that fails is not used again.
func (q *Queue) write(r record, content []byte) error {
	s := &q.sections[q.current]
	if q.fresh {
		s.end += q.page
		q.fresh = false
	}
	at := s.end
	b := q.blank(q.pages(len(content)))
	copy(b[recordBytes:], content)
	r.put(b, s.sequence, at)
	s.end += len(b)
	if err := q.flash.Write(q.current, at, b); err != nil {
		return fmt.Errorf("write to the queue: %w", err)
	}
	return nil
}

// blank returns so many blank bytes of the buffer.
func (q *Queue) blank(n int) []byte {
	b := q.room(n)
	for i := range b {
		b[i] = blank
	}
	return b
}

func (q *Queue) room(n int) []byte {
	if cap(q.buffer) < n {
		q.buffer = make([]byte, n)
	}
	return q.buffer[:n]
}
