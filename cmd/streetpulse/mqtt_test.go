package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// rawClient is a client of MQTT 3.1.1 that does nothing by itself: no reconnecting, no resending, no store. What it says is
// acknowledged was acknowledged. (Libraries complete what is in flight when they reconnect, which is no PUBACK.)
type rawClient struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialRaw(address, device, secret string) (*rawClient, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	c := &rawClient{conn, bufio.NewReader(conn)}
	body := append(field(nil, "MQTT"), 4, 0b1100_0010, 0, 60) // level 4; user name, password, clean session; keep alive 60 s
	for _, s := range []string{device, device, secret} {
		body = field(body, s)
	}
	if err := c.write(0x10, body); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	kind, answer, err := c.read()
	if err == nil && (kind != 0x20 || len(answer) != 2 || answer[1] != 0) {
		err = fmt.Errorf("connection refused: packet %#x %v", kind, answer)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// publish sends a message at QoS 1 without waiting for its acknowledgement.
func (c *rawClient) publish(topic string, id uint16, payload []byte) error {
	body := binary.BigEndian.AppendUint16(field(nil, topic), id)
	return c.write(0x32, append(body, payload...))
}

// ack returns the next PUBACK's packet identifier; other packets are passed over.
func (c *rawClient) ack() (uint16, error) {
	for {
		kind, body, err := c.read()
		if err != nil {
			return 0, err
		}
		if kind&0xf0 == 0x40 && len(body) >= 2 {
			return binary.BigEndian.Uint16(body), nil
		}
	}
}

func (c *rawClient) close() { c.conn.Close() }

func (c *rawClient) write(kind byte, body []byte) error {
	frame := binary.AppendUvarint([]byte{kind}, uint64(len(body))) // MQTT's remaining length is a uvarint
	if err := c.conn.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	_, err := c.conn.Write(append(frame, body...))
	return err
}

func (c *rawClient) read() (byte, []byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		return 0, nil, err
	}
	kind, err := c.in.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(c.in)
	if err != nil {
		return 0, nil, err
	}
	body := make([]byte, n)
	_, err = io.ReadFull(c.in, body)
	return kind, body, err
}

func field(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}
