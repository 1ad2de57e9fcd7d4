package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/recording"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

type detectCommand struct {
	File       string `arg:"" help:"Recording to read (CSV), or - for standard input." placeholder:"FILE"`
	Device     string `help:"Print replay lines of this device." placeholder:"ID"`
	Classify   bool   `help:"Give each event the waveform classifier's probability per class."`
	Columns    string `help:"What the file calls our columns, and its units: t_s=timestamp:ms,ax_mps2=accX:g,… By default found out." placeholder:"OURS=THEIRS,…"`
	Parameters string `help:"Detector parameters to use instead of the standard ones (JSON)." placeholder:"FILE"`
}

func (c detectCommand) Help() string {
	return `A recording is CSV with a header: t_s (seconds; Unix time where over 1e9), ax_mps2, ay_mps2, az_mps2 (with gravity, in any
orientation) and, where known, gx_rads, gy_rads, gz_rads, lat, lon, speed_mps, heading_deg, accuracy_m. Files of Physics Toolbox Sensor
Suite (time, gFx, gFy, gFz, …) are understood as they are, others with --columns. Units: ms, us, ns; g; deg/s; km/h, mph.
Times may be ISO 8601 as well, and a clock that counts milliseconds or less is told by its steps. Files are UTF-8 or, with a byte order mark, UTF-16.
Prints one event a line (NDJSON). What a person should know of the file goes to standard error. Lines that cannot be read are left out and
counted there; where more than a tenth cannot, the command fails, after the events of the others.`
}

// detected is an event as detect prints it.
type detected struct {
	Device string `json:"device,omitempty"`
	wire.Event
	Classes map[string]float64 `json:"classes,omitempty"`
}

func (c detectCommand) Run(o output) error {
	parameters, err := c.parameters()
	if err != nil {
		return err
	}
	columns, err := recording.ParseColumns(c.Columns)
	if err != nil {
		return fmt.Errorf("%w: --columns: %w", errUsage, err)
	}
	if c.Device != "" && len(c.Device) > wire.MaxIDLength {
		return fmt.Errorf("%w: --device: more than %d characters", errUsage, wire.MaxIDLength)
	}
	var classifier *crowd.Classifier
	if c.Classify {
		if classifier, err = crowd.StandardClassifier(); err != nil {
			return err
		}
	}
	in := o.in
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("open the recording: %w", err)
		}
		defer file.Close()
		in = file
	}
	rec, readErr := recording.Read(in, columns)
	if readErr != nil {
		readErr = fmt.Errorf("%s: %w", c.File, readErr)
	}
	if rec == nil {
		return readErr
	}
	for _, note := range rec.Notes {
		fmt.Fprintf(o.err, "%s: %s\n", c.File, note)
	}
	lines := json.NewEncoder(o.out)
	n := 0
	var writeErr error
	rec.Detect(parameters, func(j detector.Jolt, p detector.Place) {
		e := detected{Device: c.Device, Event: eventOf(j, p, c.Device, n)}
		if classifier != nil {
			e.Classes = map[string]float64{}
			belief := classifier.Classify(j.PeakG, j.DurationS, p.Speed, j.RateHz, j.Wave)
			for i, class := range crowd.Classes() {
				e.Classes[string(class)] = rounded(belief[i], 4)
			}
		}
		n++
		writeErr = errors.Join(writeErr, lines.Encode(e))
	})
	fmt.Fprintf(o.err, "%s: %d events in %d samples\n", c.File, n, len(rec.Rows))
	return errors.Join(readErr, writeErr)
}

func (c detectCommand) parameters() (detector.Parameters, error) {
	if c.Parameters == "" {
		return detector.Standard(), nil
	}
	text, err := os.ReadFile(c.Parameters)
	if err != nil {
		return detector.Parameters{}, fmt.Errorf("detector parameters: %w", err)
	}
	return detector.Parse(text)
}

// eventOf is the event of a jolt, the nth of its recording. The same recording gives the same events. What is not known is 0.
func eventOf(j detector.Jolt, p detector.Place, device string, n int) wire.Event {
	at := time.UnixMilli(int64(math.Round(j.At * 1000))).UTC()
	e := wire.Event{Kind: wire.Bump, Time: at, Lat: known(p.Lat, 7), Lon: known(p.Lon, 7), AccuracyM: known(p.AcM, 1), SpeedMPS: known(p.Speed, 2),
		PeakG: rounded(j.PeakG, 4), DurationS: rounded(j.DurationS, 3), RateHz: rounded(j.RateHz, 3)}
	if !math.IsNaN(p.Heading) {
		heading := rounded(p.Heading, 1)
		e.HeadingDeg = &heading
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%d\x00%.6f\x00", device, n, j.At)
	for _, x := range j.Wave {
		x = float32(rounded(float64(x), 4))
		e.WaveG = append(e.WaveG, x)
		_ = binary.Write(hash, binary.LittleEndian, x)
	}
	var id ulid.ULID
	_ = id.SetTime(uint64(max(0, at.UnixMilli())))
	_ = id.SetEntropy(hash.Sum(nil)[:10])
	e.ID = id.String()
	return e
}

// known is a number to so many digits, or 0 for NaN.
func known(x float64, digits int) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return rounded(x, digits)
}

func rounded(x float64, digits int) float64 {
	s := math.Pow10(digits)
	return math.Round(x*s) / s
}
