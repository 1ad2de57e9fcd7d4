package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A new server with streets asks for coverage before anybody has driven: mosquitto_sub gets a region's list.
func TestAServerPublishesWatchLists(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("mosquitto_sub")
	if err != nil {
		t.Fatal("this test needs mosquitto_sub (package mosquitto-clients): install it")
	}
	data := dataFolder(t)
	command(t, "import", "streets", "../../geo/testdata/crossing.osm", "--data", data)
	s := serve(t, data)
	host, port, err := net.SplitHostPort(s.mqtt)
	if err != nil {
		t.Fatal(err)
	}
	enrolled := strings.Fields(command(t, "device", "enrol", "--data", data))
	id, secret := enrolled[1], enrolled[3]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-h", host, "-p", port, "-q", "1", "-i", id, "-u", id, "-P", secret, "-C", "1", "-F", "%t %p",
		"-t", "streetpulse/v1/regions/+/watch").Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, s.tail())
	}
	topic, payload, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !regexp.MustCompile(`^streetpulse/v1/regions/87[0-9a-f]{13}/watch$`).MatchString(topic) {
		t.Errorf("topic %s", topic)
	}
	var list struct {
		V      int
		Places []map[string]any
	}
	if err := json.Unmarshal([]byte(payload), &list); err != nil || list.V != 1 || len(list.Places) == 0 {
		t.Fatalf("%s: %v", payload, err)
	}
	for _, p := range list.Places {
		if _, ok := p["id"].(string); !ok || len(p) != 5 {
			t.Errorf("%v", p)
		}
		for _, member := range []string{"lat", "lon", "heading_deg", "radius_m"} {
			if _, ok := p[member].(float64); !ok {
				t.Error(fmt.Sprint(member, " is missing in ", p))
			}
		}
	}
}
