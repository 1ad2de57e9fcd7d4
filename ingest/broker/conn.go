package broker

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/streetpulse/streetpulse/ingest"
)

// connectWait is how long a client's CONNECT may take.
const connectWait = 10 * time.Second

// conn is a client's connection and what is known of the client. Its fields are used by the goroutine that serves the
// connection only.
type conn struct {
	net.Conn
	session ingest.Connection // zero before the device has logged in
	will    *will
	busy    bool // a message is in flight: its acknowledgement is not written yet
	cut     bool // we closed it in the middle of a message

	follow   follower
	reading  *room     // where packets that have not come whole are counted
	deadline time.Time // the reader's, as mochi set it
	bounded  bool      // the reader's deadline is the packet's
	counted  bool      // in reading
	evicted  atomic.Bool

	writeWait, packetWait time.Duration

	telling telling
}

// will is what a device wants said when it is gone.
type will struct {
	topic   string
	payload []byte
}

// SetDeadline sets the reader's deadline only. A message that waits for its commit must not use up the time that its
// acknowledgement has.
func (c *conn) SetDeadline(t time.Time) error {
	c.deadline, c.bounded = t, false
	return c.Conn.SetReadDeadline(t)
}

// Read reads, and follows where packets begin and end. A packet that does not come whole within a minute ends the connection,
// whatever keep alive its client asked for; and so do too many bytes of such packets, of all connections together.
func (c *conn) Read(b []byte) (int, error) {
	if c.follow.inside() && !c.bounded {
		c.bounded = true
		if limit := c.follow.began.Add(c.packetWait); c.deadline.IsZero() || limit.Before(c.deadline) {
			if err := c.Conn.SetReadDeadline(limit); err != nil {
				return 0, err
			}
		}
	}
	n, err := c.Conn.Read(b)
	if followed := c.follow.next(b[:n], time.Now); followed != nil {
		return 0, followed
	}
	if err == nil && c.follow.inside() {
		c.reading.enter(c, c.follow.size)
		c.counted = true
	} else if c.counted {
		c.reading.leave(c)
		c.counted = false
	}
	return n, err
}

// Write writes within a time of its own. A client that does not read is cut off: mochi would go on with the next message, and
// keep its whole queue for it.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.writeWait)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		c.Conn.Close()
	}
	return n, err
}

// webSocket is a WebSocket as a stream of bytes: MQTT packets may begin and end anywhere in its messages (MQTT 5, 6).
type webSocket struct {
	net.Conn
	socket  *websocket.Conn
	message io.Reader // nil between messages
}

func (w *webSocket) Read(b []byte) (int, error) {
	for {
		if w.message == nil {
			kind, message, err := w.socket.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, websocket.ErrBadHandshake
			}
			w.message = message
		}
		n, err := w.message.Read(b)
		if err == io.EOF {
			w.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (w *webSocket) Write(b []byte) (int, error) {
	if err := w.socket.WriteMessage(websocket.BinaryMessage, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WebSocket returns the handler that serves MQTT over WebSocket (subprotocol mqtt). Any origin may connect: a device
// shows its secret, no browser adds anything by itself.
func (b *Broker) WebSocket() http.Handler {
	upgrader := websocket.Upgrader{
		Subprotocols: []string{"mqtt", "mqttv3.1"}, ReadBufferSize: 2 << 10, WriteBufferSize: 1 << 10,
		CheckOrigin: func(*http.Request) bool { return true },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it has answered
		}
		b.serve("websocket", &webSocket{Conn: socket.NetConn(), socket: socket})
	})
}
