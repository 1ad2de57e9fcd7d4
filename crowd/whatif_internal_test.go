package crowd

import "testing"

// Who is imagined to come feels what those before felt: the place looks the same afterwards.
func TestImaginedDevicesFeelWhatTheOthersFelt(t *testing.T) {
	t.Parallel()
	reader, err := StandardClassifier()
	if err != nil {
		t.Fatal(err)
	}
	m := newMind(reader, Rules{})
	for kind, felt := range map[string]account{
		"without waveforms": {hits: 1, alone: notKnown, precision: 1, plain: Scores{1, -1, 2, -2, 0.5, -0.5}, plainShape: [plainFeatures]float32{1, -0.5, 0.25}},
		"with waveforms":    {hits: 2, waves: 2, alone: notKnown, precision: 1, wave: Scores{4, -4}, waveShape: [waveFeatures]float32{2, 1, -1}},
	} {
		s := &site{accounts: map[string]*account{}, changed: map[string]bool{}}
		for _, device := range []string{"a", "b"} {
			*s.account(device) = felt
		}
		m.look(s, nil)
		before := s.looks
		trial := m.imagine(s)
		trial.hit()
		m.look(trial.site, nil)
		trial.forget()
		for k := range before {
			before[k].count, trial.site.looks[k].count = 0, 0 // more devices say the same
			if before[k] != trial.site.looks[k] {
				t.Errorf("%s: before %+v, with one more %+v", kind, before[k], trial.site.looks[k])
			}
		}
	}
}
