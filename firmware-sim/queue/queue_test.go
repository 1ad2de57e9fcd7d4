package queue_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/queue"
)

var errPower = errors.New("the power is gone")

// rig is flash whose power goes after so many more bytes of writing and erasing.
type rig struct {
	queue.Flash
	r     *rand.Rand
	left  int // bytes until then
	off   bool
	dirty int // bytes written that had not been erased
}

const (
	segments = 4
	segment  = 1024
	page     = 64
)

func newRig(r *rand.Rand, segments int) *rig {
	return &rig{Flash: queue.NewMemory(segments, segment, page), r: r, left: 1 << 40}
}

// Write writes pages up to the cut. The page that it falls into keeps some of its bits, or a part, or anything at all.
func (f *rig) Write(i, at int, b []byte) error {
	if f.off {
		return errPower
	}
	was := make([]byte, len(b))
	if err := f.Flash.Read(i, at, was); err != nil {
		return err
	}
	for _, x := range was {
		if x != 0xff {
			f.dirty++
		}
	}
	if f.left -= len(b); f.left >= 0 {
		return f.Flash.Write(i, at, b)
	}
	f.off = true
	n := len(b) + f.left
	torn := n / page * page
	out := slices.Clone(b[:torn+page])
	for k := torn; k < torn+page; k++ {
		switch f.r.IntN(4) {
		case 0: // written in order
			if k >= n {
				out[k] = 0xff
			}
		case 1: // some bits
			out[k] |= byte(f.r.Uint32())
		case 2:
			out[k] = byte(f.r.Uint32())
		case 3:
			out[k] = 0xff
		}
	}
	f.put(i, at, out)
	return errPower
}

// put puts bytes into a segment, whatever stands behind them.
func (f *rig) put(i, at int, b []byte) {
	whole := make([]byte, segment)
	_ = f.Flash.Read(i, 0, whole)
	copy(whole[at:], b)
	_ = f.Flash.Erase(i)
	_ = f.Flash.Write(i, 0, whole)
}

// Erase erases pages in any order up to the cut.
func (f *rig) Erase(i int) error {
	if f.off {
		return errPower
	}
	if f.left -= segment; f.left >= 0 {
		return f.Flash.Erase(i)
	}
	f.off = true
	whole := make([]byte, segment)
	_ = f.Flash.Read(i, 0, whole)
	for n := range f.r.IntN(segment/page + 1) {
		at := n * page
		if f.r.IntN(2) == 0 {
			at = f.r.IntN(segment/page) * page
		}
		for k := range page {
			if whole[at+k] = 0xff; f.r.IntN(40) == 0 {
				whole[at+k] = byte(f.r.Uint32())
			}
		}
	}
	f.put(i, 0, whole)
	return errPower
}

// life is what a unit knows of its queue, across power cuts.
type life struct {
	t         *testing.T
	r         *rand.Rand
	flash     *rig
	q         *queue.Queue
	most      int             // queued, before it acknowledges; 0: it lets the queue overflow
	made      uint64          // events
	stored    map[uint64]bool // confirmed, not acknowledged since
	sent      map[uint64]bool // to the server, and acknowledged
	confirmed int
}

func content(id uint64, r *rand.Rand) []byte {
	b := make([]byte, 8+r.IntN(200))
	for i := range b {
		b[i] = byte(id) ^ byte(i)
	}
	binary.LittleEndian.PutUint64(b, id)
	return b
}

// all reads what is queued.
func all(t *testing.T, q *queue.Queue) (ids []uint64, numbers []uint64) {
	t.Helper()
	err := q.Read(0, func(number uint64, b []byte) bool {
		id := binary.LittleEndian.Uint64(b)
		for i := 8; i < len(b); i++ {
			if b[i] != byte(id)^byte(i) {
				t.Fatalf("record %d is not what was stored", number)
			}
		}
		ids, numbers = append(ids, id), append(numbers, number)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids, numbers
}

// one lives until the power goes, and looks what is there afterwards.
func (l *life) one() {
	l.flash.left, l.flash.off = 1+l.r.IntN(3*segment), false
	dropped := uint64(0)
	for !l.flash.off {
		dropped = l.q.State().Dropped
		if n := l.q.State().Queued; n > 0 && (l.most > 0 && n >= l.most || l.r.IntN(6) == 0) {
			l.acknowledge(n)
			continue
		}
		l.made++
		if l.q.Append(content(l.made, l.r)) != nil {
			break
		}
		l.stored[l.made] = true
		l.confirmed++
		l.forget(l.q.State().Dropped - dropped)
	}
	l.flash.off, l.flash.left = false, 1<<40
	var err error
	if l.q, err = queue.Open(l.flash); err != nil {
		l.t.Fatal(err)
	}
	l.check(dropped)
}

// acknowledge acknowledges some of the oldest.
func (l *life) acknowledge(queued int) {
	ids, numbers := all(l.t, l.q)
	if len(ids) != queued {
		l.t.Fatalf("%d are queued, %d are there", queued, len(ids))
	}
	n := (len(ids) + 1) / 2
	for _, id := range ids[:n] {
		l.sent[id] = true
		delete(l.stored, id)
	}
	_ = l.q.Acknowledge(numbers[n-1])
}

// forget takes what the queue counts as dropped for lost: the oldest.
func (l *life) forget(n uint64) {
	for _, id := range slices.Sorted(maps.Keys(l.stored))[:n] {
		delete(l.stored, id)
	}
}

// check says what must hold after a cut: what was confirmed and is neither acknowledged nor counted as dropped is there, once, in order.
func (l *life) check(dropped uint64) {
	ids, _ := all(l.t, l.q)
	there := map[uint64]bool{}
	for i, id := range ids {
		if there[id] = true; i > 0 && ids[i-1] >= id {
			l.t.Fatalf("out of order or twice: %v", ids)
		}
	}
	s := l.q.State()
	if s.Queued != len(ids) {
		l.t.Fatalf("%d are queued, %d are there", s.Queued, len(ids))
	}
	var missing []uint64
	for _, id := range slices.Sorted(maps.Keys(l.stored)) {
		if !there[id] {
			missing = append(missing, id)
			delete(l.stored, id)
		}
	}
	switch {
	case l.most > 0 && (len(missing) > 0 || s.Dropped > 0):
		l.t.Fatalf("%v are gone, %d dropped, though there was room", missing, s.Dropped)
	case len(missing) >= segment/page || uint64(len(missing)) > s.Dropped-dropped:
		l.t.Fatalf("%v are gone and only %d counted", missing, s.Dropped-dropped)
	}
	// What survives of a segment that was being erased is older than what is missing of it, or in it as well.
	if n := len(missing); n > 0 && len(ids) >= segment/page && missing[n-1] > ids[len(ids)-1] {
		l.t.Fatalf("%v are gone, and they are the newest", missing)
	}
	for _, id := range ids {
		if !l.sent[id] {
			l.stored[id] = true // it was stored though nobody was told
		}
	}
}

func TestTenThousandPowerCuts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			l := &life{t: t, r: r, flash: newRig(r, 16), stored: map[uint64]bool{}, sent: map[uint64]bool{}, most: 8}
			if seed%2 == 1 { // the server is away for too long
				l.flash, l.most = newRig(r, 4), 0
			}
			var err error
			if l.q, err = queue.Open(l.flash); err != nil {
				t.Fatal(err)
			}
			for range 500 {
				l.one()
			}
			if l.flash.dirty > 0 {
				t.Errorf("%d bytes were written that were not erased", l.flash.dirty)
			}
			t.Logf("%d confirmed, %d dropped", l.confirmed, l.q.State().Dropped)
		})
	}
}

func TestQueueOfAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue")
	r := rand.New(rand.NewPCG(1, 1))
	for n := range uint64(3) {
		f, err := queue.OpenFile(path, 4, 4096, 256)
		if err != nil {
			t.Fatal(err)
		}
		q, err := queue.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		if ids, _ := all(t, q); len(ids) != int(n) {
			t.Fatalf("%v are there after %d", ids, n)
		}
		if err := q.Append(content(n+1, r)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullQueueDropsTheOldestAndCounts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	flash := queue.NewMemory(segments, segment, page)
	q, err := queue.Open(flash)
	if err != nil {
		t.Fatal(err)
	}
	const made = 500
	for id := range uint64(made) {
		if err := q.Append(content(id+1, r)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		ids, numbers := all(t, q)
		if s := q.State(); s.Queued != len(ids) || s.Queued+int(s.Dropped) != made || ids[len(ids)-1] != made || ids[0] != made-uint64(len(ids))+1 {
			t.Errorf("%+v, from %d to %d", q.State(), ids[0], ids[len(ids)-1])
		}
		if numbers[len(numbers)-1] != q.Last() {
			t.Errorf("the last number is %d, not %d", numbers[len(numbers)-1], q.Last())
		}
		if q, err = queue.Open(flash); err != nil {
			t.Fatal(err)
		}
	}
	dropped := q.State().Dropped
	if err := q.Acknowledge(q.Last()); err != nil {
		t.Fatal(err)
	}
	if q, err = queue.Open(flash); err != nil || q.State() != (queue.State{Dropped: dropped}) {
		t.Errorf("after everything was acknowledged: %+v, %v", q.State(), err)
	}
	if err := q.Append(make([]byte, segment)); !errors.Is(err, queue.ErrTooLong) {
		t.Errorf("a record that is too long: %v", err)
	}
	if _, err := queue.Open(queue.NewMemory(1, segment, page)); !errors.Is(err, queue.ErrShape) {
		t.Errorf("one segment: %v", err)
	}
}

// A unit that starts again and again without storing anything must not wear out its queue.
func TestStartingCostsNothing(t *testing.T) {
	t.Parallel()
	flash := queue.NewMemory(segments, segment, page)
	for range 1000 {
		q, err := queue.Open(flash)
		if err != nil {
			t.Fatal(err)
		}
		if s := q.State(); s.Dropped > 0 || s.Torn > 0 {
			t.Fatalf("%+v", s)
		}
	}
}

func FuzzOpen(f *testing.F) {
	flash := queue.NewMemory(3, 256, 64)
	q, err := queue.Open(flash)
	if err != nil {
		f.Fatal(err)
	}
	for n := range 9 {
		_ = q.Append(make([]byte, 20*n))
		if n == 4 {
			_ = q.Acknowledge(2)
		}
	}
	whole := make([]byte, 3*256)
	for i := range 3 {
		_ = flash.Read(i, 0, whole[i*256:(i+1)*256])
	}
	f.Add(whole)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		flash := queue.NewMemory(3, 256, 64)
		for i := range 3 {
			if len(b) > i*256 {
				_ = flash.Write(i, 0, b[i*256:min(len(b), (i+1)*256)])
			}
		}
		q, err := queue.Open(flash)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Append([]byte("after")); err != nil {
			t.Fatal(err)
		}
		last := ""
		if err := q.Read(0, func(_ uint64, b []byte) bool { last = string(b); return true }); err != nil {
			t.Fatal(err)
		}
		if last != "after" {
			t.Fatalf("the newest record is %q", last)
		}
		if err := q.Acknowledge(q.Last()); err != nil || q.State().Queued != 0 {
			t.Fatalf("%+v, %v", q.State(), err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	q, err := queue.Open(queue.NewMemory(16, 64<<10, 256))
	if err != nil {
		b.Fatal(err)
	}
	event := make([]byte, 900)
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Append(event); err != nil {
			b.Fatal(err)
		}
	}
}
