package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/streetpulse/streetpulse/ingest/certificate/certificatetest"
)

// Pages, API, MQTT and MQTT over WebSocket come over TLS, with the certificate of the day.
func TestEverythingOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	roots := x509.NewCertPool()
	renew := func(name string) {
		t.Helper()
		pair := certificatetest.Make(t, name)
		roots.AppendCertsFromPEM(pair.Cert)
		for file, content := range map[string][]byte{certFile: pair.Cert, keyFile: pair.Key} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	renew("first")
	https, mqtts := freeAddress(t), freeAddress(t)
	s := serve(t, dataFolder(t), "--https", https, "--mqtts", mqtts, "--tls-cert", certFile, "--tls-key", keyFile)
	secure := &tls.Config{RootCAs: roots}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: secure.Clone(), ForceAttemptHTTP2: true, DisableKeepAlives: true}, Timeout: time.Minute}

	answer, err := client.Post("https://"+https+"/api/v1/devices", "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var device struct {
		ID, Secret string
		MQTT       struct{ TCP, WebSocket string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&device); err != nil || answer.ProtoMajor != 2 {
		t.Fatal(answer.Proto, err)
	}
	if device.MQTT.WebSocket != "wss://"+https+"/mqtt" {
		t.Errorf("a page that came over TLS is sent to %s", device.MQTT.WebSocket)
	}
	if device.MQTT.TCP != "ssl://"+mqtts {
		t.Errorf("a device that enrolled over TLS is sent to %s", device.MQTT.TCP)
	}
	for _, address := range []string{device.MQTT.TCP, device.MQTT.WebSocket} {
		c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(address).SetClientID(device.ID).SetUsername(device.ID).SetPassword(device.Secret).
			SetTLSConfig(secure).SetAutoReconnect(false))
		if token := c.Connect(); !token.WaitTimeout(time.Minute) || token.Error() != nil {
			t.Fatalf("%s: %v", address, token.Error())
		}
		token := c.Publish("streetpulse/v1/devices/"+device.ID+"/events", 1, false, []byte(`{"v":1,"events":[{}]}`))
		if !token.WaitTimeout(time.Minute) || token.Error() != nil {
			t.Errorf("%s: %v", address, token.Error())
		}
		c.Disconnect(100)
	}

	shown := func() string {
		c, err := tls.Dial("tcp", mqtts, secure)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if name := shown(); name != "first" {
		t.Errorf("%s is shown", name)
	}
	renew("second")
	if name := shown(); name != "second" {
		t.Errorf("%s is shown after the renewal", name)
	}
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.await("read again on SIGHUP", time.Minute, func(context.Context) error {
		text, err := os.ReadFile(s.log.Name())
		if n := strings.Count(string(text), "the certificate is read again"); err == nil && n < 2 {
			err = fmt.Errorf("read again %d times", n)
		}
		return err
	})
	s.stop()
}

// Behind a proxy that is trusted, limits are counted for the clients; others cannot hide behind a header.
func TestLimitsBehindProxies(t *testing.T) {
	t.Parallel()
	enrol := func(s *serving, from string) (status int, tcp, socket string) {
		r, err := http.NewRequest(http.MethodPost, "http://"+s.http+"/api/v1/devices", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", from)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var device struct {
			MQTT struct{ TCP, WebSocket string }
		}
		if err := json.NewDecoder(answer.Body).Decode(&device); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, device.MQTT.TCP, device.MQTT.WebSocket
	}
	trusting := serve(t, dataFolder(t), "--enrol-limit", "1", "--trusted-proxies", "127.0.0.0/8,10.0.0.0/8", "--public-url", "https://city.example/")
	for i, test := range []struct {
		from   string
		status int
	}{{"192.0.2.1", 201}, {"192.0.2.1", 429}, {"192.0.2.2", 201}, {"192.0.2.3, 10.1.2.3", 201}, {"192.0.2.3, 10.9.9.9", 429}, {"192.0.2.9, 192.0.2.1", 429}, {"2001:db8::1", 201}, {"2001:db8::2", 429}} {
		status, tcp, socket := enrol(trusting, test.from)
		if status != test.status {
			t.Errorf("%d, from %s: %d", i, test.from, status)
		}
		if status == 201 && (socket != "wss://city.example/mqtt" || !strings.HasPrefix(tcp, "tcp://city.example:")) {
			t.Errorf("with a public address devices are sent to %s and %s", tcp, socket)
		}
	}
	wary := serve(t, dataFolder(t), "--enrol-limit", "1")
	if status, _, _ := enrol(wary, "192.0.2.1"); status != 201 {
		t.Error(status)
	}
	if status, _, _ := enrol(wary, "192.0.2.2"); status != 429 {
		t.Error("a header of a client that is no proxy counts:", status)
	}
}

func TestFlagsThatNeedEachOther(t *testing.T) {
	t.Parallel()
	for _, flags := range []string{"--https :0", "--mqtts :0 --tls-cert x", "--broker http://x", "--broker mqtt://x --demo", "--broker mqtt://x --mqtts :0 --tls-cert x --tls-key x",
		"--public-url city.example", "--public-mqtt https://x", "--public-mqtt wss://x", "--trusted-proxies x", "--demo --mqtt="} {
		var errs strings.Builder
		if code := run(context.Background(), append([]string{"serve"}, strings.Fields(flags)...), output{out: &errs, err: &errs}); code != exitUsage {
			t.Errorf("%s ends with %d: %s", flags, code, errs.String())
		}
	}
}
