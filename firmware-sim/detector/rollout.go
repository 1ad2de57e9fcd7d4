package detector

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// rollout is what the topic detector/{profile} carries beside the parameters: which revision they are, and others that a share of the
// devices tries.
type rollout struct {
	Revision int64 `json:"revision"`
	Next     *struct {
		Revision   int64           `json:"revision"`
		Share      float64         `json:"share"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"next"`
}

// Choose reads the topic's payload as the device by that id does: the parameters that it is to use, and their revision, 0 where they have
// none. Where those that it is to try cannot be used, it uses the others. Errors are as Parse's.
func Choose(text []byte, device string) (Parameters, int64, error) {
	p, err := Parse(text)
	if err != nil {
		return Parameters{}, 0, err
	}
	var r rollout
	if err := json.Unmarshal(text, &r); err != nil {
		return Parameters{}, 0, fmt.Errorf("%w: %w", ErrParameters, err)
	}
	if r.Next != nil && InShare(device, r.Next.Revision, r.Next.Share) {
		if next, err := Parse(r.Next.Parameters); err == nil {
			return next, r.Next.Revision, nil
		}
	}
	return p, r.Revision, nil
}

// InShare says whether a device is among the share, 0 to 1, that tries a revision. Whoever is in a share is in every larger one of the same
// revision, and another revision's share is other devices. It is FNV-1a (32 bits) over the id, a slash and the revision in
// decimal, ended as Murmur3 (32 bits) ends, so that any firmware can tell.
func InShare(device string, revision int64, share float64) bool {
	h := uint32(2166136261)
	for _, c := range strconv.AppendInt(append([]byte(device), '/'), revision, 10) {
		h = (h ^ uint32(c)) * 16777619
	}
	h ^= h >> 16 // FNV's high bits hardly follow the last bytes: Murmur3's end mixes them
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	h ^= h >> 16
	return float64(h) < share*(1<<32)
}
