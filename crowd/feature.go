package crowd

import (
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
)

// Feature returns the place as GeoJSON, as the public may see it.
func (p PublicPlace) Feature() *geojson.Feature {
	f := geojson.NewFeature(orb.Point{p.Lon, p.Lat})
	f.ID = p.ID
	f.Properties = geojson.Properties{
		"id": p.ID, "state": string(p.State), "class": string(p.Class),
		"severity": round(p.Severity, 3), "probability": round(p.Belief.Of(p.Class), 3),
		"devices": p.Devices, "passes": p.Passes, "coarse": p.Coarse,
		"heading_deg": nil, "uncertainty_m": round(p.UncertaintyM, 1), "h3": p.Cell.String(),
		"state_at": p.StateAt.Format(time.RFC3339), "first_at": p.FirstAt.Format(time.RFC3339),
		"last_at": p.LastAt.Format(time.RFC3339),
	}
	if p.HeadingDeg != nil {
		f.Properties["heading_deg"] = round(*p.HeadingDeg, 0)
	}
	return f
}
