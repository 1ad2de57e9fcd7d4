package evaluate

import (
	"context"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest"
)

// cuts is how often while a city is judged its confirmed places are looked at.
const cuts = 12

// Rehearse drives a city, judges it in memory, and scores the places that are confirmed.
func Rehearse(options firmwaresim.CityOptions) (Report, error) {
	drive, report, err := prepared(context.Background(), func() (*Drive, error) { return NewDrive(options) })
	if err != nil {
		return report, err
	}
	err = drive.rehearse(&report, condition{})
	return report, err
}

// rehearse judges the city in memory under a condition and notes in the report how that went.
func (d *Drive) rehearse(report *Report, x condition) error {
	start := time.Now()
	r, err := crowd.NewRehearsal(crowd.Rules{}, x.off)
	if err != nil {
		return err
	}
	type name struct{ device, id string }
	seen := make(map[name]bool, len(d.Sent))
	var clock ingest.Catchup
	var w watch
	crew := crew{left: x.verdicts}
	now := time.Time{}
	for i, s := range d.Sent {
		if at := clock.Received(s.Device, s.Time); at.After(now) {
			now = at
		}
		if n := (name{s.Device, s.ID}); !seen[n] { // what comes twice is stored once
			seen[n] = true
			if err := r.Judge(s.Device, s.Event, now); err != nil {
				return err
			}
			crew.look(r, d.Truth, now)
		}
		if (i+1)*cuts/len(d.Sent) > i*cuts/len(d.Sent) {
			w.cut(r.Confirmed(), r.Places(), now)
		}
	}
	places := r.Places()
	found := confirmedAt(r.Confirmed(), places)
	report.Crowd, report.Calibration, report.Promotions = d.Score(found), CalibrationOf(places, d.Truth), w.Promotions
	report.Late, report.LateRight = d.lastWeek(found, report.Crowd)
	report.Missed = Missed(found, places, d)
	report.Took = time.Since(start).Seconds()
	return nil
}

// confirmedAt says where the places lie now that were confirmed.
func confirmedAt(confirmed []crowd.Confirmation, places []crowd.Place) []Found {
	byID := map[string]crowd.Place{}
	for _, p := range places {
		byID[p.ID] = p
	}
	found := make([]Found, len(confirmed))
	for i, c := range confirmed {
		p, ok := byID[c.Place.ID]
		if !ok {
			p = c.Place
		}
		found[i] = Found{p.Lat, p.Lon, c.At}
	}
	return found
}
