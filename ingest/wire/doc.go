// Package wire is what devices say: version 1 of the format of events, as JSON in batches (over MQTT or HTTP) and as
// lines of a replay file, and as Protobuf in batches over MQTT.
//
// It reads strictly and keeps what is good: an event that breaks a rule is refused by itself, with a reason, and its
// neighbours stay. Only a payload that cannot be parsed at all is an error. It knows no database and no transport.
//
// What Decode returns is already rounded to what is stored (milli-g, single precision, microseconds), so that an
// event is judged, stored, exported and replayed as exactly the same numbers.
//
// Begin reading at Read in decode.go. The scanner in scan.go is our own for two reasons: it accepts the NaN and
// Infinity that some languages write, so that they cost one event and not the batch, and it is several times faster
// than general decoders, of which decoding is the dearest part of ingest. Fuzz tests hold it against encoding/json.
//
// ReadProtobuf in protobuf.go reads the other form (ingest/streetpulse.proto) field by field, for the same two reasons, and
// comes to the same checks. Package pb beside it is the code that protoc generates for those who write batches; tests hold
// the reader against it.
package wire
