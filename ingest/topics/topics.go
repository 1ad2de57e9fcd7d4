// Package topics is the topics of MQTT and who may use which: the rules of the embedded broker, and what an external one
// is told when it asks.
package topics

import "strings"

const (
	root    = "streetpulse/v1/"
	devices = root + "devices/"
)

// What a device's own topics end in.
const (
	Events   = "events"
	Protobuf = "events/pb"
	Status   = "status"
	Feedback = "feedback"
)

// Watch returns the topic of a region's watch list. The region is an H3 cell of resolution 7 in 15 hexadecimal digits.
func Watch(region string) string { return root + "regions/" + region + "/watch" }

// Detector returns the topic of the detector's parameters for a kind of device.
func Detector(profile string) string { return root + "detector/" + profile }

// Device returns a device's own topic.
func Device(device, name string) string { return devices + device + "/" + name }

// Up returns the filters of all that devices publish.
func Up() []string {
	return []string{Device("+", Events), Device("+", Protobuf), Device("+", Status)}
}

// Split returns the device whose own topic this is, and what the topic ends in. It returns false for other topics.
func Split(topic string) (device, name string, ok bool) {
	rest, ok := strings.CutPrefix(topic, devices)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

// Own returns what the device's own topic ends in, "" where the topic is not its own.
func Own(device, topic string) string {
	if whose, name, ok := Split(topic); ok && whose == device {
		return name
	}
	return ""
}

// MayPublish says whether a device may publish to a topic.
func MayPublish(device, topic string) bool {
	switch Own(device, topic) {
	case Events, Protobuf, Status:
		return true
	}
	return false
}

// MayRead says whether a device may subscribe to a filter, or get a message of a topic.
func MayRead(device, filter string) bool {
	return Own(device, filter) == Feedback || public(filter, true)
}

// ServerMayPublish and ServerMayRead say the same of us, where we are a client of an external broker.
func ServerMayPublish(topic string) bool {
	device, name, ok := Split(topic)
	return ok && name == Feedback && oneLevel(device) && device != "+" || public(topic, false)
}

// ServerMayRead takes a filter with or without the $share/{group}/ before it.
func ServerMayRead(filter string) bool {
	if rest, shared := strings.CutPrefix(filter, "$share/"); shared {
		if _, filter, shared = strings.Cut(rest, "/"); !shared {
			return false
		}
	}
	device, name, ok := Split(filter)
	return ok && oneLevel(device) && (name == Events || name == Protobuf || name == Status)
}

// public says whether a filter is of what we publish for all devices. wild says whether it may hold a +.
func public(filter string, wild bool) bool {
	rest, ok := strings.CutPrefix(filter, root)
	if !ok || !wild && strings.Contains(rest, "+") {
		return false
	}
	levels := strings.Split(rest, "/")
	switch levels[0] {
	case "regions":
		return len(levels) == 3 && (levels[1] == "+" || cell(levels[1])) && levels[2] == "watch"
	case "detector":
		return len(levels) == 2 && oneLevel(levels[1]) && len(levels[1]) <= longestProfile
	}
	return false
}

// longestProfile bounds the name of a detector's profile, in bytes.
const longestProfile = 64

// cell says whether a level can be an H3 cell in 15 hexadecimal digits: nobody fills a broker with names of nothing.
func cell(level string) bool {
	for _, c := range []byte(level) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(level) == 15
}

// oneLevel says whether a level of a filter stands for one level: a name, or any.
func oneLevel(level string) bool { return level != "" && !strings.Contains(level, "#") }
