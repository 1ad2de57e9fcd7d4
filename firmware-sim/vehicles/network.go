package vehicles

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

var errLoss = errors.New("there is no network")

// moment is when a network goes.
type moment int

const (
	between    moment = iota // two packets
	within                   // a packet: a part of it is sent
	unanswered               // a packet was sent, and the answer to it never comes
)

const moments = 3

// network is what a unit's connection goes over. It goes without a word: no DISCONNECT is sent.
type network struct {
	mu    sync.Mutex
	conn  net.Conn
	armed bool
	at    moment
	share float64 // of the packet that is sent
	gone  bool
}

// open opens a connection over the network, for the MQTT library.
func (n *network) open(u *url.URL, o mqtt.ClientOptions) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: o.ConnectTimeout}
	var conn net.Conn
	var err error
	switch u.Scheme {
	case "ws", "wss":
		conn, err = mqtt.NewWebsocket(u.String(), o.TLSConfig, o.ConnectTimeout, o.HTTPHeaders, o.WebsocketOptions)
	case "ssl", "tls", "mqtts", "mqtt+ssl", "tcps":
		conn, err = tls.DialWithDialer(dialer, "tcp", u.Host, o.TLSConfig)
	default:
		conn, err = dialer.Dial("tcp", u.Host)
	}
	if err != nil {
		return nil, fmt.Errorf("open a connection: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conn = conn
	return carried{conn, n}, nil
}

// goes lets the network go, at once or with the next packet. It returns whether it has gone.
func (n *network) goes(at moment, share float64) bool {
	if at == between {
		n.end()
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.armed, n.at, n.share = true, at, share
	return false
}

func (n *network) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = true
	if n.conn != nil {
		_ = n.conn.Close()
	}
}

func (n *network) hasGone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gone
}

// next is what the next packet meets: it notes beforehand that no answer gets through.
func (n *network) next() (at moment, share float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.armed {
		return between, 0
	}
	n.gone = true
	return n.at, n.share
}

// carried is a connection over a network. The library writes a packet at a time.
type carried struct {
	net.Conn
	n *network
}

func (c carried) Write(b []byte) (int, error) {
	at, share := c.n.next()
	switch at {
	case within:
		sent, _ := c.Conn.Write(b[:int(share*float64(len(b)))])
		c.n.end()
		return sent, errLoss
	case unanswered:
		sent, err := c.Conn.Write(b)
		c.n.end()
		return sent, err
	case between:
	}
	return c.Conn.Write(b)
}

func (c carried) Read(b []byte) (int, error) {
	k, err := c.Conn.Read(b)
	if c.n.hasGone() {
		return 0, errLoss
	}
	return k, err
}
