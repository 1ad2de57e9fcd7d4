package broker

import "strings"

const (
	root    = "streetpulse/v1/"
	devices = root + "devices/"
)

// What a device's own topics end in.
const (
	eventsTopic   = "events"
	protobufTopic = "events/pb"
	statusTopic   = "status"
	feedbackTopic = "feedback"
)

// watchTopic returns the topic of a region's watch list.
func watchTopic(region string) string { return root + "regions/" + region + "/watch" }

// deviceTopic returns a device's own topic.
func deviceTopic(device, name string) string { return devices + device + "/" + name }

// own returns what the device's own topic ends in, "" where the topic is not its own.
func own(device, topic string) string {
	rest, ok := strings.CutPrefix(topic, devices)
	if !ok {
		return ""
	}
	if rest, ok = strings.CutPrefix(rest, device+"/"); !ok {
		return ""
	}
	return rest
}

// mayPublish says whether a device may publish to a topic.
func mayPublish(device, topic string) bool {
	switch own(device, topic) {
	case eventsTopic, protobufTopic, statusTopic:
		return true
	}
	return false
}

// mayRead says whether a device may subscribe to a filter, or get a message of a topic.
func mayRead(device, filter string) bool {
	if own(device, filter) == feedbackTopic {
		return true
	}
	rest, ok := strings.CutPrefix(filter, root)
	if !ok {
		return false
	}
	levels := strings.Split(rest, "/")
	switch levels[0] {
	case "regions":
		return len(levels) == 3 && oneLevel(levels[1]) && levels[2] == "watch"
	case "detector":
		return len(levels) == 2 && oneLevel(levels[1])
	}
	return false
}

// oneLevel says whether a level of a filter stands for one level: a name, or any.
func oneLevel(level string) bool { return level != "" && !strings.Contains(level, "#") }
