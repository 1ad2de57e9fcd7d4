package queue

import (
	"encoding/binary"
	"hash/crc32"
)

// The kinds of record. Neither is what an erased byte reads as.
const (
	kindEvent = 0xa5
	kindMark  = 0x5a // everything up to its number is acknowledged or dropped
)

const (
	magic       = 0x53505131 // "SPQ1"
	headBytes   = 40
	recordBytes = 16 // before a record's content
	markBytes   = 8  // a mark's content: how much was dropped
	leastPage   = 64
	mostNumber  = 1 << 62 // what is beyond was not counted by anybody
)

// head is the beginning of a segment.
type head struct {
	sequence uint64 // counts segments' uses, from 1
	first    uint64 // number of the next record when the segment came into use
	released uint64 // then everything up to this number was acknowledged or dropped
	dropped  uint64 // of it, dropped
}

func (h head) put(b []byte) {
	binary.LittleEndian.PutUint32(b, magic)
	for i, v := range []uint64{h.sequence, h.first, h.released, h.dropped} {
		binary.LittleEndian.PutUint64(b[4+8*i:], v)
	}
	binary.LittleEndian.PutUint32(b[36:], crc32.ChecksumIEEE(b[:36]))
}

func readHead(b []byte) (h head, ok bool) {
	if len(b) < headBytes || binary.LittleEndian.Uint32(b) != magic || binary.LittleEndian.Uint32(b[36:]) != crc32.ChecksumIEEE(b[:36]) {
		return head{}, false
	}
	for i, v := range []*uint64{&h.sequence, &h.first, &h.released, &h.dropped} {
		*v = binary.LittleEndian.Uint64(b[4+8*i:])
	}
	return h, h.sequence > 0 && h.first > 0 && max(h.sequence, h.first, h.released, h.dropped) < mostNumber
}

// record is what stands before a record's content: kind and length in 4 bytes, number in 8, checksum in 4.
type record struct {
	kind   byte
	length int
	number uint64
}

func (r record) put(b []byte, sequence uint64, at int) {
	binary.LittleEndian.PutUint32(b, uint32(r.length)<<8|uint32(r.kind))
	binary.LittleEndian.PutUint64(b[4:], r.number)
	binary.LittleEndian.PutUint32(b[12:], checksum(b[:recordBytes+r.length], sequence, at))
}

// readRecord reads what stands before a content, of which nothing is known yet.
func readRecord(b []byte) record {
	word := binary.LittleEndian.Uint32(b)
	return record{byte(word), int(word >> 8), binary.LittleEndian.Uint64(b[4:])}
}

// sound says whether a whole record is what was written there.
func sound(b []byte, sequence uint64, at int) bool {
	return binary.LittleEndian.Uint32(b[12:]) == checksum(b, sequence, at)
}

// checksum is over a record and its place, but for the checksum itself: a record in another use of its segment is none.
func checksum(b []byte, sequence uint64, at int) uint32 {
	var place [12]byte
	binary.LittleEndian.PutUint64(place[:], sequence)
	binary.LittleEndian.PutUint32(place[8:], uint32(at))
	sum := crc32.ChecksumIEEE(place[:])
	sum = crc32.Update(sum, crc32.IEEETable, b[:12])
	return crc32.Update(sum, crc32.IEEETable, b[recordBytes:])
}
