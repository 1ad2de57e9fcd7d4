package crowd

// Defence is a set of the guards against reports that mislead. Experiments measure what each is worth by doing without it;
// an Engine always has all.
type Defence uint8

// Defences, one by one.
const (
	Honesty  Defence = 1 << iota // what is learnt of a device weighs its word: how much it makes up, with whom, how much it drives
	Drives                       // whether a jolt belongs to a drive
	SameCar                      // two phones in one car are one voice
	Adapting                     // what the classes look like is learnt anew in each city
	Copies                       // waveforms that were sent before, elsewhere
)

// forget takes back what the defences that are off have learnt.
func (r *Rehearsal) forget() {
	untaught := newTrust(r.reader)
	if r.without&Honesty != 0 {
		for d, s := range r.trust.devices {
			r.trust.devices[d] = standing{sensitivity: s.sensitivity, ring: noRing, accent: s.accent}
		}
		r.trust.usual, r.trust.typical, r.trust.stranger = untaught.usual, untaught.typical, untaught.stranger
	}
	if r.without&Adapting != 0 {
		r.trust.likeness, r.trust.dialect, r.trust.lent = untaught.likeness, untaught.dialect, untaught.lent
	}
	if r.without != 0 {
		clear(r.trust.opinions)
	}
}
