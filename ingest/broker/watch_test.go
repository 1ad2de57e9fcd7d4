package broker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// list stores a region's watch list as crowd does, and announces it.
func (r *rig) list(region int64, version int, payload string) {
	r.t.Helper()
	_, err := r.pool.Exec(context.Background(), `
		with kept as (
			insert into watch_lists values ($1, $2, $3, now(), 0, now()::date)
			on conflict (region) do update set version = excluded.version, payload = excluded.payload)
		select pg_notify('streetpulse_watch', $4)`, region, version, payload, strconv.FormatInt(region, 10))
	if err != nil {
		r.t.Fatal(err)
	}
}

// listen runs mosquitto_sub and returns its lines: retained or not, topic and payload.
func (r *rig) listen(filter, qos string) *bufio.Reader {
	r.t.Helper()
	program, err := exec.LookPath("mosquitto_sub")
	if err != nil {
		r.t.Fatal("this test needs mosquitto_sub (package mosquitto-clients): install it")
	}
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	id, secret := r.enrol()
	cmd := exec.Command(program, "-h", host, "-p", port, "-q", qos, "-i", id, "-u", id, "-P", secret, "-t", filter, "-F", "%r %t %p")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return bufio.NewReader(out)
}

func line(t *testing.T, from *bufio.Reader) string {
	t.Helper()
	heard := make(chan string, 1)
	go func() {
		text, err := from.ReadString('\n')
		if err != nil && err != io.EOF {
			text = err.Error()
		}
		heard <- strings.TrimSpace(text)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case text := <-heard:
		return text
	case <-ctx.Done():
		t.Fatal("nothing is heard")
		return ""
	}
}

const (
	krems   = 0x871e1594bffffff
	danube  = 0x871e1594affffff
	toKrems = "streetpulse/v1/regions/871e1594bffffff/watch"
)

// A list that was stored before the broker started, and one that comes, reach those who listen and those who come later.
func TestWatchListsAreRetainedAndUpdated(t *testing.T) {
	t.Parallel()
	at := postgrestest.URL(t)
	before := newRig(t, at, 0)
	before.list(krems, 1, `{"v":1,"places":[{"id":"a","lat":48.41,"lon":15.6,"heading_deg":90,"radius_m":20}]}`)
	before.stop()
	r := newRig(t, at, 0)
	early := r.listen("streetpulse/v1/regions/+/watch", "1")
	first := `1 ` + toKrems + ` {"v":1,"places":[{"id":"a","lat":48.41,"lon":15.6,"heading_deg":90,"radius_m":20}]}`
	if heard := line(t, early); heard != first {
		t.Errorf("heard %s", heard)
	}
	r.list(krems, 2, `{"v":1,"places":[]}`)
	if heard := line(t, early); heard != `0 `+toKrems+` {"v":1,"places":[]}` {
		t.Errorf("the update is heard as %s", heard)
	}
	r.list(danube, 1, `{"v":1,"places":[]}`)
	if heard := line(t, early); heard != `0 streetpulse/v1/regions/871e1594affffff/watch {"v":1,"places":[]}` {
		t.Errorf("the neighbour's is heard as %s", heard)
	}
	late := r.listen(toKrems, "0")
	if heard := line(t, late); heard != `1 `+toKrems+` {"v":1,"places":[]}` {
		t.Errorf("who comes later hears %s", heard)
	}
}

// A large city has more regions than a client acknowledges at once: none of its lists may be lost.
func TestAllListsReachOneSubscriber(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", 0)
	const regions = 700
	for i := range int64(regions) {
		r.list(krems+i<<20, 1, fmt.Sprintf(`{"v":1,"places":[%s]}`, strings.Repeat(" ", 5000)))
	}
	last := fmt.Sprintf("streetpulse/v1/regions/%x/watch", int64(krems+(regions-1)<<20))
	line(t, r.listen(last, "1")) // the broker has heard of all
	all := r.listen("streetpulse/v1/regions/+/watch", "1")
	seen := map[string]bool{}
	for len(seen) < regions {
		_, topic, _ := strings.Cut(line(t, all), " ")
		topic, _, _ = strings.Cut(topic, " ")
		seen[topic] = true
	}
}

// The lists of a time without the database are published when it is back.
func TestListsThatWereMissedComeLater(t *testing.T) {
	t.Parallel()
	at := postgrestest.URL(t)
	g, through := newGate(t, at)
	r := newRig(t, through, 0)
	r.list(krems, 1, `{"v":1,"places":[]}`)
	heard := r.listen(toKrems, "1")
	line(t, heard)
	direct := newRig(t, at, 0)
	g.set(true)
	direct.list(krems, 2, `{"v":1,"places":[{"id":"b"}]}`)
	g.set(false)
	if text := line(t, heard); !strings.Contains(text, `"b"`) {
		t.Error(text)
	}
}
