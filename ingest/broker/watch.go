package broker

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/topics"
)

const (
	watchWait   = 5 * time.Second  // for the lists, before the first device is let in without them
	watchAgain  = time.Second      // before listening again where it ended, doubled up to
	watchAtMost = 30 * time.Second // this
	watchBeat   = time.Minute      // how often a silent connection is asked whether it still lives
)

// mostLists is how many lists one subscription can be sent at once: those of 5,000 km². mochi keeps 8 bytes for each, and for each
// connected device.
const mostLists = 1024

// PublishWatch publishes a region's watch list to those who listen and to those who will: it is retained. The region is
// an H3 cell of resolution 7 in its 15 hexadecimal digits. It goes out at QoS 0, whatever the subscriber would take: mochi
// stops sending to a client that has not acknowledged as many messages as it may, and a list that is lost comes again
// with the next subscription.
//
// mochi copies a message for each client that waits for it, and a client that never reads may wait for all lists there
// are. So what waits is only the list's name; the list as it then is takes its place when it is written.
func (b *Broker) PublishWatch(region string, payload []byte) error {
	name := []byte(listName + region)
	b.lists.Store(region, payload)
	if len(payload) == 0 {
		b.lists.Delete(region)
		name = nil
	}
	if err := b.server.Publish(topics.Watch(region), name, true, 0); err != nil {
		return fmt.Errorf("publish the watch list of region %s: %w", region, err)
	}
	return nil
}

// listName begins a message that stands for a region's watch list; no JSON begins so, and no device's message is passed on.
const listName = "\x00"

// OnPacketEncode puts a watch list where its name stands.
func (h *hook) OnPacketEncode(_ *mqtt.Client, packet packets.Packet) packets.Packet {
	if packet.FixedHeader.Type != packets.Publish || !bytes.HasPrefix(packet.Payload, []byte(listName)) {
		return packet
	}
	list, _ := h.broker.lists.Load(string(packet.Payload[len(listName):]))
	packet.Payload, _ = list.([]byte) // none where it was taken back meanwhile
	return packet
}

// watchLists publishes the stored lists and those that come, until ctx ends. Lists live in the database: every node
// has the same.
func (b *Broker) watchLists(ctx context.Context, lists *ingest.WatchLists) {
	wait := watchAgain
	for ctx.Err() == nil {
		began := time.Now()
		err := b.hearLists(ctx, lists)
		if ctx.Err() != nil {
			return
		}
		b.options.Log.Debug("listening for watch lists ended; listening again", "error", err)
		if time.Since(began) > watchBeat {
			wait = watchAgain
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		wait = min(2*wait, watchAtMost)
	}
}

// hearLists listens on a connection of its own. It begins with all that it may have missed.
func (b *Broker) hearLists(ctx context.Context, lists *ingest.WatchLists) error {
	conn, err := pgx.ConnectConfig(ctx, b.options.Pool.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen "+ingest.WatchChannel+"; listen "+ingest.RevokedChannel+"; listen "+ingest.DetectorChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := lists.Publish(ctx, conn, nil); err != nil {
		return err
	}
	if err := b.publishDetectors(ctx, conn); err != nil {
		return err
	}
	for {
		waiting, stop := context.WithTimeout(ctx, watchBeat)
		n, err := conn.WaitForNotification(waiting)
		stop()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && waiting.Err() != nil: // silence
			if err := conn.Ping(ctx); err != nil {
				return fmt.Errorf("ask whether the database is there: %w", err)
			}
			continue
		case err != nil:
			return fmt.Errorf("wait for watch lists: %w", err)
		}
		switch n.Channel {
		case ingest.RevokedChannel:
			b.cutOff(n.Payload)
			continue
		case ingest.DetectorChannel:
			if err := b.publishDetectors(ctx, conn); err != nil {
				return err
			}
			continue
		}
		region, err := strconv.ParseInt(n.Payload, 10, 64)
		if err != nil {
			b.options.Log.Warn("an announced watch list cannot be read", "payload", n.Payload, "error", err)
			continue
		}
		if err := lists.Publish(ctx, conn, &region); err != nil {
			return err
		}
	}
}

// publishDetectors publishes the parameters that each kind of device is to use.
func (b *Broker) publishDetectors(ctx context.Context, from ingest.Asker) error {
	base := map[string][]byte{}
	if b.options.Detector != nil {
		base["phone"] = b.options.Detector
	}
	return ingest.PublishDetectors(ctx, from, base, func(profile string, payload []byte) error {
		return b.PublishRetained(topics.Detector(profile), payload)
	})
}

// firstLists publishes what is stored before the first device comes, if the database answers soon.
func (b *Broker) firstLists(ctx context.Context) *ingest.WatchLists {
	lists := ingest.NewWatchLists(b.PublishWatch)
	ctx, stop := context.WithTimeout(ctx, watchWait)
	defer stop()
	if err := lists.Publish(ctx, b.options.Pool, nil); err != nil {
		b.options.Log.Warn("watch lists are not published yet", "error", err)
	}
	return lists
}
