package broker

import (
	"errors"
	"time"
)

// longestConnect bounds the first packet of a connection, in bytes: a CONNECT with a status as its will. mochi makes room for a
// packet when it has read how long it says it is, and whoever has not logged in may not make us do that.
const longestConnect = 16 << 10

var errLongConnect = errors.New("the first packet is longer than a CONNECT may be")

// follower follows a stream of MQTT packets: where they begin and how long they say they are (MQTT 5, 2.1).
type follower struct {
	packets int       // that have begun
	state   byte      // what comes next
	shift   uint      // of the next digit of the length
	size    int       // of the packet's body
	left    int       // of it, still to come
	began   time.Time // when the packet did
}

const (
	atType byte = iota
	atLength
	atBody
)

// inside says whether a packet has begun and not ended.
func (f *follower) inside() bool { return f.state != atType }

// next takes the bytes that have come. It returns an error where nothing after them may be read.
func (f *follower) next(b []byte, now func() time.Time) error {
	for len(b) > 0 {
		switch f.state {
		case atType:
			f.packets++
			f.state, f.shift, f.size, f.began = atLength, 0, 0, now()
			b = b[1:]
		case atLength:
			digit := b[0]
			b = b[1:]
			f.size |= int(digit&0x7f) << f.shift
			if f.shift += 7; digit&0x80 != 0 && f.shift < 28 { // a longer one is mochi's to refuse
				continue
			}
			if f.packets == 1 && f.size > longestConnect {
				return errLongConnect
			}
			if f.state, f.left = atBody, f.size; f.left == 0 {
				f.state = atType
			}
		case atBody:
			taken := min(f.left, len(b))
			b = b[taken:]
			if f.left -= taken; f.left == 0 {
				f.state = atType
			}
		}
	}
	return nil
}
