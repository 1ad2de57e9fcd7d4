package broker

import (
	"context"
	"errors"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/topics"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// mostSubscriptions is how many filters a device may have: every region of a city, one by one, and some.
const mostSubscriptions = mostLists + 76

// hook is what mochi calls. All calls for one connection come from the goroutine that serves it, but for OnACLCheck
// before a delivery.
type hook struct {
	mqtt.HookBase
	broker *Broker
}

// ID names the hook.
func (h *hook) ID() string { return "streetpulse" }

// Provides says at which moments the hook is called.
func (h *hook) Provides(moment byte) bool {
	switch moment {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnPacketRead, mqtt.OnPublish, mqtt.OnPacketProcessed, mqtt.OnSubscribed, mqtt.OnQosPublish, mqtt.OnQosComplete, mqtt.OnPacketEncode, mqtt.OnWill, mqtt.OnDisconnect:
		return true
	}
	return false
}

// OnConnect logs a device in. An error closes the connection; a device that is merely refused is told so by
// OnConnectAuthenticate.
func (h *hook) OnConnect(client *mqtt.Client, packet packets.Packet) error {
	c, ok := client.Net.Conn.(*conn)
	if !ok {
		return packets.ErrNotAuthorized
	}
	device := string(packet.Connect.Username)
	if packet.Connect.ClientIdentifier != device || packet.Connect.WillFlag && !topics.MayPublish(device, packet.Connect.WillTopic) {
		return nil
	}
	ctx, cancel := context.WithTimeout(h.broker.working, presenceWait)
	defer cancel()
	session, err := ingest.Open(ctx, h.broker.options.Pool, device, string(packet.Connect.Password))
	if errors.Is(err, ingest.ErrUnauthorized) {
		return nil
	}
	if err != nil {
		h.broker.options.Log.Warn("a device cannot log in", "device", device, "error", err)
		_ = h.broker.server.SendConnack(client, packets.ErrServerUnavailable, false, nil) // then it is closed
		return err
	}
	c.session = session
	h.broker.pending.leave(c)
	if packet.Connect.WillFlag {
		c.will = &will{packet.Connect.WillTopic, packet.Connect.WillPayload}
	}
	return nil
}

// OnConnectAuthenticate says whether OnConnect has logged the device in.
func (h *hook) OnConnectAuthenticate(client *mqtt.Client, _ packets.Packet) bool {
	c, ok := client.Net.Conn.(*conn)
	ok = ok && c.session.Number > 0
	if !ok {
		h.broker.metrics.refused.Inc()
	}
	return ok
}

// OnACLCheck says whether a device may publish to a topic, or subscribe to a filter.
func (h *hook) OnACLCheck(client *mqtt.Client, topic string, write bool) bool {
	if write {
		return topics.MayPublish(client.ID, topic)
	}
	return topics.MayRead(client.ID, topic)
}

// OnSubscribed tells a device that begins to listen to its feedback what became of what it felt, and how it seems to be.
func (h *hook) OnSubscribed(client *mqtt.Client, packet packets.Packet, codes []byte) {
	for i, f := range packet.Filters {
		if topics.Own(client.ID, f.Filter) == topics.Feedback && i < len(codes) && codes[i] <= 2 {
			device := client.ID
			h.broker.served.Go(func() { h.broker.tell(device) }) // the connection that we are called for is served meanwhile
		}
	}
}

// OnQosPublish notes under which number a device is sent what became of what it felt.
func (h *hook) OnQosPublish(client *mqtt.Client, packet packets.Packet, _ int64, _ int) {
	if c, ok := client.Net.Conn.(*conn); ok {
		c.telling.sent(packet.Payload, packet.PacketID)
	}
}

// OnQosComplete remembers what a device was told, now that it has acknowledged it.
func (h *hook) OnQosComplete(client *mqtt.Client, packet packets.Packet) {
	c, ok := client.Net.Conn.(*conn)
	if !ok {
		return
	}
	if until, ok := c.telling.acknowledged(packet.PacketID); ok {
		h.broker.served.Go(func() { h.broker.told(client.ID, until) })
	}
}

// OnPacketRead closes the connection of a client that publishes to a topic of the broker's own: mochi would say nothing,
// and the client wait for ever. And that of one that subscribes to more than there is.
func (h *hook) OnPacketRead(client *mqtt.Client, packet packets.Packet) (packets.Packet, error) {
	if packet.FixedHeader.Type == packets.Subscribe {
		fresh := 0
		for _, filter := range packet.Filters {
			if _, ok := client.State.Subscriptions.Get(filter.Filter); !ok {
				fresh++
			}
		}
		if client.State.Subscriptions.Len()+fresh > mostSubscriptions {
			return packet, packets.ErrRejectPacket // of other errors mochi makes nothing
		}
	}
	if packet.FixedHeader.Type == packets.Publish && strings.HasPrefix(packet.TopicName, "$") {
		return packet, packets.ErrRejectPacket
	}
	return packet, nil
}

// OnPublish stores what a device publishes. Nothing of it goes to subscribers. A plain error would be acknowledged by
// mochi all the same: what is not stored is rejected and the connection closed, so that the device sends it again.
func (h *hook) OnPublish(client *mqtt.Client, packet packets.Packet) (packets.Packet, error) {
	c, ok := client.Net.Conn.(*conn)
	if !ok {
		return packet, nil // our own message
	}
	b := h.broker
	if len(packet.Payload) > wire.MaxPayloadBytes {
		return packet, h.cut(client, c, packets.ErrPacketTooLarge)
	}
	if c.busy = b.begin(); !c.busy {
		return packet, h.cut(client, c, packets.ErrServerShuttingDown)
	}
	if !h.wait(c.session.Device) {
		return packet, h.cut(client, c, packets.ErrServerShuttingDown)
	}
	b.metrics.messages.Inc()
	if err := h.take(b.working, c, packet.TopicName, packet.Payload); err != nil {
		b.options.Log.Debug("a batch is not stored", "device", c.session.Device, "error", err)
		return packet, h.cut(client, c, packets.ErrServerBusy)
	}
	return packet, packets.CodeSuccessIgnore
}

// wait holds a device above its rate back. It returns false when the broker stops meanwhile.
func (h *hook) wait(device string) bool {
	delay := h.broker.options.Ingest.Pace().Delay(device, time.Now())
	if delay == 0 {
		return true
	}
	h.broker.metrics.paused.Add(delay.Seconds())
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.broker.working.Done():
		return false
	}
}

// take stores one message. An error means that it must not be acknowledged.
func (h *hook) take(ctx context.Context, c *conn, topic string, payload []byte) error {
	b, device := h.broker, c.session.Device
	submit := b.options.Ingest.Submit
	switch topics.Own(device, topic) {
	case topics.Protobuf:
		submit = b.options.Ingest.SubmitProtobuf
	case topics.Status:
		ctx, cancel := context.WithTimeout(ctx, presenceWait)
		defer cancel()
		return ingest.SetStatus(ctx, b.options.Pool, c.session, payload, time.Now())
	}
	result, err := submit(ctx, device, payload, "mqtt")
	if err != nil {
		return err
	}
	b.options.Ingest.Pace().Spend(device, max(1, result.Accepted+len(result.Rejected)), time.Now())
	if len(result.Rejected) > 0 {
		if err := b.SendFeedback(device, Feedback{Accepted: result.Accepted, Rejected: result.Rejected}); err != nil {
			b.options.Log.Debug("feedback is lost", "device", device, "error", err)
		}
	}
	return nil
}

// cut closes the connection before its message is acknowledged.
func (h *hook) cut(client *mqtt.Client, c *conn, why packets.Code) error {
	c.cut = true
	h.broker.disconnect(client, why)
	return packets.ErrRejectPacket
}

// OnPacketProcessed comes when a message's acknowledgement is written.
func (h *hook) OnPacketProcessed(client *mqtt.Client, _ packets.Packet, _ error) {
	if c, ok := client.Net.Conn.(*conn); ok && c.busy {
		c.busy = false
		h.broker.end()
	}
}

// OnWill takes the will of a device that is gone as if it said it now. A delay that it asked for is not waited for.
func (h *hook) OnWill(client *mqtt.Client, said mqtt.Will) (mqtt.Will, error) {
	if c, ok := client.Net.Conn.(*conn); ok {
		h.leave(c)
	}
	return mqtt.Will{TopicName: said.TopicName}, nil // nobody else hears it
}

// OnDisconnect notes that the device is offline. mochi forgets the will of a client whose connection we cut.
func (h *hook) OnDisconnect(client *mqtt.Client, _ error, _ bool) {
	c, ok := client.Net.Conn.(*conn)
	if !ok {
		return
	}
	if c.cut {
		h.leave(c)
	}
	if h.broker.working.Err() != nil {
		return // all are noted at once when the broker stops
	}
	ctx, cancel := context.WithTimeout(h.broker.working, presenceWait)
	defer cancel()
	if err := ingest.Close(ctx, h.broker.options.Pool, []ingest.Connection{c.session}, time.Now()); err != nil {
		h.broker.options.Log.Debug("presence is not up to date", "device", c.session.Device, "error", err)
	}
}

// leave carries out a device's will, once.
func (h *hook) leave(c *conn) {
	if c.will == nil {
		return
	}
	w := *c.will
	c.will = nil
	ctx, cancel := context.WithTimeout(h.broker.working, presenceWait)
	defer cancel()
	if err := h.take(ctx, c, w.topic, w.payload); err != nil {
		h.broker.options.Log.Debug("a will is lost", "device", c.session.Device, "error", err)
	}
}
