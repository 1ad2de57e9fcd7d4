package broker_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// paho over TCP and over WebSocket.
func TestPaho(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	server := httptest.NewServer(r.broker.WebSocket())
	t.Cleanup(server.Close)
	for _, address := range []string{"tcp://" + r.addr, "ws" + strings.TrimPrefix(server.URL, "http") + "/mqtt"} {
		id, secret := r.enrol()
		c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(address).SetClientID(id).SetUsername(id).SetPassword(secret).SetAutoReconnect(false))
		wait := func(token mqtt.Token) {
			t.Helper()
			if !token.WaitTimeout(patience) || token.Error() != nil {
				t.Fatalf("%s: %v", address, token.Error())
			}
		}
		wait(c.Connect())
		heard := make(chan string, 1)
		wait(c.Subscribe(topic(id, "feedback"), 1, func(_ mqtt.Client, m mqtt.Message) { heard <- string(m.Payload()) }))
		var events []string
		for i := range 200 {
			events = append(events, event(fmt.Sprint(i)))
		}
		wait(c.Publish(topic(id, "events"), 1, false, batch(events...)))
		if n := r.count(`select count(*) from events where device = $1`, id); n != 200 {
			t.Errorf("%s: %d events", address, n)
		}
		wait(c.Publish(topic(id, "events"), 1, false, "nonsense"))
		select {
		case said := <-heard:
			if !strings.Contains(said, "not JSON") {
				t.Error(said)
			}
		case <-time.After(patience):
			t.Errorf("%s: no feedback", address)
		}
		c.Disconnect(100)
	}
}

func TestMosquittoPub(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		t.Fatal("this test needs mosquitto_pub (package mosquitto-clients): install it")
	}
	r := newRig(t, "", 0)
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"mqttv311", "mqttv5"} {
		for _, qos := range []string{"1", "2"} {
			id, secret := r.enrol()
			out, err := exec.Command(program, "-h", host, "-p", port, "-V", version, "-q", qos, "-i", id, "-u", id, "-P", secret,
				"-t", topic(id, "events"), "-m", string(batch(event("a")))).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v: %s", version, err, out)
			}
			if n := r.count(`select count(*) from events where device = $1`, id); n != 1 {
				t.Errorf("%s: %d events", version, n)
			}
		}
	}
}

// gate is a way to the database that can be closed.
type gate struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	shut     bool
	conns    []net.Conn
}

// newGate returns a gate before the database at a URL, and the URL through it.
func newGate(t *testing.T, at string) (*gate, string) {
	t.Helper()
	parsed, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	network := "unix"
	query := parsed.Query()
	if host := query.Get("host"); strings.HasPrefix(host, "/") {
		g.target = host + "/.s.PGSQL." + query.Get("port")
	} else {
		network, g.target = "tcp", parsed.Host
	}
	if g.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.listener.Close(); g.set(true) })
	go func() {
		for {
			in, err := g.listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial(network, g.target)
			if err != nil || !g.keep(in, out) {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	parsed.Host, parsed.RawQuery = g.listener.Addr().String(), query.Encode()
	return g, parsed.String()
}

func (g *gate) keep(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		for _, c := range conns {
			c.Close()
		}
		return false
	}
	g.conns = append(g.conns, conns...)
	return true
}

// set closes the gate, with all that goes through, or opens it.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for _, c := range g.conns {
			c.Close()
		}
		g.conns = nil
	}
}

// While the database is away nothing is acknowledged; when it is back, what is sent again is stored once.
func TestTheDatabaseGoesAndComes(t *testing.T) {
	t.Parallel()
	at := postgrestest.URL(t)
	g, through := newGate(t, at)
	r := newRig(t, through, 0)
	id, secret := r.enrol()
	c := r.login(login{id: id, user: id, password: secret})
	if _, err := c.publish(topic(id, "events"), 1, batch(event("before"))); err != nil {
		t.Fatal(err)
	}
	g.set(true)
	for _, payload := range [][]byte{batch(event("during")), []byte("nonsense")} {
		if err := c.send(topic(id, "events"), 1, 2, payload); err != nil {
			t.Fatal(err)
		}
		if kind, body, err := c.read(); err == nil {
			t.Fatalf("answered while the database is away: %#x % x", kind, body)
		}
		// Nobody can log in; the broker says so and does not say that the secret is wrong.
		if _, code, err := connect(r.dial(), login{id: id, user: id, password: secret}); err == nil && code != 3 {
			t.Fatalf("login while the database is away: %d, %v", code, err)
		}
		g.set(false)
		c = r.again(login{id: id, user: id, password: secret})
		g.set(true)
	}
	g.set(false)
	c = r.again(login{id: id, user: id, password: secret})
	payload := batch(event("before"), event("during"))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for packet := uint16(1); ; packet++ {
		if _, err := c.publish(topic(id, "events"), packet, payload); err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("it does not recover")
		}
		c = r.again(login{id: id, user: id, password: secret})
	}
	if n, p := r.count(`select count(*) from events`), r.count(`select count(*) from pending_events`); n != 2 || p != 2 {
		t.Fatal(n, p)
	}
}

// again logs in as soon as the broker lets it.
func (r *rig) again(l login) *client {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if c, code, err := connect(r.dial(), l); err == nil && code == 0 {
			return c
		}
	}
	r.t.Fatal("cannot log in again")
	return nil
}
