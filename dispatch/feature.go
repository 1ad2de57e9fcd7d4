package dispatch

import (
	"math"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
)

// Feature returns the order as GeoJSON.
func (o Order) Feature() *geojson.Feature {
	f := geojson.NewFeature(orb.Point{o.Lon, o.Lat})
	f.ID = o.ID
	f.Properties = geojson.Properties{
		"id": o.ID, "number": o.Number, "place": o.Place, "class": string(o.Class),
		"severity": math.Round(o.Severity*1000) / 1000, "probability": math.Round(o.Probability*1000) / 1000,
		"devices": o.Devices, "state": string(o.State), "street": o.Street, "body": o.Body,
		"promoted_at": o.PromotedAt.Format(time.RFC3339Nano), "state_at": o.StateAt.Format(time.RFC3339Nano),
		"h3": o.Cell.String(), "external_id": o.ExternalID, "heading_deg": nil,
		"uncertainty_m": math.Round(o.UncertaintyM*10) / 10,
	}
	if h := o.Heading(); h != nil {
		f.Properties["heading_deg"] = *h
	}
	return f
}
