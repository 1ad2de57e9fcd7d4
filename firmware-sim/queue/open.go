package queue

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Open finds what flash holds. Anything may be in it: what is no queue's is passed over, and a blank or strange one is an empty
// queue.
func Open(f Flash) (*Queue, error) {
	segments, segment, page := f.Shape()
	if segments < 2 || page < leastPage || segment < 3*page || segment%page != 0 {
		return nil, fmt.Errorf("%w: %d segments of %d bytes, pages of %d", ErrShape, segments, segment, page)
	}
	q := &Queue{flash: f, segment: segment, page: page, sections: make([]section, segments), current: -1, fresh: true, next: 1}
	heads := make([]head, segments)
	for i := range heads {
		b := q.room(page)
		if err := f.Read(i, 0, b); err != nil {
			return nil, fmt.Errorf("open the queue: %w", err)
		}
		if h, ok := readHead(b); ok {
			heads[i] = h
			q.sections[i] = section{sequence: h.sequence}
		}
	}
	var found finding
	for _, i := range q.inOrder() {
		q.current = i
		if err := q.scan(i, heads[i], &found); err != nil {
			return nil, fmt.Errorf("open the queue: %w", err)
		}
	}
	q.take(found)
	return q, nil
}

// inOrder returns the segments in use, the oldest first.
func (q *Queue) inOrder() []int {
	order := make([]int, 0, len(q.sections))
	for i := range q.sections {
		if q.sections[i].sequence != 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(q.sections[a].sequence, q.sections[b].sequence) })
	return order
}

// finding is what a scan comes by, section after section.
type finding struct {
	first, last       uint64 // numbers of the first and the last event that is there; 0: none is
	next              uint64 // of the next one, by the newest head
	released, dropped uint64
	gaps              []gap
}

func (f *finding) mark(released, dropped uint64) {
	f.released, f.dropped = max(f.released, released), max(f.dropped, dropped)
}

func (f *finding) event(number uint64) {
	switch {
	case f.first == 0:
		f.first = number
	case number <= f.last:
		return
	case number > f.last+1:
		f.gaps = append(f.gaps, gap{f.last + 1, number - 1})
	}
	f.last = number
}

// scan looks through a section to its end: what is torn may have blank pages before it.
func (q *Queue) scan(i int, h head, found *finding) error {
	found.next = max(found.next, h.first)
	found.mark(h.released, h.dropped)
	s := &q.sections[i]
	s.end = q.page
	for at := q.page; at < q.segment; {
		r, content, size, err := q.at(i, at)
		if err != nil {
			return err
		}
		at += size
		switch {
		case content == nil && bytes.Count(q.buffer[:q.page], []byte{blank}) == q.page:
			continue
		case content == nil:
			q.torn++
		case r.kind == kindMark:
			found.mark(r.number, binary.LittleEndian.Uint64(content))
		default:
			found.event(r.number)
		}
		s.end = at
	}
	s.last = max(found.last, h.first-1)
	return nil
}

// take makes what was found the queue's state. Numbers have no gaps, so that what is missing at the beginning was being dropped when
// the power went, and what is missing elsewhere is lost.
func (q *Queue) take(f finding) {
	q.next = max(f.last+1, f.next, f.released+1)
	q.released, q.dropped = f.released, f.dropped
	begins := f.first
	if f.first == 0 || f.last <= f.released {
		begins = q.next
	}
	if begins > q.released+1 {
		q.dropped += begins - 1 - q.released
		q.released = begins - 1
	}
	if f.last != 0 && f.last+1 < q.next {
		f.gaps = append(f.gaps, gap{f.last + 1, q.next - 1})
	}
	for _, g := range f.gaps {
		if g.from = max(g.from, q.released+1); g.from <= g.to {
			q.gaps = append(q.gaps, g)
		}
	}
}

// at reads what stands at a place of a segment: a record and its content, or a nil content and a page in the buffer. It returns how many
// bytes that takes.
func (q *Queue) at(i, at int) (r record, content []byte, size int, err error) {
	b := q.room(q.page)
	if err := q.flash.Read(i, at, b); err != nil {
		return record{}, nil, 0, err
	}
	r = readRecord(b)
	size = q.pages(r.length)
	if r.kind != kindEvent && (r.kind != kindMark || r.length != markBytes) || size > q.segment-at || r.number == 0 || r.number >= mostNumber {
		return record{}, nil, q.page, nil
	}
	whole := b
	if size > q.page {
		whole = q.room(size)
		if err := q.flash.Read(i, at, whole); err != nil {
			return record{}, nil, 0, err
		}
	}
	if whole = whole[:recordBytes+r.length]; !sound(whole, q.sections[i].sequence, at) {
		return record{}, nil, q.page, nil
	}
	return r, whole[recordBytes:], size, nil
}
