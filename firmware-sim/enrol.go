package firmwaresim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Enrolment is what a device says of itself when it enrols.
type Enrolment struct {
	Name string `json:"name,omitempty"`
	App  string `json:"app,omitempty"`
	Kind string `json:"kind,omitempty"`
	Code string `json:"code,omitempty"` // of a fleet
}

// Enrolled is what it is given.
type Enrolled struct {
	ID, Secret string
	MQTT       struct{ TCP string } // where the broker is
}

// Enrol enrols a device at a server: http://host:port.
func Enrol(ctx context.Context, server string, e Enrolment) (Enrolled, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrol: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(server, "/")+"/api/v1/devices", bytes.NewReader(body))
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrol: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrol: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return Enrolled{}, fmt.Errorf("enrol: %s", answer.Status)
	}
	var device Enrolled
	if err := json.NewDecoder(answer.Body).Decode(&device); err != nil {
		return Enrolled{}, fmt.Errorf("enrol: %w", err)
	}
	return device, nil
}
