package ingest

import (
	"encoding/binary"
	"time"
)

const pendingColumns = `region, arrival, received, size, offsets, times, ids, devices`

// blocks gathers what one commit brings, by region: each becomes one row of pending.
type blocks struct {
	n       int // records so far
	index   map[uint64]int
	regions []block
}

// block is one region's share.
type block struct {
	region   uint64
	received time.Time // the earliest
	records  []*Record
	offsets  []int // of each record in the commit
	bytes    int   // of ids and devices
}

func (b *blocks) add(r *Record) {
	if b.index == nil {
		b.index = map[uint64]int{}
	}
	at, ok := b.index[uint64(r.Region)]
	if !ok {
		at = len(b.regions)
		b.index[uint64(r.Region)] = at
		b.regions = append(b.regions, block{region: uint64(r.Region), received: r.Received})
	}
	one := &b.regions[at]
	one.records = append(one.records, r)
	one.offsets = append(one.offsets, b.n)
	one.bytes += len(r.ID) + len(r.Device)
	if r.Received.Before(one.received) {
		one.received = r.Received
	}
	b.n++
}

// Object identifiers of the arrays' elements, from PostgreSQL's pg_type.
const (
	oidInt4        = 23
	oidText        = 25
	oidTimestamptz = 1184
)

// rows returns the blocks as binary COPY data of pendingColumns.
func (b *blocks) rows(arrival int64) []byte {
	size := len(copyHeader) + len(copyTrailer)
	for i := range b.regions {
		size += 140 + 28*len(b.regions[i].records) + b.regions[i].bytes
	}
	out := append(make([]byte, 0, size), copyHeader...)
	for i := range b.regions {
		one := &b.regions[i]
		n := len(one.records)
		out = binary.BigEndian.AppendUint16(out, 8)
		out = appendUint64Field(out, one.region)
		out = appendUint64Field(out, uint64(arrival))
		out = appendTimeField(out, one.received)
		out = appendInt32Field(out, int32(n))
		out = appendArray(out, oidInt4, n, 8*n)
		for _, offset := range one.offsets {
			out = appendInt32Field(out, int32(offset))
		}
		out = appendArray(out, oidTimestamptz, n, 12*n)
		for _, r := range one.records {
			out = appendTimeField(out, r.Received)
		}
		ids := 0
		for _, r := range one.records {
			ids += len(r.ID)
		}
		out = appendArray(out, oidText, n, 4*n+ids)
		for _, r := range one.records {
			out = appendTextField(out, r.ID)
		}
		out = appendArray(out, oidText, n, 4*n+one.bytes-ids)
		for _, r := range one.records {
			out = appendTextField(out, r.Device)
		}
	}
	return append(out, copyTrailer...)
}

// appendArray appends the head of a one-dimensional array field without nulls, whose n elements take the given number
// of bytes.
func appendArray(b []byte, oid uint32, n, bytes int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(20+bytes))
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 0) // no nulls
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1) // first index
}

func appendInt32Field(b []byte, value int32) []byte {
	b = binary.BigEndian.AppendUint32(b, 4)
	return binary.BigEndian.AppendUint32(b, uint32(value))
}
